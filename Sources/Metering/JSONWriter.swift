/// Writes JSON bytes. Text is escaped exactly as Python's `json.dumps(…, ensure_ascii=False)` does it, because the
/// journal's hash is defined over those bytes (contract §4).
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Empties the buffer and keeps its memory.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Compact JSON in the members' own order.
    public static func compact(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(value, sorted: false)
        return writer.bytes
    }

    /// Compact JSON with members sorted by code point, at every depth: the canonical bytes of contract §4.
    public static func canonical(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(value, sorted: true)
        return writer.bytes
    }

    /// Appends a value.
    public mutating func write(_ value: JSONValue, sorted: Bool) {
        switch value {
        case .null: raw("null")
        case .bool(let flag): raw(flag ? "true" : "false")
        case .integer(let number): write(number)
        case .string(let text): write(text)
        case .array(let items):
            byte("[")
            for (index, item) in items.enumerated() {
                if index > 0 { byte(",") }
                write(item, sorted: sorted)
            }
            byte("]")
        case .object(let object): write(object, sorted: sorted)
        }
    }

    /// Appends an object.
    public mutating func write(_ object: JSONObject, sorted: Bool) {
        let members = object.members
        byte("{")
        if sorted, members.count > 1 {
            withUnsafeTemporaryAllocation(of: Int.self, capacity: members.count) { order in
                Self.sort(members, into: order)
                for (index, place) in order.enumerated() { write(members[place], isFirst: index == 0, sorted: true) }
            }
        } else {
            for (index, member) in members.enumerated() { write(member, isFirst: index == 0, sorted: sorted) }
        }
        byte("}")
    }

    private mutating func write(_ member: (name: String, value: JSONValue), isFirst: Bool, sorted: Bool) {
        if !isFirst { byte(",") }
        write(member.name)
        byte(":")
        write(member.value, sorted: sorted)
    }

    /// The members' places in the order of their names. Objects are small, and mostly in order already.
    private static func sort(
        _ members: [(name: String, value: JSONValue)], into order: UnsafeMutableBufferPointer<Int>
    ) {
        // UTF-8 bytes sort as code points do; Swift's own `<` compares by canonical equivalence.
        func precedes(_ left: Int, _ right: Int) -> Bool {
            members[left].name.utf8.lexicographicallyPrecedes(members[right].name.utf8)
        }
        guard members.count <= 64 else {
            _ = order.initialize(from: members.indices.sorted(by: precedes))
            return
        }
        for place in members.indices {
            var free = place
            while free > 0, precedes(place, order[free - 1]) {
                order[free] = order[free - 1]
                free -= 1
            }
            order[free] = place
        }
    }

    /// Appends an integer.
    public mutating func write(_ number: Int64) {
        // Nineteen digits and the sign.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = number.magnitude
            var start = digits.count
            repeat {
                start -= 1
                digits[start] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            bytes.append(contentsOf: digits[start...])
        }
    }

    /// Appends a string with its quotes.
    public mutating func write(_ text: String) {
        byte("\"")
        let isWritten: Void? = text.utf8.withContiguousStorageIfAvailable { utf8 in
            if Self.isPlain(utf8) { bytes.append(contentsOf: utf8) } else { for unit in utf8 { write(unit: unit) } }
        }
        if isWritten == nil { for unit in text.utf8 { write(unit: unit) } }
        byte("\"")
    }

    /// Whether no byte must be escaped. It looks at all of them, which the compiler does many at a time.
    private static func isPlain(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        var special = 0
        for unit in utf8 {
            special &+= unit < 0x20 || unit == UInt8(ascii: "\"") || unit == UInt8(ascii: "\\") ? 1 : 0
        }
        return special == 0
    }

    private mutating func write(unit: UInt8) {
        switch unit {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        case 0x08: raw("\\b")
        case 0x0C: raw("\\f")
        case 0..<0x20:
            raw("\\u00")
            bytes.append(Self.hexDigits[Int(unit >> 4)])
            bytes.append(Self.hexDigits[Int(unit & 15)])
        default: bytes.append(unit)
        }
    }

    /// Appends text that already is JSON.
    public mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends bytes that already are JSON.
    public mutating func raw(_ json: [UInt8]) { bytes.append(contentsOf: json) }

    private mutating func byte(_ mark: Unicode.Scalar) { bytes.append(UInt8(ascii: mark)) }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
