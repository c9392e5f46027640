/// Many numbers, kept as bytes.
public struct PackedNumbers: Hashable, Codable, Sendable, StatePrimitive {
    public var numbers: [Int64]

    /// The numbers, in order.
    public init(_ numbers: [Int64]) { self.numbers = numbers }

    var node: StateNode {
        var bytes: [UInt8] = []
        for number in numbers { StateNode.write(StateNode.folded(Int128(number)), to: &bytes) }
        return .bytes(bytes)
    }

    init?(node: StateNode) {
        guard case .bytes(let bytes) = node else { return nil }
        var rest = bytes[...]
        numbers = []
        while !rest.isEmpty {
            guard let number = StateNode.readNumber(&rest).flatMap({ Int64(exactly: StateNode.unfolded($0)) }) else {
                return nil
            }
            numbers.append(number)
        }
    }
}
