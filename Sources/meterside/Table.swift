/// Rows and columns that fit the terminal.
struct Table {
    /// A column's title and shape.
    struct Column {
        var title: String
        /// Numbers stand at the right.
        var isRight = false
        /// Gives way when the table is too wide: its longest cells end with an ellipsis.
        var isFlexible = false

        static func left(_ title: String) -> Column { Column(title: title) }
        static func right(_ title: String) -> Column { Column(title: title, isRight: true) }
        static func flexible(_ title: String) -> Column { Column(title: title, isFlexible: true) }
    }

    /// What a cell says about its matter; shown as colour where colours are shown.
    enum Tone: String {
        case good = "32"
        case doubtful = "33"
        case bad = "31"

        /// The tone of a state word of the contract.
        init?(state: String) {
            switch state {
            case "ok", "live", "trusted", "connected", "online": self = .good
            case "degraded", "warning", "untrusted", "disconnected", "unconfigured", "silent", "armed":
                self = .doubtful
            case "fault", "safe", "mismatch", "refused", "failed", "rejected": self = .bad
            default: return nil
            }
        }

        func paint(_ text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
    }

    /// One place of the table.
    struct Cell: ExpressibleByStringLiteral {
        var text: String
        var tone: Tone?

        init(_ text: String, tone: Tone? = nil) {
            self.text = TextLayout.clean(text)
            self.tone = tone
        }

        init(stringLiteral value: String) { self.init(value) }

        /// A state word in its colour.
        static func state(_ word: String?) -> Cell { Cell(word ?? "-", tone: word.flatMap(Tone.init(state:))) }
    }

    static let gap = "  "
    /// A flexible column keeps this much at least.
    static let leastFlexible = 8

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: Column...) { self.columns = columns }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    /// Title and rows, none wider than `width`, without blanks at their ends.
    func lines(width: Int = TextLayout.width, colour: Bool = false) -> [String] {
        let widths = fittedWidths(width)
        let title = columns.map { Cell($0.title) }
        return ([title] + rows).map { line($0, widths, width: width, colour: colour) }
    }

    private func fittedWidths(_ width: Int) -> [Int] {
        var widths = columns.indices.map { column in
            rows.reduce(columns[column].title.count) { longest, row in
                column < row.count ? max(longest, row[column].text.count) : longest
            }
        }
        let gaps = Self.gap.count * max(columns.count - 1, 0)
        var excess = widths.reduce(gaps, +) - width
        while excess > 0 {
            let candidates = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.leastFlexible }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private func line(_ cells: [Cell], _ widths: [Int], width: Int, colour: Bool) -> String {
        var line = ""
        var length = 0
        for (index, cell) in cells.enumerated() where index < widths.count {
            let isLast = index == min(cells.count, widths.count) - 1
            let shown = TextLayout.cut(cell.text, to: widths[index])
            let isRight = columns[index].isRight
            let padded = isLast && !isRight ? shown : TextLayout.padded(shown, to: widths[index], right: isRight)
            let room = max(width - length, 0)
            let fitting = TextLayout.cut(padded, to: room)
            line += colour ? cell.tone?.paint(fitting) ?? fitting : fitting
            length += fitting.count
            if !isLast {
                line += Self.gap
                length += Self.gap.count
            }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
