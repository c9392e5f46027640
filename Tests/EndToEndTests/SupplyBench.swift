import Foundation
import Metering

/// A box with one payment unit: the simulated board's first meter, its relay and its buttons.
final class SupplyBench {
    static let unit = "unit-1"
    static let meter = "217072470"
    let sandbox: Sandbox
    let box: BoxUnderTest

    /// Starts the board. Its time is fast enough that minutes pass in seconds, and slow enough that an order to the
    /// switch, which is worth something for five seconds, is in time on a busy machine.
    init(_ sandbox: Sandbox, broker port: Int? = nil) throws {
        self.sandbox = sandbox
        box = BoxUnderTest(sandbox, scale: 20)
        try sandbox.write("etc/reader.password", "READER\n", mode: 0o600)
        try sandbox.write("etc/meterside.toml", configuration(port))
        guard try box.startBoard() else { throw Failure(text: sandbox.text("board.log")) }
    }

    struct Failure: Error { var text: String }

    private func configuration(_ port: Int?) -> String {
        BoxUnderTest.head(broker: port).replacingOccurrences(
            of: "interval_minutes = 5", with: "zone = \"Australia/Brisbane\"\ncurrency = \"AUD\"")
                + """
                [[port]]
                name = "a"
                device = "\(sandbox.path("board/port-a"))"
                protocol = "edmi"
                [[port]]
                name = "b"
                device = "\(sandbox.path("board/port-b"))"
                protocol = "modbus"
                [[meter]]
                serial = "\(Self.meter)"
                model = "edmi-mk10"
                port = "a"
                addressed = true
                user = "READER"
                password_file = "reader.password"
                poll_seconds = 10
                turnaround_ms = 0
                [[switch]]
                name = "relay-1"
                driver = "modbus-coil"
                port = "b"
                unit = 7
                coil = 0
                feedback_input = 0
                remote_delay_seconds = 0
                [[unit]]
                id = "\(Self.unit)"
                meters = ["\(Self.meter)"]
                switch = "relay-1"
                buttons = "modbus:b:7:1,2,3"
                display = "\(sandbox.path("display"))"

                """
    }

    /// Gives a command as root; its answer.
    @discardableResult
    func send(_ command: String, _ arguments: String) throws -> JSONValue? {
        let run = try box.cli("command", "send", command, "--unit", Self.unit, "--args", arguments, "--json")
        return try? JSONReader.read(run.out)
    }

    /// Waits for the meter, takes the protected times away, sets a price of 200 a kWh, tests the switch and enables
    /// disconnection. What did not work, in words; nil when everything did.
    func commission() throws -> String? {
        guard try box.metersAreLive(1) else { return "the meter is not live" }
        guard try sandbox.eventually(180, { try observed() == "connected" }) else { return "the switch was not seen" }
        let settings = [
            ("friendly_days_set", "{\"days\":{}}"), ("special_days_set", "{\"days\":[]}"),
            ("tariff_set", "{\"bands\":[{\"name\":\"all\",\"rate_micro\":200000000}]}"),
            ("operational_mode_set", "{\"mode\":\"prepayment\"}"),
        ]
        for (name, arguments) in settings {
            let answer = try send(name, arguments)
            guard answer?["code"]?.string == "applied" else { return "\(name): \(answer ?? .null)" }
        }
        let early = try send("omnipower_set", "{\"enabled\":true}")
        guard early?["code"]?.string == "precondition" else { return "enabled without a test: \(early ?? .null)" }
        // The reading before the settings was not taken since: the test wants fresh ones.
        var test = ""
        guard
            try sandbox.eventually(
                180,
                {
                    let run = try box.cli("supply", "test", Self.unit, "--yes", "--json")
                    test = run.out + run.err
                    return run.code == 0
                })
        else { return "supply test: \(test)" }
        let enabled = try send("omnipower_set", "{\"enabled\":true}")
        return enabled?["code"]?.string == "applied" ? nil : "omnipower_set: \(enabled ?? .null)"
    }

    func supply() throws -> JSONValue? { try box.json("supply", "show", Self.unit) }
    func observed() throws -> String? { try supply()?["observed"]?.string }
    func balance() throws -> Int64? { try box.json("credit", "show", Self.unit)?["balance_micro"]?.integer }

    func isObserved(_ word: String) throws -> Bool { try sandbox.eventually { try observed() == word } }

    /// Watts at the meter, read now.
    func watts() throws -> String? {
        let readings = try box.json("meter", "read", Self.meter)?["readings"]?.array ?? []
        return readings.first { $0["channel"]?.string == "power_w" }?["value"]?.string
    }

    /// The records of some kinds.
    func records(_ kinds: String...) throws -> [JSONValue] {
        let run = try box.cli("ledger", "export")
        return run.out.split(separator: "\n").compactMap { try? JSONReader.read(String($0)) }
            .filter { kinds.contains($0["kind"]?.string ?? "") }
    }

    func alarms() throws -> [String] { try records("alarm").compactMap { $0["data"]?["alarm"]?.string } }
}
