import Metering

/// Which of a meter's intervals lack an actual value: ranges, oldest first, however long they are.
///
/// It is made from the newest statements about intervals in the order of their ends (from the journal at start, then
/// each as it is stated); a statement about an interval it knows replaces what it knew.
public struct GapLedger: Hashable, Sendable {
    /// Ranges remembered at most: more outages than a broken line makes in weeks. Beyond it the oldest are forgotten;
    /// the journal still has them.
    public static let limit = 4096
    /// Older intervals are nobody's business any more (INV-9), milliseconds.
    public static let horizon: Int64 = 400 * 86_400_000

    /// Oldest first.
    public private(set) var gaps: [IntervalGap] = []
    /// An exchange's range is fetched in one piece; beyond so many intervals (35 days of 5 minutes) in parts.
    public static let longestExchange: Int64 = 10_080
    /// The newest statement taken: the next one's registers start from it.
    private var previous: Interval?
    var newestEnd: WallTime? { previous?.end }

    public init() {}

    /// Goes on with what an earlier ledger knew of the meter, in any order; `newest` is its newest interval.
    public init(_ known: [IntervalGap], after newest: Interval?) {
        previous = newest
        for gap in known.sorted(by: { $0.first < $1.first }) { append(gap) }
    }

    /// Takes the newest statement about the interval after those taken before.
    public mutating func take(_ interval: Interval) {
        let isNext =
            previous.map { $0.epoch == interval.epoch && $0.end == interval.end + -Int64(interval.minutes) * 60_000 }
            ?? false
        if let gap = IntervalGap(interval, after: isNext ? previous : nil) { append(gap) }
        previous = interval
    }

    /// Nothing better can be had for what is known so far and still open in the range.
    public mutating func close(from: WallTime, through: WallTime) {
        change(from: from, through: through) { gap in
            if gap.isOpen { gap.close() }
        }
    }

    /// Forgets what is older than the horizon.
    public mutating func trim(now: WallTime) {
        let oldest = now + -Self.horizon
        while let gap = gaps.first, gap.last < oldest { gaps.removeFirst() }
    }

    /// The oldest open range of intervals that end no later than `latest`, gaps that touch taken together, at most
    /// `most` intervals.
    public func wanted(through latest: WallTime, most: Int64) -> ClosedRange<WallTime>? {
        let latest = min(latest, lastSettled ?? latest)
        var range: ClosedRange<WallTime>?
        for (index, gap) in gaps.enumerated() where gap.isOpen && gap.first <= latest {
            guard let known = range else {
                if gap.followsExchange { return exchange(at: index, through: latest) }
                range = gap.first...min(gap.last, latest)
                continue
            }
            guard gap.first == known.upperBound + gap.length else { break }
            range = known.lowerBound...min(gap.last, latest)
        }
        guard let range, let length = gaps.first?.length else { return range }
        return range.lowerBound...min(range.upperBound, range.lowerBound + length * (most - 1))
    }

    /// The newest interval may be an estimate whose register was read or is interpolated: only the next one tells.
    private var lastSettled: WallTime? {
        guard let gap = gaps.last, gap.isOpen, gap.last == newestEnd,
            gap.values.contains(where: { IntervalGap.isEstimate($0) && $0.registerAtEnd != nil })
        else { return nil }
        return gap.last + -gap.length
    }

    /// The range from an exchange to the next register that was read; nil as long as that may still come.
    private func exchange(at index: Int, through latest: WallTime) -> ClosedRange<WallTime>? {
        let gap = gaps[index]
        guard !isWaiting(at: index), let end = exchangeEnd(from: gap.first), end <= latest else { return nil }
        return gap.first...min(end, gap.first + gap.length * (Self.longestExchange - 1))
    }

    /// Whether anything better can be had.
    public var hasOpen: Bool { gaps.contains(where: \.isOpen) }

    /// Intervals in a row that lack an actual value of a channel for the same reason.
    public struct Run: Hashable, Sendable {
        /// Start of the first and end of the last interval.
        public var from: WallTime
        public var to: WallTime
        public var count: Int64
        public var why: String
        public var isOpen: Bool
    }

    /// What a channel lacks, oldest first.
    public func runs(of channel: Channel) -> [Run] {
        var runs: [Run] = []
        for gap in gaps {
            guard let value = gap.values.first(where: { $0.channel == channel }), IntervalGap.isMissing(value) else {
                continue
            }
            let isOpen = gap.isOpen && value.source != .survey
            if let last = runs.last, last.to == gap.start, last.why == value.reason, last.isOpen == isOpen {
                runs[runs.count - 1].to = gap.last
                runs[runs.count - 1].count += gap.count
            } else {
                runs.append(
                    Run(from: gap.start, to: gap.last, count: gap.count, why: value.reason, isOpen: isOpen))
            }
        }
        return runs
    }

    // MARK: Parts

    private mutating func append(_ gap: IntervalGap) {
        if let last = gaps.last, last.joins(gap) {
            gaps[gaps.count - 1].last = gap.last
        } else {
            gaps.append(gap)
        }
        if gaps.count > Self.limit { gaps.removeFirst(gaps.count - Self.limit) }
    }

    /// The open gap that an interval lies in.
    func index(of end: WallTime) -> Int? {
        // Oldest first, and the oldest are filled first: this looks at few.
        gaps.firstIndex { $0.isOpen && $0.contains(end) }
    }

    /// Takes one interval out of the gap with this index, which is left in the parts before and after it.
    mutating func remove(_ end: WallTime, at index: Int) {
        let gap = gaps[index]
        var parts: [IntervalGap] = []
        if gap.first < end {
            var part = gap
            part.last = end + -gap.length
            parts.append(part)
        }
        if end < gap.last {
            var part = gap
            part.first = end + gap.length
            part.before = gap.values.map(\.registerAtEnd)
            parts.append(part)
        }
        gaps.replaceSubrange(index...index, with: parts)
    }

    /// An interval has its best statement: what follows it starts from its registers, and what it still misses is told.
    mutating func settle(_ interval: Interval) {
        let next = interval.end + Int64(interval.minutes) * 60_000
        if let index = gaps.firstIndex(where: { $0.isOpen && $0.first == next }) {
            gaps[index].before = gaps[index].values.map { value in
                interval.values.first { $0.channel == value.channel }?.registerAtEnd
            }
        }
        if previous?.end == interval.end { previous = interval }
        guard var rest = IntervalGap(interval, after: nil) else { return }
        rest.close()
        let place = gaps.firstIndex { $0.first > rest.first } ?? gaps.endIndex
        gaps.insert(rest, at: place)
        join(at: place)
    }

    private mutating func join(at place: Int) {
        for index in [place, place - 1] where index >= 0 && index + 1 < gaps.count && gaps[index].joins(gaps[index + 1])
        {
            gaps[index].last = gaps[index + 1].last
            gaps.remove(at: index + 1)
        }
    }

    /// Changes the part of every gap that lies in a range.
    private mutating func change(from: WallTime, through: WallTime, _ body: (inout IntervalGap) -> Void) {
        let known = gaps
        gaps = []
        for gap in known {
            guard gap.isOpen, gap.first <= through, from <= gap.last else {
                append(gap)
                continue
            }
            for (low, high) in [(gap.first, from + -gap.length), (from, through), (through + gap.length, gap.last)] {
                var part = gap
                part.first = max(gap.first, low)
                part.last = min(gap.last, high)
                guard part.first <= part.last else { continue }
                part.before = gap.registers(before: part.first)
                if part.first >= from, part.last <= through { body(&part) }
                append(part)
            }
        }
    }
}
