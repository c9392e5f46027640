import Metering

/// The keys in force, those revoked for ever, and how far each key's counter has come. Everything is kept sorted by
/// kid.
struct KeyRing: Sendable {
    /// Most keys a box holds; a signer with the owner's key cannot fill the box's memory.
    static let capacity = 256

    private(set) var keys: [SigningKey]
    private(set) var revoked: [String]
    private(set) var counters: [KeyCounter]
    /// Added by command since the start: a reload of the key folder does not know them.
    private var added: [SigningKey] = []

    init(keys: [SigningKey], revoked: [String], counters: [KeyCounter]) {
        self.revoked = revoked.sorted()
        self.counters = counters.sorted { $0.kid < $1.kid }
        self.keys = keys.filter { !revoked.contains($0.kid) }.sorted { $0.kid < $1.kid }
    }

    func key(_ kid: String) -> SigningKey? { keys.first { $0.kid == kid } }

    func isRevoked(_ kid: String) -> Bool { revoked.contains(kid) }

    func counter(of kid: String) -> Int64 { counters.first { $0.kid == kid }?.counter ?? 0 }

    /// The counter of a key has risen.
    mutating func raise(_ kid: String, to counter: Int64) {
        if let index = counters.firstIndex(where: { $0.kid == kid }) {
            counters[index].counter = max(counters[index].counter, counter)
        } else {
            counters.append(KeyCounter(kid: kid, counter: counter))
            counters.sort { $0.kid < $1.kid }
        }
    }

    mutating func add(_ key: SigningKey) {
        added.append(key)
        insert(key)
    }

    mutating func revoke(_ kid: String) {
        keys.removeAll { $0.kid == kid }
        added.removeAll { $0.kid == kid }
        guard !isRevoked(kid) else { return }
        revoked.append(kid)
        revoked.sort()
    }

    /// Takes the keys of a new configuration; revoked ones stay revoked, those added by command stay.
    mutating func replace(with keys: [SigningKey]) {
        self.keys = keys.filter { !isRevoked($0.kid) }.sorted { $0.kid < $1.kid }
        for key in added { insert(key) }
    }

    private mutating func insert(_ key: SigningKey) {
        guard self.key(key.kid) == nil else { return }
        keys.append(key)
        keys.sort { $0.kid < $1.kid }
    }

    /// `key list`: kid, role, state, and what bounds the key.
    var json: JSONValue {
        let inForce = keys.map { key -> JSONValue in
            [
                "kid": .string(key.kid), "role": .string(key.role.rawValue), "state": "in_force",
                "not_before": JSONValue(key.notBefore?.textSeconds), "not_after": JSONValue(key.notAfter?.textSeconds),
                "units": key.units.map { .array($0.map { .string($0) }) } ?? .null,
                "counter": .integer(counter(of: key.kid)),
            ]
        }
        let gone = revoked.map { kid -> JSONValue in
            [
                "kid": .string(kid), "role": .null, "state": "revoked", "not_before": .null, "not_after": .null,
                "units": .null, "counter": .integer(counter(of: kid)),
            ]
        }
        return .array(inForce + gone)
    }
}
