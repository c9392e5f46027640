/// One XML fragment of a HAN adapter: a root and one level of children, in order.
public struct HanElement: Hashable, Sendable {
    /// The root's name as printed.
    public var name: String
    public var children: [Child]

    /// A child and its text.
    public struct Child: Hashable, Sendable {
        public var name: String
        public var text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    public init(name: String, children: [Child]) {
        self.name = name
        self.children = children
    }

    /// The text of the first child of this name, blanks around it removed; nil when there is none or it is empty.
    public func text(_ name: String) -> String? {
        guard let child = children.first(where: { $0.name == name }) else { return nil }
        let text = HanText.trimmed(child.text)
        return text.isEmpty ? nil : text
    }

    /// The texts of all children of this name.
    public func texts(_ name: String) -> [String] {
        children.filter { $0.name == name }.map { HanText.trimmed($0.text) }.filter { !$0.isEmpty }
    }
}

/// What stands between tags.
enum HanText {
    static func trimmed(_ text: String) -> String {
        let blanks: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        let rest = text.utf8.drop(while: blanks)
        guard let last = rest.lastIndex(where: { !blanks($0) }) else { return "" }
        return String(Substring(rest[...last]))
    }

    /// Windows-1252, the adapters' character set, with XML's entities resolved.
    static func decode(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "&"), let (scalar, length) = entity(bytes[index...]) {
                text.append(scalar)
                index += length
            } else {
                text.append(scalar(bytes[index]))
                index += 1
            }
        }
        return String(text)
    }

    private static let names: [(name: String, scalar: Unicode.Scalar)] = [
        ("lt", "<"), ("gt", ">"), ("amp", "&"), ("quot", "\""), ("apos", "'"),
    ]

    private static func entity(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
        guard let end = bytes.prefix(10).firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = String(decoding: bytes[(bytes.startIndex + 1)..<end], as: UTF8.self)
        let length = end - bytes.startIndex + 1
        if let known = names.first(where: { $0.name == name }) { return (known.scalar, length) }
        guard name.hasPrefix("#") else { return nil }
        let number = name.dropFirst()
        let code = number.first == "x" ? UInt32(number.dropFirst(), radix: 16) : UInt32(number)
        // Control characters have no business in a text that people will see.
        guard let code, code >= 0x20, let scalar = Unicode.Scalar(code) else { return nil }
        return (scalar, length)
    }

    /// The scalars of 0x80…0x9F; 0 where Windows-1252 has none.
    private static let upper: [UInt32] = [
        0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
        0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E,
        0x0178,
    ]

    private static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        guard (0x80...0x9F).contains(byte) else { return Unicode.Scalar(byte) }
        return Unicode.Scalar(upper[Int(byte - 0x80)]).flatMap { $0.value == 0 ? nil : $0 } ?? "\u{FFFD}"
    }
}
