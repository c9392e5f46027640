import Credit
import Metering

/// A stretch whose intervals are not known yet: the meter's load survey may still tell them.
struct ChargeGap: Sendable {
    /// Registers known at later boundaries, in order of time; the first ends the stretch.
    var targets: [(end: WallTime, register: Int64)]
    /// What the survey has told of intervals in the stretch, in order of end.
    var fills: [(end: WallTime, wattHours: Int64)] = []
    /// It is charged by then, told or not.
    var deadline: Uptime
}

/// A cumulative register of a unit's meter, and how far it is charged.
struct ChargeSlot: Sendable {
    let channel: Channel
    var width: Int64?
    /// Nil before anything is known of the register.
    var position: ChargePosition?
    /// The register that the journal would give back after a restart; nil for none.
    var recorded: Int64?
    /// The newest confirmed reading of this process.
    var point: RegisterPoint?
    var gap: ChargeGap?

    var isExport: Bool { channel == .exportWh }

    /// How far a register went; nil when it cannot have gone there forwards.
    func advance(from: Int64, to: Int64) -> Int64? {
        if to >= from { return to - from }
        guard let width, from <= width else { return nil }
        return width - from + to
    }

    /// A register further on, past its rollover if it has one.
    func moved(_ register: Int64, by wattHours: Int64) -> Int64 {
        let (sum, overflow) = register.addingReportingOverflow(wattHours)
        if overflow { return register }
        if let width, sum >= width { return sum - width }
        return sum
    }

    /// What is used and not charged yet, whole Wh; nil while that is not known.
    var pending: Int64? {
        guard gap == nil, let position, let point else { return nil }
        return advance(from: position.register, to: point.value)
    }
}

/// Splits energy over the intervals of a stretch, so that each part is charged in its own band. Whole numbers: the sum
/// of the parts is the energy, exactly.
struct EnergyPlacement {
    /// At most so many parts; a longer stretch gets hours.
    private static let mostParts = 400
    private static let hour: Int64 = 3_600_000

    /// - Parameters:
    ///   - length: an interval, milliseconds.
    ///   - fills: what is known of intervals, by their ends, in order.
    /// - Returns: the parts in order of time; the last ends at `to`.
    static func parts(
        of energy: Int64, from: WallTime, to: WallTime, length: Int64, fills: [(end: WallTime, wattHours: Int64)] = []
    ) -> [(end: WallTime, wattHours: Int64)] {
        guard to > from else { return [(to, energy)] }
        var step = length
        if (to - from) / length > Int64(mostParts), fills.isEmpty { step = max(hour, length) }
        if (to - from) / step > 24 * 400 { step = 24 * hour }
        var ends: [WallTime] = []
        var end = WallTime(milliseconds: (from.milliseconds.flooredQuotient(by: step) + 1) * step)
        while end < to {
            ends.append(end)
            end = end + step
        }
        ends.append(to)
        let known = known(fills, ends, from: from, length: length, energy: energy)
        return spread(energy, ends, from: from, known: known)
    }

    /// The survey's value for each part that is a whole interval; all nil when it says more than the register did.
    private static func known(
        _ fills: [(end: WallTime, wattHours: Int64)], _ ends: [WallTime], from: WallTime, length: Int64, energy: Int64
    ) -> [Int64?] {
        var known = [Int64?](repeating: nil, count: ends.count)
        var sum: Int64 = 0
        var start = from
        for (index, end) in ends.enumerated() {
            if end - start == length, let fill = fills.first(where: { $0.end == end }) {
                let (next, overflow) = sum.addingReportingOverflow(max(0, fill.wattHours))
                guard !overflow, next <= energy else { return [Int64?](repeating: nil, count: ends.count) }
                sum = next
                known[index] = fill.wattHours
            }
            start = end
        }
        return known
    }

    private static func spread(
        _ energy: Int64, _ ends: [WallTime], from: WallTime, known: [Int64?]
    ) -> [(end: WallTime, wattHours: Int64)] {
        let rest = energy - known.reduce(0) { $0 + ($1 ?? 0) }
        var open: Int64 = 0
        var start = from
        for (index, end) in ends.enumerated() {
            if known[index] == nil { open += end - start }
            start = end
        }
        var parts: [(end: WallTime, wattHours: Int64)] = []
        var passed: Int64 = 0
        var given: Int64 = 0
        start = from
        for (index, end) in ends.enumerated() {
            if let value = known[index] {
                parts.append((end, value))
            } else {
                passed += end - start
                let reached = open > 0 ? open.dividingFullWidth(rest.multipliedFullWidth(by: passed)).quotient : 0
                parts.append((end, reached - given))
                given = reached
            }
            start = end
        }
        // Everything was told and the register went further all the same: the newest interval carries it.
        if given < rest, let last = parts.indices.last { parts[last].wattHours += rest - given }
        return parts
    }
}
