import Crypto
import Metering

/// What the agent needs to know at start.
extension JournalStore {
    /// The newest interval of each meter and epoch, by serial and epoch.
    public func newestIntervals() throws(JournalError) -> [Interval] {
        try database.rows(
            """
            SELECT r.seq, r.at, r.kind, r.key, r.data FROM view_newest AS v JOIN records AS r ON r.seq = v.seq
            ORDER BY v.meter, v.epoch
            """
        ) { (row) throws(JournalError) in try row.interval }
    }

    /// Keys added by command and not revoked since, by kid. A record that does not read as a key adds none.
    public func keysAdded() throws(JournalError) -> [SigningKey] {
        let seqs = try database.rows("SELECT added FROM view_key WHERE revoked IS NULL ORDER BY kid") { $0.integer(0) }
        var keys: [SigningKey] = []
        for seq in seqs {
            if let data = try entry(seq: seq)?.draft.data, let key = SigningKey(record: data) { keys.append(key) }
        }
        return keys
    }

    /// Kids revoked for ever, sorted: whatever the key folder holds.
    public func keysRevoked() throws(JournalError) -> [String] {
        try database.rows("SELECT kid FROM view_key WHERE revoked IS NOT NULL ORDER BY kid") { $0.text(0) }
    }

    /// The highest command counter accepted from each key, by kid.
    public func counters() throws(JournalError) -> [(kid: String, counter: Int64)] {
        try database.rows("SELECT kid, counter FROM view_counter ORDER BY kid") { ($0.text(0), $0.integer(1)) }
    }
}

extension SigningKey {
    /// The data of a `key.added` record: `{kid, role, key, units?, not_before?, not_after?}`.
    init?(record data: JSONObject) {
        guard let kid = data["kid"]?.string, let role = data["role"]?.string.flatMap(Role.init(rawValue:)),
            let key = data["key"]?.string, let bytes = try? Base64.bytes(key), bytes.count == 32,
            let notBefore = Self.time(data["not_before"]), let notAfter = Self.time(data["not_after"])
        else { return nil }
        var units: [String]?
        if let list = data["units"], list != .null {
            // A list that does not read must not become "all units".
            guard let items = list.array else { return nil }
            units = items.compactMap(\.string)
        }
        self.init(
            kid: kid, role: role, publicKey: bytes, notBefore: notBefore.time, notAfter: notAfter.time, units: units)
    }

    /// Integer seconds as in claims, or RFC 3339; nil when it is there and neither.
    private static func time(_ value: JSONValue?) -> (time: WallTime?, Void)? {
        switch value {
        case nil, .null: (nil, ())
        case .integer(let seconds) where seconds.magnitude < 1 << 53: (WallTime(seconds: seconds), ())
        case .string(let text): WallTime(text: text).map { ($0, ()) }
        default: nil
        }
    }
}
