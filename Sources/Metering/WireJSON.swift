/// JSON as other people's servers write and expect it: numbers with fractions, kept as they are written. For what
/// they send us it is lenient where `JSONReader` is strict, but as bounded: depth 32, valid UTF-8.
public indirect enum WireJSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As written: `9.9`, `12`, `1e3`.
    case number(String)
    case string(String)
    case array([WireJSON])
    case object([WireMember])

    /// The member `name` of an object, the first of that name; nil when this is no object or has none.
    public subscript(name: String) -> WireJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    public var array: [WireJSON]? { if case .array(let items) = self { items } else { nil } }
    public var isObject: Bool { if case .object = self { true } else { false } }
    public var isNull: Bool { self == .null }

    /// A text, or a number as its text: for ids that changed their type between versions.
    public var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    /// A whole number, also when it is written as a text.
    public var integer: Int64? { text.flatMap { Int64($0) } }

    /// A decimal number, also when it is written as a text.
    public var decimal: DecimalValue? { text.flatMap { DecimalValue(text: $0) } }

    /// The same in the vocabulary of the contract: numbers that are no whole numbers become texts.
    public var value: JSONValue {
        switch self {
        case .null: .null
        case .bool(let flag): .bool(flag)
        case .number(let text): Int64(text).map { .integer($0) } ?? .string(text)
        case .string(let text): .string(text)
        case .array(let items): .array(items.map(\.value))
        case .object(let members): .object(Self.object(members))
        }
    }

    private static func object(_ members: [WireMember]) -> JSONObject {
        var object = JSONObject()
        for member in members { object[member.name] = member.value.value }
        return object
    }

    /// The same on the wire.
    public init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .number(String(number))
        case .string(let text): self = .string(text)
        case .array(let items): self = .array(items.map { WireJSON($0) })
        case .object(let object): self = .object(object.members.map { WireMember($0.name, WireJSON($0.value)) })
        }
    }

    /// Compact bytes.
    public var bytes: [UInt8] {
        var writer = JSONWriter()
        write(&writer)
        return writer.bytes
    }

    private func write(_ writer: inout JSONWriter) {
        switch self {
        case .null: writer.raw("null")
        case .bool(let flag): writer.raw(flag ? "true" : "false")
        case .number(let text): writer.raw(Array(text.utf8))
        case .string(let text): writer.write(text)
        case .array(let items):
            writer.raw("[")
            for (index, item) in items.enumerated() {
                if index > 0 { writer.raw(",") }
                item.write(&writer)
            }
            writer.raw("]")
        case .object(let members):
            writer.raw("{")
            for (index, member) in members.enumerated() {
                if index > 0 { writer.raw(",") }
                writer.write(member.name)
                writer.raw(":")
                member.value.write(&writer)
            }
            writer.raw("}")
        }
    }
}

/// A member of an object on the wire.
public struct WireMember: Hashable, Sendable {
    public var name: String
    public var value: WireJSON

    public init(_ name: String, _ value: WireJSON) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, _ text: String) { self.init(name, .string(text)) }
}
