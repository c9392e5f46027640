import Crypto
import Metering

/// What a cloud keeps of a box's journal, and what it has to say about it: receipts for what it holds without a hole,
/// requests for what is missing. It checks the chain of hashes as the records come in order.
struct CloudStore {
    /// Something worth a receipt, a request or a line of text.
    enum Finding: Equatable {
        /// The record is new and its chain is sound.
        case stored(JournalEntryText)
        /// Everything up to here is held.
        case receipt(Int64)
        /// These are missing, inclusive.
        case resend(Int64, Int64)
        /// The record contradicts the chain or an earlier one; nothing after it is acknowledged.
        case fault(String)
    }

    /// A record as it came.
    struct JournalEntryText: Equatable {
        var seq: Int64
        var kind: String
        var key: String
        var at: String
        var data: JSONValue
        var hash: String
        var json: JSONValue
    }

    /// Sequence of the newest record held without a hole before it.
    private(set) var upTo: Int64 = 0
    private(set) var duplicates = 0
    private(set) var stored = 0
    private(set) var isBroken = false
    private var lastHash = [UInt8](repeating: 0, count: 32)
    /// The hash of each record up to `upTo`, to tell a repeat from a contradiction.
    private var hashes: [String] = []
    /// Records after a hole, by sequence.
    private var waiting: [Int64: JournalEntryText] = [:]
    private var askedFrom: Int64 = 0

    /// The most records kept after a hole; a box has at most 5,000 under way.
    private static let longestWait = 10_000

    /// Takes a payload of the `journal` topic.
    mutating func take(journal payload: [UInt8], box: String) -> [Finding] {
        guard let value = try? JSONReader.read(payload), let records = value["records"]?.array else {
            return [.fault("a journal message is no JSON of the contract's shape")]
        }
        guard value["box"]?.string == box else { return [.fault("a journal message names another box")] }
        var findings: [Finding] = []
        let before = upTo
        for record in records { findings += take(record) }
        // A receipt for a repeat too: the box sends again because it missed the first one.
        if upTo > before || !records.isEmpty, upTo > 0, !isBroken { findings.append(.receipt(upTo)) }
        if let gap = hole { findings.append(.resend(gap.from, gap.to)) }
        return findings
    }

    /// Takes one record, as `take(journal:)` does: for records read back from a file.
    mutating func take(_ record: JSONValue) -> [Finding] {
        guard let entry = Self.entry(record) else { return [.fault("a record has not the contract's shape")] }
        if entry.seq <= upTo {
            duplicates += 1
            guard hashes[Int(entry.seq - 1)] == entry.hash else {
                isBroken = true
                return [.fault("record \(entry.seq) came a second time with other content")]
            }
            return []
        }
        guard entry.seq <= upTo + Int64(Self.longestWait) else { return [] }
        waiting[entry.seq] = entry
        var findings: [Finding] = []
        while let next = waiting.removeValue(forKey: upTo + 1) { findings.append(chain(next)) }
        return findings
    }

    private mutating func chain(_ entry: JournalEntryText) -> Finding {
        guard let hash = Self.hash(of: entry, after: lastHash), Hex.text(hash) == entry.hash else {
            isBroken = true
            return .fault("record \(entry.seq) does not follow from the one before: its hash is wrong")
        }
        upTo = entry.seq
        stored += 1
        lastHash = hash
        hashes.append(entry.hash)
        return .stored(entry)
    }

    /// The records missing before the first one that waits; each hole is asked for once.
    private var hole: (from: Int64, to: Int64)? {
        mutating get {
            guard let first = waiting.keys.min(), askedFrom <= upTo else { return nil }
            askedFrom = upTo + 1
            return (upTo + 1, min(first - 1, upTo + 10_000))
        }
    }

    /// Forgets what was asked for, so that holes are asked for again: after a new connection.
    mutating func reconnected() { askedFrom = 0 }

    private static func entry(_ record: JSONValue) -> JournalEntryText? {
        guard let seq = record["seq"]?.integer, seq > 0, let kind = record["kind"]?.string,
            let key = record["key"]?.string, let at = record["at"]?.string, let hash = record["hash"]?.string,
            let data = record["data"], data.object != nil
        else { return nil }
        return JournalEntryText(seq: seq, kind: kind, key: key, at: at, data: data, hash: hash, json: record)
    }

    /// SHA-256(previous hash ‖ SHA-256(canonical bytes)) (contract §4).
    private static func hash(of entry: JournalEntryText, after previous: [UInt8]) -> [UInt8]? {
        let canonical = JSONWriter.canonical([
            "at": .string(entry.at), "data": entry.data, "key": .string(entry.key), "kind": .string(entry.kind),
            "seq": .integer(entry.seq),
        ])
        return SHA256.digest(previous + SHA256.digest(canonical))
    }
}
