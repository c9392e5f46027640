/// A value as `StateCoding` takes it apart.
enum StateNode: Sendable {
    case null
    case bool(Bool)
    case integer(Int128)
    case text(String)
    case bytes([UInt8])
    case items([StateNode])
    case members([(name: String, value: StateNode)])

    /// Deeper than any state is nested; a damaged file must not exhaust the stack.
    private static let deepest = 64

    // MARK: Bytes

    /// Appends a tag and what belongs to it.
    func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(0)
        case .bool(let flag): bytes.append(flag ? 2 : 1)
        case .integer(let number):
            bytes.append(3)
            Self.write(Self.folded(number), to: &bytes)
        case .text(let text):
            bytes.append(4)
            Self.write(text, to: &bytes)
        case .bytes(let content):
            bytes.append(7)
            Self.write(UInt128(content.count), to: &bytes)
            bytes += content
        case .items(let items):
            bytes.append(5)
            Self.write(UInt128(items.count), to: &bytes)
            for item in items { item.write(to: &bytes) }
        case .members(let members):
            bytes.append(6)
            Self.write(UInt128(members.count), to: &bytes)
            for member in members {
                Self.write(member.name, to: &bytes)
                member.value.write(to: &bytes)
            }
        }
    }

    /// The sign goes into the lowest bit, so that small numbers are short either way.
    static func folded(_ number: Int128) -> UInt128 { UInt128(bitPattern: (number << 1) ^ (number >> 127)) }

    static func unfolded(_ number: UInt128) -> Int128 {
        Int128(bitPattern: number >> 1) ^ -Int128(bitPattern: number & 1)
    }

    static func write(_ number: UInt128, to bytes: inout [UInt8]) {
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        write(UInt128(text.utf8.count), to: &bytes)
        bytes += text.utf8
    }

    /// Reads what `write` wrote, all of it; nil when it is anything else.
    init?(bytes: [UInt8]) {
        var rest = bytes[...]
        guard let node = Self.read(&rest, depth: 0), rest.isEmpty else { return nil }
        self = node
    }

    private static func read(_ bytes: inout ArraySlice<UInt8>, depth: Int) -> StateNode? {
        guard depth < deepest, let tag = bytes.popFirst() else { return nil }
        switch tag {
        case 0: return .null
        case 1: return .bool(false)
        case 2: return .bool(true)
        case 3:
            guard let number = readNumber(&bytes) else { return nil }
            return .integer(unfolded(number))
        case 4: return readText(&bytes).map { .text($0) }
        case 5:
            guard let count = readCount(&bytes) else { return nil }
            var items: [StateNode] = []
            items.reserveCapacity(count)
            for _ in 0..<count {
                guard let item = read(&bytes, depth: depth + 1) else { return nil }
                items.append(item)
            }
            return .items(items)
        case 6:
            guard let count = readCount(&bytes) else { return nil }
            var members: [(name: String, value: StateNode)] = []
            members.reserveCapacity(count)
            for _ in 0..<count {
                guard let name = readText(&bytes), let value = read(&bytes, depth: depth + 1) else { return nil }
                members.append((name, value))
            }
            return .members(members)
        case 7:
            guard let count = readCount(&bytes) else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return .bytes(Array(bytes.prefix(count)))
        default: return nil
        }
    }

    static func readNumber(_ bytes: inout ArraySlice<UInt8>) -> UInt128? {
        var number: UInt128 = 0
        for shift in stride(from: 0, through: 126, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= UInt128(byte & 0x7F) << UInt128(shift)
            if byte < 0x80 { return number }
        }
        return nil
    }

    /// Never more than there are bytes: nothing is reserved for a count that cannot be true.
    private static func readCount(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard let number = readNumber(&bytes), number <= UInt128(bytes.count) else { return nil }
        return Int(number)
    }

    private static func readText(_ bytes: inout ArraySlice<UInt8>) -> String? {
        guard let count = readCount(&bytes) else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return String(validating: bytes.prefix(count), as: UTF8.self)
    }
}
