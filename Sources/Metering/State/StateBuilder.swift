/// Gathers the nodes of one value while it takes itself apart.
final class StateBuilder: Encoder {
    private enum Content {
        case nothing
        case single(StateNode)
        case items([StateBuilder])
        case members([(name: String, value: StateBuilder)])
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var content = Content.nothing

    static func node(of value: some Encodable) throws(StateFault) -> StateNode {
        let builder = StateBuilder()
        try builder.set(value)
        return builder.node
    }

    /// What was gathered. Members are in order of name: dictionaries have none of their own.
    var node: StateNode {
        switch content {
        case .nothing: .null
        case .single(let node): node
        case .items(let items): .items(items.map(\.node))
        case .members(let members):
            .members(members.sorted { $0.name < $1.name }.map { ($0.name, $0.value.node) })
        }
    }

    func set<Value: Encodable>(_ value: Value) throws(StateFault) {
        if let primitive = value as? any StatePrimitive {
            content = .single(primitive.node)
            return
        }
        do { try value.encode(to: self) } catch {
            throw error as? StateFault ?? StateFault("\(Value.self): \(error)")
        }
    }

    fileprivate func addItem() -> StateBuilder {
        let item = StateBuilder()
        if case .items(var items) = content {
            content = .nothing
            items.append(item)
            content = .items(items)
        } else {
            content = .items([item])
        }
        return item
    }

    fileprivate func addMember(_ name: String) -> StateBuilder {
        let member = StateBuilder()
        if case .members(var members) = content {
            content = .nothing
            members.append((name, member))
            content = .members(members)
        } else {
            content = .members([(name, member)])
        }
        return member
    }

    fileprivate var count: Int { if case .items(let items) = content { items.count } else { 0 } }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        content = .members([])
        return KeyedEncodingContainer(StateMembers<Key>(builder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        content = .items([])
        return StateItems(builder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { StateSingle(builder: self) }
}

private struct StateMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let builder: StateBuilder
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { _ = builder.addMember(key.stringValue) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws(StateFault) {
        try builder.addMember(key.stringValue).set(value)
    }

    /// The protocol's own version of it refuses.
    func encode(_ value: Int128, forKey key: Key) throws(StateFault) {
        try builder.addMember(key.stringValue).set(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        builder.addMember(key.stringValue).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        builder.addMember(key.stringValue).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { builder.addMember("super") }
    func superEncoder(forKey key: Key) -> any Encoder { builder.addMember(key.stringValue) }
}

private struct StateItems: UnkeyedEncodingContainer {
    let builder: StateBuilder
    var codingPath: [any CodingKey] { [] }
    var count: Int { builder.count }

    func encodeNil() { _ = builder.addItem() }
    func encode<Value: Encodable>(_ value: Value) throws(StateFault) { try builder.addItem().set(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        builder.addItem().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { builder.addItem().unkeyedContainer() }
    func superEncoder() -> any Encoder { builder.addItem() }
}

private struct StateSingle: SingleValueEncodingContainer {
    let builder: StateBuilder
    var codingPath: [any CodingKey] { [] }

    func encodeNil() {}

    func encode<Value: Encodable>(_ value: Value) throws(StateFault) {
        // It would come back here for ever: what is kept has no fractions.
        guard !(value is any BinaryFloatingPoint) else { throw StateFault("\(Value.self) is no state") }
        try builder.set(value)
    }
}
