import Bus
import Credit
import Drivers
import Gateway
import Metering

/// `[[unit]]`: the payment units, what their customers see, and the ports that buttons on GPIO lines are.
struct UnitSection {
    let box: BoxSettings?
    let meters: KnownMeters
    let switches: SwitchSection
    /// Names of the switches that were read.
    let switchNames: [String]
    /// Those of them that this version does not move.
    let unmovedNames: [String]
    /// Switches written in the file, also those that were refused.
    let writtenSwitches: Int

    /// What the tables say.
    struct Found {
        var units: [UnitSettings] = []
        var displays: [UnitDisplay] = []
        var ports: [PortEntry] = []
    }

    func read(_ tables: [SettingsReader]) -> Found {
        var found = Found()
        var taken = Taken()
        for table in tables {
            let id = table.require("id", .name)
            if let id { check(id, table, &taken) }
            let serials = readMeters(table, &taken)
            let loadSwitch = readSwitch(table, &taken)
            let place = table.take("usage_place", .text(longest: 128))
            if let place {
                if taken.places.contains(place) { table.fault("usage_place", "\"\(place)\" is another unit's already") }
                taken.places.append(place)
            }
            let limits = readLimits(table)
            let policy = SupplyPolicy(
                neverDisconnect: table.take("never_disconnect", .flag) ?? false,
                restore: table.take("restore", .word) ?? .usableCredit)
            let display = readDisplay(table, &taken)
            let buttons = readButtons(table, id ?? "", &found.ports)
            guard let id, let serials else { continue }
            if let display { found.displays.append(UnitDisplay(unit: id, path: display)) }
            found.units.append(
                UnitSettings(
                    id: id, meters: serials, loadSwitch: loadSwitch, usagePlace: place, limits: limits, policy: policy,
                    buttons: buttons))
        }
        return found
    }

    /// What can belong to one unit only.
    private struct Taken {
        var ids: [String] = []
        var meters: [MeterSerial] = []
        var switches: [String] = []
        var places: [String] = []
        var displays: [String] = []
    }

    private func check(_ id: String, _ table: SettingsReader, _ taken: inout Taken) {
        if taken.ids.contains(id) { table.fault("id", "\"\(id)\" is another unit already") }
        if id == box?.id { table.fault("id", "\"\(id)\" is the box's own id, which commands for the whole box name") }
        taken.ids.append(id)
    }

    private func readMeters(_ table: SettingsReader, _ taken: inout Taken) -> [MeterSerial]? {
        guard let texts = table.require("meters", .list(of: .text(longest: 32))) else { return nil }
        guard (1...16).contains(texts.count) else {
            table.fault("meters", "a unit has 1 to 16 meters")
            return nil
        }
        var serials: [MeterSerial] = []
        for text in texts {
            guard let serial = meters.serial(text, table, "meters") else { continue }
            if taken.meters.contains(serial) {
                table.fault("meters", "meter \"\(serial)\" stands in a unit already, and would be charged twice")
            }
            taken.meters.append(serial)
            serials.append(serial)
        }
        return serials.count == texts.count ? serials : nil
    }

    private func readSwitch(_ table: SettingsReader, _ taken: inout Taken) -> String? {
        guard let name = table.take("switch", .name) else { return nil }
        if !switchNames.contains(name), switchNames.count == writtenSwitches {
            table.fault("switch", "there is no [[switch]] named \"\(name)\"")
        }
        if unmovedNames.contains(name) {
            table.fault(
                "switch",
                "\"\(name)\" is a meter-register, and this version moves no meter's relay; name another, or none")
        }
        if taken.switches.contains(name) { table.fault("switch", "\"\(name)\" belongs to another unit already") }
        taken.switches.append(name)
        return name
    }

    private func readLimits(_ table: SettingsReader) -> AccountLimits {
        let usual = AccountLimits()
        return AccountLimits(
            maxBalance: table.take("max_balance_micro", Self.amount) ?? usual.maxBalance,
            maxCredit: table.take("max_credit_micro", Self.amount) ?? usual.maxCredit,
            floorFirst: table.take("floor_first", .flag) ?? false, currency: box?.currency)
    }

    private static var amount: SettingsRule<Int64> { .integer(0...1_000_000_000_000_000) }

    private func readDisplay(_ table: SettingsReader, _ taken: inout Taken) -> String? {
        let rule = SettingsRule<String>.text(longest: 256).map("the path of a device such as \"/dev/lcd\"") {
            $0.hasPrefix("/") ? $0 : nil
        }
        guard let path = table.take("display", rule) else { return nil }
        if taken.displays.contains(path) { table.fault("display", "\(path) shows another unit already") }
        taken.displays.append(path)
        return path
    }

    // MARK: Buttons

    private static let buttonForms =
        "\"modbus:<port>:<unit>:<emergency>,<arm>,<next>\" or \"gpio:<chip>:<emergency>,<arm>,<next>\", "
        + "with - for a button that is not there"

    private func readButtons(_ table: SettingsReader, _ id: String, _ ports: inout [PortEntry]) -> ButtonSettings? {
        let rule = SettingsRule<String>.text(longest: 256).map(Self.buttonForms) { ButtonText($0) }
        guard let text = table.take("buttons", rule) else { return nil }
        switch text.place {
        case .gpio(let chip):
            let port = PortID("gpio:\(id):buttons")
            // Contacts to ground, pulled up: pressed is low.
            let lines = text.buttons.compactMap(\.self).map { GpioLine(name: $0, isActiveLow: true, pullsUp: true) }
            ports.append(PortEntry(gpio: port.name, GpioWire(chip: chip, use: .inputs(lines))))
            var place: UInt16 = 0
            let places = text.buttons.map { name -> UInt16? in
                defer { if name != nil { place += 1 } }
                return name == nil ? nil : place
            }
            return ButtonSettings(
                port: port, unit: UnitAddress(0), emergencyCredit: places[0], arm: places[1], nextPage: places[2])
        case .modbus(let name, let unit):
            guard let port = switches.modbusPort(name, table, "buttons"),
                switches.check(unit: Int(unit), on: port, table, "buttons")
            else { return nil }
            let inputs = text.buttons.map { $0.flatMap { UInt16($0) } }
            guard zip(inputs, text.buttons).allSatisfy({ ($0 == nil) == ($1 == nil) }) else {
                table.fault("buttons", "an input is a number from 0 to 65535")
                return nil
            }
            return ButtonSettings(
                port: port.id, unit: UnitAddress(unit), emergencyCredit: inputs[0], arm: inputs[1],
                nextPage: inputs[2])
        }
    }
}

/// The `buttons` of a unit, taken apart.
struct ButtonText: Equatable {
    enum Place: Equatable {
        case gpio(chip: String)
        case modbus(port: String, unit: UInt8)
    }

    var place: Place
    /// Emergency credit, arm, next page; nil for one that is not there.
    var buttons: [String?]

    /// Nil unless the text has one of the two forms and at least one button, each input once.
    init?(_ text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let last = parts.popLast() else { return nil }
        let names = last.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let given = names.filter { $0 != "-" }
        guard names.count == 3, !given.isEmpty, Set(given).count == given.count,
            given.allSatisfy({ (1...64).contains($0.utf8.count) })
        else { return nil }
        buttons = names.map { $0 == "-" ? nil : $0 }
        switch (parts.first, parts.count) {
        case ("gpio", 2) where !parts[1].isEmpty: place = .gpio(chip: parts[1])
        case ("modbus", 3):
            guard let unit = UInt8(parts[2]) else { return nil }
            place = .modbus(port: parts[1], unit: unit)
        default: return nil
        }
    }
}
