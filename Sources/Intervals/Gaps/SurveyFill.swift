import Metering

/// What a meter's load survey says about one channel of one interval.
public enum SurveyAmount: Hashable, Sendable {
    /// Whole units. The reason tells what happened in the interval (`power_failed`), or why it is no actual value.
    case counted(Int64, quality: QualityFlag, reason: String)
    /// The meter has nothing for this interval, and why.
    case missing(reason: String)
    /// The survey does not hold this channel.
    case notKept
}

/// The survey's sum over a stretch differs from the register's advance by more than reading times explain.
public struct SumDisagreement: Hashable, Sendable {
    public var channel: Channel
    public var from: WallTime
    public var to: WallTime
    /// Whole units.
    public var survey: Int64
    public var register: Int64
}

/// Fills gaps from survey amounts given in the order of time, so that the sum of a stretch is exactly what the register
/// went on between the anchors on either side of it.
///
/// An anchor was read up to 2 s beside its boundary (up to a minute where the clock stepped), so a few watt-hours of
/// the stretch were already counted outside it. That remainder falls to the last interval of the stretch, or is taken
/// off the last ones that counted something where it is negative (method `balanced`). A remainder that cannot be
/// explained so is not touched: the survey's amounts stand, and the disagreement is told.
public struct SurveyFill: Hashable, Sendable {
    /// What is between two anchors of a channel so far.
    private struct Stretch: Hashable, Sendable {
        var from: WallTime
        var register: Int64
        /// Of the survey's amounts.
        var sum: Int64 = 0
        var peak: Int64 = 0
        /// The meter recorded nothing in a part of it: the sum proves nothing.
        var isCut = false
        /// The box's clock stepped in it: its anchors may stand further from their boundaries.
        var isDoubtful = false

        mutating func add(_ amount: Int64, isDoubtful: Bool) {
            sum &+= amount
            peak = max(peak, amount)
            self.isDoubtful = self.isDoubtful || isDoubtful
        }

        /// What two readings beside their boundaries can differ by at twice the highest load of the stretch, and the
        /// rounding of both to whole units.
        func tolerance(length: Int64) -> UInt64 {
            SurveyFill.tolerance(peak: peak, length: length, isDoubtful: isDoubtful)
        }
    }

    static func tolerance(peak: Int64, length: Int64, isDoubtful: Bool) -> UInt64 {
        let slack = AnchorTrack.boundaryTolerance + (isDoubtful ? AnchorTrack.brokenStep : 0)
        let (product, overflow) = peak.multipliedReportingOverflow(by: 4 * slack)
        return 4 + (overflow ? 0 : (product / max(1, length)).magnitude)
    }

    /// Widths at which the registers roll over, in the order of an interval's values; nil for never.
    private let widths: [Int64?]
    private var stretches: [Stretch?]
    private var previousEnd: WallTime?

    public init(widths: [Int64?]) {
        self.widths = widths
        stretches = widths.map { _ in nil }
    }

    /// Amounts for the interval that ends at `end`, one for each of its values. Gives the better statement if there is
    /// one; nil when the interval is in no open gap or the survey says nothing new.
    public mutating func fill(
        _ end: WallTime, _ amounts: [SurveyAmount], ledger: inout GapLedger
    ) -> (interval: Interval?, disagreements: [SumDisagreement]) {
        guard let index = ledger.index(of: end), ledger.gaps[index].values.count == amounts.count,
            amounts.count == widths.count
        else { return (nil, []) }
        let gap = ledger.gaps[index]
        if previousEnd != end + -gap.length { stretches = widths.map { _ in nil } }
        previousEnd = end
        let targets = ledger.anchors(after: end, at: index)
        let before = gap.registers(before: end)
        var values: [IntervalValue] = []
        var disagreements: [SumDisagreement] = []
        for place in gap.values.indices {
            let step = Step(
                end: end, length: gap.length, value: gap.values[place], amount: amounts[place], before: before[place],
                target: targets[place], width: widths[place])
            values.append(take(step, place, &disagreements))
        }
        ledger.remove(end, at: index)
        let isNew = values != gap.values
        let interval = Interval(
            meter: gap.meter, epoch: gap.epoch, end: end, minutes: gap.minutes,
            revision: gap.revision + (isNew ? 1 : 0), values: values)
        ledger.settle(interval)
        return (isNew ? interval : nil, disagreements)
    }

    /// One channel of one interval.
    private struct Step {
        var end: WallTime
        /// Of an interval, milliseconds.
        var length: Int64
        var value: IntervalValue
        var amount: SurveyAmount
        var before: Int64?
        /// The next register that was read, at this interval's end or later.
        var target: GapAnchor?
        var width: Int64?

        /// The register that was read at this interval's end.
        var anchor: Int64? { target.flatMap { $0.end == end ? $0.register : nil } }

        func advance(from: Int64, to: Int64) -> Int64? {
            if to >= from { return to - from }
            guard let width, from <= width else { return nil }
            return width - from + to
        }

        func register(_ from: Int64, plus amount: Int64) -> Int64? {
            let (sum, overflow) = from.addingReportingOverflow(amount)
            guard !overflow else { return nil }
            if let width, sum >= width { return sum - width }
            return sum
        }
    }

    private mutating func take(
        _ step: Step, _ place: Int, _ disagreements: inout [SumDisagreement]
    ) -> IntervalValue {
        var value = step.value
        guard IntervalGap.isMissing(value), step.amount != .notKept else {
            stretches[place] = nil
            return value
        }
        guard case .counted(let amount, let quality, let reason) = step.amount else {
            stretches[place]?.isCut = true
            if step.anchor != nil { stretches[place] = nil }
            guard case .missing(let reason) = step.amount, value.value == nil else { return value }
            value.reason = reason
            value.source = .survey
            return value
        }
        value.quality = quality
        value.reason = reason
        value.source = .survey
        // Of the first interval after an exchange the survey has more, or less, than belongs to it.
        value.method = reason == IntervalGap.replacedReason ? "balanced" : "survey"
        value.value = amount
        value.registerAtEnd = nil
        var stretch = stretches[place]
        if stretch == nil, let before = step.before {
            stretch = Stretch(from: step.end + -step.length, register: before)
        }
        stretch?.add(amount, isDoubtful: step.value.reason == NoData.clock.rawValue)
        if let stretch, !stretch.isCut, let disagreement = balance(&value, amount, step, stretch) {
            disagreements.append(disagreement)
        }
        value.registerAtEnd = step.anchor ?? value.registerAtEnd
        stretches[place] = step.anchor == nil ? stretch : nil
        return value
    }

    /// Keeps the sum of the stretch what the register says, and follows the register where nothing was read.
    private func balance(
        _ value: inout IntervalValue, _ amount: Int64, _ step: Step, _ stretch: Stretch
    ) -> SumDisagreement? {
        let rest = step.before.flatMap { before in step.target.flatMap { step.advance(from: before, to: $0.register) } }
        let surplus = rest.map { amount - $0 }
        let tolerance = stretch.tolerance(length: step.length)
        let isExplained = surplus.map { $0.magnitude <= tolerance } ?? false
        if let rest, let surplus, isExplained, surplus > 0 || step.anchor != nil {
            value.value = rest
            if surplus != 0 { value.method = "balanced" }
        } else if let anchor = step.anchor {
            guard let advance = step.advance(from: stretch.register, to: anchor) else { return nil }
            return SumDisagreement(
                channel: value.channel, from: stretch.from, to: step.end, survey: stretch.sum, register: advance)
        }
        // Past what the register says there is nothing to follow.
        let isBeyond = step.target != nil && (surplus.map { $0 > 0 && !isExplained } ?? true)
        if !isBeyond, let before = step.before, let amount = value.value {
            value.registerAtEnd = step.register(before, plus: amount)
        } else {
            value.registerAtEnd = nil
        }
        return nil
    }
}

/// A register that was read at a boundary.
struct GapAnchor: Hashable, Sendable {
    var end: WallTime
    /// Whole units.
    var register: Int64
}

extension GapLedger {
    /// For each channel of the gap with this index, the next register that was read at `end` or later, as long as gaps
    /// touch. An estimate that another estimate follows has an interpolated register: that is no reading.
    func anchors(after end: WallTime, at index: Int) -> [GapAnchor?] {
        let first = gaps[index]
        return first.values.indices.map { place in
            var at = index
            while true {
                let gap = gaps[at]
                guard place < gap.values.count else { return nil }
                let value = gap.values[place]
                let follower = at + 1 < gaps.count ? gaps[at + 1] : nil
                let isFollowed = follower.map {
                    $0.isOpen && $0.epoch == gap.epoch && $0.first == gap.last + gap.length
                }
                let nextValue = isFollowed == true ? follower?.values[safe: place] : nil
                if let register = value.registerAtEnd {
                    let isEstimate = IntervalGap.isEstimate(value)
                    if !isEstimate { return GapAnchor(end: max(end, gap.first), register: register) }
                    if nextValue.map(IntervalGap.isEstimate) != true {
                        return GapAnchor(end: gap.last, register: register)
                    }
                }
                guard nextValue != nil else { return nil }
                at += 1
            }
        }
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
