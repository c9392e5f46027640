import Metering

extension JournalStore {
    /// Records `from...through`, ascending, at most `limit`.
    public func entries(from: Int64, through: Int64 = .max, limit: Int) throws(JournalError) -> [JournalEntry] {
        try database.rows(
            "SELECT seq, at, kind, key, data, hash FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
            .integer(from), .integer(through), .integer(Int64(limit))
        ) { (row) throws(JournalError) in try row.entry }
    }

    /// The same records as compact JSON, each as the `journal` topic and `ledger export` show it, without reading
    /// their data. Stops before `maxBytes` of JSON (a comma or line feed counted for each), but always gives one.
    public func lines(
        from: Int64, through: Int64 = .max, limit: Int, maxBytes: Int
    ) throws(JournalError) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var size = 0
        try database.each(
            "SELECT seq, at, kind, key, data, hash FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
            [.integer(from), .integer(through), .integer(Int64(limit))]
        ) { (row) throws(JournalError) in
            let line = row.record.json(hash: RecordHash(bytes: row.bytes(5)))
            size += line.count + 1
            guard lines.isEmpty || size <= maxBytes else { return false }
            lines.append(line)
            return true
        }
        return lines
    }

    /// One record; nil when it is not there.
    public func entry(seq: Int64) throws(JournalError) -> JournalEntry? {
        try database.first("SELECT seq, at, kind, key, data, hash FROM records WHERE seq = ?", .integer(seq)) {
            (row) throws(JournalError) in try row.entry
        }
    }

    /// The record with this key; nil when there is none.
    public func entry(key: String) throws(JournalError) -> JournalEntry? {
        try database.first("SELECT seq, at, kind, key, data, hash FROM records WHERE key = ?", .text(key)) {
            (row) throws(JournalError) in try row.entry
        }
    }

    /// Whether a record with this key is there: whether a business id was used.
    public func exists(key: String) throws(JournalError) -> Bool {
        try database.first("SELECT 1 FROM records WHERE key = ?", .text(key)) { $0.integer(0) } != nil
    }

    /// The newest `limit` records of some kinds after record `since`, ascending.
    /// - Parameter kinds: nil for all but intervals.
    public func events(
        kinds: [JournalKind]? = nil, since: Int64 = 0, limit: Int
    ) throws(JournalError) -> [JournalEntry] {
        var found: [Int64] = []
        for kind in JournalKind.allCases where kinds?.contains(kind) ?? (kind != .interval) {
            found += try newest(kind, since: since, limit: limit)
        }
        var entries: [JournalEntry] = []
        for seq in found.sorted().suffix(limit) {
            if let entry = try entry(seq: seq) { entries.append(entry) }
        }
        return entries
    }

    private func newest(_ kind: JournalKind, since: Int64, limit: Int) throws(JournalError) -> [Int64] {
        // The index leaves intervals out; they are dense, so their newest are found by walking back.
        let index = kind == .interval ? "" : "AND kind <> 'interval'"
        return try database.rows(
            "SELECT seq FROM records WHERE kind = ? \(index) AND seq > ? ORDER BY seq DESC LIMIT ?",
            .text(kind.rawValue), .integer(since), .integer(Int64(limit))
        ) { $0.integer(0) }
    }

    /// How many records of a kind there are.
    public func count(of kind: JournalKind) throws(JournalError) -> Int64 {
        let index = kind == .interval ? "" : "AND kind <> 'interval'"
        return try database.first("SELECT count(*) FROM records WHERE kind = ? \(index)", .text(kind.rawValue)) {
            $0.integer(0)
        } ?? 0
    }

    /// The newest revision of each of a meter's intervals whose end lies in `(from, to]`, by end and epoch.
    /// - Parameters:
    ///   - channel: only this channel's values; nil for all.
    ///   - limit: stops after the end that reaches it; go on from the last end.
    public func intervals(
        meter: MeterSerial, from: WallTime, to: WallTime, channel: Channel? = nil, limit: Int = 10_000
    ) throws(JournalError) -> [Interval] {
        var intervals: [Interval] = []
        try database.each(
            """
            SELECT r.seq, r.at, r.kind, r.key, r.data FROM view_interval AS v JOIN records AS r ON r.seq = v.seq
            WHERE v.meter = ? AND v.end > ? AND v.end <= ? ORDER BY v.end, v.epoch
            """, [.text(meter.text), .integer(from.milliseconds), .integer(to.milliseconds)]
        ) { (row) throws(JournalError) in
            var interval = try row.interval
            if intervals.count >= limit, interval.end != intervals.last?.end { return false }
            if let channel { interval.values.removeAll { $0.channel != channel } }
            intervals.append(interval)
            return true
        }
        return intervals
    }

    /// The newest statements about a meter's intervals that end after `from`, as far as a ledger of gaps needs them, by
    /// end and epoch: those that are not actual on every channel, the one before each, and the last of all. The others
    /// are not decoded: at a start there are ten thousand of them a meter.
    public func lackingIntervals(
        meter: MeterSerial, from: WallTime, _ take: (Interval) -> Void
    ) throws(JournalError) {
        var before: StoredRecord?
        try database.each(
            """
            SELECT r.seq, r.at, r.kind, r.key, r.data FROM view_interval AS v JOIN records AS r ON r.seq = v.seq
            WHERE v.meter = ? AND v.end > ? ORDER BY v.end, v.epoch
            """, [.text(meter.text), .integer(from.milliseconds)]
        ) { (row) throws(JournalError) in
            let record = row.record
            if record.isActual {
                before = record
                return true
            }
            if let known = before { take(try known.interval()) }
            before = nil
            take(try record.interval())
            return true
        }
        if let before { take(try before.interval()) }
    }

    /// The stored first answer to a command id; nil when the id was never consumed.
    public func answer(jti: String) throws(JournalError) -> StoredAnswer? {
        let seq = try database.first("SELECT seq FROM view_answer WHERE jti = ?", .text(jti)) { $0.integer(0) }
        guard let seq, let data = try entry(seq: seq)?.draft.data else { return nil }
        // A record without them still consumed the id: an empty hash fits no command, so a repeat is a conflict.
        return StoredAnswer(
            payloadHash: data["payload_sha256"]?.string ?? "", result: data["result"]?.object ?? JSONObject())
    }
}

extension Row {
    /// A row of `seq, at, kind, key, data, hash`.
    var entry: JournalEntry {
        get throws(JournalError) { try record.entry(hash: RecordHash(bytes: bytes(5))) }
    }

    /// A row of `seq, at, kind, key, data` of an interval record.
    var interval: Interval {
        get throws(JournalError) { try record.interval() }
    }
}

extension StoredRecord {
    /// Of an interval record.
    func interval() throws(JournalError) -> Interval {
        guard let interval = Interval(record: try object()) else { throw .corrupt("record \(seq) is no interval") }
        return interval
    }

    /// Whether every value of an interval record is flagged actual: by the canonical text, without decoding it. Within
    /// texts quotation marks are escaped, so nothing else looks like a flag.
    var isActual: Bool {
        data.withUnsafeBytes { bytes in
            let mark = StaticString("\"quality\":\"")
            let last = bytes.count - mark.utf8CodeUnitCount
            var index = 0
            while index < last {
                defer { index += 1 }
                guard bytes[index] == UInt8(ascii: "\"") else { continue }
                let isFlag = (1..<mark.utf8CodeUnitCount).allSatisfy { bytes[index + $0] == mark.utf8Start[$0] }
                if isFlag, bytes[index + mark.utf8CodeUnitCount] != UInt8(ascii: "A") { return false }
            }
            return true
        }
    }
}
