import Metering

/// Compares what a meter's load survey says with the intervals the box made from the meter's registers: do they add up
/// to the same, and do they fit best as they are or one interval earlier or later?
public struct SurveyCheck: Hashable, Sendable {
    /// What a comparison showed, one channel each.
    public enum Finding: Hashable, Sendable {
        /// The survey's sum differs from the register's advance by more than reading times explain.
        case sum(SumDisagreement)
        /// The survey fits when each of its intervals is taken so many intervals later (1) or earlier (−1).
        case shift(channel: Channel, intervals: Int, from: WallTime, to: WallTime)
    }

    /// Fewer intervals than this prove nothing.
    public static let fewest = 12
    /// Beyond a day, so many intervals are kept that the day before is still there some time after midnight.
    private static let spare = 24

    private let channels: [Channel]
    /// Milliseconds.
    private let length: Int64
    private let most: Int
    /// Intervals made from registers, without a gap in time: their ends, and an amount for each channel where actual.
    private var firstEnd: Int64 = 0
    private var known: [[Int64?]] = []
    /// What the survey says about them and about one more on either side, while a comparison runs.
    private var survey: [[Int64?]] = []
    private var surveyFirst: Int64 = 0

    public init(channels: [Channel], minutes: Int) {
        self.channels = channels
        length = Int64(minutes) * 60_000
        most = 1440 / max(1, minutes) + Self.spare
    }

    /// Takes an interval as it is first stated.
    public mutating func note(_ interval: Interval) {
        let end = interval.end.milliseconds
        if end != firstEnd + Int64(known.count) * length { known = [] }
        if known.isEmpty { firstEnd = end }
        known.append(
            channels.map { channel in
                interval.values.first { $0.channel == channel && $0.quality == .actual }?.value
            })
        guard known.count > most else { return }
        known.removeFirst()
        firstEnd += length
    }

    /// The intervals that end no later than `latest` and can be compared, at most a day: nil when they are too few.
    public func range(through latest: WallTime) -> ClosedRange<WallTime>? {
        let last = min(
            latest.milliseconds.flooredQuotient(by: length) * length, firstEnd + Int64(known.count - 1) * length)
        let first = max(firstEnd, last - Int64(most - Self.spare - 1) * length)
        guard !known.isEmpty, first <= last else { return nil }
        let rows = known[Int((first - firstEnd) / length)...Int((last - firstEnd) / length)]
        guard rows.count(where: { $0.contains { $0 != nil } }) >= Self.fewest else { return nil }
        return WallTime(milliseconds: first)...WallTime(milliseconds: last)
    }

    /// Begins a comparison of these intervals.
    public mutating func begin(_ range: ClosedRange<WallTime>) {
        surveyFirst = range.lowerBound.milliseconds - length
        let count = Int((range.upperBound - range.lowerBound) / length) + 3
        survey = Array(repeating: channels.map { _ in nil }, count: count)
    }

    /// What the survey says about one interval.
    public mutating func take(_ end: WallTime, _ amounts: [SurveyAmount]) {
        let place = (end.milliseconds - surveyFirst) / length
        guard end.milliseconds >= surveyFirst, place < survey.count, amounts.count == channels.count else { return }
        survey[Int(place)] = amounts.map { amount in
            if case .counted(let value, .actual, "") = amount { value } else { nil }
        }
    }

    /// What the comparison showed; nothing when all is well.
    public mutating func finish() -> [Finding] {
        defer { survey = [] }
        guard survey.count > 2 else { return [] }
        var findings: [Finding] = []
        for channel in channels.indices {
            if let finding = shift(channel) ?? sum(channel) { findings.append(finding) }
        }
        return findings
    }

    // MARK: Comparison

    /// The register's amount in place `place` of the comparison.
    private func register(_ place: Int, _ channel: Int) -> Int64? {
        let index = (surveyFirst + Int64(place) * length - firstEnd).flooredQuotient(by: length)
        return known.indices.contains(Int(index)) ? known[Int(index)][channel] : nil
    }

    /// Both amounts of the intervals that both know when the survey is taken `lag` intervals later.
    private func pairs(_ channel: Int, lag: Int) -> [(place: Int, register: Int64, survey: Int64)] {
        (1..<(survey.count - 1)).compactMap { place in
            guard survey.indices.contains(place - lag), let register = register(place, channel),
                let amount = survey[place - lag][channel]
            else { return nil }
            return (place, register, amount)
        }
    }

    private func shift(_ channel: Int) -> Finding? {
        func distance(_ lag: Int) -> (sum: Int64, count: Int) {
            let pairs = pairs(channel, lag: lag)
            return (pairs.reduce(0) { $0 &+ abs($1.register &- $1.survey) }, pairs.count)
        }
        let present = distance(0)
        guard present.count >= Self.fewest else { return nil }
        for lag in [1, -1] {
            let shifted = distance(lag)
            // Four times nearer, and by more than all reading times together: a flat load shows no shift.
            guard shifted.count >= Self.fewest, shifted.sum < present.sum / 4,
                present.sum - shifted.sum > 4 * Int64(present.count)
            else { continue }
            return .shift(
                channel: channels[channel], intervals: lag, from: WallTime(milliseconds: surveyFirst),
                to: WallTime(milliseconds: surveyFirst + Int64(survey.count - 2) * length))
        }
        return nil
    }

    private func sum(_ channel: Int) -> Finding? {
        let pairs = pairs(channel, lag: 0)
        guard pairs.count >= Self.fewest, let first = pairs.first, let last = pairs.last else { return nil }
        // Every run of intervals has two ends that were read up to 2 s beside their boundaries.
        let runs = 1 + zip(pairs, pairs.dropFirst()).count { $1.place != $0.place + 1 }
        let peak = pairs.map { max($0.register, $0.survey) }.max() ?? 0
        let (slack, overflow) = peak.multipliedReportingOverflow(by: 4 * AnchorTrack.boundaryTolerance)
        let tolerance = Int64(runs) * (4 + (overflow ? 0 : slack / length))
        let surveySum = pairs.reduce(0) { $0 &+ $1.survey }
        let registerSum = pairs.reduce(0) { $0 &+ $1.register }
        guard (surveySum &- registerSum).magnitude > UInt64(max(0, tolerance)) else { return nil }
        return .sum(
            SumDisagreement(
                channel: channels[channel],
                from: WallTime(milliseconds: surveyFirst + Int64(first.place - 1) * length),
                to: WallTime(milliseconds: surveyFirst + Int64(last.place) * length), survey: surveySum,
                register: registerSum))
    }
}
