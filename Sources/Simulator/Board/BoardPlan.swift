import Drivers
import Metering

/// The simulated meter board: which meters and relays hang on which wire. Whoever serves it brings the wires and the
/// time.
public struct BoardPlan: Sendable {
    public var ports: [BoardPort]

    public init(ports: [BoardPort]) { self.ports = ports }

    /// All relays of the board.
    public var relays: [BoardRelay] { ports.flatMap(\.relays) }

    /// The board of the README and the demo: two EDMI meters of both dialects addressed on one wire, and a Modbus
    /// meter on another, with the relay that switches the first meter's house. `seed` changes the houses behind the
    /// meters, nothing else.
    public static func standard(seed: UInt64) -> BoardPlan {
        let line = LineSettings(baud: 9600, format: .eightNone1)
        return BoardPlan(ports: [
            BoardPort(
                name: "a", wire: .edmi, line: line,
                meters: [
                    BoardMeter(
                        serial: "217072470", model: "edmi-mk10", address: 217_072_470, nmi: "1110029035",
                        load: HouseholdLoad(seed: seed &+ 1)),
                    BoardMeter(
                        serial: "251308613", model: "edmi-mk6", address: 251_308_613, nmi: "1110029036",
                        load: HouseholdLoad(seed: seed &+ 2, hasSolar: true)),
                ]),
            BoardPort(
                name: "b", wire: .modbus, line: line,
                meters: [
                    BoardMeter(
                        serial: "19210345", model: "eastron-sdm630", address: 1, nmi: "1110029037",
                        load: HouseholdLoad(seed: seed &+ 3, hasSolar: true))
                ],
                relays: [BoardRelay(name: "relay-1", unit: 7, meter: "217072470")]),
        ])
    }

    /// The same board with `count` Modbus meters at units 1 to `count` on port b, and no relay: a benchmark's load.
    public func with(modbusUnits count: Int) -> BoardPlan {
        var plan = self
        for index in plan.ports.indices where plan.ports[index].wire == .modbus {
            guard let first = plan.ports[index].meters.first else { continue }
            plan.ports[index].relays = []
            plan.ports[index].meters = (1...max(1, count)).map { unit in
                var meter = first
                meter.address = UInt32(unit)
                if unit > 1 {
                    meter.serial = "\(first.serial)-\(unit)"
                    meter.nmi = nil
                }
                return meter
            }
        }
        return plan
    }

    /// The meter with this serial and the name of its port.
    public func meter(_ serial: String) -> (meter: BoardMeter, port: String)? {
        for port in ports {
            if let meter = port.meters.first(where: { $0.serial == serial }) { return (meter, port.name) }
        }
        return nil
    }
}

/// One wire of the board.
public struct BoardPort: Sendable {
    /// What speaks on it.
    public enum Wire: String, Sendable { case edmi, modbus }

    public var name: String
    public var wire: Wire
    public var line: LineSettings
    public var meters: [BoardMeter]
    /// Modbus only.
    public var relays: [BoardRelay]

    public init(
        name: String, wire: Wire, line: LineSettings, meters: [BoardMeter], relays: [BoardRelay] = []
    ) {
        self.name = name
        self.wire = wire
        self.line = line
        self.meters = meters
        self.relays = relays
    }
}

/// One meter of the board and the house behind it.
public struct BoardMeter: Sendable {
    /// What stands on its plate.
    public var serial: String
    /// A file in `hardware/meters/`, without `.toml`.
    public var model: String
    /// EDMI: the serial as a number. Modbus: the unit.
    public var address: UInt32
    public var nmi: String?
    public var load: HouseholdLoad
    /// The lowest log-in of an EDMI meter, as it leaves the factory; it can only read.
    public var user = "READER"
    public var password = "READER"

    public init(serial: String, model: String, address: UInt32, nmi: String?, load: HouseholdLoad) {
        self.serial = serial
        self.model = model
        self.address = address
        self.nmi = nmi
        self.load = load
    }
}
