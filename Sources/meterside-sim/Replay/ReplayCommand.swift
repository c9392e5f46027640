import ArgumentParser
import CLinux
import Drivers
import Glibc
import Simulator

/// `meterside-sim replay FILE`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Plays a capture as a meter on a pseudo-terminal.",
        discussion: """
            Answers each request it finds in the capture with the recorded reply, as often as it is asked, and stays \
            silent to every other. Sequence numbers and transactions are those of the question. Any password is taken: \
            captures hold none. Log-in and serial number are answered even when the capture begins after them.
            """)

    @Argument(help: "A capture that meterside capture wrote.")
    var file: String

    @Option(help: "Where to put a link to the port.")
    var link = "/tmp/meterside-replay"

    @Flag(help: "Refuse what is not in the capture, as a meter refuses a register it does not have.")
    var refuseUnknown = false

    @Flag(help: "Take as long for each byte as the captured line did.")
    var paced = false

    @Flag(help: "Serve on a free TCP port of 127.0.0.1 instead of a pseudo-terminal.")
    var tcp = false

    func run() throws {
        let bytes = try Folder.read(file)
        let capture: Capture
        do throws(CaptureError) {
            capture = try Capture.read(bytes)
        } catch {
            throw SimulatorFailure.file("\(file): \(error.description)")
        }
        let responder = CaptureResponder(capture, refusesUnknown: refuseUnknown)
        guard responder.requests > 0 else {
            throw SimulatorFailure.file("\(file): there is no request with a reply in it, so there is nothing to play")
        }
        let settings = capture.line ?? LineSettings(baud: 9600, format: .eightNone1)
        let stop = try StopSignal()
        let counters = WireCounters()
        let service = WireService(
            responder: responder, clock: BoardClock(scale: 1, anchor: nil),
            pace: paced ? WirePace(line: settings, isModbus: capture.wire == .modbusRTU, replyDelay: 0) : nil,
            counters: counters, faults: SharedFaults(BoardPlan(ports: [])))
        Console.line(
            "replay: \(responder.replies) replies to \(responder.requests) different requests "
                + "(\(capture.wire.rawValue))"
        )
        if tcp || capture.wire == .modbusTCP {
            let line = try TcpLine(port: 0)
            try line.start(service)
            Console.line("replay: tcp = \"127.0.0.1:\(line.port)\"; stop with Ctrl-C")
            wait(for: stop)
            line.stop()
        } else {
            let line = try SerialLine(link: Folder.absolute(link), line: settings, counters: counters)
            try line.start(service)
            Console.line("replay: device = \"\(line.link)\" (\(line.device)), \(settings.text); stop with Ctrl-C")
            wait(for: stop)
            line.stop()
        }
        Console.line("replay: \(counters.now.replies) replies sent")
    }

    private func wait(for stop: StopSignal) {
        while !stop.came { _ = clinux_wait(stop.event, -1, -1) }
    }
}
