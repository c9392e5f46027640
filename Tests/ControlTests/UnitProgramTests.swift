import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// The real program: what it asks of the daemon, what it does with refusals, and its exit codes.
@Suite struct UnitProgramTests {
    /// Answers every method with what it was given; refuses credit as it is refused to an installer.
    private static func daemon(owner: Bool = true) throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "credit.topup" where !owner:
                server.fail(call.token, code: "permission", message: "credit.topup is for root", hint: "sudo")
            case "credit.topup", "request.cancel", "template.put", "template.apply", "schedule.cancel":
                server.answer(
                    call.token,
                    [
                        "id": "x", "state": "completed", "code": "applied", "seq": 7,
                        "result": .object(call.parameters.members),
                    ])
            case "version": server.answer(call.token, ["version": "1", "at": "2026-03-04T00:00:00.000Z"])
            case "unit.show": server.answer(call.token, ["id": "unit-1", "meters": ["217072470"]])
            case "supply.test": server.answer(call.token, ["unit": "unit-1", "passed": true, "steps": []])
            case "outbox.retry": server.answer(call.token, ["retried": 2])
            default: server.answer(call.token, .object(call.parameters.members))
            }
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, arguments, environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
    }

    @Test func topUp_sendsExactMoneyAndItsId() throws {
        let daemon = try Self.daemon()
        let outcome = try Self.run(daemon, "credit", "topup", "unit-1", "12.34", "--id", "p-1", "--json")
        #expect(outcome.status == 0)
        #expect(
            try JSONReader.read(outcome.output)["result"]
                == ["unit": "unit-1", "amount_micro": 12_340_000, "id": "p-1"])
        let text = try Self.run(daemon, "credit", "topup", "unit-1", "5", "--id", "p-2")
        #expect(text.output == "payment  p-2\namount   5.00\nrecord   7\n         applied\n")
        let madeUp = try Self.run(daemon, "credit", "topup", "unit-1", "5", "--json")
        #expect(try JSONReader.read(madeUp.output)["result"]?["id"]?.string?.hasPrefix("local-") == true)
    }

    @Test func topUp_ofAnInstaller_isRefusedClearly() throws {
        let outcome = try Self.run(try Self.daemon(owner: false), "credit", "topup", "unit-1", "5")
        #expect(outcome.status == 5 && outcome.output.isEmpty)
        #expect(outcome.errors.contains("only root may add credit") && outcome.errors.contains("billing key"))
    }

    @Test func wrongInput_isExitTwo() throws {
        let daemon = try Self.daemon()
        let wrong = [
            ["credit", "topup", "unit-1", "12,34"], ["credit", "topup", "unit-1"], ["credit", "topup", "unit 1", "5"],
            ["credit", "topup", "unit-1", "5", "--id", "a b"], ["unit", "show"], ["unit", "show", "a/b"],
            ["credit", "show", "a b"], ["request", "show", ""], ["request", "list", "--limit", "0"],
            ["supply", "test", "unit-1"], ["template", "apply", "t-1"], ["template", "put", "/nonexistent"],
            ["outbox", "retry", "one"],
        ]
        for arguments in wrong {
            let outcome = try Program.run(
                Program.meterside, arguments, environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
            #expect(outcome.status == 2 && outcome.output.isEmpty, "\(arguments)")
        }
    }

    @Test func supplyTest_withoutATerminal_needsYes() throws {
        let daemon = try Self.daemon()
        let asked = try Self.run(daemon, "supply", "test", "unit-1")
        #expect(asked.status == 2 && asked.errors.contains("--yes"))
        #expect(try Self.run(daemon, "supply", "test", "unit-1", "--yes").status == 0)
    }

    @Test func readingVerbs_printTheMethodsResult() throws {
        let daemon = try Self.daemon()
        let cases: [([String], JSONValue)] = [
            (["credit", "show", "u"], ["unit": "u"]), (["supply", "show", "u"], ["unit": "u"]),
            (
                ["credit", "report", "u", "--from", "2026-03-01", "--to", "-1d"],
                ["unit": "u", "from": "2026-03-01T00:00:00.000Z", "to": "2026-03-03T00:00:00.000Z"]
            ),
            (
                ["request", "list", "--unit", "u", "--state", "completed", "--since", "-1d", "--limit", "5"],
                ["limit": 5, "unit": "u", "state": "completed", "since": "2026-03-03T00:00:00.000Z"]
            ), (["request", "show", "r"], ["id": "r"]), (["schedule", "list", "--unit", "u"], ["unit": "u"]),
        ]
        for (arguments, expected) in cases {
            let outcome = try Program.run(
                Program.meterside, arguments + ["--json"],
                environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
            #expect(outcome.status == 0, "\(arguments) \(outcome.errors)")
            let answer = try JSONReader.read(outcome.output)
            // The order of members is the method's.
            for (name, value) in expected.object?.members ?? [] {
                #expect(answer[name] == value, "\(arguments) \(name)")
            }
            #expect(answer.object?.members.count == expected.object?.members.count)
        }
    }

    @Test func templates_goAsTheyAre() throws {
        let daemon = try Self.daemon()
        let file = daemon.folder.file("t.json")
        try #"{"template_id":"t-1","name":"n","revision":1,"actions":[]}"#.write(
            toFile: file, atomically: true, encoding: .utf8)
        let put = try Self.run(daemon, "template", "put", file, "--json")
        #expect(try JSONReader.read(put.output)["result"]?["template"]?["template_id"] == "t-1")
        let apply = try Self.run(daemon, "template", "apply", "t-1", "unit-1", "unit-2", "--id", "a-1", "--json")
        #expect(
            try JSONReader.read(apply.output)["result"]
                == ["template": "t-1", "units": ["unit-1", "unit-2"], "id": "a-1", "continue_on_error": false])
        try "[1]".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try Self.run(daemon, "template", "put", file).status == 5)
        try "{".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try Self.run(daemon, "template", "put", file).status == 5)
    }

    @Test func outboxRetry_countsWhatGoesAgain() throws {
        let outcome = try Self.run(try Self.daemon(), "outbox", "retry", "--system", "reposit")
        #expect(outcome.status == 0 && outcome.output == "2 parked items will be sent again.\n")
    }
}
