import Metering

/// What the survey says about one interval, one amount for each kept channel.
public struct SurveyStatement: Hashable, Sendable {
    public var end: WallTime
    public var amounts: [SurveyAmount]

    public init(end: WallTime, amounts: [SurveyAmount]) {
        self.end = end
        self.amounts = amounts
    }
}

/// The first interval of a meter that replaced another one, when the register at its end was missed.
///
/// The meter's survey has all of that interval, also what was counted before the initial reading. What belongs to it
/// is what the register went on from the initial reading to the next one that was read, less what the survey says of
/// the intervals between: so the survey's statements are held back until those are there. They are kept nowhere else:
/// a run that stops before is made again from the first interval.
public struct ExchangeHold: Hashable, Sendable {
    private let widths: [Int64?]
    private var held: [SurveyStatement] = []
    private var until: WallTime?

    /// Widths at which the registers roll over, in the order of an interval's values; nil for never.
    public init(widths: [Int64?]) { self.widths = widths }

    /// Takes the next statement; gives those that can be filled in now, oldest first.
    public mutating func take(_ statement: SurveyStatement, _ ledger: GapLedger) -> [SurveyStatement] {
        if held.isEmpty {
            guard let until = ledger.exchangeEnd(from: statement.end) else { return [statement] }
            self.until = until
        }
        held.append(statement)
        guard let until, statement.end >= until else { return [] }
        return release(ledger)
    }

    /// Gives what is held back: no more will come.
    public mutating func release(_ ledger: GapLedger) -> [SurveyStatement] {
        defer { forget() }
        guard let first = held.first, let index = ledger.index(of: first.end) else { return held }
        let gap = ledger.gaps[index]
        let before = gap.registers(before: first.end)
        let anchors = ledger.anchors(after: first.end, at: index)
        guard [first.amounts.count, before.count, anchors.count].allSatisfy({ $0 == widths.count }) else { return held }
        for place in widths.indices {
            guard let before = before[place] else { continue }
            let stretch = Stretch(held, place, through: anchors[place]?.end, length: gap.length)
            let went = anchors[place].flatMap { advance(from: before, to: $0.register, width: widths[place]) }
            held[0].amounts[place] = stretch.first(of: went)
        }
        return held
    }

    /// The run stopped: its statements come again.
    public mutating func forget() {
        held = []
        until = nil
    }

    private func advance(from: Int64, to: Int64, width: Int64?) -> Int64? {
        if to >= from { return to - from }
        guard let width, from <= width else { return nil }
        return width - from + to
    }

    /// One channel from the exchange to the next register that was read.
    private struct Stretch {
        let amount: SurveyAmount
        /// Of the intervals after the first; nil when the survey does not have all of them.
        private(set) var later: Int64? = 0
        private(set) var peak: Int64 = 0
        private let length: Int64

        init(_ held: [SurveyStatement], _ place: Int, through end: WallTime?, length: Int64) {
            self.length = length
            amount = held.first?.amounts[place] ?? .notKept
            guard let end, let first = held.first?.end else {
                later = nil
                return
            }
            var expected = first + length
            for statement in held.dropFirst() where statement.end <= end {
                guard statement.end == expected, case .counted(let value, _, _) = statement.amounts[place] else {
                    later = nil
                    return
                }
                later? += value
                peak = max(peak, value)
                expected = expected + length
            }
            if expected <= end { later = nil }
        }

        /// What belongs to the first interval when the register went on by `advance` in all.
        func first(of advance: Int64?) -> SurveyAmount {
            guard case .counted(let counted, let quality, _) = amount else { return amount }
            guard let advance, let later else {
                // Nothing says how much of it was counted before the initial reading.
                return counted == 0
                    ? amount : .counted(counted, quality: .estimated, reason: IntervalGap.replacedReason)
            }
            let own = advance - later
            let tolerance = SurveyFill.tolerance(peak: peak, length: length, isDoubtful: false)
            // A sum that the first interval cannot explain is told like any other.
            guard own >= 0, (counted - own).magnitude > tolerance else { return amount }
            // More than the survey has: the initial reading was noted some time before the exchange was told.
            return .counted(
                own, quality: own > counted ? .estimated : quality, reason: IntervalGap.replacedReason)
        }
    }
}

extension GapLedger {
    /// Where the statements from an exchange on can be told apart: the end of the last interval up to the next register
    /// that was read. Nil unless the interval that ends at `end` is the first one after an exchange.
    func exchangeEnd(from end: WallTime) -> WallTime? {
        guard let index = index(of: end), gaps[index].followsExchange, gaps[index].first == end else { return nil }
        let ends = anchors(after: end, at: index).compactMap { $0?.end }
        return ends.max() ?? chainEnd(at: index)
    }

    /// The last interval of the open gaps that touch, from the one with this index on.
    private func chainEnd(at index: Int) -> WallTime {
        var at = index
        while gaps.indices.contains(at + 1), gaps[at + 1].isOpen,
            gaps[at + 1].first == gaps[at].last + gaps[at].length
        {
            at += 1
        }
        return gaps[at].last
    }

    /// Whether an exchange's gap must wait: no register was read since, and one may still come.
    func isWaiting(at index: Int) -> Bool {
        guard gaps[index].followsExchange else { return false }
        let isKnown = anchors(after: gaps[index].first, at: index).contains { $0 != nil }
        return !isKnown && chainEnd(at: index) == newestEnd
    }
}
