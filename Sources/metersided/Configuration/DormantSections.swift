import Metering

/// Sections that are checked in full although this version does not act on them yet: a file that is wrong in them is
/// wrong today, and not on the day of an update.
struct DormantSections {
    /// Checks the sections and returns the names of those that are there.
    func check(_ root: SettingsReader) -> [String] {
        var present: [String] = []
        func note(_ name: String, _ isThere: Bool) { if isThere { present.append(name) } }
        note("sparkplug", root.table("sparkplug").map { _ = $0.require("group", .name) } != nil)
        note("homeassistant", root.table("homeassistant").map { _ = $0.take("prefix", Self.topic) } != nil)
        note("metrics", root.table("metrics").map { _ = $0.require("textfile", .text()) } != nil)
        return present
    }

    /// Part of an MQTT topic to publish below.
    private static var topic: SettingsRule<String> {
        SettingsRule<String>.text(longest: 64).map("a topic without + and #") { text in
            text.utf8.contains { "+#".utf8.contains($0) } ? nil : text
        }
    }
}
