import ArgumentParser
import CLinux
import Glibc
import Metering
import Simulator

/// `meterside-sim board`
struct BoardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Serves simulated meters on pseudo-terminals (and TCP) until Ctrl-C.",
        discussion: """
            Port a: an EDMI Mk10 and an EDMI Mk6, addressed, on one wire. Port b: an Eastron SDM630, unit 1, and a \
            relay with feedback and three buttons, unit 7, which switches the supply behind the Mk10. Both at \
            9600 8N1. While it runs, type "help" for what can be made to go wrong.
            """)

    @Option(help: "Where the links to the ports are made: port-a, port-b.")
    var folder = "/tmp/meterside-board"

    @Option(help: "Write a configuration for metersided into this folder, with passwords and an owner's key.")
    var writeConfig: String?

    @Option(help: "The broker to write into that configuration, such as mqtt://127.0.0.1:1883.")
    var mqtt: String?

    @Option(help: "The box's id to write into that configuration.")
    var box = "SIM00001"

    @Option(help: "Run the meters' time N times faster, 1 to 3600; metersided takes the same option.")
    var timeScale: Int64 = 1

    @Option(help: "The instant scaled time starts from, milliseconds since 1970; metersided takes the same option.")
    var timeAnchor: Int64?

    @Option(help: "Other households behind the meters.")
    var seed: UInt64 = 1

    @Flag(help: "Also serve on TCP ports of 127.0.0.1: EDMI, Modbus TCP and Modbus RTU over TCP.")
    var tcp = false

    @Option(help: "The first of those ports; free ones are taken when left out.")
    var tcpPort: UInt16 = 0

    @Flag(help: "Take as long for each byte as a real line does.")
    var paced = false

    @Option(help: "With --paced: microseconds a meter takes before it begins to reply.")
    var replyDelay: Int64 = 0

    @Option(help: "Modbus meters on port b, at units 1 to N (1 to 247).")
    var units = 1

    @Option(help: "Baud rate of both ports.")
    var baud = 9600

    @Option(help: "Meter models: the folder that holds meters/ (hardware/ of the checkout).")
    var share: String?

    @Flag(help: "Show the board's meters and end.")
    var list = false

    @Option(help: "End by itself after so many seconds.")
    var seconds: Int64?

    func validate() throws {
        guard (1...3600).contains(timeScale) else { throw ValidationError("--time-scale takes 1 to 3600.") }
        guard (1...247).contains(units) else { throw ValidationError("--units takes 1 to 247.") }
        guard (300...115_200).contains(baud) else { throw ValidationError("--baud takes 300 to 115200.") }
        guard (0...1_000_000).contains(replyDelay) else { throw ValidationError("--reply-delay takes 0 to 1000000.") }
        if let mqtt { _ = try BrokerAddress(mqtt) }
        guard Identifier.isValidName(box) else { throw ValidationError("--box takes letters, digits and _ . -") }
    }

    func run() throws {
        var plan = BoardPlan.standard(seed: seed)
        if units > 1 { plan = plan.with(modbusUnits: units) }
        for index in plan.ports.indices { plan.ports[index].line.baud = baud }
        if list {
            Console.line(BoardText.meters(of: plan).joined(separator: "\n"))
            return
        }
        let stop = try StopSignal()
        let board = try Board(
            plan: plan, clock: BoardClock(scale: timeScale, anchor: timeAnchor),
            options: Board.Options(
                folder: Folder.absolute(folder), share: try ModelShelf.findShare(share), isPaced: paced,
                replyDelay: replyDelay, tcp: tcp || tcpPort > 0 ? tcpPort : nil))
        defer { board.stop() }
        Console.line(BoardText.running(board).joined(separator: "\n"))
        if let writeConfig {
            var starter = StarterConfiguration(box: box, mqtt: mqtt)
            starter.skipsTurnaround = timeScale > 1
            let files = try StarterFiles(folder: Folder.absolute(writeConfig), starter: starter, board: board)
            Console.line(BoardText.nextSteps(files, board, starter).joined(separator: "\n"))
        }
        serve(board, stop)
        Console.line(board.statistics)
    }

    /// Waits for orders, for the end of the time, or for Ctrl-C.
    private func serve(_ board: Board, _ stop: StopSignal) {
        let end = seconds.map { BoardClock.uptime() + $0 * 1_000_000 }
        var input = OrderInput()
        while true {
            let left = end.map { max(0, $0 - BoardClock.uptime()) * 1000 } ?? -1
            let mask = clinux_wait(stop.event, input.isReadable ? 0 : -1, left)
            if mask & CLINUX_WAKE != 0 || mask == 0 && left == 0 { return }
            guard mask & (CLINUX_READY | CLINUX_HANGUP) != 0 else { continue }
            for line in input.lines() {
                do throws(BoardOrder.Fault) {
                    guard let answer = board.obey(try BoardOrder(line, plan: board.plan)) else { return }
                    Console.line(answer)
                } catch {
                    Console.line(error.message)
                }
            }
        }
    }
}

/// Lines from standard input. Its end is not the board's end: a board in the background has none.
struct OrderInput {
    private(set) var isOpen = true

    /// Whether there may be something to read: a process in the background must leave its terminal's input alone.
    var isReadable: Bool { isOpen && (isatty(0) == 0 || tcgetpgrp(0) == getpgrp()) }

    private var held: [UInt8] = []

    /// The whole lines that are there now, without empty ones.
    mutating func lines() -> [String] {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(0, &buffer, buffer.count)
        guard count > 0 else {
            isOpen = count < 0 && (errno == EINTR || errno == EAGAIN)
            return []
        }
        held += buffer[..<count]
        var lines: [String] = []
        while let end = held.firstIndex(of: 0x0A) {
            let text = String(decoding: held[..<end], as: UTF8.self)
            held.removeFirst(end + 1)
            if text.contains(where: { !$0.isWhitespace }) { lines.append(text) }
        }
        if held.count > 4096 { held = [] }
        return lines
    }
}
