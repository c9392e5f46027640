import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// `meter replace`: what it sends, what it refuses, and that it asks.
@Suite struct MeterReplaceProgramTests {
    private static func daemon(_ state: String = "completed") throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            server.answer(
                call.token,
                [
                    "id": "x", "state": .string(state), "code": state == "completed" ? "applied" : "precondition",
                    "method": .string(call.method), "sent": .object(call.parameters.members),
                ])
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: [String]) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, ["meter", "replace"] + arguments,
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
    }

    private static let readings = [
        "--final", "export_wh=1693.244kWh", "--final", "import_wh=16580225", "--initial", "import_wh=7Wh", "--initial",
        "export_wh=0",
    ]

    @Test func replace_sendsWholeReadingsInOrder() throws {
        let daemon = try Self.daemon()
        let outcome = try Self.run(daemon, ["M1", "M2"] + Self.readings + ["--yes", "--id", "r-1", "--json"])
        #expect(outcome.status == 0)
        let answer = try JSONReader.read(outcome.output)
        #expect(answer["method"] == "command.send")
        #expect(
            answer["sent"]
                == [
                    "name": "meter_replace",
                    "args": [
                        "serial": "M1", "new_serial": "M2",
                        "final": ["import_wh": 16_580_225, "export_wh": 1_693_244],
                        "initial": ["import_wh": 7, "export_wh": 0],
                    ], "id": "r-1",
                ])
    }

    @Test func replace_withoutATerminal_needsYes() throws {
        let outcome = try Self.run(try Self.daemon(), ["M1", "M2"] + Self.readings)
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.contains("--yes"))
        let words = outcome.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("import_wh ends at 16580225, begins at 7"))
    }

    @Test func replace_thatIsRefused_isExitFive() throws {
        #expect(try Self.run(try Self.daemon("refused"), ["M1", "M2"] + Self.readings + ["--yes"]).status == 5)
    }

    @Test func wrongInput_isExitTwo() throws {
        let daemon = try Self.daemon()
        let wrong = [
            ["M1"], ["M1", "M2"], ["M1", "M2", "--final", "import_wh=1"],
            ["M 1", "M2"] + Self.readings, ["M1", "M/2"] + Self.readings,
            ["M1", "M2", "--final", "import_wh=1", "--initial", "export_wh=1"],
            ["M1", "M2", "--final", "import_wh=1", "--final", "import_wh=2", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_wh=-1", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_wh=1.5", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_wh=1.0001kWh", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_kwh=1", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_wh=1e3", "--initial", "import_wh=1"],
            ["M1", "M2", "--final", "import_wh=99999999999999999999", "--initial", "import_wh=1"],
        ]
        for arguments in wrong {
            let outcome = try Self.run(daemon, arguments + ["--yes"])
            #expect(outcome.status == 2 && outcome.output.isEmpty, "\(arguments)")
        }
    }
}
