import Bus
import Credit
import Drivers
import Gateway
import Metering

/// `[[switch]]`: the load switches, and the ports that those on GPIO lines are.
struct SwitchSection {
    let meters: KnownMeters
    let ports: [PortEntry]

    /// What the tables say.
    struct Found {
        var switches: [SwitchSettings] = []
        var ports: [PortEntry] = []
    }

    func read(_ tables: [SettingsReader]) -> Found {
        var found = Found()
        var names: [String] = []
        for table in tables {
            let name = table.require("name", .name)
            if let name {
                if names.contains(name) { table.fault("name", "\"\(name)\" is another switch already") }
                names.append(name)
            }
            let reconnect: ReconnectPolicy = table.take("reconnect", .word) ?? .button
            let delay: Int64 = table.take("remote_delay_seconds", .integer(0...3600)) ?? 600
            guard let driver = driver(table, name ?? "", &found.ports), let name else { continue }
            if found.switches.contains(where: { $0.driver.isSameOutput(driver) }) {
                table.fault("driver", "another switch has this output already; one contact is one switch")
            }
            found.switches.append(
                SwitchSettings(name: name, driver: driver, reconnect: reconnect, remoteDelaySeconds: delay))
        }
        return found
    }

    private func driver(_ table: SettingsReader, _ name: String, _ ports: inout [PortEntry]) -> SwitchDriver? {
        switch table.require("driver", .oneOf(["modbus-coil", "gpio", "meter-register"])) {
        case "modbus-coil": return coil(table)
        case "gpio":
            guard let wire = contact(table) else { return nil }
            if ports.contains(where: { $0.bus.wire.drives(sameAs: wire) }) {
                table.fault("line", "another switch has this line already; one contact is one switch")
            }
            let port = PortEntry(gpio: "gpio:\(name)", wire)
            ports.append(port)
            return .gpio(port: port.id)
        case "meter-register": return register(table)
        default: return nil
        }
    }

    // MARK: Modbus

    private func coil(_ table: SettingsReader) -> SwitchDriver? {
        let port = table.require("port", .name).flatMap { modbusPort($0, table, "port") }
        let unit = table.require("unit", .integer(0...255)) as Int?
        let coil = table.require("coil", .integer(0...65_535)) as Int?
        let feedback = table.take("feedback_input", .integer(0...65_535)) as Int?
        guard let port, let unit, let coil, check(unit: unit, on: port, table, "unit") else { return nil }
        return .modbusCoil(
            port: port.id, unit: UnitAddress(UInt8(unit)), coil: UInt16(coil), feedback: feedback.map { UInt16($0) })
    }

    /// The port of this name; a fault when it is not there or speaks something else.
    func modbusPort(_ name: String, _ table: SettingsReader, _ key: String) -> PortEntry? {
        guard let port = ports.first(where: { $0.id == PortID(name) }) else {
            table.fault(key, "there is no [[port]] named \"\(name)\"")
            return nil
        }
        guard port.kind == .modbus else {
            table.fault(key, "port \"\(name)\" speaks \(port.kind.rawValue), and this needs modbus")
            return nil
        }
        return port
    }

    /// Whether the unit may be addressed: 0 is every unit of a line at once, and 248 to 255 mean nothing there.
    func check(unit: Int, on port: PortEntry, _ table: SettingsReader, _ key: String) -> Bool {
        guard port.bus.protocol != .modbusTCP, !(1...247).contains(unit) else { return true }
        table.fault(key, "\(unit) is no unit on a line with RTU frames; write 1 to 247")
        return false
    }

    // MARK: GPIO

    private func contact(_ table: SettingsReader) -> GpioWire? {
        let chip = table.require("chip", .text(longest: 64))
        let line = table.require("line", Self.lineRule)
        let isActiveLow = table.take("active_low", .flag) ?? false
        let opener = table.take("off_line", Self.lineRule)
        let pulse = table.take("pulse_ms", .integer(10...1000)) as Int64?
        let feedback = table.take("feedback_line", Self.lineRule)
        let feedbackIsLow = table.take("feedback_active_low", .flag)
        if pulse != nil, !table.has("off_line") { table.fault("pulse_ms", "belongs to a latching relay with off_line") }
        if feedbackIsLow != nil, !table.has("feedback_line") {
            table.fault("feedback_active_low", "belongs to a feedback_line")
        }
        if table.has("off_line"), !table.has("feedback_line") {
            table.fault("feedback_line", "is missing; a latching relay does not say by itself how it stands")
        }
        guard let chip, let line else { return nil }
        for (key, other) in [("off_line", opener), ("feedback_line", feedback)] where other == line {
            table.fault(key, "is the same line as \"line\"")
        }
        let contact = GpioContact(
            output: GpioLine(name: line, isActiveLow: isActiveLow),
            opener: opener.map { GpioLine(name: $0, isActiveLow: isActiveLow) }, pulse: (pulse ?? 50) * 1000,
            feedback: feedback.map {
                GpioLine(name: $0, isActiveLow: feedbackIsLow ?? false, pullsUp: feedbackIsLow ?? false)
            })
        return GpioWire(chip: chip, use: .contact(contact))
    }

    /// A line's number or its name.
    static var lineRule: SettingsRule<String> {
        SettingsRule<String>("a line's number or its name in quotes") { node in
            switch node.value {
            case .string(let text) where (1...64).contains(text.utf8.count): text
            case .integer(let number) where (0...1023).contains(number): String(number)
            default: nil
            }
        }
    }

    // MARK: The meter's own relay

    private func register(_ table: SettingsReader) -> SwitchDriver? {
        let serial = table.require("meter", .text(longest: 32)).flatMap { meters.serial($0, table, "meter") }
        let register = table.require(
            "register", Self.hex.map("the register's number in hexadecimal digits, in quotes") { Self.number($0) })
        let connect = table.require("connect_hex", Self.hex)
        let disconnect = table.require("disconnect_hex", Self.hex)
        if let connect, connect == disconnect {
            table.fault("disconnect_hex", "is the same as connect_hex; one of them is wrong")
        }
        guard let serial, let register, let connect, let disconnect else { return nil }
        return .meterRegister(meter: serial, register: register, connect: connect, disconnect: disconnect)
    }

    private static var hex: SettingsRule<[UInt8]> {
        SettingsRule<String>.text(longest: 64).map("whole bytes as hexadecimal digits in quotes") { text in
            let digits = text.compactMap(\.hexDigitValue)
            guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
    }

    private static func number(_ bytes: [UInt8]) -> UInt32? {
        bytes.count <= 4 ? bytes.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }
}

/// The meters of the file, as other sections name them.
struct KnownMeters {
    var serials: [MeterSerial]
    /// Meters written in the file, also those that were refused.
    var written: Int

    /// The meter of this serial; a fault when it is not configured.
    func serial(_ text: String, _ table: SettingsReader, _ key: String) -> MeterSerial? {
        if let serial = serials.first(where: { $0.text == text }) { return serial }
        // When a meter was itself refused, its absence here would be a second complaint about one mistake.
        if serials.count == written { table.fault(key, "there is no [[meter]] with the serial \"\(text)\"") }
        return nil
    }
}

extension SwitchDriver {
    /// Whether both would move the same contact.
    fileprivate func isSameOutput(_ other: SwitchDriver) -> Bool {
        switch (self, other) {
        case (.modbusCoil(let port, let unit, let coil, _), .modbusCoil(let port2, let unit2, let coil2, _)):
            port == port2 && unit == unit2 && coil == coil2
        case (.meterRegister(let meter, _, _, _), .meterRegister(let meter2, _, _, _)): meter == meter2
        default: false
        }
    }
}

extension PortEntry {
    /// GPIO lines as a port of their own.
    init(gpio name: String, _ wire: GpioWire) {
        self.init(
            bus: PortConfiguration(id: PortID(name), wire: .gpio(wire), protocol: .modbusRTU), kind: .modbus)
    }
}

extension PortWire {
    /// Whether this is a load switch on one of the lines that drive `other`.
    fileprivate func drives(sameAs other: GpioWire) -> Bool {
        guard case .gpio(let wire) = self, wire.chip == other.chip else { return false }
        return wire.drivenLines.contains { other.drivenLines.contains($0) }
    }
}

extension GpioWire {
    fileprivate var drivenLines: [String] {
        guard case .contact(let contact) = use else { return [] }
        return [contact.output.name] + (contact.opener.map { [$0.name] } ?? [])
    }
}
