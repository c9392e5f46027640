import Metering

/// Tables made from the records alone, kept in the same transaction, and dropped and made again when their shape
/// changes. They hold sequence numbers, never copies of `data`.
struct Views {
    /// Raise it with every change of `tables` or of what `apply` puts there.
    static let version: Int64 = 1

    static let names = ["view_interval", "view_newest", "view_answer", "view_key", "view_counter"]

    private static let tables = """
        CREATE TABLE view_interval (
            meter TEXT, end INTEGER, epoch INTEGER, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (meter, end, epoch)) STRICT, WITHOUT ROWID;
        CREATE TABLE view_newest (
            meter TEXT, epoch INTEGER, end INTEGER NOT NULL, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (meter, epoch)) STRICT, WITHOUT ROWID;
        CREATE TABLE view_answer (jti TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE view_key (kid TEXT PRIMARY KEY, added INTEGER, revoked INTEGER) STRICT, WITHOUT ROWID;
        CREATE TABLE view_counter (kid TEXT PRIMARY KEY, counter INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """

    let database: Database

    /// Whether the tables have today's shape.
    func areCurrent() throws(JournalError) -> Bool {
        try database.first("SELECT version FROM views") { $0.integer(0) } == Self.version
    }

    /// Drops and makes all of them from the records, in one transaction.
    func rebuild() throws(JournalError) {
        try database.transaction { () throws(JournalError) in
            for name in Self.names { try database.script("DROP TABLE IF EXISTS \(name)") }
            try database.script(Self.tables)
            try database.each("SELECT seq, at, kind, key, data FROM records ORDER BY seq", []) {
                (row) throws(JournalError) in
                try apply(row.record.fact)
                return true
            }
            try database.run("INSERT OR REPLACE INTO views VALUES (1, ?)", .integer(Self.version))
        }
    }

    /// Takes one record into the views.
    func apply(_ fact: Fact) throws(JournalError) {
        let seq = SqliteValue.integer(fact.seq)
        switch fact.subject {
        case .interval(let name):
            try applyInterval(name, seq)
        case .command(let jti, let kid, let counter):
            if let jti {
                // The first answer is the answer; what a scheduled command becomes later is another record.
                try database.run("INSERT INTO view_answer VALUES (?, ?) ON CONFLICT DO NOTHING", .text(jti), seq)
            }
            if let kid, let counter {
                try database.run(
                    """
                    INSERT INTO view_counter VALUES (?, ?) ON CONFLICT DO UPDATE SET counter = excluded.counter
                    WHERE excluded.counter > counter
                    """, .text(kid), .integer(counter))
            }
        case .keyAdded(let kid):
            try database.run(
                "INSERT INTO view_key VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET added = excluded.added",
                .text(kid), seq)
        case .keyRevoked(let kid):
            try database.run(
                """
                INSERT INTO view_key VALUES (?, NULL, ?) ON CONFLICT DO UPDATE SET revoked = excluded.revoked
                WHERE revoked IS NULL
                """, .text(kid), seq)
        case .other: break
        }
    }

    private func applyInterval(_ name: IntervalName, _ seq: SqliteValue) throws(JournalError) {
        let meter = SqliteValue.text(name.meter)
        let epoch = SqliteValue.integer(name.epoch)
        let end = SqliteValue.integer(name.end.milliseconds)
        let revision = SqliteValue.integer(name.revision)
        try database.run(
            """
            INSERT INTO view_interval VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET revision = excluded.revision, seq = excluded.seq
            WHERE excluded.revision > revision
            """, meter, end, epoch, revision, seq)
        try database.run(
            """
            INSERT INTO view_newest VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET end = excluded.end, revision = excluded.revision, seq = excluded.seq
            WHERE (excluded.end, excluded.revision) > (end, revision)
            """, meter, epoch, end, revision, seq)
    }

    /// Whether the views know the record: a damaged view would answer a command twice or lose an interval.
    func hold(_ fact: Fact) throws(JournalError) -> Bool {
        switch fact.subject {
        case .interval(let name):
            return try holdInterval(name, seq: fact.seq)
        case .command(let jti, let kid, let counter):
            if let jti {
                let seq = try database.first("SELECT seq FROM view_answer WHERE jti = ?", .text(jti)) { $0.integer(0) }
                guard let seq, seq <= fact.seq else { return false }
            }
            if let kid, let counter {
                let kept = try database.first("SELECT counter FROM view_counter WHERE kid = ?", .text(kid)) {
                    $0.integer(0)
                }
                guard let kept, kept >= counter else { return false }
            }
            return true
        case .keyAdded(let kid):
            let seq = try database.first("SELECT added FROM view_key WHERE kid = ?", .text(kid)) { $0.integer(0) }
            return (seq ?? 0) >= fact.seq
        case .keyRevoked(let kid):
            let seq = try database.first(
                "SELECT revoked FROM view_key WHERE kid = ? AND revoked IS NOT NULL", .text(kid)
            ) { $0.integer(0) }
            return (seq ?? .max) <= fact.seq
        case .other: return true
        }
    }

    private func holdInterval(_ name: IntervalName, seq: Int64) throws(JournalError) -> Bool {
        let kept = try database.first(
            "SELECT revision, seq FROM view_interval WHERE meter = ? AND end = ? AND epoch = ?", .text(name.meter),
            .integer(name.end.milliseconds), .integer(name.epoch)
        ) { (revision: $0.integer(0), seq: $0.integer(1)) }
        guard let kept, kept.revision > name.revision || (kept.revision == name.revision && kept.seq == seq) else {
            return false
        }
        let newest = try database.first(
            "SELECT end FROM view_newest WHERE meter = ? AND epoch = ?", .text(name.meter), .integer(name.epoch)
        ) { $0.integer(0) }
        return (newest ?? .min) >= name.end.milliseconds
    }
}

/// What a record says that some view keeps.
struct Fact {
    /// By kind.
    enum Subject {
        case interval(IntervalName)
        case command(jti: String?, kid: String?, counter: Int64?)
        case keyAdded(kid: String)
        case keyRevoked(kid: String)
        case other
    }

    var seq: Int64
    var subject: Subject

    /// - Parameter object: the record's data; asked for only where a view needs it.
    init(
        seq: Int64, _ kind: JournalKind?, key: String, object: () throws(JournalError) -> JSONObject
    ) throws(JournalError) {
        self.seq = seq
        switch kind {
        case .interval:
            subject = IntervalName(key: key).map { .interval($0) } ?? .other
        case .commandScheduled, .commandDone, .commandRefused:
            let data = try object()
            subject = .command(jti: data["jti"]?.string, kid: data["kid"]?.string, counter: data["ctr"]?.integer)
        case .keyAdded:
            subject = try object()["kid"]?.string.map { .keyAdded(kid: $0) } ?? .other
        case .keyRevoked:
            subject = try object()["kid"]?.string.map { .keyRevoked(kid: $0) } ?? .other
        default: subject = .other
        }
    }
}

extension StoredRecord {
    /// What the record says that some view keeps.
    var fact: Fact {
        get throws(JournalError) {
            try Fact(seq: seq, JournalKind(rawValue: kind), key: key) { () throws(JournalError) in try object() }
        }
    }
}

/// The parts of an interval's key, `interval/<serial>/<epoch>/<end>/<revision>` (contract §4).
struct IntervalName: Equatable {
    var meter: String
    var epoch: Int64
    var end: WallTime
    var revision: Int64

    /// Nil when the key is no interval's.
    init?(key: String) {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "interval", let epoch = Int64(parts[2]),
            let end = WallTime(text: String(parts[3])), let revision = Int64(parts[4])
        else { return nil }
        meter = String(parts[1])
        self.epoch = epoch
        self.end = end
        self.revision = revision
    }
}

extension Row {
    /// A row of `seq, at, kind, key, data`.
    var record: StoredRecord {
        StoredRecord(
            seq: integer(0), at: WallTime(milliseconds: integer(1)), kind: text(2), key: text(3), data: bytes(4))
    }
}
