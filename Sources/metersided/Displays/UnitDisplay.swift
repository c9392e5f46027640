/// The `display` of a unit.
struct UnitDisplay: Hashable, Sendable {
    var unit: String
    /// A character display device, a terminal, or a file.
    var path: String
}

/// What goes to a display so that it shows a page.
enum DisplayText {
    /// What the path turned out to be.
    enum Kind: Equatable {
        /// A character display (the kernel's charlcd driver).
        case characters
        case terminal
        /// A plain file, which holds the page and nothing else.
        case file
    }

    /// Takes the cursor and its blinking away: sequences of the kernel's charlcd driver.
    static let opening = Array("\u{1B}[Lc\u{1B}[Lb".utf8)

    /// Bytes that clear the display and write the lines from its home on.
    static func page(_ lines: [String], on kind: Kind) -> [UInt8] {
        switch kind {
        case .file: lines.flatMap { Array($0.utf8) + [0x0A] }
        case .terminal: clear + Array(lines.joined(separator: "\r\n").utf8)
        case .characters: clear + Array(lines.map(plain).joined(separator: "\n").utf8)
        }
    }

    /// Home after clear, because the driver's clear leaves the cursor where it was on some displays.
    private static let clear = Array("\u{1B}[2J\u{1B}[H".utf8)

    /// A character display has no other letters than ASCII at the same place on every one of them.
    private static func plain(_ line: String) -> String {
        String(line.unicodeScalars.map { $0.isASCII && $0.value >= 0x20 ? Character($0) : "?" })
    }
}
