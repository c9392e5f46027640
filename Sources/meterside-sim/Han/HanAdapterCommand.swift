import ArgumentParser
import CLinux
import Crypto
import Drivers
import Glibc
import Metering
import Simulator

/// `meterside-sim han`
struct HanAdapterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "han", abstract: "Serves a simulated HAN adapter on a pseudo-terminal until Ctrl-C.",
        discussion: """
            It speaks the RAVEn serial protocol and joins the meter once you type "allow", as the utility would. It \
            measures what the board's meter of the same --serial and --seed measures. Configure it as
              [han]
              device = "/tmp/meterside-han"
              meter = "217072470"
              install_code_file = "han.code"
            While it runs, type "help" for what can be made to go wrong.
            """)

    @Option(help: "Where the link to its device is made.")
    var device = "/tmp/meterside-han"

    @Option(help: "Its install code, CRC included.")
    var code = "2CF02603038D9582"

    @Option(help: "Write the install code into this file, readable by you alone.")
    var writeCode: String?

    @Option(help: "The board's meter whose energy it tells.")
    var serial = "217072470"

    @Option(help: "Other households behind the meters: the board's own --seed.")
    var seed: UInt64 = 1

    @Option(help: "Run the meters' time N times faster, 1 to 3600.")
    var timeScale: Int64 = 1

    @Option(help: "The instant scaled time starts from, milliseconds since 1970.")
    var timeAnchor: Int64?

    @Option(help: "Milliseconds that each step of joining takes.")
    var joinStep: Int64 = 1000

    @Option(help: "Seconds between two reports of the meter's registers.")
    var report: Int64 = 60

    @Flag(help: "Let it join at once.")
    var allow = false

    @Flag(help: "Begin with broken XML.")
    var broken = false

    @Option(help: "End by itself after so many seconds.")
    var seconds: Int64?

    func validate() throws {
        guard (1...3600).contains(timeScale) else { throw ValidationError("--time-scale takes 1 to 3600.") }
        guard (1...86_400).contains(report) else { throw ValidationError("--report takes 1 to 86400.") }
        guard (1...3_600_000).contains(joinStep) else { throw ValidationError("--join-step takes 1 to 3600000.") }
    }

    func run() throws {
        guard let meter = BoardPlan.standard(seed: seed).meter(serial)?.meter else {
            throw SimulatorFailure.usage("the board has no meter \(serial); `meterside-sim board --list` shows them")
        }
        let stop = try StopSignal()
        let terminal = try HanTerminal(link: Folder.absolute(device))
        defer { terminal.unplug() }
        if let writeCode { try Folder.write(code + "\n", to: writeCode, mode: 0o600) }
        let clock = BoardClock(scale: timeScale, anchor: timeAnchor)
        var adapter = HanAdapterSimulator(try settings(meter.load), at: clock.moment())
        if broken { _ = adapter.obey(.broken(true), at: clock.moment()) }
        if allow { _ = adapter.obey(.allow, at: clock.moment()) }
        Console.line("HAN adapter \(adapter.settings.device) on \(terminal.link); type help")
        try HanAdapterService(terminal: terminal, clock: clock, stop: stop, seconds: seconds).serve(&adapter)
    }

    private func settings(_ load: HouseholdLoad) throws -> HanAdapterSettings {
        guard let device = EUI64("d8d5b90000001234"), let meter = EUI64("00158d00000000aa") else {
            throw SimulatorFailure.usage("no addresses")
        }
        do {
            let code = try InstallCode(code)
            let key = try code.linkKey { (block, key) throws(CryptoError) in
                try AES128.encrypt(block: block, key: key)
            }
            var settings = HanAdapterSettings(
                device: device, meter: meter, installCode: code.secret, linkKey: key, load: load)
            settings.joinStep = joinStep * 1000
            settings.summationInterval = report * 1_000_000
            return settings
        } catch {
            throw SimulatorFailure.usage("--code: \(error)")
        }
    }
}

extension BoardClock {
    /// Both clocks: the meters' time runs scaled, waits are real.
    func moment() -> Moment { Moment(wall: wall(), uptime: Self.uptime(), kernelSynchronised: false) }
}

/// Carries bytes between the terminal and the adapter, and takes orders.
struct HanAdapterService {
    let terminal: HanTerminal
    let clock: BoardClock
    let stop: StopSignal
    let seconds: Int64?

    func serve(_ adapter: inout HanAdapterSimulator) throws(SimulatorFailure) {
        let end = seconds.map { BoardClock.uptime() + $0 * 1_000_000 }
        var input = OrderInput()
        while true {
            let next = [end, adapter.nextWake].compactMap(\.self).min()
            let wait = next.map { max(0, $0 - BoardClock.uptime()) * 1000 } ?? -1
            var polled = [
                pollfd(fd: stop.event, events: Int16(POLLIN), revents: 0),
                pollfd(fd: terminal.master, events: Int16(POLLIN), revents: 0),
                pollfd(fd: input.isReadable ? 0 : -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = clinux_poll(&polled, polled.count, wait)
            if stop.came || end.map({ BoardClock.uptime() >= $0 }) ?? false { return }
            terminal.write(adapter.advance(at: clock.moment()))
            if polled[1].revents != 0 { try carry(&adapter) }
            if polled[2].revents != 0, try obey(&input, &adapter) { return }
        }
    }

    private func carry(_ adapter: inout HanAdapterSimulator) throws(SimulatorFailure) {
        guard let bytes = terminal.read() else { return try terminal.plug() }
        terminal.write(adapter.receive(bytes, at: clock.moment()))
    }

    /// True for `quit`.
    private func obey(
        _ input: inout OrderInput, _ adapter: inout HanAdapterSimulator
    ) throws(SimulatorFailure) -> Bool {
        for line in input.lines() {
            let order: HanAdapterOrder
            do throws(HanAdapterOrder.Fault) { order = try HanAdapterOrder(line) } catch {
                Console.line(error.message)
                continue
            }
            switch order {
            case .quit: return true
            case .help: Console.line(HanAdapterOrder.usage)
            case .unplug: terminal.unplug()
            case .plug: try terminal.plug()
            default: terminal.write(adapter.obey(order, at: clock.moment()))
            }
            if order != .help { Console.line("\(adapter.status)") }
        }
        return false
    }
}
