/// The 64-bit hardware address of a radio on the home area network, as 16 lower-case hexadecimal digits, most
/// significant byte first.
public struct EUI64: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 16 lower-case hexadecimal digits.
    public let text: String

    /// Reads 16 digits of either case, with or without `0x` and with `:`, `-` or blanks between them. Nil for any other
    /// length, and for all zeros or all ones, which no device has.
    public init?(_ text: String) {
        var digits = text.utf8.filter { ![UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: " ")].contains($0) }[...]
        if digits.starts(with: "0x".utf8) || digits.starts(with: "0X".utf8) { digits = digits.dropFirst(2) }
        guard digits.count == 16 else { return nil }
        var lower: [UInt8] = []
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): lower.append(digit)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): lower.append(digit | 0x20)
            default: return nil
            }
        }
        guard lower.contains(where: { $0 != UInt8(ascii: "0") }), lower.contains(where: { $0 != UInt8(ascii: "f") })
        else { return nil }
        self.text = String(decoding: lower, as: UTF8.self)
    }

    /// `AA:BB:CC:DD:EE:FF:00:11`: the way labels and some head ends write it.
    public var separated: String {
        var parts: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            parts.append(rest.prefix(2).uppercased())
            rest = rest.dropFirst(2)
        }
        return parts.joined(separator: ":")
    }

    public static func < (left: EUI64, right: EUI64) -> Bool { left.text < right.text }
    public var description: String { text }
}
