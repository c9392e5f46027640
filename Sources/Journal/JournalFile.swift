import CSQLite
import Glibc

/// The file under the journal and how its connection is set up.
enum JournalFile {
    /// Makes the file with mode 0600 when it is missing, and takes other people's permissions from an existing one.
    /// SQLite gives its write-ahead log the same mode.
    static func prepare(_ path: String) throws(JournalError) {
        var status = stat()
        if stat(path, &status) == 0 {
            // By name, never by descriptor: closing any descriptor of the file would drop SQLite's lock on it.
            guard status.st_mode & 0o077 == 0 || chmod(path, 0o600) == 0 else { throw refusal(path) }
            // SQLite would tell of a failing lock, where the disk has only become read-only.
            return try requireWritable(path)
        }
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw refusal(path) }
        Glibc.close(file)
        try syncDirectory(of: path)
    }

    /// Without this the new name itself may be gone after a power cut.
    private static func syncDirectory(of path: String) throws(JournalError) {
        let parent = path.lastIndex(of: "/").map { String(path[..<path.index(after: $0)]) } ?? "."
        let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw refusal(parent) }
        defer { Glibc.close(directory) }
        guard fsync(directory) == 0 else { throw .io("syncing \(parent): \(reason())") }
    }

    /// The lock needs a writable file.
    static func requireWritable(_ path: String) throws(JournalError) {
        guard access(path, R_OK | W_OK) == 0 else { throw refusal(path) }
    }

    /// One process, one connection, every commit synced. The settings that matter are read back.
    static func configure(_ database: Database, path: String) throws(JournalError) {
        // Before the first read, so that the log's index lives in our memory and the lock is held until the end.
        try setting("locking_mode = EXCLUSIVE", gives: "exclusive", database)
        try setting("journal_mode = WAL", gives: "wal", database)
        try database.script("PRAGMA synchronous = FULL")
        guard try Schema.pragma("synchronous", database) == 2 else {
            throw .cannotOpen(path: path, why: "SQLite does not keep synchronous = FULL")
        }
        try database.script(
            """
            PRAGMA journal_size_limit = 8388608;
            PRAGMA recursive_triggers = ON;
            PRAGMA trusted_schema = OFF;
            PRAGMA cell_size_check = ON;
            PRAGMA cache_size = -1024;
            PRAGMA temp_store = MEMORY;
            """)
    }

    /// As above, and every change refused.
    static func configureReadOnly(_ database: Database) throws(JournalError) {
        try setting("locking_mode = EXCLUSIVE", gives: "exclusive", database)
        try database.script("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }

    private static func setting(_ pragma: String, gives: String, _ database: Database) throws(JournalError) {
        let answer = try database.first("PRAGMA \(pragma)") { $0.text(0) }
        guard answer == gives else {
            throw .database(code: SQLITE_ERROR, message: "PRAGMA \(pragma) gave \(answer ?? "nothing")")
        }
    }

    private static func refusal(_ path: String) -> JournalError { .cannotOpen(path: path, why: reason()) }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
