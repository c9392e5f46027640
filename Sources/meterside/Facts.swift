/// Facts one below the other, each a label and a value: what is left of a table on a narrow terminal.
struct Facts {
    private var rows: [(label: String, value: String, tone: Table.Tone?)] = []

    mutating func add(_ label: String, _ value: String, tone: Table.Tone? = nil) {
        rows.append((label, TextLayout.clean(value), tone))
    }

    /// A fact that is left out where there is nothing to say.
    mutating func add(_ label: String, ifAny value: String?) {
        if let value, !value.isEmpty, value != "-" { add(label, value) }
    }

    /// A state word of the contract, in its colour.
    mutating func add(_ label: String, state word: String?) {
        add(label, word ?? "-", tone: word.flatMap(Table.Tone.init(state:)))
    }

    /// None wider than `width` unless a single word is.
    func lines(width: Int = Terminal.columns, colour: Bool = false) -> [String] {
        let indent = (rows.map(\.label.count).max() ?? 0) + Table.gap.count
        return rows.flatMap { row in
            let label = TextLayout.padded(row.label, to: indent)
            var lines = TextLayout.wrapped(row.value, indent: 0, width: max(width - indent, 8))
            if colour, let tone = row.tone { lines = lines.map(tone.paint) }
            let margin = String(repeating: " ", count: indent)
            return lines.enumerated().map { ($0 == 0 ? label : margin) + $1 }
        }
    }
}

/// Amounts at the right, one below the other, with the decimals that the longest of them needs.
struct Ledger {
    enum Row {
        /// A heading.
        case text(String)
        case amount(String, Int64)
        case blank
    }

    private var rows: [Row] = []

    mutating func add(_ text: String) { rows.append(.text(text)) }
    mutating func add(_ text: String, _ micro: Int64) { rows.append(.amount(text, micro)) }
    mutating func blank() { rows.append(.blank) }

    /// None wider than `width`, and no wider than 64: far apart, words and amounts do not read as one line.
    func lines(width: Int = Terminal.columns) -> [String] {
        let width = min(width, 64)
        let amounts = rows.map { row in if case .amount(_, let micro) = row { micro } else { Int64(0) } }
        let decimals = amounts.map(Self.decimals).max() ?? 2
        return rows.map { row in
            switch row {
            case .blank: return ""
            case .text(let text): return TextLayout.cut(TextLayout.clean(text), to: width)
            case .amount(let text, let micro):
                let amount = Self.text(micro, decimals: decimals)
                let room = max(width - amount.count - 1, 4)
                let label = TextLayout.cut(TextLayout.clean(text), to: room)
                return TextLayout.padded(label, to: room) + " " + amount
            }
        }
    }

    /// Decimals that an amount in micro-units needs, 2 to 6.
    private static func decimals(_ micro: Int64) -> Int {
        var rest = micro.magnitude % 1_000_000
        var digits = 6
        while digits > 2, rest % 10 == 0 {
            rest /= 10
            digits -= 1
        }
        return digits
    }

    private static func text(_ micro: Int64, decimals: Int) -> String {
        let text = TextLayout.money(micro: micro)
        let has = text.reversed().prefix { $0 != "." }.count
        return text + String(repeating: "0", count: max(decimals - has, 0))
    }
}
