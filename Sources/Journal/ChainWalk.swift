import Metering

/// A run along the chain, a few records at a time. Runs do not disturb each other or the appending.
public struct ChainWalk: Sendable {
    /// The last record found sound.
    public private(set) var through: Int64
    private(set) var link: RecordHash

    init(after seq: Int64, link: RecordHash) {
        through = seq
        self.link = link
    }

    fileprivate mutating func pass(_ seq: Int64, _ link: RecordHash) {
        through = seq
        self.link = link
    }
}

/// How far a run along the chain has come.
public enum ChainStep: Hashable, Sendable {
    /// More records are to be checked.
    case progress(through: Int64, of: Int64)
    /// Everything is sound: the answer of `ledger verify`.
    case done(records: Int64, head: Int64, hash: String)
    /// The first record that is not what was appended, and why.
    case broken(seq: Int64, why: String)
    /// The records are sound, but a view does not know this one: `rebuildViews()` mends it.
    case viewsDiffer(seq: Int64, why: String)
}

extension JournalStore {
    /// A run over the whole chain, from record 1.
    public func wholeChain() -> ChainWalk { ChainWalk(after: 0, link: .zero) }

    /// Checks at most `limit` further records: their order, their hashes, and that the views know them.
    public func verifyStep(_ walk: inout ChainWalk, limit: Int) throws(JournalError) -> ChainStep {
        let step = try nextStep(&walk, limit: limit)
        switch step {
        case .done: isTailSound = true
        case .broken: isTailSound = false
        case .progress, .viewsDiffer: break
        }
        return step
    }

    private func nextStep(_ walk: inout ChainWalk, limit: Int) throws(JournalError) -> ChainStep {
        do throws(JournalError) {
            if let lost = try lostRecords() { return lost }
            if let fault = try check(&walk, limit: limit) { return fault }
        } catch .corrupt(let why) {
            return .broken(seq: walk.through + 1, why: why)
        }
        guard walk.through >= head else { return .progress(through: walk.through, of: head) }
        guard walk.link == headLink else {
            return .broken(seq: head, why: "the newest record was changed while the journal was open")
        }
        return .done(records: head, head: head, hash: headHash)
    }

    private func check(_ walk: inout ChainWalk, limit: Int) throws(JournalError) -> ChainStep? {
        var fault: ChainStep?
        let sql = "SELECT seq, at, kind, key, data, hash FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
        try database.each(sql, [.integer(walk.through), .integer(Int64(limit))]) { (row) throws(JournalError) in
            let record = row.record
            let expected = walk.through + 1
            guard record.seq == expected else {
                fault = .broken(seq: expected, why: "the record is missing")
                return false
            }
            let link = walk.link.next(record.canonicalBytes)
            guard link.bytes == row.bytes(5) else {
                fault = .broken(seq: expected, why: "its hash does not follow from its content and the record before")
                return false
            }
            guard try views.hold(try record.fact) else {
                fault = .viewsDiffer(seq: expected, why: "the index made from the records does not know it")
                return false
            }
            walk.pass(expected, link)
            return true
        }
        return fault
    }

    /// Asks SQLite whether the file's pages and indexes fit together; reads the whole file.
    /// - Returns: its complaints, at most a hundred; empty when there are none.
    public func integrityFaults() throws(JournalError) -> [String] {
        try database.rows("PRAGMA integrity_check") { $0.text(0) }.filter { $0 != "ok" }
    }
}
