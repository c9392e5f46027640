/// Takes values apart into bytes and puts them together again, field by field as the compiler knows them: for what a
/// program keeps for itself from one run to the next. No format for anybody else.
public enum StateCoding {
    /// The bytes of a value.
    public static func write(_ value: some Encodable) throws(StateFault) -> [UInt8] {
        var bytes: [UInt8] = []
        try StateBuilder.node(of: value).write(to: &bytes)
        return bytes
    }

    /// The value that `write` took apart; fails when the bytes are not those of such a value.
    public static func read<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(StateFault) -> Value {
        guard let node = StateNode(bytes: bytes) else { throw StateFault("the bytes are damaged") }
        return try StateSource(node: node).value(type)
    }
}

/// Bytes that are no state of the wanted type, or a value that cannot be written.
public struct StateFault: Error, Hashable, Sendable {
    public let why: String

    init(_ why: String) { self.why = why }
}

/// The values that have a node of their own.
protocol StatePrimitive {
    var node: StateNode { get }
    init?(node: StateNode)
}

extension StatePrimitive where Self: FixedWidthInteger {
    var node: StateNode { .integer(Int128(self)) }

    init?(node: StateNode) {
        guard case .integer(let number) = node else { return nil }
        self.init(exactly: number)
    }
}

extension Int: StatePrimitive {}
extension Int8: StatePrimitive {}
extension Int16: StatePrimitive {}
extension Int32: StatePrimitive {}
extension Int64: StatePrimitive {}
extension Int128: StatePrimitive {}
extension UInt: StatePrimitive {}
extension UInt8: StatePrimitive {}
extension UInt16: StatePrimitive {}
extension UInt32: StatePrimitive {}
extension UInt64: StatePrimitive {}

extension Bool: StatePrimitive {
    var node: StateNode { .bool(self) }

    init?(node: StateNode) {
        guard case .bool(let flag) = node else { return nil }
        self = flag
    }
}

extension String: StatePrimitive {
    var node: StateNode { .text(self) }

    init?(node: StateNode) {
        guard case .text(let text) = node else { return nil }
        self = text
    }
}
