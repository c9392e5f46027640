import CSQLite
import Glibc

/// What SQLite's extended result codes mean for a journal.
enum SqliteFault {
    /// A UNIQUE constraint, here always that of `records.key`.
    static let uniqueConstraint: Int32 = 2067
    private static let writeFault: Int32 = 778

    static func error(_ code: Int32, message: String, errno: Int32, path: String) -> JournalError {
        switch code & 0xFF {
        case SQLITE_FULL: .full(message)
        case SQLITE_IOERR:
            // A file size limit or quota shows as a failed write (reference: RLIMIT_FSIZE). The commit record was then
            // not written, so nothing is in doubt; a failed sync is another matter.
            code == writeFault && errno != EIO ? .full(message) : .io("\(message), code \(code), errno \(errno)")
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(message)
        case SQLITE_BUSY, SQLITE_LOCKED: .locked(path: path)
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .cannotOpen(path: path, why: message)
        default: .database(code: code, message: message)
        }
    }
}
