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
            metersided, all in a temporary folder, and shows what happens at each of them. Ctrl-C ends everything and \
            removes the folder.
            """)

    @Option(help: "How many times faster time runs, 1 to 600: 60, or 200 with --outage, unless you say.")
    var speed: Int64?

    @Flag(help: "Pull a meter's plug for two simulated hours and show its intervals come back from its load survey.")
    var outage = false

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
        guard (1...600).contains(pace) else { throw ValidationError("--speed takes 1 to 600.") }
        if let seconds, !(1...86_400).contains(seconds) { throw ValidationError("--seconds takes 1 to 86400.") }
    }

    private var pace: Int64 { speed ?? (outage ? 200 : 60) }

    func run() throws {
        let speed = pace
        let stop = try StopSignal()
        let stage = try DemoStage.start(
            speed: speed, seed: seed, share: share, keep: keep, timeout: outage ? DemoOutage.timeout : nil)
        let isScreen = !plain && Console.fits(columns: 80, lines: 24)
        let screen = DemoScreen(
            speed: speed, socket: stage.files.socket, bin: Folder.shortOfExecutable(),
            showsColour: Console.showsColour)
        let show: any DemoShow = isScreen ? DemoTerminal(screen) : DemoLog()
        let outage =
            outage
            ? stage.board.plan.ports.first?.meters.first.map { DemoOutage(serial: $0.serial, speed: speed) } : nil
        var run = DemoRun(stage: stage, show: show, outage: outage)
        show.begin(stage, speed: speed)
        var failure: SimulatorFailure?
        do throws(SimulatorFailure) {
            try run.loop(until: seconds.map { BoardClock.uptime() + $0 * 1_000_000 }, stop: stop)
        } catch {
            failure = error
        }
        show.end()
        stage.stop()
        if keep { Console.line("demo: everything is kept in \(stage.folder)") }
        if let failure { throw failure }
        Console.line(run.summary)
        let missing = run.missing
        if seconds != nil, !missing.isEmpty {
            throw SimulatorFailure.unseen("the demo did not see its main job:\n  " + missing.joined(separator: "\n  "))
        }
    }
}

/// Where the demonstration is shown.
protocol DemoShow: AnyObject {
    func begin(_ stage: DemoStage, speed: Int64)
    /// Something happened that is worth a line.
    func tell(_ line: String)
    /// An interval came to the cloud.
    func tell(_ interval: IntervalText)
    /// Called twice a second.
    func draw(_ picture: DemoPicture, now: WallTime)
    /// What was typed has been followed.
    func obeyed()
    func end()
}
