import Metering

/// What the columns become on the screen.
extension IntervalPlot {
    private static let eighths: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    // MARK: - Up to a day

    /// Title, chart, marks of what is not actual, and the hours.
    func chart(colour: Bool) -> [String] {
        let minutes = columnMinutes
        let start = from.flooredQuotient(by: minutes) * minutes
        let columns = columns(of: minutes, from: start, to: to)
        let scale = PowerScale(most: columns.compactMap(\.watts).max() ?? 0)
        var lines = ["mean \(scale.prefix)\(unit) of each \(TextLayout.count(Int(minutes), "minute"))", ""]
        for row in stride(from: Self.height - 1, through: 0, by: -1) {
            let cells = columns.map { cell($0, row: row, scale) }
            let label = row == Self.height - 1 ? scale.text(scale.top) : row == Self.height / 2 - 1 ? scale.half : ""
            let axis = label.isEmpty ? "│" : "┤"
            lines.append(TextLayout.padded(label, to: Self.labelWidth, right: true) + axis + line(cells, colour))
        }
        let margin = String(repeating: " ", count: Self.labelWidth)
        let (axis, hours) = axis(columns.count, minutes, start)
        lines.append(TextLayout.padded("0", to: Self.labelWidth, right: true) + "└" + axis)
        lines += marks(columns, colour).map { margin + " " + $0 }
        lines.append(margin + " " + hours)
        return lines
    }

    /// So many that the whole span fits, and that no interval is in two columns.
    private var columnMinutes: Int64 {
        let longest = samples.map(\.minutes).max() ?? 5
        let choices: [Int64] = [5, 10, 15, 20, 30, 60]
        return choices.first { minutes in
            let start = from.flooredQuotient(by: minutes) * minutes
            return minutes % longest == 0 && to - start <= Self.mostColumns * minutes
        } ?? 60
    }

    private typealias Drawn = (mark: Character, tone: Table.Tone?)

    private func cell(_ column: Column, row: Int, _ scale: PowerScale) -> Drawn {
        guard let watts = column.watts else { return (" ", nil) }
        let filled = min(max(scale.eighths(watts, rows: Self.height) - row * 8, 0), 8)
        guard column.isReplaced else { return (Self.eighths[filled], filled > 0 ? .good : nil) }
        // Shades have no eighths: half a row counts as one, and the lowest row is never empty.
        let shade: Character = filled >= 4 ? "▒" : filled > 0 && row == 0 ? "░" : " "
        return (shade, shade == " " ? nil : .doubtful)
    }

    /// A row of marks under what is not actual; nothing when all is.
    private func marks(_ columns: [Column], _ colour: Bool) -> [String] {
        guard columns.contains(where: { $0.isReplaced || $0.isLacking }) else { return [] }
        return [
            line(
                columns.map { column in
                    column.isLacking ? ("×", .bad) : column.isReplaced ? ("~", .doubtful) : (" ", nil)
                }, colour)
        ]
    }

    /// The axis with a tick at every hour that is named below it.
    private func axis(_ count: Int, _ minutes: Int64, _ start: Int64) -> (axis: String, hours: String) {
        let steps: [Int64] = [30, 60, 120, 180, 240, 360]
        let step = steps.first { $0 % minutes == 0 && $0 / minutes >= 8 } ?? 360
        var axis = ""
        var hours = ""
        for column in 0..<count {
            let time = start + Int64(column) * minutes
            let isTick = time.flooredRemainder(by: step) == 0
            axis += isTick ? "┬" : "─"
            guard isTick else { continue }
            // The last name may stand a little beyond the axis.
            guard column + 6 <= Int(Self.mostColumns) else { continue }
            hours = TextLayout.padded(hours, to: column) + Self.clock(time)
        }
        return (axis, hours + "Z")
    }

    // MARK: - Up to a week

    /// Title, then for each day a row of blocks, its sum, and marks where something is not actual.
    func week(colour: Bool) -> [String] {
        let longest = samples.map(\.minutes).max() ?? 5
        let minutes: Int64 = 30 % longest == 0 ? 30 : 60
        let first = from.flooredQuotient(by: Self.dayMinutes)
        let last = (to - 1).flooredQuotient(by: Self.dayMinutes)
        let days = (first...last).map { day in
            (
                start: day * Self.dayMinutes,
                columns: columns(of: minutes, from: day * Self.dayMinutes, to: (day + 1) * Self.dayMinutes)
            )
        }
        let scale = PowerScale(most: days.flatMap { $0.columns.compactMap(\.watts) }.max() ?? 0)
        var lines = [
            "mean power of each \(minutes) minutes, "
                + "from ▁ 0 to █ \(scale.text(scale.top)) \(scale.prefix)\(unit)", "",
        ]
        let margin = String(repeating: " ", count: 15)
        for (start, columns) in days {
            let cells: [Drawn] = columns.map { column in
                guard let watts = column.watts else { return (" ", nil) }
                let mark = Self.eighths[max(scale.eighths(watts, rows: 1), 1)]
                return (mark, column.isReplaced ? .doubtful : .good)
            }
            let blocks = line(cells, colour, keepsBlanks: true)
            lines.append("\(Self.day(start))  \(blocks)  \(sum(from: start))")
            lines += marks(columns, colour).map { margin + $0 }
        }
        let hours = stride(from: Int64(0), to: Self.dayMinutes, by: 180).map {
            TextLayout.padded(Self.clock($0), to: 6)
        }
        return lines + [margin + hours.joined().dropLast() + "Z"]
    }

    /// The energy of a day that begins at `start`.
    private func sum(from start: Int64) -> String {
        let values = samples.filter { $0.end > start && $0.end <= start + Self.dayMinutes }.compactMap(\.value)
        guard !values.isEmpty else { return "no data" }
        let total = values.reduce(Int128(0)) { $0 + Int128($1) }
        return TextLayout.padded(Self.energy(Int64(clamping: total), unit), to: 12, right: true)
    }

    // MARK: - Pieces

    /// Cells as text; equal tones are painted together.
    private func line(_ cells: [Drawn], _ colour: Bool, keepsBlanks: Bool = false) -> String {
        var cells = cells[...]
        while !keepsBlanks, cells.last?.mark == " " { cells.removeLast() }
        guard colour else { return String(cells.map(\.mark)) }
        var text = ""
        while let first = cells.first {
            let run = cells.prefix { $0.tone == first.tone }
            let marks = String(run.map(\.mark))
            text += first.tone?.paint(marks) ?? marks
            cells = cells.dropFirst(run.count)
        }
        return text
    }

    /// `07:30`
    static func clock(_ minute: Int64) -> String {
        String(WallTime(seconds: minute * 60).textSeconds.dropFirst(11).prefix(5))
    }

    /// `Mon 2026-03-02`
    private static func day(_ minute: Int64) -> String {
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let day = minute.flooredQuotient(by: dayMinutes)
        return "\(names[Int(day.flooredRemainder(by: 7))]) \(WallTime(seconds: minute * 60).textSeconds.prefix(10))"
    }
}

/// From 0 to a round number of watts, and how it is written.
struct PowerScale {
    /// Watts at the upper edge; half of it is round too.
    let top: Int64
    /// `k`, `M`, `G` or nothing.
    let prefix: String
    private let divisor: Int64

    init(most: Int64) {
        var power: Int64 = 10
        var top: Int64 = 10
        search: while power < 1_000_000_000_000_000 {
            for factor: Int64 in [1, 2, 3, 4, 5, 6, 8] {
                top = factor * power
                if top >= most { break search }
            }
            power *= 10
        }
        self.top = max(top, most)
        let steps: [(Int64, String)] = [(1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")]
        (divisor, prefix) = steps.first { top >= $0.0 } ?? (1, "")
    }

    /// Half of the upper edge, as it stands at the axis.
    var half: String { text(top / 2) }

    /// In the scale's own prefix, without needless zeros: `0.5`.
    func text(_ watts: Int64) -> String {
        let whole = String(watts / divisor)
        guard divisor > 1 else { return whole }
        var fraction = TextLayout.padded(String(watts % divisor / (divisor / 1000)), to: 3, right: true)
            .map { $0 == " " ? "0" : $0 }
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? whole : "\(whole).\(String(fraction))"
    }

    /// Rounded; what is more than nothing shows.
    func eighths(_ watts: Int64, rows: Int) -> Int {
        let filled = (Int128(watts) * Int128(rows * 16) + Int128(top)) / (Int128(top) * 2)
        return min(max(Int(filled), watts > 0 ? 1 : 0), rows * 8)
    }
}
