/// One page of what a customer sees: a title and rows of a label and its value.
public struct UnitPage: Hashable, Sendable {
    /// One row; a text alone has no value.
    public struct Row: Hashable, Sendable {
        public var label: String
        public var value: String

        /// A row.
        public init(_ label: String, _ value: String = "") {
            self.label = label
            self.value = value
        }
    }

    public var title: String
    public var rows: [Row]

    /// A page.
    public init(_ title: String, _ rows: [Row]) {
        self.title = title
        self.rows = rows
    }

    /// Exactly `height` lines of exactly `width` characters, as a character display takes them; the title is a line
    /// of its own only where the rows leave room for it.
    public func lines(width: Int = 20, height: Int = 4) -> [String] {
        var lines = rows.flatMap { Self.lines($0, width: width) }
        if lines.count < height { lines.insert(title, at: 0) }
        lines = lines.prefix(height).map { Self.filled($0, to: width) }
        while lines.count < height { lines.append(Self.filled("", to: width)) }
        return lines
    }

    /// The page for a terminal: its title and its rows, none wider than `width`.
    public func terminalLines(width: Int) -> [String] {
        let body = rows.filter { !$0.label.isEmpty }.flatMap { Self.lines($0, width: width - 2) }
        return [title] + body.map { "  " + $0 }
    }

    /// Label and value with blanks between; a text without a value is broken between words.
    private static func lines(_ row: Row, width: Int) -> [String] {
        guard !row.value.isEmpty else { return broken(row.label, width: width) }
        let room = width - row.value.count - 1
        let label = row.label.count <= room ? row.label : String(row.label.prefix(max(room, 0)))
        let blanks = String(repeating: " ", count: max(width - label.count - row.value.count, 0))
        return [String((label + blanks + row.value).prefix(width))]
    }

    /// Broken between words; a longer word is cut into pieces.
    static func broken(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            var word = word
            if !line.isEmpty, line.count + 1 + word.count <= width {
                line += " " + word
                continue
            }
            if !line.isEmpty { lines.append(line) }
            while word.count > width {
                lines.append(String(word.prefix(width)))
                word = word.dropFirst(width)
            }
            line = String(word)
        }
        return lines + [line]
    }

    private static func filled(_ text: String, to width: Int) -> String {
        let text = String(text.prefix(width))
        return text + String(repeating: " ", count: width - text.count)
    }
}
