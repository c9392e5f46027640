import Metering

/// One argument of a command.
public struct ArgumentSpec: Sendable {
    public var name: String
    public var type: ArgumentType
    public var isRequired: Bool
    /// One phrase for people, with the unit.
    public var summary: String

    /// An argument, required unless said otherwise.
    public init(_ name: String, _ type: ArgumentType, isRequired: Bool = true, _ summary: String) {
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.summary = summary
    }

    /// The argument as `command show` and the schema print it.
    public var json: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "required": .bool(isRequired), "summary": .string(summary),
            "must_be": .string(type.description),
        ]
        for (name, value) in type.schema.members { object[name] = value }
        return .object(object)
    }
}

/// What an argument's value may be.
public enum ArgumentType: Sendable {
    case integer(ClosedRange<Int64>)
    case flag
    /// UTF-8 text, length in bytes.
    case text(ClosedRange<Int>)
    /// An id that may name a box, a unit or a key.
    case name
    case oneOf([String])
    /// Strict base64 with padding of exactly so many bytes.
    case base64(bytes: Int)
    /// An object of one or more channels, each with a whole number from 0 to 2⁵³−1.
    case channelValues

    /// Whether a value is allowed.
    public func accepts(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.integer(let range), .integer(let number)): range.contains(number)
        case (.flag, .bool): true
        case (.text(let length), .string(let text)): length.contains(text.utf8.count)
        case (.name, .string(let text)): Identifier.isValidName(text)
        case (.oneOf(let words), .string(let word)): words.contains(word)
        case (.base64(let count), .string(let text)): StrictBase64.bytes(text)?.count == count
        case (.channelValues, .object(let values)):
            !values.members.isEmpty
                && values.members.allSatisfy { name, value in
                    Channel(rawValue: name) != nil
                        && value.integer.map { (0...9_007_199_254_740_991).contains($0) } ?? false
                }
        default: false
        }
    }

    /// What is allowed, in words that complete "must be …".
    public var description: String {
        switch self {
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .flag: "true or false"
        case .text(let length): "a text of \(length.lowerBound) to \(length.upperBound) bytes"
        case .name: "a name of 1 to 64 characters A-Z a-z 0-9 _ . -"
        case .oneOf(let words): "one of \(words.joined(separator: ", "))"
        case .base64(let count): "base64 of exactly \(count) bytes"
        case .channelValues: "an object of channels with whole numbers, such as {\"import_wh\": 12345678}"
        }
    }

    /// JSON Schema keywords for the value.
    public var schema: JSONObject {
        switch self {
        case .integer(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .flag: ["type": "boolean"]
        case .text(let length):
            [
                "type": "string", "minLength": .integer(Int64(length.lowerBound)),
                "maxLength": .integer(Int64(length.upperBound)),
            ]
        case .name: ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"]
        case .oneOf(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .base64(let count):
            [
                "type": "string", "contentEncoding": "base64", "minLength": .integer(Int64((count + 2) / 3 * 4)),
                "maxLength": .integer(Int64((count + 2) / 3 * 4)),
            ]
        case .channelValues:
            [
                "type": "object", "minProperties": 1,
                "propertyNames": ["enum": .array(Channel.allCases.map { .string($0.rawValue) })],
                "additionalProperties": ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991],
            ]
        }
    }
}

/// Why arguments are no arguments of a command.
public struct ArgumentFault: Error, Hashable, Sendable {
    /// The argument's name, or `unknown_member`.
    public var argument: String
    /// For people; it never repeats text of the sender.
    public var message: String

    /// A fault of one argument.
    public init(argument: String, message: String) {
        self.argument = argument
        self.message = message
    }
}

/// Base64 of RFC 4648 with padding, one text for every value. The pure layers cannot see `Crypto`.
enum StrictBase64 {
    static func bytes(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { return nil }
        let padding = characters.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        for character in characters.dropLast(padding) {
            guard let digit = value(of: character) else { return nil }
            bits = bits << 6 | digit
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        // Bits left over must be zero, or two texts would mean the same bytes.
        return bits & (1 << held - 1) == 0 ? bytes : nil
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - 65)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - 97 + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - 48 + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
