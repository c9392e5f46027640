import Drivers
import Glibc
import Metering
import Simulator

/// The simulated board in operation: its wires, and what a person may do to them.
final class Board {
    /// A port of the plan and the lines that serve it.
    struct Place {
        var port: BoardPort
        var serial: SerialLine
        var tcp: [(what: String, line: TcpLine)]

        /// What passed over all of its lines.
        var replies: Int { serial.counters.now.replies + tcp.reduce(0) { $0 + $1.line.counters.now.replies } }
    }

    let plan: BoardPlan
    let clock: BoardClock
    private(set) var places: [Place] = []
    private let faults: SharedFaults
    private let folder: String
    /// Held so that two boards do not take each other's links.
    private let lock: Int32

    /// How the board is served.
    struct Options {
        /// The links to the ports are made here.
        var folder: String
        /// Holds `meters/`.
        var share: String
        /// Replies take the time of the wire, and the meter this long to begin, microseconds.
        var isPaced = false
        var replyDelay: Int64 = 0
        /// TCP too: the first port to take, or 0 for free ones; nil for none.
        var tcp: UInt16?
    }

    /// Opens everything and begins to answer.
    init(plan: BoardPlan, clock: BoardClock, options: Options) throws(SimulatorFailure) {
        self.plan = plan
        self.clock = clock
        faults = SharedFaults(plan)
        folder = options.folder
        lock = try Folder.lock(options.folder)
        do throws(SimulatorFailure) {
            try open(options)
        } catch {
            stop()
            throw error
        }
    }

    private func open(_ options: Options) throws(SimulatorFailure) {
        let models = try ModelShelf(share: options.share, plan: plan)
        var nextTcp = options.tcp
        for port in plan.ports {
            let pace =
                options.isPaced
                ? WirePace(line: port.line, isModbus: port.wire == .modbus, replyDelay: options.replyDelay) : nil
            let serial = try SerialLine(link: "\(folder)/port-\(port.name)", line: port.line)
            try serial.start(service(Self.wire(port, models, isTCP: false), pace: pace, counters: serial.counters))
            places.append(Place(port: port, serial: serial, tcp: []))
            guard options.tcp != nil else { continue }
            for kind in port.wire == .edmi ? ["edmi"] : ["modbus tcp", "modbus rtu over tcp"] {
                let line = try TcpLine(port: nextTcp ?? 0)
                if let taken = nextTcp, taken > 0 { nextTcp = taken &+ 1 }
                let wire = Self.wire(port, models, isTCP: kind == "modbus tcp")
                try line.start(service(wire, pace: nil, counters: line.counters))
                places[places.count - 1].tcp.append((kind, line))
            }
        }
    }

    /// Does what a person ordered and says so; nil for `quit`.
    func obey(_ order: BoardOrder) -> String? {
        faults.apply(order, at: clock.wall())
        switch order {
        case .unplug(let name), .plug(let name):
            let isPlug = order == .plug(port: name)
            for place in places where place.port.name == name { place.serial.setPlugged(isPlug) }
            return "port \(name): the plug is \(isPlug ? "in" : "out")"
        case .silent(let serial, let seconds): return "\(serial) does not answer for \(seconds) s"
        case .garble(let port, let replies): return "port \(port): the next \(replies) replies arrive damaged"
        case .refuse(let serial): return "\(serial) refuses every log-in from the next one on"
        case .accept(let serial): return "\(serial) takes log-ins again"
        case .clock(let serial, let seconds): return "\(serial): its clock runs \(seconds) s ahead"
        case .relay(let name, let fate): return "\(name): \(fate.words)"
        case .press(let name, let button, let seconds): return "\(name): \(button.rawValue) is pressed for \(seconds) s"
        case .stats: return statistics
        case .help: return BoardOrder.usage
        case .quit: return nil
        }
    }

    /// What passed over the wires.
    var statistics: String {
        var lines: [String] = []
        for place in places {
            let counts = place.serial.counters.now
            var text =
                "port \(place.port.name): \(counts.replies) replies, \(counts.bytesIn) bytes in, "
                + "\(counts.bytesOut) bytes out"
            if counts.early > 0 { text += ", \(counts.early) requests too early after a reply" }
            if counts.mistuned > 0 {
                text +=
                    "; \(counts.mistuned) bytes came at \(counts.otherBaud) baud and were noise: the meters speak "
                    + "\(place.port.line.text)"
            }
            lines.append(text)
            for (what, line) in place.tcp {
                lines.append("  \(what) 127.0.0.1:\(line.port): \(line.counters.now.replies) replies")
            }
        }
        return lines.joined(separator: "\n")
    }

    func stop() {
        for place in places {
            place.serial.stop()
            for (_, line) in place.tcp { line.stop() }
        }
        close(lock)
        // Stays when there is something else in it.
        rmdir(folder)
    }

    private func service(_ wire: any WireResponder, pace: WirePace?, counters: WireCounters) -> WireService {
        WireService(responder: wire, clock: clock, pace: pace, counters: counters, faults: faults)
    }

    private static func wire(_ port: BoardPort, _ models: ModelShelf, isTCP: Bool) -> any WireResponder {
        switch port.wire {
        case .edmi: EdmiWire(port) { models[$0.model]?.dialect ?? .atlas }
        case .modbus: ModbusWire(port, isTCP: isTCP) { models[$0.model] }
        }
    }
}
