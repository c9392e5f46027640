import Foundation
import Metering
import Testing

@testable import meterside

/// `credit simulate` as a program, without a daemon.
@Suite struct CreditSimulateTests {
    private static let scenario = """
        {"zone": "Europe/London", "unit": {"balance_micro": 1200000, "settings": {
          "tariff": {"tariff_id": 1, "bands": [{"name": "all", "rate_micro": 1000000}]},
          "emergency_credit": {"limit_micro": 5000000, "offer_below_micro": 1000000}, "friendly_days": {"days": {}}}},
         "events": [
          {"at": "2026-07-01T09:00:00Z", "advance_wh": 500}, {"at": "2026-07-01T09:10:00Z", "button": "emergency_credit"},
          {"at": "2026-07-01T09:30:00Z", "advance_wh": 5850}, {"at": "2026-07-01T10:00:00Z", "cmd": "payment_add",
           "args": {"payment_id": "p1", "amount_micro": 1}}]}
        """

    private static func run(_ text: String, _ arguments: String...) throws -> Program.Outcome {
        let file = FileManager.default.temporaryDirectory.appending(path: "simulate-\(UUID().uuidString).json")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        return try Program.run(Program.meterside, ["credit", "simulate", file.path] + arguments)
    }

    @Test func json_isTheScenariosAnswer() throws {
        let outcome = try Self.run(Self.scenario, "--json")
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let answer = try JSONReader.read(Array(outcome.output.utf8))
        #expect(answer.object?.names == ["steps", "journal", "refused"])
        #expect(answer["steps"]?.array?.map { $0["balance_micro"] } == [700_000, 700_000, -150_000, -150_000])
        #expect(answer["steps"]?.array?.last?["supply"] == "disconnected")
        #expect(answer["steps"]?.array?.last?["reason"] == "exhausted")
        #expect(answer["refused"]?.array?.first?["event"] == 3)
        #expect(answer["refused"]?.array?.first?["code"] == "format")
        #expect(answer["refused"]?.array?.first?["detail"] == "amount_micro")
    }

    @Test func table_hasARowForEachEvent_andTheRefusals() throws {
        let outcome = try Self.run(Self.scenario)
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines[0].hasPrefix("AT"))
        #expect(lines[1].contains("0.70") && lines[1].hasSuffix("credit"))
        #expect(lines[2] == "  ! emergency_offered")
        let last = try #require(lines.first { $0.contains("-0.15") })
        #expect(last.contains("disconnected") && last.hasSuffix("exhausted"))
        #expect(outcome.output.contains("event 4: format, amount_micro: amount_micro must be"))
        #expect(lines.allSatisfy { $0.count <= TextLayout.width })
    }

    @Test(arguments: ["{}", #"{"events": []}"#, #"{"unit": {}}"#])
    func everything_hasADefault(text: String) throws {
        let outcome = try Self.run(text, "--json")
        #expect(outcome.status == 0)
        let answer = try JSONReader.read(outcome.output)
        #expect(answer["steps"] == [] && answer["refused"] == [])
        #expect(try Self.run(text).status == 0)
    }

    @Test(arguments: [
        (#"{"events": {}}"#, "events must be a list of 0 to 100000 items"),
        (#"{"zone": "No/Where", "events": [{"at": "2026-07-01", "tick": true}]}"#, "zone is not known"),
        (#"{"events": [{"at": "2026-07-01", "tick": 1.5}]}"#, "simulate-"),
        (#"{"unit": {"balance_micro": "1"}, "events": []}"#, "unit.balance_micro must be a whole number"),
    ])
    func scenarioThatDoesNotRead_endsWithFive(text: String, words: String) throws {
        let outcome = try Self.run(text)
        #expect(outcome.status == 5 && outcome.output.isEmpty)
        let said = outcome.errors.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
        #expect(said.contains(words), "\(said)")
        let json = try JSONReader.read(Array(try Self.run(text, "--json").output.utf8))
        #expect(json["error"]?["code"] == "format")
    }

    @Test func fileThatIsNotThere_isUsage() throws {
        let outcome = try Program.run(Program.meterside, ["credit", "simulate", "/nowhere/at/all.json"])
        #expect(outcome.status == 2)
    }
}
