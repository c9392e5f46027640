import Metering
import Testing
import Toml

/// Walking a settings file and collecting its faults.
struct TomlSettingsReaderTests {
    private func reader(_ text: String) throws -> SettingsReader {
        SettingsReader(try Toml.read(text, file: "f.toml"), file: "f.toml")
    }

    private func faults(_ text: String, _ walk: (SettingsReader) -> Void) throws -> [String] {
        let root = try reader(text)
        walk(root)
        return root.finish().map(\.description)
    }

    @Test func values_areReadByTheirRules() throws {
        let root = try reader(
            """
            text = "x"
            number = 7
            scale = 1.50
            on = true
            word = "8E1"
            names = ["a", "b"]
            at = 2026-03-02T07:30:00Z
            """)
        #expect(root.require("text", .text()) == "x")
        #expect(root.require("number", SettingsRule<Int>.integer(1...7)) == 7)
        #expect(root.require("number", SettingsRule<Int64>.integer(7...9)) == 7)
        #expect(root.require("number", .decimal()) == DecimalValue(mantissa: 7))
        #expect(root.require("scale", .decimal(notZero: true))?.text == "1.5")
        #expect(root.require("on", .flag) == true)
        #expect(root.require("word", .oneOf(["8N1", "8E1"])) == "8E1")
        #expect(root.require("names", .list(of: .name)) == ["a", "b"])
        #expect(root.require("at", .time)?.textSeconds == "2026-03-02T07:30:00Z")
        #expect(root.take("absent", .flag) == nil)
        #expect(root.finish().isEmpty)
    }

    @Test func wrongValues_areRefused_withLineKeyAndWhatIsAllowed() throws {
        let found = try faults("[[meter]]\npoll_seconds = 30\n[[meter]]\npoll_seconds = 0\nscale = nan\non = 1\n") {
            root in
            for meter in root.tables("meter") {
                _ = meter.take("poll_seconds", SettingsRule<Int>.integer(1...3600))
                _ = meter.take("scale", .decimal())
                _ = meter.take("on", .flag)
                _ = meter.take("serial", .text())
            }
        }
        #expect(
            found == [
                "f.toml:4: meter[2].poll_seconds: 0 is not allowed; write a whole number from 1 to 3600",
                "f.toml:5: meter[2].scale: nan is not allowed; write a number",
                "f.toml:6: meter[2].on: 1 is not allowed; write true or false",
            ])
    }

    @Test func missingKeys_areRefused_atTheLineOfTheirTable() throws {
        let found = try faults("\n[box]\n") { root in
            let box = root.requireTable("box")
            #expect(box?.require("id", .name) == nil)
            #expect(root.requireTable("mqtt") == nil)
        }
        #expect(
            found == [
                "f.toml:1: mqtt: is missing; write a table: [mqtt]",
                "f.toml:2: box.id: is missing; write a name of 1 to 64 letters, digits and _ . - in quotes",
            ])
    }

    @Test func unknownKeys_areRefused_withTheNearestKnown() throws {
        let found = try faults("[box]\nidd = 1\ninterval-minutes = 5\nzzz = 1\n[bux]\n[box.sub]\nx = 1\n") { root in
            let box = root.table("box")
            _ = box?.take("id", SettingsRule<Int>.integer(0...9))
            _ = box?.take("interval_minutes", SettingsRule<Int>.integer(0...9))
            _ = box?.table("sub")
        }
        #expect(
            found == [
                "f.toml:2: box.idd: is not known here; did you mean id?",
                "f.toml:3: box.interval-minutes: is not known here; did you mean interval_minutes?",
                "f.toml:4: box.zzz: is not known here; allowed are id, interval_minutes, sub",
                "f.toml:5: bux: is not known here; did you mean box?",
                "f.toml:7: box.sub.x: is not known here; nothing is allowed here",
            ])
    }

    @Test func wrongShapes_areRefused() throws {
        let found = try faults("box = 1\nport = { name = \"a\" }\nmeter = [1]\nlist = [\"a\", 2]\n") { root in
            #expect(root.table("box") == nil)
            #expect(root.tables("port").isEmpty)
            #expect(root.tables("meter").count == 1)
            #expect(root.take("list", .list(of: .name)) == nil)
        }
        #expect(
            found == [
                "f.toml:1: box: 1 is not allowed; write a table: [box]",
                "f.toml:2: port: a table is not allowed; write it with two brackets: [[port]]",
                "f.toml:3: meter[1]: must be a table of keys and values",
                "f.toml:4: list: a list is not allowed; write a list in [ ], each item a name of 1 to 64 letters, "
                    + "digits and _ . - in quotes",
            ])
    }

    @Test func faultsOfTheCaller_standAtTheirKey() throws {
        let found = try faults("a = 1\nb = 2\n") { root in
            #expect(root.has("a") && root.has("b") && !root.has("c"))
            root.fault("b", "excludes a")
            root.fault("is odd")
            #expect(!root.isFaultless)
        }
        #expect(found == ["f.toml:1: is odd", "f.toml:2: b: excludes a"])
    }

    @Test func longTexts_areNotRepeatedInFaults() throws {
        let found = try faults("a = \"" + String(repeating: "secret", count: 20) + "\"") { root in
            _ = root.take("a", .flag)
        }
        #expect(found == ["f.toml:1: a: this text is not allowed; write true or false"])
    }
}
