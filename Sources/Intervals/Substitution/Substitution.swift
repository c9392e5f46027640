import Metering

/// How intervals that nobody measured and no survey holds are filled, where the operator wants them filled.
public enum SubstitutionMethod: String, Hashable, Sendable, CaseIterable {
    /// They stay without a value (quality N).
    case none
    /// NEM12 method 17: what the register went on over the gap, spread evenly.
    case linear
    /// NEM12 method 14: as on the newest of the last four same weekdays.
    case likeDay = "like_day"
    /// NEM12 method 15: the average of the last four same weekdays.
    case averageLikeDay = "average_like_day"
    /// NEM12 method 19: nothing.
    case zero
}

/// Substitutes for missing intervals: revisions with quality S, their NEM12 method number and the reason why the value
/// was missing. Measured values that come later replace them.
///
/// The sum over a gap is what the register went on wherever that is known: a like day is then only the shape. A zero is
/// never said against a register that went on; it is then spread evenly.
public struct Substitution: Hashable, Sendable {
    /// The newest statement about an interval, and the registers at its start in the order of its values.
    public struct Candidate: Hashable, Sendable {
        public var interval: Interval
        public var before: [Int64?]

        public init(_ interval: Interval, before: [Int64?]) {
            self.interval = interval
            self.before = before
        }
    }

    private let method: SubstitutionMethod
    /// Width at which the registers roll over, in the order of an interval's values; nil for never.
    private let widths: [Int64?]

    public init(_ method: SubstitutionMethod, widths: [Int64?]) {
        self.method = method
        self.widths = widths
    }

    /// Better statements about those of `candidates` (in the order of their ends) that miss a value and can be given
    /// one.
    public func substitutes(for candidates: [Candidate], like days: LikeDays?) -> [Interval] {
        guard method != .none else { return [] }
        var result = candidates.map(\.interval)
        for place in widths.indices {
            var first: Int?
            for index in candidates.indices {
                guard Self.isMissing(candidates[index].interval, place) else {
                    first = nil
                    continue
                }
                let start = first.flatMap { follows(candidates, index) ? $0 : nil } ?? index
                first = start
                // A register that is known ends the stretch: what follows starts from it.
                let isEnd = candidates[index].interval.values[place].registerAtEnd != nil
                let isLast =
                    !candidates.indices.contains(index + 1) || !follows(candidates, index + 1)
                    || !Self.isMissing(candidates[index + 1].interval, place)
                guard isEnd || isLast else { continue }
                fill(&result, start...index, place, candidates, days)
                first = nil
            }
        }
        return zip(result, candidates).compactMap { new, old in
            guard new != old.interval else { return nil }
            var new = new
            new.revision += 1
            return new
        }
    }

    private func follows(_ candidates: [Candidate], _ index: Int) -> Bool {
        guard index > 0 else { return false }
        let before = candidates[index - 1].interval
        let interval = candidates[index].interval
        return before.epoch == interval.epoch && before.minutes == interval.minutes
            && interval.end == before.end + Int64(interval.minutes) * 60_000
    }

    private static func isMissing(_ interval: Interval, _ place: Int) -> Bool {
        guard interval.values.indices.contains(place) else { return false }
        let value = interval.values[place]
        // A register that started anew tells nothing about the time before.
        return value.value == nil && value.quality == .null && value.reason != IntervalGap.replacedReason
            && value.reason != NoData.registerReset.rawValue
    }

    private func advance(_ from: Int64, _ to: Int64, _ width: Int64?) -> Int64? {
        if to >= from { return to - from }
        guard let width, from <= width else { return nil }
        return width - from + to
    }

    private func fill(
        _ result: inout [Interval], _ range: ClosedRange<Int>, _ place: Int, _ candidates: [Candidate],
        _ days: LikeDays?
    ) {
        let from = candidates[range.lowerBound].before[place]
        let to = result[range.upperBound].values[place].registerAtEnd
        let total = from.flatMap { from in to.flatMap { advance(from, $0, widths[place]) } }
        let channel = result[range.lowerBound].values[place].channel
        let shape = range.map { like(channel, result[$0].end, days) }
        guard let plan = plan(total: total, shape: shape) else { return }
        var reached: Int64 = 0
        for (index, amount) in zip(range, plan.amounts) {
            reached += amount
            var value = result[index].values[place]
            value.value = amount
            value.quality = .substituted
            value.method = plan.method
            value.source = .estimate
            if total != nil, index != range.upperBound { value.registerAtEnd = register(from, plus: reached, place) }
            result[index].values[place] = value
        }
    }

    private func register(_ from: Int64?, plus amount: Int64, _ place: Int) -> Int64? {
        guard let from else { return nil }
        let (sum, overflow) = from.addingReportingOverflow(amount)
        guard !overflow else { return nil }
        guard let width = widths[place], sum >= width else { return sum }
        return sum - width
    }

    private func like(_ channel: Channel, _ end: WallTime, _ days: LikeDays?) -> Int64? {
        guard method == .likeDay || method == .averageLikeDay,
            let known = days?.amounts(channel, end: end), let newest = known.first
        else { return nil }
        return method == .likeDay ? newest : known.reduce(0, +) / Int64(known.count)
    }

    /// An amount for each interval and the method they were made by; nil when there is nothing to make them from.
    private func plan(total: Int64?, shape: [Int64?]) -> (amounts: [Int64], method: String)? {
        let known = shape.compactMap(\.self)
        if known.count == shape.count {
            let method = method == .likeDay ? "14" : "15"
            guard let total else { return (known, method) }
            if let amounts = Self.spread(total, over: known) { return (amounts, method) }
        }
        if method == .zero, total ?? 0 == 0 { return (shape.map { _ in 0 }, "19") }
        guard let total, let amounts = Self.spread(total, over: shape.map { _ in 1 }) else { return nil }
        return (amounts, "17")
    }

    /// A total in proportion to weights, in whole units that add up to it exactly; nil for weights of nothing.
    private static func spread(_ total: Int64, over weights: [Int64]) -> [Int64]? {
        let sum = weights.reduce(0) { $0 &+ max(0, $1) }
        guard sum > 0 else { return nil }
        var reached: Int64 = 0
        var given: Int64 = 0
        return weights.map { weight in
            reached += max(0, weight)
            let upTo = sum.dividingFullWidth(total.multipliedFullWidth(by: reached)).quotient
            defer { given = upTo }
            return upTo - given
        }
    }
}

extension GapLedger {
    /// The open intervals of a range as candidates, oldest first, at most `most`.
    public func candidates(from: WallTime, through: WallTime, most: Int) -> [Substitution.Candidate] {
        var result: [Substitution.Candidate] = []
        for gap in gaps where gap.isOpen && gap.first <= through && from <= gap.last {
            var end = gap.first
            while end <= min(gap.last, through) {
                guard result.count < most else { return result }
                if end >= from { result.append(gap.candidate(end)) }
                end = end + gap.length
            }
        }
        return result
    }

    /// The open interval that ends at a time.
    public func candidate(at end: WallTime) -> Substitution.Candidate? {
        index(of: end).map { gaps[$0].candidate(end) }
    }
}

extension IntervalGap {
    fileprivate func candidate(_ end: WallTime) -> Substitution.Candidate {
        Substitution.Candidate(
            Interval(meter: meter, epoch: epoch, end: end, minutes: minutes, revision: revision, values: values),
            before: registers(before: end))
    }
}
