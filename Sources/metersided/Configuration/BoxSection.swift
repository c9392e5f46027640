import Control
import Gateway
import Glibc
import Intervals
import Metering

/// `[box]`.
enum BoxSection {
    /// What the section says: the agent's part, and the board's name.
    /// `hasUnits`: their tariffs and protected times are local, so the zone must be said.
    static func read(
        _ table: SettingsReader, hasMqtt: Bool, hasUnits: Bool
    ) -> (settings: BoxSettings, board: String)? {
        let id = table.require("id", .name)
        let board = table.take("board", .name) ?? "generic-usb"
        let zone = zone(table, isNeeded: hasUnits)
        let currency = table.take("currency", currency)
        let minutes = table.take("interval_minutes", intervalMinutes) ?? 5
        let clock = table.take("clock", .oneOf(["checked", "host"])) ?? "checked"
        guard let id else { return nil }
        let settings = BoxSettings(
            id: id, version: ProductVersion.text, intervalMinutes: minutes, clockFromHost: clock == "host",
            builtAt: Release.line, hasMqtt: hasMqtt, unconfigured: false, zone: zone,
            currency: currency)
        return (settings, board)
    }

    private static func zone(_ table: SettingsReader, isNeeded: Bool) -> ZoneRules {
        guard let name = isNeeded ? table.require("zone", zoneName) : table.take("zone", zoneName) else {
            return .fixed(0)
        }
        guard name != "UTC" else { return .fixed(0) }
        guard let bytes = ZoneFile.bytes(of: name) else {
            table.fault(
                "zone",
                "\"\(name)\" is no time zone of this machine; write one like \"Australia/Sydney\", or install tzdata")
            return .fixed(0)
        }
        do throws(ZoneFault) { return try ZoneRules(zoneFile: bytes) } catch {
            table.fault("zone", "\"\(name)\" cannot be used: \(error.description)")
            return .fixed(0)
        }
    }

    private static var zoneName: SettingsRule<String> {
        SettingsRule<String>.text(longest: 64).map("a time zone such as \"Australia/Sydney\"", { $0 })
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
    /// Zone files are a few kilobytes long.
    private static let limit = 256 << 10

    /// The file of a zone; nil when the machine does not know it. Names that leave the folder are never looked up.
    static func bytes(of zone: String) -> [UInt8]? {
        guard isName(zone) else { return nil }
        let descriptor = open("/usr/share/zoneinfo/" + zone, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled)
            }
            guard count > 0 else { return nil }
            filled += count
        }
        return bytes
    }

    private static func isName(_ zone: String) -> Bool {
        let allowed = zone.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"):
                true
            default: false
            }
        }
        return allowed && !zone.hasPrefix("/") && !zone.hasSuffix("/")
    }
}
