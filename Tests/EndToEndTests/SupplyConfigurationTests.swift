import Foundation
import Testing

/// `[[unit]]` and `[[switch]]` as the daemon reads them.
@Suite struct SupplyConfigurationTests {
    private static let sound = """
        [box]
        id = "SJKGRHDV"
        zone = "Australia/Sydney"
        currency = "AUD"
        [[port]]
        name = "a"
        tcp = "127.0.0.1:1"
        protocol = "edmi"
        [[port]]
        name = "b"
        tcp = "127.0.0.1:2"
        framing = "rtu"
        protocol = "modbus"
        [[meter]]
        serial = "SDM-1"
        model = "eastron-sdm630"
        port = "b"
        address = 1
        [[unit]]
        id = "unit-1"
        meters = ["SDM-1"]
        switch = "relay-1"
        display = "/dev/lcd"
        buttons = "modbus:b:7:1,-,3"
        usage_place = "place-1"
        never_disconnect = false
        max_balance_micro = 1000000000
        max_credit_micro = 500000000
        restore = "usable_credit"
        floor_first = false
        [[switch]]
        name = "relay-1"
        driver = "modbus-coil"
        port = "b"
        unit = 7
        coil = 0
        feedback_input = 0
        reconnect = "button"
        remote_delay_seconds = 600
        [[switch]]
        name = "relay-2"
        driver = "gpio"
        chip = "gpiochip0"
        line = 17
        active_low = true
        feedback_line = "AUX"
        [[switch]]
        name = "relay-3"
        driver = "meter-register"
        meter = "SDM-1"
        register = "F0A1"
        connect_hex = "01"
        disconnect_hex = "00"

        """

    private func check(_ text: String) throws -> (code: Int32, out: String) {
        let sandbox = try Sandbox()
        let run = try sandbox.run(
            Programs.daemon, ["--check", "--config", try sandbox.write("meterside.toml", text)])
        return (run.code, run.out)
    }

    @Test func check_ofEveryKeyOfTheContract_isSoundAndSaysWhatIsNotActedOn() throws {
        let run = try check(Self.sound)
        let notes = run.out.components(separatedBy: "\n").filter { $0.hasPrefix("note: ") }
        #expect(run.code == 0 && notes.count == 1 && notes.first?.contains("[switch relay-3]") == true, "\(run.out)")
    }

    /// Buttons are looked at four times a second, which a slow line does not carry beside a meter.
    @Test func check_ofButtonsOnATooSlowLine_isRefusedWithTheArithmetic() throws {
        let slow = Self.sound.replacingOccurrences(
            of: "tcp = \"127.0.0.1:2\"\nframing = \"rtu\"", with: "device = \"/dev/ttyS0\"\nbaud = 600")
        let run = try check(slow)
        #expect(run.code == 3 && run.out.contains("buttons and switches"), "\(run.out)")
    }

    @Test(arguments: [
        ("zone = \"Australia/Sydney\"\n", "", "box.zone"),
        ("id = \"unit-1\"", "id = \"SJKGRHDV\"", "unit[1].id"),
        ("meters = [\"SDM-1\"]", "meters = [\"SDM-2\"]", "unit[1].meters"),
        ("meters = [\"SDM-1\"]", "meters = []", "unit[1].meters"),
        ("meters = [\"SDM-1\"]", "meters = [\"SDM-1\", \"SDM-1\"]", "unit[1].meters"),
        ("switch = \"relay-1\"", "switch = \"relay-9\"", "unit[1].switch"),
        ("switch = \"relay-1\"", "switch = \"relay-3\"", "unit[1].switch"),
        ("display = \"/dev/lcd\"", "display = \"lcd\"", "unit[1].display"),
        ("modbus:b:7:1,-,3", "modbus:b:7:1,-", "unit[1].buttons"),
        ("modbus:b:7:1,-,3", "modbus:a:7:1,-,3", "unit[1].buttons"),
        ("modbus:b:7:1,-,3", "modbus:b:7:1,1,3", "unit[1].buttons"),
        ("modbus:b:7:1,-,3", "gpio:chip:-,-,-", "unit[1].buttons"),
        ("modbus:b:7:1,-,3", "modbus:b:0:1,-,3", "unit[1].buttons"),
        ("max_balance_micro = 1000000000", "max_balance_micro = -1", "unit[1].max_balance_micro"),
        ("restore = \"usable_credit\"", "restore = \"later\"", "unit[1].restore"),
        ("name = \"relay-2\"", "name = \"relay-1\"", "switch[2].name"),
        ("driver = \"gpio\"", "driver = \"i2c\"", "switch[2].driver"),
        ("unit = 7\n", "unit = 0\n", "switch[1].unit"), ("coil = 0", "coil = 65536", "switch[1].coil"),
        ("reconnect = \"button\"", "reconnect = \"never\"", "switch[1].reconnect"),
        ("remote_delay_seconds = 600", "remote_delay_seconds = 3601", "switch[1].remote_delay_seconds"),
        ("chip = \"gpiochip0\"\n", "", "switch[2].chip"), ("line = 17", "line = -1", "switch[2].line"),
        ("line = 17", "line = 17\noff_line = 17", "switch[2].off_line"),
        ("feedback_line = \"AUX\"", "off_line = 18", "switch[2].feedback_line"),
        ("feedback_line = \"AUX\"", "pulse_ms = 50", "switch[2].pulse_ms"),
        ("register = \"F0A1\"\n", "", "switch[3].register"),
        ("connect_hex = \"01\"\n", "", "switch[3].connect_hex"),
        ("connect_hex = \"01\"", "connect_hex = \"0\"", "switch[3].connect_hex"),
        ("disconnect_hex = \"00\"", "disconnect_hex = \"01\"", "switch[3].disconnect_hex"),
        ("meter = \"SDM-1\"", "meter = \"SDM-9\"", "switch[3].meter"),
    ])
    func check_ofAWrongUnitOrSwitch_exitsThreeWithPlaceAndKey(_ old: String, _ new: String, _ key: String) throws {
        let range = try #require(Self.sound.range(of: old))
        let run = try check(Self.sound.replacingCharacters(in: range, with: new))
        #expect(run.code == 3 && run.out.contains("meterside.toml:") && run.out.contains(key), "\(run.out)")
    }

    @Test func check_ofASwitchInTwoUnits_isRefused() throws {
        let twice = Self.sound.replacingOccurrences(
            of: "[[unit]]",
            with: """
                [[meter]]
                serial = "SDM-2"
                model = "eastron-sdm630"
                port = "b"
                address = 2
                [[unit]]
                id = "unit-2"
                meters = ["SDM-2"]
                switch = "relay-1"
                [[unit]]
                """)
        let run = try check(twice)
        #expect(run.code == 3 && run.out.contains("unit[2].switch"), "\(run.out)")
    }

    /// A board file holds what a configuration may hold, so that it can be copied from.
    @Test func boards_areSoundInAConfiguration() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "hardware/boards")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "toml" }
        #expect(files.map(\.lastPathComponent).contains("generic-usb.toml"))
        for file in files {
            let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
            #expect(lines.filter { $0.hasPrefix("title = ") || $0.hasPrefix("about = ") }.count == 2)
            let tables = lines.drop { !$0.hasPrefix("[[") }.joined(separator: "\n")
            let run = try check("[box]\nid = \"SJKGRHDV\"\n" + tables)
            #expect(run.code == 0, "\(file.lastPathComponent): \(run.out)")
        }
    }
}
