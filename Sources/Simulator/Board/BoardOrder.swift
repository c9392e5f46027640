/// What a person can tell a running board to do wrong, and to do right again.
public enum BoardOrder: Hashable, Sendable {
    case unplug(port: String)
    case plug(port: String)
    /// The meter does not answer for so many seconds.
    case silent(serial: String, seconds: Int64)
    /// So many of the port's next replies arrive damaged.
    case garble(port: String, replies: Int)
    /// The meter refuses every log-in.
    case refuse(serial: String)
    case accept(serial: String)
    /// The meter's clock runs so many seconds ahead (or behind, when negative).
    case clock(serial: String, seconds: Int64)
    /// Something happens to a relay.
    case relay(String, RelayFate)
    /// The customer presses a button of the relay's box for so many seconds.
    case press(relay: String, RelayButton, seconds: Int64)
    case stats
    case help
    case quit

    /// Why a line is no order; the message says what is.
    public struct Fault: Error, Hashable, Sendable {
        public var message: String
    }

    public static let usage = """
        unplug PORT             pull the plug of a port: its device disappears
        plug PORT               put it back
        silent SERIAL SECONDS   the meter (or relay, by its name) does not answer for a while
        garble PORT COUNT       the next COUNT replies on the port arrive damaged
        refuse SERIAL           the EDMI meter refuses every log-in (the gateway then waits 15 minutes)
        accept SERIAL           it takes them again
        clock SERIAL SECONDS    the meter's clock is wrong by so many seconds
        press BUTTON SECONDS    the customer presses emergency, arm or next for so long
        stick RELAY             the relay's contact stays where it is, whatever its coil is told
        weld RELAY              it says it opens, and load flows all the same
        trip RELAY              it opens by itself
        mend RELAY              it does as its coil is told again
        stats                   what passed over the wires
        quit                    end
        """

    /// Reads a line that a person typed, for the ports and meters of `plan`.
    public init(_ line: String, plan: BoardPlan) throws(Fault) {
        let words = line.split(separator: " ").map(String.init)
        func port() throws(Fault) -> String {
            let names = plan.ports.map(\.name)
            guard words.count > 1, names.contains(words[1]) else {
                throw Fault(message: "\(words[0]) which port? write one of: \(names.joined(separator: ", "))")
            }
            return words[1]
        }
        func serial() throws(Fault) -> String {
            let isRelay = words.count > 1 && plan.relays.contains { $0.name == words[1] }
            guard words.count > 1, isRelay && words[0] == "silent" || plan.meter(words[1]) != nil else {
                let serials = plan.ports.flatMap { $0.meters.map(\.serial) }.prefix(8)
                throw Fault(message: "\(words[0]) which meter? write one of: \(serials.joined(separator: ", "))")
            }
            return words[1]
        }
        func number(_ allowed: ClosedRange<Int64>, _ what: String) throws(Fault) -> Int64 {
            guard words.count == 3, let number = Int64(words[2]), allowed.contains(number) else {
                throw Fault(message: "\(words[0]) takes \(what), a whole number from \(allowed.lowerBound) on")
            }
            return number
        }
        func relay() throws(Fault) -> String {
            let names = plan.relays.map(\.name)
            guard words.count == 2, names.contains(words[1]) else {
                throw Fault(message: "\(words[0]) which relay? write one of: \(names.joined(separator: ", "))")
            }
            return words[1]
        }
        if let first = words.first, let fate = RelayFate(rawValue: first) {
            self = .relay(try relay(), fate)
            return
        }
        switch words.first {
        case "unplug": self = .unplug(port: try port())
        case "plug": self = .plug(port: try port())
        case "silent": self = .silent(serial: try serial(), seconds: try number(1...1_000_000, "SERIAL SECONDS"))
        case "garble": self = .garble(port: try port(), replies: Int(try number(1...1_000_000, "PORT COUNT")))
        case "refuse": self = .refuse(serial: try serial())
        case "accept": self = .accept(serial: try serial())
        case "clock":
            self = .clock(serial: try serial(), seconds: try number(-100_000_000...100_000_000, "SERIAL SECONDS"))
        case "press":
            let seconds = try number(1...3600, "BUTTON SECONDS")
            guard let button = RelayButton(rawValue: words[1]), let name = plan.relays.first?.name else {
                throw Fault(message: "press which button? write one of: emergency, arm, next")
            }
            self = .press(relay: name, button, seconds: seconds)
        case "stats": self = .stats
        case "help", "?": self = .help
        case "quit", "exit": self = .quit
        default: throw Fault(message: "\"\(line)\" is not known; these are:\n\(Self.usage)")
        }
    }
}
