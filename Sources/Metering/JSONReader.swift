/// The one reader of JSON from outside: strict, bounded, and with a place for every complaint.
///
/// Refused beside everything RFC 8259 refuses: duplicate names, fractions and exponents, `-0`, integers beyond
/// 64 bits, depth over 16, lone surrogates, invalid UTF-8, anything after the value.
public struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads one value that fills `bytes` (white space around it is allowed).
    public static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes)
        reader.skipSpace()
        let value = try reader.value()
        reader.skipSpace()
        guard reader.index == bytes.count else { throw reader.error(.trailing) }
        return value
    }

    /// Reads the UTF-8 bytes of a text.
    public static func read(_ text: String) throws(JSONError) -> JSONValue { try read(Array(text.utf8)) }

    private func error(_ problem: JSONError.Problem) -> JSONError { JSONError(problem: problem, offset: index) }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[index]) { index += 1 }
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func value() throws(JSONError) -> JSONValue {
        guard let next else { throw error(.truncated) }
        switch next {
        case UInt8(ascii: "{"): return try nested { reader throws(JSONError) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSONError) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
        default: throw error(.unexpected)
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        depth += 1
        guard depth <= 16 else { throw error(.depth) }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[index...].starts(with: expected) else { throw error(.unexpected) }
        index += expected.count
        return value
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        index += 1
        var object = JSONObject()
        var names: Set<String> = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            index += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error(next == nil ? .truncated : .unexpected) }
            let name = try string()
            guard names.insert(name).inserted else { throw error(.duplicate(name)) }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            object.appendUnchecked(name, try value())
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "}"))
            return .object(object)
        }
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        index += 1
        var items: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            index += 1
            return .array(items)
        }
        while true {
            skipSpace()
            items.append(try value())
            skipSpace()
            if next == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "]"))
            return .array(items)
        }
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard let next else { throw error(.truncated) }
        guard next == byte else { throw error(.unexpected) }
        index += 1
    }

    private mutating func integer() throws(JSONError) -> Int64 {
        let start = index
        let negative = next == UInt8(ascii: "-")
        if negative { index += 1 }
        let firstDigit = index
        while let digit = next, (48...57).contains(digit) { index += 1 }
        let digits = bytes[firstDigit..<index]
        guard !digits.isEmpty else { throw error(.unexpected) }
        if let mark = next, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(mark) {
            throw error(.fraction)
        }
        if digits.first == 48, digits.count > 1 || negative { throw error(.unexpected) }
        guard let number = Int64(String(decoding: bytes[start..<index], as: UTF8.self)) else { throw error(.range) }
        return number
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw error(.encoding) }
                index += 1
                return string
            case 0..<0x20: throw error(.unexpected)
            case UInt8(ascii: "\\"): try escape(into: &text)
            default:
                text.append(byte)
                index += 1
            }
        }
        throw error(.truncated)
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        index += 1
        guard let mark = next else { throw error(.truncated) }
        index += 1
        switch mark {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(mark)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexUnit()
            if (0xD800...0xDBFF).contains(code) {
                guard next == UInt8(ascii: "\\"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "u") else {
                    throw error(.surrogate)
                }
                index += 2
                let low = try hexUnit()
                guard (0xDC00...0xDFFF).contains(low) else { throw error(.surrogate) }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error(.surrogate) }
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: throw error(.unexpected)
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw error(.truncated) }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw error(.unexpected) }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }
}

/// What is wrong with a JSON text, and at which byte.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The kinds of complaint.
    public enum Problem: Equatable, Sendable {
        case truncated, unexpected, trailing, depth, fraction, range, encoding, surrogate
        case duplicate(String)
    }

    public var problem: Problem
    public var offset: Int

    public var description: String {
        let what =
            switch problem {
            case .truncated: "the text ends inside a value"
            case .unexpected: "a character that JSON does not allow here"
            case .trailing: "something stands after the value"
            case .depth: "nested deeper than 16"
            case .fraction: "a number with a fraction or an exponent; only integers are allowed"
            case .range: "an integer beyond 64 bits"
            case .encoding: "a string that is not UTF-8"
            case .surrogate: "half of a surrogate pair"
            case .duplicate(let name): "the name \"\(name)\" stands twice in one object"
            }
        return "\(what) (byte \(offset))"
    }
}
