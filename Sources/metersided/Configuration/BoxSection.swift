import Control
import Gateway
import Glibc
import Metering

/// `[box]`.
enum BoxSection {
    /// What the section says: the agent's part, and the board's name.
    static func read(_ table: SettingsReader, hasMqtt: Bool) -> (settings: BoxSettings, board: String)? {
        let id = table.require("id", .name)
        let board = table.take("board", .name) ?? "generic-usb"
        if let zone = table.take("zone", .text(longest: 64)), !ZoneFile.exists(zone) {
            table.fault(
                "zone",
                "\"\(zone)\" is no time zone of this machine; write one like \"Australia/Sydney\", or install tzdata")
        }
        _ = table.take("currency", currency)
        let minutes = table.take("interval_minutes", intervalMinutes) ?? 5
        let clock = table.take("clock", .oneOf(["checked", "host"])) ?? "checked"
        guard let id else { return nil }
        let settings = BoxSettings(
            id: id, version: ProductVersion.text, intervalMinutes: minutes, clockFromHost: clock == "host",
            builtAt: Release.line, hasMqtt: hasMqtt, unconfigured: false)
        return (settings, board)
    }

    private static var intervalMinutes: SettingsRule<Int> {
        SettingsRule<Int>.integer(5...30).map("5, 15 or 30") { [5, 15, 30].contains($0) ? $0 : nil }
    }

    /// ISO 4217 alphabetic code.
    private static var currency: SettingsRule<String> {
        SettingsRule<String>.text(longest: 3).map("a currency of three capital letters such as \"AUD\"") { text in
            text.utf8.count == 3 && text.utf8.allSatisfy { (65...90).contains($0) } ? text : nil
        }
    }
}

/// The zone files of the machine.
enum ZoneFile {
    /// Whether the machine knows the zone; names that leave the folder are never looked up.
    static func exists(_ zone: String) -> Bool {
        guard zone != "UTC" else { return true }
        let allowed = zone.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"):
                true
            default: false
            }
        }
        guard allowed, !zone.hasPrefix("/"), !zone.hasSuffix("/") else { return false }
        var status = stat()
        guard stat("/usr/share/zoneinfo/" + zone, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFREG
    }
}
