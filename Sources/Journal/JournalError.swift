/// Everything that can go wrong with the journal, in words that say what to do next.
public enum JournalError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No room on the disk, in the quota or under the file size limit. Nothing was appended; try later.
    case full(String)
    /// The disk failed. Whether the transaction is durable is unknown: the process must end and read the file again.
    case io(String)
    /// The file is damaged or is no journal.
    case corrupt(String)
    /// A newer Meterside wrote this file.
    case newerSchema(found: Int64, known: Int64)
    /// Another process has the journal open.
    case locked(path: String)
    /// The file cannot be opened at all.
    case cannotOpen(path: String, why: String)
    /// Record 1 names another box, or none.
    case otherBox(found: String, expected: String)
    /// A record with this key is there already.
    case duplicateKey(String)
    /// The draft does not follow the newest record.
    case sequence(expected: Int64, found: Int64)
    /// The draft or cursor cannot be stored as it is: a fault in the program.
    case malformed(seq: Int64, why: String)
    /// Any other refusal of SQLite: its extended code and message.
    case database(code: Int32, message: String)

    public var description: String {
        switch self {
        case .full(let why):
            "the journal cannot grow (\(why)); make room on its disk, nothing was recorded meanwhile"
        case .io(let why):
            "the disk under the journal failed (\(why)); whether the last records are stored is known after a restart"
        case .corrupt(let why):
            "the journal is damaged (\(why)); keep a copy of the file, then restore it from a backup or start a new one"
        case .newerSchema(let found, let known):
            "the journal has schema \(found), this version knows up to \(known); install the newer Meterside again"
        case .locked(let path):
            "\(path) is open in another process; stop the other metersided or use another --state directory"
        case .cannotOpen(let path, let why):
            "\(path) cannot be opened (\(why)); check that the directory exists and belongs to the daemon's user"
        case .otherBox(let found, let expected):
            "the journal belongs to \(found), the configuration says \(expected); use another --state directory"
        case .duplicateKey(let key): "the journal already holds a record with the key \(key)"
        case .sequence(let expected, let found): "record \(found) does not follow; \(expected) is next"
        case .malformed(let seq, let why): "record \(seq) cannot be stored: \(why)"
        case .database(let code, let message): "SQLite refused (\(code): \(message)); report this as a bug"
        }
    }
}
