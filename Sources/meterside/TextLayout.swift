/// Text for a terminal of 80 columns.
enum TextLayout {
    static let width = 80

    /// Without control characters: what a meter or a stranger wrote must not steer the terminal.
    static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // C0, DEL and C1; line and paragraph separators; marks that turn the direction of writing.
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// At most `width` characters; an ellipsis shows that something is missing.
    static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : String(text.prefix(max(width - 1, 0))) + "…"
    }

    /// Filled with blanks to `width`.
    static func padded(_ text: String, to width: Int, right: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(width - text.count, 0))
        return right ? blanks + text : text + blanks
    }

    /// Broken between words into lines of at most `width`; all but the first are indented. Blanks at the start stay.
    static func wrapped(_ text: String, indent: Int, width: Int = width) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = String(text.prefix { $0 == " " })
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty && line.count + 1 + word.count > width {
                lines.append(line)
                line = margin
                isEmpty = true
            }
            line += isEmpty ? String(word) : " " + word
            isEmpty = false
        }
        return lines + [line]
    }

    /// `2026-03-02 07:30:00Z` for a time of the contract; anything else as it is, and a dash for nothing.
    static func time(_ text: String?) -> String {
        guard let text else { return "-" }
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T"), bytes.last == UInt8(ascii: "Z") else {
            return clean(text)
        }
        return clean("\(text.prefix(10)) \(text.dropFirst(11).prefix(8))Z")
    }

    /// The same without seconds where there are none: `2026-03-02 07:30Z`.
    static func minute(_ text: String?) -> String {
        let text = time(text)
        return text.count == 20 && text.hasSuffix(":00Z") ? text.prefix(16) + "Z" : text
    }

    /// `1 fault`, `2 faults`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// An amount in micro-units with at least two decimals: 1200000 is `1.20`.
    static func money(micro: Int64) -> String {
        let whole = micro.magnitude / 1_000_000
        var fraction = padded(String(micro.magnitude % 1_000_000), to: 6, right: true).map { $0 == " " ? "0" : $0 }
        while fraction.count > 2, fraction.last == "0" { fraction.removeLast() }
        return "\(micro < 0 ? "-" : "")\(whole).\(String(fraction))"
    }
}
