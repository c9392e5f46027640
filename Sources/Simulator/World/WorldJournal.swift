import Gateway
import Intervals
import Metering

/// The journal of the world, in memory, with the checks that every record must pass. They share no code with what is
/// checked: registers and intervals are compared with the households themselves.
public struct WorldJournal: Sendable {
    public private(set) var records: [JournalDraft] = []
    /// What must never be, in words; empty when all is well.
    public private(set) var faults: [String] = []
    /// Looked up only, never iterated.
    private var keys: Set<String> = []
    /// The newest statement about every interval, of each meter by its end.
    public private(set) var history: [[Interval]] = []
    public var acknowledged: Int64 = 0
    /// Width at which the registers of this world roll over.
    var registerWidth: Int64 = 1_000_000_000

    public var head: Int64 { Int64(records.count) }

    /// All records as canonical JSON lines.
    public var export: [UInt8] {
        var bytes: [UInt8] = []
        for record in records {
            bytes += record.canonicalBytes
            bytes.append(0x0A)
        }
        return bytes
    }

    mutating func append(_ draft: JournalDraft) {
        if draft.seq != head + 1 { fault("sequence \(draft.seq) follows \(head)") }
        if let last = records.last, draft.at < last.at { fault("record \(draft.seq) is older than the one before") }
        if !keys.insert(draft.key).inserted { fault("key \(draft.key) stands twice") }
        if draft.kind == .interval { check(draft) }
        records.append(draft)
    }

    mutating func fault(_ text: String) {
        if faults.count < 20 { faults.append(text) }
    }

    private mutating func check(_ draft: JournalDraft) {
        guard let interval = Interval(record: draft.data) else { return fault("record \(draft.seq) is no interval") }
        guard draft.key == interval.key else { return fault("record \(draft.seq) has the key \(draft.key)") }
        guard let place = history.firstIndex(where: { $0.first?.meter == interval.meter }) else {
            history.append([interval])
            return
        }
        guard interval.revision == 0, let last = history[place].last else { return checkRevision(interval, at: place) }
        if interval.end - last.end != Int64(interval.minutes) * 60_000 {
            fault("\(interval.key) does not follow \(last.key)")
        }
        for value in interval.values { checkSum(value, after: last, in: interval) }
        history[place].append(interval)
    }

    /// A better statement follows the one it betters, and leaves alone what was measured.
    private mutating func checkRevision(_ interval: Interval, at place: Int) {
        let first = history[place][0].end
        let index = Int((interval.end - first) / (Int64(interval.minutes) * 60_000))
        guard history[place].indices.contains(index), history[place][index].end == interval.end,
            history[place][index].revision + 1 == interval.revision
        else { return fault("\(interval.key) betters nothing") }
        let old = history[place][index]
        for (before, after) in zip(old.values, interval.values) where before != after {
            if before.quality == .actual { fault("\(interval.key) \(before.channel.rawValue) was actual before") }
            if after.source != .survey, after.quality != .substituted {
                fault("\(interval.key) \(before.channel.rawValue) is not from the survey")
            }
        }
        history[place][index] = interval
    }

    /// A value is the register's advance since the interval before, and a missing one has its reason.
    private mutating func checkSum(_ value: IntervalValue, after last: Interval, in interval: Interval) {
        let isNull = value.value == nil
        if isNull != (value.quality == .null) || isNull == value.reason.isEmpty && value.quality != .estimated {
            fault("\(interval.key) \(value.channel.rawValue): value, quality and reason disagree")
        }
        guard let amount = value.value else { return }
        guard let end = value.registerAtEnd,
            let start = last.values.first(where: { $0.channel == value.channel })?.registerAtEnd
        else { return fault("\(interval.key) \(value.channel.rawValue): a value without its registers") }
        let advance = end >= start ? end - start : end - start + registerWidth
        if amount != advance { fault("\(interval.key) \(value.channel.rawValue): \(amount) is not \(end) - \(start)") }
    }

    /// What the agent finds at its next start.
    func recovered(keys: [SigningKey]) -> RecoveredState {
        var ledger = GapLedger()
        for interval in history.joined() { ledger.take(interval) }
        return RecoveredState(
            head: head, newestAt: records.last?.at ?? WallTime(milliseconds: 0), acknowledged: acknowledged,
            intervals: history.compactMap(\.last), keys: keys, revokedKeys: [], counters: [],
            hash: String(repeating: "0", count: 64),
            gaps: ledger.gaps)
    }

    /// What like-day substitutes of a meter are made from.
    func likeDays(of meter: MeterSettings, minutes: Int) -> LikeDays? {
        var days = LikeDays(meter, minutes: minutes)
        for interval in history.joined() { days?.note(interval) }
        return days
    }
}
