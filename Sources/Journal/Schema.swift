/// The tables that hold what cannot be made again. Views have a version of their own (`Views`).
enum Schema {
    /// Marks the file as ours: "MtSd".
    static let applicationID: Int64 = 0x4D74_5364

    /// One script a version, in order; a released one is never edited. They only ever go forward.
    static let migrations = [version1]

    /// Brings the file to the newest version, each step whole or not at all.
    static func migrate(_ database: Database, by migrations: [String] = migrations) throws(JournalError) {
        let found = try version(of: database)
        let known = Int64(migrations.count)
        guard found <= known else { throw .newerSchema(found: found, known: known) }
        for version in found..<known {
            try database.transaction { () throws(JournalError) in
                try database.script(migrations[Int(version)])
                try database.script("PRAGMA user_version = \(version + 1)")
            }
        }
    }

    /// Refuses a file that is not ours, empty or from a newer program, without changing it.
    static func check(_ database: Database, known: Int = migrations.count) throws(JournalError) {
        let found = try version(of: database)
        guard found <= Int64(known) else { throw .newerSchema(found: found, known: Int64(known)) }
        guard found > 0 else { throw .corrupt("the file is empty") }
    }

    private static func version(of database: Database) throws(JournalError) -> Int64 {
        let version = try pragma("user_version", database)
        let tables = try database.first("SELECT count(*) FROM sqlite_schema") { $0.integer(0) } ?? 0
        let application = try pragma("application_id", database)
        let isNew = version == 0 && application == 0 && tables == 0
        guard isNew || (application == applicationID && version > 0) else {
            throw .corrupt("the file is a database, but no journal of Meterside")
        }
        return version
    }

    static func pragma(_ name: String, _ database: Database) throws(JournalError) -> Int64 {
        try database.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
    }

    private static let version1 = """
        PRAGMA application_id = \(applicationID);

        CREATE TABLE records (
            seq  INTEGER PRIMARY KEY,
            at   INTEGER NOT NULL,
            kind TEXT NOT NULL,
            key  TEXT NOT NULL UNIQUE,
            data TEXT NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        CREATE INDEX records_by_kind ON records (kind) WHERE kind <> 'interval';

        CREATE TRIGGER records_follow BEFORE INSERT ON records
        WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM records)
        BEGIN SELECT raise(ABORT, 'a record must follow the newest one'); END;
        CREATE TRIGGER records_stay BEFORE UPDATE ON records
        BEGIN SELECT raise(ABORT, 'records are never changed'); END;
        CREATE TRIGGER records_last BEFORE DELETE ON records
        BEGIN SELECT raise(ABORT, 'records are never deleted'); END;

        CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE checkpoint (
            id   INTEGER PRIMARY KEY CHECK (id = 1),
            seq  INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE views (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT;
        """
}
