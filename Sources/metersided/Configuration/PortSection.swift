import Bus
import Drivers
import Gateway
import Metering

/// `[[port]]`.
enum PortSection {
    static func read(_ tables: [SettingsReader]) -> [PortEntry] {
        var entries: [PortEntry] = []
        var places: [String] = []
        for table in tables {
            guard let (entry, place) = read(table) else { continue }
            if entries.contains(where: { $0.id == entry.id }) {
                table.fault("name", "\"\(entry.id)\" is the name of another port; give each its own")
            }
            if places.contains(place) {
                table.fault(
                    place.utf8.contains(UInt8(ascii: "/")) ? "device" : "tcp",
                    "\(place) is another port already; a wire has one master")
            }
            places.append(place)
            entries.append(entry)
        }
        return entries
    }

    private static func read(_ table: SettingsReader) -> (PortEntry, place: String)? {
        let name = table.require("name", .name)
        let kind = table.require(
            "protocol", SettingsRule<String>.oneOf(["edmi", "modbus"]).map { PortProtocol(rawValue: $0) })
        let spoken = table.has("tcp") ? tcp(table, kind) : serial(table, kind)
        guard let name, let kind, let spoken else { return nil }
        let place =
            switch spoken.wire {
            case .serial(let device, _, _): device
            case .tcp(let host, let port): "\(host):\(port)"
            case .gpio(let lines): lines.chip
            }
        let bus = PortConfiguration(id: PortID(name), wire: spoken.wire, protocol: spoken.framing)
        return (PortEntry(bus: bus, kind: kind), place)
    }

    private static func tcp(_ table: SettingsReader, _ kind: PortProtocol?) -> (wire: PortWire, framing: WireProtocol)?
    {
        for key in ["device", "baud", "format", "rs485"] where table.has(key) {
            table.fault(key, "belongs to a serial port, and this one has tcp; take one of them out")
        }
        let address = table.take(
            "tcp",
            SettingsRule<String>.text(longest: 256).map("\"host:port\"") { HostPort.read($0, defaultPort: nil) })
        let word = table.take("framing", .oneOf(["rtu", "tcp"]))
        var framing = WireProtocol.edmi
        if kind == .modbus {
            framing = word == "rtu" ? .modbusRTU : .modbusTCP
            if word == nil, !table.has("framing") {
                table.fault("framing", "is missing; write \"tcp\" for Modbus TCP or \"rtu\" for RTU frames over TCP")
            }
        } else if kind == .edmi, word != nil {
            table.fault("framing", "is for modbus; an edmi port over tcp has none")
        }
        guard let address else { return nil }
        return (.tcp(host: address.host, port: address.port), framing)
    }

    private static func serial(
        _ table: SettingsReader, _ kind: PortProtocol?
    ) -> (wire: PortWire, framing: WireProtocol)? {
        if table.has("framing") { table.fault("framing", "belongs to a port with tcp") }
        let device = table.require(
            "device",
            SettingsRule<String>.text(longest: 256).map("the path of a device such as \"/dev/serial/by-id/…\"") {
                $0.hasPrefix("/") ? $0 : nil
            })
        let baud = table.take("baud", baudRate) ?? 9600
        let format: CharacterFormat = table.take("format", .word) ?? .eightNone1
        let rs485 = table.take("rs485", .flag) ?? false
        guard let device else { return nil }
        let line = LineSettings(baud: baud, format: format)
        return (.serial(device: device, line: line, rs485: rs485), kind == .modbus ? .modbusRTU : .edmi)
    }

    /// The rates every Linux serial driver knows between 300 and 115200.
    private static var baudRate: SettingsRule<Int> {
        let rates = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200]
        let words = rates.map(String.init).joined(separator: ", ")
        return SettingsRule<Int>.integer(300...115_200).map("one of \(words)") { rates.contains($0) ? $0 : nil }
    }
}
