/// Puts one value together from its node.
struct StateSource: Decoder {
    let node: StateNode
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func value<Value: Decodable>(_ type: Value.Type) throws(StateFault) -> Value {
        if let primitive = type as? any StatePrimitive.Type {
            guard let value = primitive.init(node: node) as? Value else { throw StateFault("no \(type)") }
            return value
        }
        do { return try Value(from: self) } catch {
            throw error as? StateFault ?? StateFault("\(type): \(error)")
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws(StateFault) -> KeyedDecodingContainer<Key> {
        guard case .members(let members) = node else { throw StateFault("no members") }
        return KeyedDecodingContainer(StateMemberSource<Key>(members))
    }

    func unkeyedContainer() throws(StateFault) -> any UnkeyedDecodingContainer {
        guard case .items(let items) = node else { throw StateFault("no items") }
        return StateItemSource(items: items)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { StateSingleSource(source: self) }
}

private struct StateMemberSource<Key: CodingKey>: KeyedDecodingContainerProtocol {
    /// Looked up by name; the order of the names is `names`.
    private let members: [String: StateNode]
    private let names: [String]
    var codingPath: [any CodingKey] { [] }

    init(_ list: [(name: String, value: StateNode)]) {
        names = list.map(\.name)
        members = Dictionary(list.map { ($0.name, $0.value) }) { first, _ in first }
    }

    var allKeys: [Key] { names.compactMap { Key(stringValue: $0) } }

    private func source(_ key: Key) throws(StateFault) -> StateSource {
        guard let node = members[key.stringValue] else { throw StateFault("\(key.stringValue) is missing") }
        return StateSource(node: node)
    }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws(StateFault) -> Bool {
        if case .null = try source(key).node { true } else { false }
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws(StateFault) -> Value {
        try source(key).value(type)
    }

    /// The protocol's own version of it refuses.
    func decode(_ type: Int128.Type, forKey key: Key) throws(StateFault) -> Int128 { try source(key).value(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws(StateFault) -> KeyedDecodingContainer<Nested> {
        try source(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws(StateFault) -> any UnkeyedDecodingContainer {
        try source(key).unkeyedContainer()
    }

    func superDecoder() throws(StateFault) -> any Decoder { throw StateFault("nothing is inherited") }
    func superDecoder(forKey key: Key) throws(StateFault) -> any Decoder { try source(key) }
}

private struct StateItemSource: UnkeyedDecodingContainer {
    let items: [StateNode]
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex >= items.count }

    init(items: [StateNode]) { self.items = items }

    private mutating func next() throws(StateFault) -> StateSource {
        guard !isAtEnd else { throw StateFault("an item is missing") }
        defer { currentIndex += 1 }
        return StateSource(node: items[currentIndex])
    }

    mutating func decodeNil() throws(StateFault) -> Bool {
        guard !isAtEnd else { throw StateFault("an item is missing") }
        guard case .null = items[currentIndex] else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws(StateFault) -> Value { try next().value(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws(StateFault) -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws(StateFault) -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }

    mutating func superDecoder() throws(StateFault) -> any Decoder { try next() }
}

private struct StateSingleSource: SingleValueDecodingContainer {
    let source: StateSource
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { if case .null = source.node { true } else { false } }
    func decode<Value: Decodable>(_ type: Value.Type) throws(StateFault) -> Value { try source.value(type) }
}
