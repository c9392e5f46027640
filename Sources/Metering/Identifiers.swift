/// The number on a meter's plate, as text: 1…32 of `A-Z a-z 0-9 . -`.
public struct MeterSerial: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public let text: String

    /// Nil unless the text is 1…32 of `A-Z a-z 0-9 . -`.
    public init?(_ text: String) {
        guard (1...32).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.text = text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    public static func < (left: MeterSerial, right: MeterSerial) -> Bool { left.text < right.text }
    public var description: String { text }
}

/// The configured name of one physical wire and its single master, such as `a`.
public struct PortID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let name: String
    public init(_ name: String) { self.name = name }
    public static func < (left: PortID, right: PortID) -> Bool { left.name < right.name }
    public var description: String { name }
}

/// Modbus unit id on a shared wire, 1…247 on a serial line, 0…255 behind a gateway.
public struct UnitAddress: Hashable, Comparable, Sendable {
    public let number: UInt8
    public init(_ number: UInt8) { self.number = number }
    public static func < (left: UnitAddress, right: UnitAddress) -> Bool { left.number < right.number }
}

/// Ids in commands and topics: `[A-Za-z0-9_.:-]{1,64}` (contract, conventions).
public enum Identifier {
    /// Whether `text` may be used as an id.
    public static func isValid(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Whether `text` may name a box, a unit or a key: an id that also is one MQTT topic level and one file name.
    public static func isValidName(_ text: String) -> Bool {
        isValid(text) && !text.utf8.contains(UInt8(ascii: ":")) && text != "." && text != ".."
    }
}
