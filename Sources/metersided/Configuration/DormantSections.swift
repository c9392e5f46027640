import Metering

/// Sections that are checked in full although this version does not act on them yet: a file that is wrong in them is
/// wrong today, and not on the day of an update.
struct DormantSections {
    var serials: [MeterSerial]
    var ports: [PortID]
    /// Meters written in the file, also those that were refused.
    var meterCount: Int

    /// Checks the sections and returns the names of those that are there.
    func check(_ root: SettingsReader) -> [String] {
        var present: [String] = []
        func note(_ name: String, _ isThere: Bool) { if isThere { present.append(name) } }
        note("unit", checkUnits(root.tables("unit")))
        note("switch", checkSwitches(root.tables("switch")))
        note("han", root.table("han").map(checkHan) != nil)
        if let upstream = root.table("upstream") {
            for name in ["reposit", "powerbox", "redex", "ropo"] {
                note("upstream.\(name)", upstream.table(name).map { UpstreamSection.check($0, system: name) } != nil)
            }
        }
        note("sparkplug", root.table("sparkplug").map { _ = $0.require("group", .name) } != nil)
        note("homeassistant", root.table("homeassistant").map { _ = $0.take("prefix", .text(longest: 64)) } != nil)
        note("metrics", root.table("metrics").map { _ = $0.require("textfile", .text()) } != nil)
        return present
    }

    private func checkUnits(_ tables: [SettingsReader]) -> Bool {
        var ids: [String] = []
        for table in tables {
            if let id = table.require("id", .name) {
                if ids.contains(id) { table.fault("id", "\"\(id)\" is another unit already") }
                ids.append(id)
            }
            if let meters = table.require("meters", .list(of: .text(longest: 32))) {
                if meters.isEmpty || meters.count > 16 { table.fault("meters", "a unit has 1 to 16 meters") }
                for meter in meters { checkMeter(meter, table, "meters") }
            }
            for key in ["switch", "display", "buttons", "usage_place"] { _ = table.take(key, .text()) }
            for key in ["never_disconnect", "floor_first"] { _ = table.take(key, .flag) }
            for key in ["max_balance_micro", "max_credit_micro"] {
                _ = table.take(key, .integer(0...1_000_000_000_000_000)) as Int64?
            }
            _ = table.take("restore", .oneOf(["usable_credit", "debt_cleared"]))
        }
        return !tables.isEmpty
    }

    private func checkSwitches(_ tables: [SettingsReader]) -> Bool {
        var names: [String] = []
        for table in tables {
            if let name = table.require("name", .name) {
                if names.contains(name) { table.fault("name", "\"\(name)\" is another switch already") }
                names.append(name)
            }
            _ = table.take("reconnect", .oneOf(["button", "automatic"]))
            _ = table.take("remote_delay_seconds", .integer(0...3600)) as Int?
            switch table.require("driver", .oneOf(["modbus-coil", "gpio", "meter-register"])) {
            case "modbus-coil":
                if let port = table.require("port", .name), !ports.contains(PortID(port)) {
                    table.fault("port", "there is no [[port]] named \"\(port)\"")
                }
                _ = table.require("unit", .integer(0...247)) as Int?
                _ = table.require("coil", .integer(0...65_535)) as Int?
                _ = table.take("feedback_input", .integer(0...65_535)) as Int?
            case "gpio":
                _ = table.require("chip", .text(longest: 64))
                _ = table.require("line", Self.lineRule)
                _ = table.take("active_low", .flag)
                _ = table.take("feedback_line", Self.lineRule)
            case "meter-register":
                if let meter = table.require("meter", .text(longest: 32)) { checkMeter(meter, table, "meter") }
                for key in ["register", "connect_hex", "disconnect_hex"] { _ = table.require(key, Self.hex) }
            default: break
            }
        }
        return !tables.isEmpty
    }

    private func checkHan(_ table: SettingsReader) {
        _ = table.require("device", .text())
        if let meter = table.take("meter", .text(longest: 32)) { checkMeter(meter, table, "meter") }
        _ = table.take("install_code_file", .text())
    }

    private func checkMeter(_ serial: String, _ table: SettingsReader, _ key: String) {
        // When a meter was itself refused, its absence here would be a second complaint about one mistake.
        guard serials.count == meterCount, !serials.contains(where: { $0.text == serial }) else { return }
        table.fault(key, "there is no [[meter]] with the serial \"\(serial)\"")
    }

    /// A line's number or its name.
    private static var lineRule: SettingsRule<String> {
        SettingsRule<String>("a line's number or its name in quotes") { node in
            switch node.value {
            case .string(let text) where (1...64).contains(text.utf8.count): text
            case .integer(let number) where (0...1023).contains(number): String(number)
            default: nil
            }
        }
    }

    private static var hex: SettingsRule<String> {
        SettingsRule<String>.text(longest: 64).map("hexadecimal digits in quotes") { text in
            text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } ? text : nil
        }
    }
}

/// `[upstream.<system>]`.
enum UpstreamSection {
    private static let texts: [String: (required: [String], optional: [String])] = [
        "reposit": (["url", "key_file"], ["ca", "site_serial"]),
        "powerbox": (
            ["url", "token_url", "client_id", "client_secret_file"],
            ["certificate", "key", "ca", "hem_profile_id", "account_slid"]
        ),
        "redex": (["url", "key_file"], ["client_id", "client_secret_file", "ca", "application_id"]),
        "ropo": (["url", "cid", "apicode_file"], ["ca", "zone", "not_disconnected"]),
    ]

    static func check(_ table: SettingsReader, system: String) {
        guard let keys = texts[system] else { return }
        for key in keys.required { _ = table.require(key, .text()) }
        for key in keys.optional { _ = table.take(key, .text()) }
        guard system == "redex" else { return }
        _ = table.take("submit", .flag)
        for inverter in table.tables("inverter") {
            for key in ["remote_id", "serial", "brand", "meter"] { _ = inverter.require(key, .text(longest: 128)) }
            _ = inverter.require("capacity_w", .integer(1...10_000_000)) as Int?
        }
    }
}
