import ArgumentParser
import CLinux
import Glibc
import Metering
import Simulator

/// `meterside-sim demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Shows the whole path live: meters, daemon, broker and cloud on this machine.",
        discussion: """
            Starts a simulated board with three meters on two ports, a mosquitto, a small cloud receiver and \
            metersided, all in a temporary folder, and shows what happens at each of them, in three parts of some five \
            minutes together: the meters (then alone with --live), a meter that is away (--outage), a prepaid home \
            (--credit). Ctrl-C ends everything and removes the folder.
            """)

    @Option(help: "How many times faster time runs: 60, or 200 with --outage; with --credit in the night, 900.")
    var speed: Int64?

    @Flag(help: "Only the meters, their intervals and what becomes of them, until Ctrl-C.")
    var live = false

    @Flag(
        help: """
            Only the outage: pull a meter's plug for two simulated hours and see its intervals come back from its own \
            load survey.
            """)
    var outage = false

    @Flag(
        help: """
            Only the prepaid home: it runs out of credit, keeps its supply overnight, is cut in the morning, pays and \
            is switched on by its button. It ends by itself after some three minutes.
            """)
    var credit = false

    @Option(help: "End after so many seconds; exit code 5 when something was not seen.")
    var seconds: Int64?

    @Flag(help: "Lines instead of a screen, as when stdout is no terminal.")
    var plain = false

    @Flag(help: "Leave the temporary folder: configuration, journal, logs, the cloud's records.")
    var keep = false

    @Option(help: "Other households behind the meters.")
    var seed: UInt64 = 1

    @Option(help: "Meter models: the folder that holds meters/ (hardware/ of the checkout).")
    var share: String?

    func validate() throws {
        let only = [live, outage, credit].count { $0 }
        guard only < 2 else { throw ValidationError("Give one of --live, --outage and --credit.") }
        if let speed, !(1...(credit ? 3600 : 600)).contains(speed) {
            throw ValidationError("--speed takes 1 to 600, with --credit to 3600.")
        }
        if let seconds, !(1...86_400).contains(seconds) { throw ValidationError("--seconds takes 1 to 86400.") }
    }

    /// What is shown, one after the other.
    private var parts: [DemoPart] {
        if credit { return [.credit] }
        if outage { return [.outage] }
        return live || speed != nil || seconds != nil ? [.meters] : DemoPart.allCases
    }

    func run() throws {
        let stop = try StopSignal()
        let end = seconds.map { BoardClock.uptime() + $0 * 1_000_000 }
        for (index, part) in parts.enumerated() {
            let place = parts.count > 1 ? DemoPlace(number: index + 1, count: parts.count) : nil
            guard try show(part, place, end: end, stop: stop) else { return }
        }
    }

    /// Shows one part on a stage of its own; true to go on with the next.
    private func show(_ part: DemoPart, _ place: DemoPlace?, end: Uptime?, stop: StopSignal) throws -> Bool {
        let speed = speed ?? part.speed
        let stage = try DemoStage.start(
            speed: part == .credit ? 1 : speed, seed: seed, share: share, keep: keep,
            timeout: part == .outage ? DemoOutage.timeout : nil, story: part == .credit ? Self.story : nil)
        let show = makeShow(part, place, speed, stage)
        var run: DemoRun?
        var ending = DemoRun.Ending.stopped
        var failure: SimulatorFailure?
        do throws(SimulatorFailure) {
            var running = try makeRun(part, place, speed, stage, show)
            show.begin(stage, speed: speed)
            do throws(SimulatorFailure) {
                ending = try running.loop(until: end, stop: stop)
            } catch { failure = error }
            run = running
        } catch { failure = error }
        show.end()
        stage.stop()
        if keep { Console.line("demo: everything is kept in \(stage.folder)") }
        if let failure { throw failure }
        guard let run else { return false }
        Console.line(run.summary)
        let missing = run.missing
        if seconds != nil, !missing.isEmpty {
            throw SimulatorFailure.unseen("the demo did not see its main job:\n  " + missing.joined(separator: "\n  "))
        }
        return ending == .over
    }

    /// The story begins on an afternoon, and not before the present: nothing in the box's world is older than itself.
    private static var story: DemoStage.Story {
        let now = BoardClock(scale: 1, anchor: nil).wall()
        return DemoStage.Story(start: DemoZone.next(minute: DemoCredit.start, after: now), speed: DemoCredit.slow)
    }

    private func makeShow(_ part: DemoPart, _ place: DemoPlace?, _ speed: Int64, _ stage: DemoStage) -> any DemoShow {
        guard !plain, Console.fits(columns: 80, lines: 24) else { return DemoLog(showsMeters: part != .credit) }
        let size = Console.size
        let title = "Meterside demo\(place.map { ", \($0.text)" } ?? "")"
        if part == .credit {
            let screen = CreditScreen(
                title: title + ": prepaid supply", columns: min(size.columns, 120), height: min(size.lines, 50),
                showsColour: Console.showsColour)
            return DemoTerminal(screen, columns: size.columns, lines: min(size.lines, 50))
        }
        return DemoTerminal(
            DemoScreen(
                title: title + (place == nil ? "" : ": \(part.words)"), speed: speed, socket: stage.files.socket,
                bin: Folder.shortOfExecutable(), showsColour: Console.showsColour, isOnePart: place != nil))
    }

    private func makeRun(
        _ part: DemoPart, _ place: DemoPlace?, _ speed: Int64, _ stage: DemoStage, _ show: any DemoShow
    ) throws(SimulatorFailure) -> DemoRun {
        guard let meter = stage.board.plan.ports.first?.meters.first else { throw .missing("the board has no meter") }
        if let clock = stage.clock.pace {
            let columns = show is DemoTerminal ? CreditScreen.toolColumns(min(Console.size.columns, 120)) : 72
            let story = try DemoCredit(
                stage: stage, pace: clock, meter: meter,
                options: DemoCredit.Options(night: speed, columns: columns, isWatched: show is DemoTerminal))
            return DemoRun(stage: stage, show: show, part: part, endsByItself: true, credit: story)
        }
        return DemoRun(
            stage: stage, show: show, part: part, endsByItself: place != nil,
            outage: part == .outage ? DemoOutage(serial: meter.serial, speed: speed) : nil)
    }
}

/// A part of the demonstration.
enum DemoPart: CaseIterable {
    case meters, outage, credit

    /// How many times faster time runs; for the credit story, in the night.
    var speed: Int64 {
        switch self {
        case .meters: 60
        case .outage: 200
        case .credit: 900
        }
    }

    var words: String {
        switch self {
        case .meters: "meters"
        case .outage: "a meter is away for two hours"
        case .credit: "prepaid supply"
        }
    }

    /// The option that shows it alone.
    var option: String {
        switch self {
        case .meters: "--live"
        case .outage: "--outage"
        case .credit: "--credit"
        }
    }
}

/// Which of the parts is shown.
struct DemoPlace {
    var number: Int
    var count: Int

    var text: String { "part \(number) of \(count)" }
}

/// What stands on the screen.
protocol DemoView {
    func lines(_ picture: DemoPicture, now: WallTime) -> [String]
}

/// Where the demonstration is shown.
protocol DemoShow: AnyObject {
    func begin(_ stage: DemoStage, speed: Int64)
    /// Something happened that is worth a line.
    func tell(_ line: String)
    /// How things stand, in many lines that a screen shows anyway.
    func report(_ lines: String)
    /// An interval came to the cloud.
    func tell(_ interval: IntervalText)
    /// Called twice a second.
    func draw(_ picture: DemoPicture, now: WallTime)
    /// What was typed has been followed.
    func obeyed()
    func end()
}
