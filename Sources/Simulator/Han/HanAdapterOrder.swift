import Metering

/// What a person can tell a running simulated HAN adapter.
public enum HanAdapterOrder: Hashable, Sendable {
    /// The utility gives the adapter's address and code to the meter, or takes them off it.
    case allow, forbid
    /// The meter was given another install code, or the right one.
    case wrongCode(Bool)
    /// The radio loses the meter and finds it again.
    case lose
    case silent(Bool)
    case broken(Bool)
    /// The HAN's register counts so many per mille more than the meter's, or less.
    case drift(perMille: Int64)
    case message(String)
    case unplug, plug
    case help
    case quit

    /// Why a line is no order; the message says what is.
    public struct Fault: Error, Hashable, Sendable {
        public var message: String
    }

    public static let usage = """
        allow              the utility lets the adapter join the meter
        forbid             it takes the adapter off the meter
        wrong-code on|off  the meter knows another install code
        lose               the radio loses the meter for a moment
        silent on|off      the adapter says nothing
        broken on|off      its XML is broken the way real ones break it
        drift PER_MILLE    the HAN counts more than the meter (or less: -20)
        message TEXT       the utility sends a text
        unplug, plug       the device disappears and comes back
        quit               end
        """

    /// Reads a line that a person typed.
    public init(_ line: String) throws(Fault) {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1] : ""
        func flag() throws(Fault) -> Bool {
            guard rest == "on" || rest == "off" else { throw Fault(message: "\(words[0]) takes on or off") }
            return rest == "on"
        }
        switch words.first {
        case "allow": self = .allow
        case "forbid": self = .forbid
        case "wrong-code": self = .wrongCode(try flag())
        case "lose": self = .lose
        case "silent": self = .silent(try flag())
        case "broken": self = .broken(try flag())
        case "drift":
            guard let perMille = Int64(rest), (-1000...1000).contains(perMille) else {
                throw Fault(message: "drift takes -1000 to 1000 per mille")
            }
            self = .drift(perMille: perMille)
        case "message": self = .message(rest)
        case "unplug": self = .unplug
        case "plug": self = .plug
        case "help", "?": self = .help
        case "quit", "exit": self = .quit
        default: throw Fault(message: "\"\(line)\" is not known; these are:\n\(Self.usage)")
        }
    }
}

extension HanAdapterSimulator {
    /// Does what a person ordered and gives what the adapter says to it; `unplug`, `plug`, `help` and `quit` are the
    /// server's business.
    public mutating func obey(_ order: HanAdapterOrder, at moment: Moment) -> [UInt8] {
        var faults = faults
        switch order {
        case .allow: return setAllowed(true, at: moment)
        case .forbid: return setAllowed(false, at: moment)
        case .lose: return lose(at: moment)
        case .message(let text):
            message = text
            return []
        case .wrongCode(let isOn): faults.hasWrongCode = isOn
        case .silent(let isOn): faults.isSilent = isOn
        case .broken(let isOn): faults.isBroken = isOn
        case .drift(let perMille): faults.driftPerMille = perMille
        case .unplug, .plug, .help, .quit: return []
        }
        setFaults(faults, at: moment)
        return []
    }
}
