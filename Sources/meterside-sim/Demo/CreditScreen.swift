import Metering

/// The story of prepaid supply on a terminal: what the customer sees, the chapters, the command line's own answers and
/// the newest records as they came over MQTT.
struct CreditScreen: DemoView {
    let title: String
    /// Of the terminal.
    let columns: Int
    let height: Int
    let showsColour: Bool

    /// From this width on both answers of the command line stand side by side.
    private static let wide = 100
    private static let frameWidth = 23

    private var width: Int { columns - 1 }
    private var isWide: Bool { columns >= Self.wide }

    /// The width at which the command line answers.
    static func toolColumns(_ columns: Int) -> Int { columns >= wide ? (columns - 4) / 2 : columns - 3 }

    func lines(_ picture: DemoPicture, now: WallTime) -> [String] {
        guard let story = picture.credit else { return [] }
        let hint = "Ctrl-C ends; type help for what can happen to the home"
        var lines = [header(story, now), dim(Column.cut(hint, to: width))] + top(story) + [""]
        // The prompt takes two lines.
        let room = height - 2 - lines.count
        let records = room >= 16 ? 5 : 2
        lines += answers(story, rows: room - records - 1, now: now)
        for (index, record) in story.records.suffix(records).enumerated() {
            let label = index == 0 ? "MQTT  " : "      "
            lines.append(bold(label) + Column.cut(record, to: width - 6))
        }
        return lines
    }

    private func header(_ story: CreditPicture, _ now: WallTime) -> String {
        let time = "\(DemoZone.text(now)) in \(DemoZone.name), \(story.speed)x"
        return bold(title) + Column.right(time, width - title.count)
    }

    /// The display at the left, the chapters beside it.
    private func top(_ story: CreditPicture) -> [String] {
        let left = Self.frame(story.display) + [story.contact, "the customer's display"]
        let current = story.lines.firstIndex { $0.told == nil }
        let right = story.lines.enumerated().map { index, line in
            let room = width - Self.frameWidth - 3
            if let told = line.told { return tone("+ ", isGood: true) + Column.cut(told, to: room) }
            let text = index == current && !story.doing.isEmpty ? story.doing : line.title
            return index == current ? bold("> " + Column.cut(text, to: room)) : dim("  " + Column.cut(text, to: room))
        }
        return (0..<max(left.count, right.count)).map { row in
            let cell = row < left.count ? Column.left(left[row], Self.frameWidth) : Column.left("", Self.frameWidth)
            return cell + " " + (row < right.count ? right[row] : "")
        }
    }

    /// The four lines of the display in a frame.
    static func frame(_ display: [String]) -> [String] {
        let edge = "+" + String(repeating: "-", count: 20) + "+"
        let lines = (0..<4).map { row in
            "|" + String(Column.left(row < display.count ? display[row] : "", 21).prefix(20)) + "|"
        }
        return [edge] + lines + [edge]
    }

    // MARK: The command line

    private func answers(_ story: CreditPicture, rows: Int, now: WallTime) -> [String] {
        let supply = page("$ " + CreditPicture.supplyCommand, story.supply, rows, keepsEnd: false)
        let explanation = page("$ " + CreditPicture.explainCommand, story.explanation, rows, keepsEnd: true)
        guard isWide else {
            // One after the other, every four seconds.
            let isFirst = BoardClock.uptime().microseconds / 4_000_000 % 2 == 0
            return isFirst ? supply : explanation
        }
        let half = Self.toolColumns(columns) + 2
        return (0..<rows).map { row in
            let left = Column.left(supply[row], half)
            let right = Column.cut(explanation[row], to: width - half)
            return row == 0 ? bold(left) + bold(right) : left + right
        }
    }

    /// A command and its answer in exactly so many lines; of a long one the beginning or the end.
    private func page(_ command: String, _ answer: [String], _ rows: Int, keepsEnd: Bool) -> [String] {
        let body = keepsEnd ? Array(answer.suffix(rows - 1)) : Array(answer.prefix(rows - 1))
        let lines = ([isWide ? command : bold(command)] + body.map { Column.cut($0, to: width) })
        return lines + [String](repeating: "", count: max(0, rows - lines.count))
    }

    private func bold(_ text: String) -> String { showsColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    private func dim(_ text: String) -> String { showsColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    private func tone(_ text: String, isGood: Bool) -> String {
        showsColour ? "\u{1B}[\(isGood ? 32 : 31)m\(text)\u{1B}[0m" : text
    }
}
