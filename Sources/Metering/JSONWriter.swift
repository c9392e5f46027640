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
        case .object(let object):
            // UTF-8 bytes sort as code points do; Swift's own `<` compares by canonical equivalence.
            let members =
                sorted
                ? object.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } : object.members
            byte("{")
            for (index, member) in members.enumerated() {
                if index > 0 { byte(",") }
                write(member.name)
                byte(":")
                write(member.value, sorted: sorted)
            }
            byte("}")
        }
    }

    /// Appends an integer.
    public mutating func write(_ number: Int64) {
        if number == 0 {
            bytes.append(48)
            return
        }
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = bytes.count
        while rest > 0 {
            bytes.append(48 + UInt8(rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
    }

    /// Appends a string with its quotes.
    public mutating func write(_ text: String) {
        byte("\"")
        for unit in text.utf8 {
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
        byte("\"")
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
