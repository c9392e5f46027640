import Metering

/// Whether the HAN and the box's own reading of the revenue meter count the same energy.
///
/// Compared is how far both advanced over up to a day, not the registers themselves: a utility's meter in series with
/// ours began elsewhere. What may differ without anything being wrong:
/// - **resolution**: each register steps, at both ends of the span: two steps of each;
/// - **time**: the confirmed reading is up to two polls older than the HAN's. The register is carried on to the HAN's
///   moment at the rate seen last, and the whole of that correction is allowed as error, at both ends;
/// - **staleness**: some meters bring the HAN's register up to date only every few minutes; what ours counted while
///   the HAN's stood still for up to 30 minutes is allowed;
/// - **accuracy**: 1 % of the advance, which is what two class 1 meters (IEC 62053-21) in series may stay apart at
///   usual loads (class 2 at one end would be told), and never less than 1 kWh: over a day of little use the steps of
///   loads at different moments come to more than 1 %.
/// It is drift only when two comparisons in a row say so: one HAN value may be wrong.
struct HanDrift: Sendable {
    /// A reading of ours older than this says nothing about the HAN's moment, microseconds.
    private static let oldestReading: Int64 = 300_000_000
    /// The span that is compared, and how far apart its remembered beginnings are, microseconds.
    private static let span: Int64 = 86_400_000_000
    private static let spacing: Int64 = 3_600_000_000
    /// Wh
    private static let leastBound: Int64 = 1000
    /// Longest pause between two updates of a HAN register that is taken for normal, microseconds.
    private static let longestPause: Int64 = 1_800_000_000

    /// Both registers at one moment.
    struct Pair: Hashable, Sendable {
        /// Wh
        var han: Int64
        /// Wh, carried on to the HAN's moment.
        var meter: Int64
        /// Wh by which `meter` may be wrong for the difference in time.
        var skew: Int64
        var at: Moment
    }

    /// What the last comparison gave.
    struct Result: Hashable, Sendable {
        var since: Moment
        var hanAdvance: Int64
        var meterAdvance: Int64
        var bound: Int64

        var difference: Int64 { hanAdvance - meterAdvance }
        var isBeyond: Bool { difference.magnitude > bound.magnitude }
    }

    enum Verdict: Hashable, Sendable {
        case nothing
        case began(Result)
        case ended(Result)
    }

    private var pairs: [Pair] = []
    private var rate: (from: RegisterPoint, wattHours: Int64, microseconds: Int64)?
    private(set) var last: Pair?
    private(set) var result: Result?
    private(set) var isDrifting = false
    private var wasBeyond = false
    /// Where the HAN's register moved last, and the most that ours counted while it did not, Wh.
    private var moved: Pair?
    private var staleness: Int64 = 0
    /// The last value was below the one before it.
    private var hasFallen = false

    /// Begins anew: another meter, or a register that was reset.
    mutating func reset() { self = HanDrift() }

    /// Compares a HAN summation, in Wh, with the newest confirmed reading.
    mutating func take(han: Int64, step: Int64, revenue: HanRevenue, at moment: Moment) -> Verdict {
        follow(revenue.point)
        let age = moment.uptime - revenue.point.moment.uptime
        guard age >= 0, age <= Self.oldestReading, let carried = carriedOn(by: age) else { return .nothing }
        let pair = Pair(han: han, meter: revenue.point.value + carried, skew: carried, at: moment)
        if let last, pair.meter + last.skew < last.meter - revenue.step {
            reset()
            follow(revenue.point)
        } else if let last, han < last.han {
            // One value that falls may be wrong; when the next one is low too, the register began anew, or the value
            // before was wrong.
            guard hasFallen else {
                hasFallen = true
                return .nothing
            }
            reset()
            follow(revenue.point)
        }
        hasFallen = false
        last = pair
        noteStaleness(pair)
        guard let first = pairs.first else {
            pairs = [pair]
            return .nothing
        }
        remember(pair)
        return judge(pair, since: first, steps: 2 * (step + revenue.step))
    }

    private mutating func noteStaleness(_ pair: Pair) {
        guard let moved, moved.han == pair.han else {
            moved = pair
            return
        }
        if pair.at.uptime - moved.at.uptime <= Self.longestPause {
            staleness = max(staleness, pair.meter - moved.meter)
        }
    }

    private mutating func remember(_ pair: Pair) {
        if let newest = pairs.last, pair.at.uptime - newest.at.uptime >= Self.spacing { pairs.append(pair) }
        while pairs.count > 1, pair.at.uptime - pairs[1].at.uptime >= Self.span { pairs.removeFirst() }
    }

    private mutating func judge(_ pair: Pair, since first: Pair, steps: Int64) -> Verdict {
        let advance = pair.meter - first.meter
        let now = Result(
            since: first.at, hanAdvance: pair.han - first.han, meterAdvance: advance,
            bound: max(Self.leastBound, max(advance, pair.han - first.han) / 100) + steps + staleness
                + pair.skew + first.skew)
        result = now
        defer { wasBeyond = now.isBeyond }
        if !isDrifting, now.isBeyond, wasBeyond {
            isDrifting = true
            return .began(now)
        }
        if isDrifting, now.difference.magnitude * 2 < now.bound.magnitude {
            isDrifting = false
            return .ended(now)
        }
        return .nothing
    }

    /// Learns how fast the register runs.
    private mutating func follow(_ point: RegisterPoint) {
        guard let known = rate else {
            rate = (point, 0, 0)
            return
        }
        let passed = point.moment.uptime - known.from.moment.uptime
        guard passed > 0 else { return }
        rate = (point, max(0, point.value - known.from.value), passed)
    }

    /// What the register has counted since it was read, by its rate before; nil while that is not known.
    private func carriedOn(by age: Int64) -> Int64? {
        guard let rate, rate.microseconds > 0 else { return nil }
        // Milliseconds keep the product small: a register of 10^9 Wh times 300,000 ms fits.
        let (product, overflow) = rate.wattHours.multipliedReportingOverflow(by: age / 1000)
        return overflow ? nil : product / max(1, rate.microseconds / 1000)
    }
}
