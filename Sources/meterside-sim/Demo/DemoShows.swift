import Metering

/// The screen of a terminal, drawn anew twice a second; orders can be typed below it.
final class DemoTerminal: DemoShow {
    private let screen: DemoScreen
    private var drawn = 0
    /// Answers of several lines stand under the screen's place until the next is typed.
    private var notes: [String] = []
    private var notesLeft = 0

    init(_ screen: DemoScreen) { self.screen = screen }

    /// Where orders are typed: the 23rd line; Enter moves to the 24th, and nothing scrolls.
    private static let prompt = "\u{1B}[23;1H\u{1B}[J> "

    func begin(_ stage: DemoStage, speed: Int64) {
        // The other screen of the terminal: what was there comes back at the end.
        Console.raw("\u{1B}[?1049h\u{1B}[2J\u{1B}[H")
    }

    func tell(_ line: String) {
        let lines = line.split(separator: "\n").map(String.init)
        guard lines.count > 1 else { return }
        notes = lines
        notesLeft = 16
    }

    func tell(_ interval: IntervalText) {}

    func draw(_ picture: DemoPicture, now: WallTime) {
        var lines = screen.lines(picture, now: now)
        if notesLeft > 0 {
            // Help and statistics take the lower half for eight seconds.
            notesLeft -= 1
            lines = lines.prefix(22 - notes.prefix(12).count) + notes.prefix(12).map { Column.cut($0, to: 79) }
        }
        let body = lines.prefix(22).map { $0 + "\u{1B}[K\r\n" }.joined()
        // The first time the cursor goes below the lines; later it stays where the person types.
        let isFirst = drawn == 0
        drawn += 1
        Console.raw(
            (isFirst ? "" : "\u{1B}7") + "\u{1B}[H" + body + (isFirst ? "\u{1B}[J" : "")
                + (isFirst ? Self.prompt : "\u{1B}8"))
    }

    func obeyed() { Console.raw(Self.prompt) }

    func end() { Console.raw("\u{1B}[?1049l") }
}

/// A line for each thing that happens, for pipes and CI.
final class DemoLog: DemoShow {
    private var draws = 0
    private var start = Uptime(microseconds: 0)
    private var lastPending: Int64?

    func begin(_ stage: DemoStage, speed: Int64) {
        start = BoardClock.uptime()
        tell("a board with three meters, mosquitto, metersided and a cloud receiver run in \(stage.folder)")
        tell("time runs \(speed)x: an interval of 5 minutes passes \(DemoPace.text(speed))")
    }

    func tell(_ line: String) {
        let seconds = (BoardClock.uptime() - start) / 1_000_000
        Console.line("\(Column.right("\(seconds)", 4)) s  \(line)")
    }

    func tell(_ interval: IntervalText) { tell("interval \(interval.line)") }

    func draw(_ picture: DemoPicture, now: WallTime) {
        if let pending = picture.pending, pending != lastPending {
            lastPending = pending
            if pending == 0 {
                tell("outbox empty: the cloud acknowledged everything to record \(picture.acknowledged)")
            }
        }
        draws += 1
        guard draws % 10 == 0 else { return }
        let states = picture.meters.map { meter in
            let power = meter.live.flatMap { LiveText.reading("power_w", of: $0) }.map { " \(Column.whole($0)) W" }
            return "\(meter.serial) \(meter.state)\(power ?? "")"
        }
        tell(
            "meters: \(states.joined(separator: ", ")); journal \(picture.head), mqtt \(picture.mqtt), outbox "
                + "\(picture.pending.map(String.init) ?? "?")")
    }

    func obeyed() {}
    func end() {}
}
