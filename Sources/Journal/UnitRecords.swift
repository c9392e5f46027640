import Metering

extension JournalStore {
    /// Records of some kinds behind record `since`, ascending, at most `limit`: a page of a walk over all of them.
    public func page(of kinds: [JournalKind], since: Int64, limit: Int) throws(JournalError) -> [JournalEntry] {
        var found: [Int64] = []
        for kind in kinds {
            // Without the second condition the index over kinds, which leaves intervals out, is not used.
            found += try database.rows(
                """
                SELECT seq FROM records WHERE kind = ? AND kind <> 'interval' AND seq > ? ORDER BY seq LIMIT ?
                """, .text(kind.rawValue), .integer(since), .integer(Int64(limit))
            ) { $0.integer(0) }
        }
        var entries: [JournalEntry] = []
        for seq in found.sorted().prefix(limit) {
            if let entry = try entry(seq: seq) { entries.append(entry) }
        }
        return entries
    }

    /// The records of some kinds among the `looks` records after record `since`, ascending: a step of a walk over a
    /// long journal, which ends when it comes to the head.
    public func step(
        of kinds: [JournalKind], since: Int64, looks: Int64
    ) throws(JournalError) -> (entries: [JournalEntry], through: Int64) {
        let through = min(head, since + looks)
        let names = kinds.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        let entries = try database.rows(
            """
            SELECT seq, at, kind, key, data, hash FROM records NOT INDEXED
            WHERE seq > ? AND seq <= ? AND kind IN (\(names)) ORDER BY seq
            """, .integer(since), .integer(through)
        ) { (row) throws(JournalError) in try row.entry }
        return (entries, through)
    }
}
