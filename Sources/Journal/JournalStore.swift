import Metering

/// The append-only record of the box: a SQLite file with a hash chain, opened by this process alone.
///
/// It is used by the main loop only. An append is one transaction, durable when it returns. After an `.io` error every
/// call that writes fails with it: the process must end and let the next start find out what was stored.
public final class JournalStore {
    let database: Database
    let views: Views
    private(set) var headLink: RecordHash
    /// The newest record up to which the chain was found or made sound; 0 for none.
    private var checkpointSeq: Int64
    /// Whether a run came to the head and none found a break: only then the checkpoint goes along with the appends.
    var isTailSound: Bool
    private var failure: JournalError?
    private let boxID: String?
    /// Every record's canonical bytes are written here in turn.
    private var writer = JSONWriter(capacity: 1024)

    /// Sequence of the newest record; 0 in an empty journal.
    public private(set) var head: Int64
    /// Time of the newest record; the epoch in an empty journal.
    public private(set) var newestAt: WallTime
    /// What was found when the newest records were checked at opening, at most 10,000 from the last checkpoint.
    /// A break does not keep the journal from opening: the daemon holds the supply, raises an alarm and serves reads.
    public private(set) var checkAtStart: ChainStep

    /// Lower-case hex of the newest record's hash; 64 zeros in an empty journal.
    public var headHash: String { headLink.text }

    /// Opens the journal for the daemon; makes it (mode 0600) when there is none, and migrates an old one.
    /// - Parameter boxID: the box that record 1 must name.
    public convenience init(path: String, boxID: String) throws(JournalError) {
        try JournalFile.prepare(path)
        let database = try Database(path: path)
        try JournalFile.configure(database, path: path)
        try Schema.migrate(database)
        let views = Views(database: database)
        if try !views.areCurrent() { try views.rebuild() }
        try self.init(database, boxID: boxID)
        try checkTail()
    }

    /// Opens an existing journal for reading only, while no daemon runs. Neither the file nor its write-ahead log is
    /// changed. SQLite still needs write permission, for the lock that keeps a daemon out meanwhile.
    public convenience init(readOnly path: String) throws(JournalError) {
        try JournalFile.requireWritable(path)
        let database = try Database(path: path)
        try database.keepLogOnClose()
        try JournalFile.configureReadOnly(database)
        try Schema.check(database)
        try self.init(database, boxID: nil)
    }

    private init(_ database: Database, boxID: String?) throws(JournalError) {
        self.database = database
        self.boxID = boxID
        views = Views(database: database)
        let newest = try database.first("SELECT seq, at, hash FROM records ORDER BY seq DESC LIMIT 1") {
            (seq: $0.integer(0), at: $0.integer(1), hash: $0.bytes(2))
        }
        head = newest?.seq ?? 0
        newestAt = WallTime(milliseconds: newest?.at ?? 0)
        headLink = newest.map { RecordHash(bytes: $0.hash) } ?? .zero
        checkpointSeq = 0
        isTailSound = false
        checkAtStart = .progress(through: 0, of: newest?.seq ?? 0)
        if let boxID { try checkBox(boxID) }
    }

    /// Ends the connection; the write-ahead log is moved into the file.
    public func close() {
        if failure == nil, isTailSound, head > checkpointSeq {
            // Losing this mark only costs the next start some checking.
            try? database.transaction { () throws(JournalError) in try saveCheckpoint(head, headLink) }
        }
        database.close()
    }

    deinit { database.close() }

    private func checkBox(_ boxID: String) throws(JournalError) {
        guard head > 0 else { return }
        let first = try entry(seq: 1)
        let found = first?.draft.kind == .boxCreated ? first?.draft.data["box"]?.string : nil
        guard found == boxID else { throw .otherBox(found: found ?? "no box", expected: boxID) }
    }

    // MARK: Appending

    /// Makes records and cursors durable in one transaction, or none of them.
    ///
    /// The drafts must be numbered from `head + 1`; record 1 must be `box.created` with this box's id. A cursor never
    /// moves back. Cheap for 1 to 200 records: one sync, whatever their number.
    /// - Returns: the records with their hashes, in order.
    @discardableResult
    public func append(
        _ drafts: [JournalDraft], cursors: [JournalCursor] = []
    ) throws(JournalError) -> [JournalEntry] {
        if let failure { throw failure }
        guard !drafts.isEmpty || !cursors.isEmpty else { return [] }
        try checkpointLog(whenOver: 1000)
        var entries: [JournalEntry] = []
        entries.reserveCapacity(drafts.count)
        var link = headLink
        do throws(JournalError) {
            try database.transaction { () throws(JournalError) in
                for draft in drafts {
                    let expected = head + Int64(entries.count) + 1
                    guard draft.seq == expected else { throw .sequence(expected: expected, found: draft.seq) }
                    link = try insert(draft, after: link)
                    entries.append(JournalEntry(draft: draft, hash: link.text))
                }
                let newHead = head + Int64(entries.count)
                for cursor in cursors { try save(cursor, head: newHead) }
                // Saved along the way so that a start after a kill has little to check.
                if isTailSound, newHead - checkpointSeq >= 1000 { try saveCheckpoint(newHead, link) }
            }
        } catch {
            throw remembered(error)
        }
        if isTailSound, head + Int64(entries.count) - checkpointSeq >= 1000 {
            checkpointSeq = head + Int64(entries.count)
        }
        head += Int64(entries.count)
        headLink = link
        if let last = drafts.last { newestAt = last.at }
        return entries
    }

    private func insert(_ draft: JournalDraft, after link: RecordHash) throws(JournalError) -> RecordHash {
        if let fault = draft.fault { throw .malformed(seq: draft.seq, why: fault) }
        if draft.seq == 1, let boxID, draft.kind != .boxCreated || draft.data["box"] != .string(boxID) {
            throw .malformed(seq: 1, why: "the first record must be box.created and name this box")
        }
        writer.removeAll()
        let kind = draft.kind.rawValue
        let data = writer.writeRecord(seq: draft.seq, at: draft.at, kind: kind, key: draft.key) {
            $0.write(draft.data, sorted: true)
        }
        let next = link.next(writer.bytes)
        do throws(JournalError) {
            try database.run(
                "INSERT INTO records (seq, at, kind, key, data, hash) VALUES (?, ?, ?, ?, ?, ?)",
                .integer(draft.seq), .integer(draft.at.milliseconds), .text(kind), .text(draft.key),
                .utf8(writer.bytes[data]), .blob(next.bytes))
        } catch .database(SqliteFault.uniqueConstraint, _) {
            throw .duplicateKey(draft.key)
        }
        try views.apply(try Fact(seq: draft.seq, draft.kind, key: draft.key) { draft.data })
        return next
    }

    private func save(_ cursor: JournalCursor, head: Int64) throws(JournalError) {
        guard (0...head).contains(cursor.seq) else {
            throw .malformed(seq: cursor.seq, why: "the cursor \(cursor.name) would stand behind record \(head)")
        }
        try database.run(
            """
            INSERT INTO cursors VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq
            """, .text(cursor.name), .integer(cursor.seq))
    }

    /// The highest sequence the reader `name` has acknowledged; 0 when it never did.
    public func cursor(_ name: String) throws(JournalError) -> Int64 {
        try database.first("SELECT seq FROM cursors WHERE name = ?", .text(name)) { $0.integer(0) } ?? 0
    }

    /// Drops the views and makes them from the records again.
    public func rebuildViews() throws(JournalError) {
        if let failure { throw failure }
        do throws(JournalError) { try views.rebuild() } catch { throw remembered(error) }
    }

    /// Moves the write-ahead log into the file and gives its space back: for quiet times. A full disk is no error here.
    public func tidy() throws(JournalError) {
        if let failure { throw failure }
        try checkpointLog(whenOver: 0, truncate: true)
    }

    /// SQLite's own automatic checkpoint would hide a failing sync from us.
    private func checkpointLog(whenOver frames: Int32, truncate: Bool = false) throws(JournalError) {
        do throws(JournalError) {
            try database.checkpoint(whenOver: frames, truncate: truncate)
        } catch .full {
            // The log goes on growing if it can; the append itself tells when it cannot.
        } catch {
            throw remembered(error)
        }
    }

    /// Keeps an error after which nothing is certain.
    private func remembered(_ error: JournalError) -> JournalError {
        if case .io = error { failure = error }
        return error
    }

    // MARK: Checkpoint of the chain

    private func checkTail() throws(JournalError) {
        let saved = try database.first("SELECT seq, hash FROM checkpoint") {
            (seq: $0.integer(0), link: RecordHash(bytes: $0.bytes(1)))
        }
        checkpointSeq = saved?.seq ?? 0
        var walk = ChainWalk(after: checkpointSeq, link: saved?.link ?? .zero)
        checkAtStart = try beginCheck(&walk)
    }

    private func beginCheck(_ walk: inout ChainWalk) throws(JournalError) -> ChainStep {
        if let lost = try lostRecords() { return lost }
        if checkpointSeq > 0 {
            let kept = try database.first("SELECT hash FROM records WHERE seq = ?", .integer(checkpointSeq)) {
                $0.bytes(0)
            }
            guard kept == walk.link.bytes else {
                return .broken(seq: checkpointSeq, why: "it is not the record that was checked before")
            }
        }
        return try verifyStep(&walk, limit: 10_000)
    }

    /// A file that was cut back, or restored from an old copy, knows of records it no longer has.
    func lostRecords() throws(JournalError) -> ChainStep? {
        let known = try database.first(
            "SELECT max(seq) FROM (SELECT seq FROM checkpoint UNION ALL SELECT seq FROM cursors)"
        ) { $0.integer(0) }
        guard let known, known > head else { return nil }
        return .broken(seq: head + 1, why: "records up to \(known) were there once, the newest is now \(head)")
    }

    private func saveCheckpoint(_ seq: Int64, _ link: RecordHash) throws(JournalError) {
        try database.run("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?)", .integer(seq), .blob(link.bytes))
    }
}

/// How far a reader of the journal has acknowledged.
public struct JournalCursor: Hashable, Sendable {
    /// The cloud application's cursor, moved by receipts.
    public static let cloud = "cloud"

    /// Name of the reader, such as `cloud`.
    public var name: String
    /// It holds everything up to here.
    public var seq: Int64

    public init(name: String, seq: Int64) {
        self.name = name
        self.seq = seq
    }
}
