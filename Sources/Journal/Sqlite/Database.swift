import CSQLite

/// The one connection to a database file, with its prepared statements. Not thread-safe: it belongs to one loop.
final class Database {
    private let handle: OpaquePointer
    private let path: String
    private var statements: [String: Statement] = [:]
    /// Frames in the write-ahead log after the newest commit.
    private let logFrames: UnsafeMutablePointer<Int32>
    private var isOpen = true

    /// SQLite need not count its memory under a lock at every allocation: nobody asks. Only before its first use.
    private static let countsNoMemory = csqlite_count_no_memory() == SQLITE_OK

    /// Opens a file that exists.
    init(path: String) throws(JournalError) {
        self.path = path
        _ = Self.countsNoMemory
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened, code == SQLITE_OK else {
            sqlite3_close(opened)
            throw SqliteFault.error(code, message: String(cString: sqlite3_errstr(code)), errno: 0, path: path)
        }
        handle = opened
        logFrames = .allocate(capacity: 1)
        logFrames.initialize(to: 0)
        // SQLite has one such hook: ours takes the place of its automatic checkpoint, and PRAGMA wal_autocheckpoint
        // would take ours away.
        sqlite3_wal_hook(handle, Self.noteLogFrames, logFrames)
    }

    deinit {
        close()
        logFrames.deallocate()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        statements.removeAll()
        sqlite3_close(handle)
    }

    private static let noteLogFrames:
        @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
            context, _, _, frames in
            context?.assumingMemoryBound(to: Int32.self).pointee = frames
            return SQLITE_OK
        }

    /// Runs one statement to its end.
    func run(_ sql: String, _ values: SqliteValue...) throws(JournalError) {
        try each(sql, values) { (_) throws(JournalError) in true }
    }

    /// The rows of a query, mapped.
    func rows<T>(
        _ sql: String, _ values: SqliteValue..., map: (Row) throws(JournalError) -> T
    ) throws(JournalError) -> [T] {
        var results: [T] = []
        try each(sql, values) { (row) throws(JournalError) in
            results.append(try map(row))
            return true
        }
        return results
    }

    /// The first row of a query, mapped.
    func first<T>(
        _ sql: String, _ values: SqliteValue..., map: (Row) throws(JournalError) -> T
    ) throws(JournalError) -> T? {
        var result: T?
        try each(sql, values) { (row) throws(JournalError) in
            result = try map(row)
            return false
        }
        return result
    }

    /// Feeds rows to `body` until it returns false. `body` must not run the same SQL again.
    func each(
        _ sql: String, _ values: [SqliteValue], _ body: (Row) throws(JournalError) -> Bool
    ) throws(JournalError) {
        let statement = try prepared(sql)
        defer { statement.reset() }
        try check(statement.bind(values))
        while true {
            let code = sqlite3_step(statement.pointer)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw fault(code) }
            guard try body(Row(statement: statement.pointer)) else { return }
        }
    }

    /// Runs a script of several statements: schemas only.
    func script(_ sql: String) throws(JournalError) { try check(sqlite3_exec(handle, sql, nil, nil, nil)) }

    /// All or nothing. When even rolling back fails the error is `.io`.
    func transaction(_ body: () throws(JournalError) -> Void) throws(JournalError) {
        try run("BEGIN IMMEDIATE")
        do throws(JournalError) {
            try body()
            try run("COMMIT")
        } catch {
            // SQLite has rolled back by itself after some errors.
            if sqlite3_get_autocommit(handle) == 0 {
                do throws(JournalError) { try run("ROLLBACK") } catch let second { throw .io("\(second)") }
            }
            throw error
        }
    }

    /// Moves the write-ahead log into the file once it holds `frames` or more.
    /// - Parameter truncate: also give the log's space back.
    func checkpoint(whenOver frames: Int32, truncate: Bool = false) throws(JournalError) {
        guard logFrames.pointee > frames else { return }
        let mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        try check(sqlite3_wal_checkpoint_v2(handle, nil, mode, nil, nil))
        logFrames.pointee = 0
    }

    /// Leaves both files as they are when the connection closes.
    func keepLogOnClose() throws(JournalError) { try check(csqlite_keep_wal_on_close(handle)) }

    private func prepared(_ sql: String) throws(JournalError) -> Statement {
        guard isOpen else { throw .database(code: SQLITE_MISUSE, message: "the journal is closed") }
        if let statement = statements[sql] { return statement }
        var pointer: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
        guard code == SQLITE_OK, let pointer else { throw fault(code) }
        let statement = Statement(pointer)
        statements[sql] = statement
        return statement
    }

    private func check(_ code: Int32) throws(JournalError) {
        guard code == SQLITE_OK else { throw fault(code) }
    }

    private func fault(_ code: Int32) -> JournalError {
        SqliteFault.error(
            code, message: String(cString: sqlite3_errmsg(handle)), errno: sqlite3_system_errno(handle), path: path)
    }
}
