import Metering

/// The screen of a terminal, drawn anew twice a second; orders can be typed below it.
final class DemoTerminal: DemoShow {
    private let screen: any DemoView
    private let size: (columns: Int, lines: Int)
    private var drawn = 0
    /// Answers of several lines stand under the screen's place until the next is typed.
    private var notes: [String] = []
    private var notesLeft = 0

    init(_ screen: any DemoView, columns: Int = 80, lines: Int = 24) {
        self.screen = screen
        size = (columns, lines)
    }

    /// Where orders are typed: the last line but one; Enter moves to the last, and nothing scrolls.
    private var prompt: String { "\u{1B}[\(size.lines - 1);1H\u{1B}[J> " }

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
    func report(_ lines: String) {}

    func draw(_ picture: DemoPicture, now: WallTime) {
        let room = size.lines - 2
        var lines = screen.lines(picture, now: now)
        if notesLeft > 0 {
            // Help and statistics take the lower half for eight seconds.
            notesLeft -= 1
            lines = Array(lines.prefix(room - notes.prefix(12).count))
            lines += notes.prefix(12).map { Column.cut($0, to: size.columns - 1) }
        }
        let body = lines.prefix(room).map { $0 + "\u{1B}[K\r\n" }.joined()
        // The first time the cursor goes below the lines; later it stays where the person types.
        let isFirst = drawn == 0
        drawn += 1
        Console.raw(
            (isFirst ? "" : "\u{1B}7") + "\u{1B}[H" + body + (isFirst ? "\u{1B}[J" : "")
                + (isFirst ? prompt : "\u{1B}8"))
    }

    func obeyed() { Console.raw(prompt) }

    func end() { Console.raw("\u{1B}[?1049l") }
}

/// A line for each thing that happens, for pipes and CI.
final class DemoLog: DemoShow {
    private var draws = 0
    private var start = Uptime(microseconds: 0)
    private var lastPending: Int64?
    /// Meters, intervals and the outbox are told of; not where the story of prepaid supply is.
    private let showsMeters: Bool

    init(showsMeters: Bool) { self.showsMeters = showsMeters }

    func begin(_ stage: DemoStage, speed: Int64) {
        start = BoardClock.uptime()
        tell("a board with three meters, mosquitto, metersided and a cloud receiver run in \(stage.folder)")
        if stage.clock.pace == nil {
            tell("time runs \(speed)x: an interval of 5 minutes passes \(DemoPace.text(speed))")
        }
    }

    func tell(_ line: String) {
        let seconds = (BoardClock.uptime() - start) / 1_000_000
        Console.line("\(Column.right("\(seconds)", 4)) s  \(line)")
    }

    func report(_ lines: String) { Console.line(lines) }

    func tell(_ interval: IntervalText) { if showsMeters { tell("interval \(interval.line)") } }

    func draw(_ picture: DemoPicture, now: WallTime) {
        guard showsMeters else { return }
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
