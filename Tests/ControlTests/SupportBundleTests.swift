import Control
import Foundation
import Glibc
import Metering
import Testing

/// `meterside support-bundle` against a daemon that answers what it is told to.
@Suite struct SupportBundleTests {
    private static func daemon() throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "status": server.answer(call.token, ["box": "BOX-7", "state": "degraded"])
            case "unit.list": server.answer(call.token, ["units": [["id": "unit-1"], ["id": "unit-2"]]])
            case "reposit.status":
                server.fail(call.token, code: "unconfigured", message: "reposit is not configured", hint: "see README")
            default: server.answer(call.token, .object(call.parameters.members))
            }
        }
    }

    private static func parts(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONReader.read(String($0)) }
    }

    @Test func bundle_holdsEveryPart_andSaysWhichIsMissing() throws {
        let daemon = try Self.daemon()
        let home = try TemporaryFolder()
        let file = home.file("bundle.jsonl")
        let made = try Program.run(
            Program.meterside, ["support-bundle", "--out", file, "--events", "7", "--json"],
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
        #expect(made.status == 0, "\(made)")
        let summary = try JSONReader.read(made.output)
        #expect(summary["file"]?.string == file)
        #expect(summary["missing"]?.array?.map { $0["part"]?.string } == ["reposit.status"])
        let parts = try Self.parts(String(contentsOfFile: file, encoding: .utf8))
        #expect(summary["parts"] == .integer(Int64(parts.count)))
        func part(_ name: String) -> [JSONValue] { parts.filter { $0["part"]?.string == name } }
        #expect(parts.first?["machine"]?.string?.isEmpty == false && parts.first?["made_at"]?.string?.last == "Z")
        #expect(part("status").first?["result"]?["state"] == "degraded")
        #expect(part("reposit.status").first?["error"]?["message"] == "reposit is not configured")
        #expect(part("credit.show").map { $0["of"]?["unit"] } == ["unit-1", "unit-2"])
        #expect(part("events").first?["of"]?["limit"] == 7)
        for name in ["doctor", "config.show", "meter.list", "outbox.show", "interval.gaps", "han.status"] {
            #expect(part(name).count == 1, "\(name)")
        }
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
        // What is there already is nobody's to write over.
        let again = try Program.run(
            Program.meterside, ["support-bundle", "--out", file],
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
        #expect(again.status == 2 && again.errors.contains("exists already"), "\(again)")
    }

    @Test func bundle_toStdout_isTheFileItself() throws {
        let daemon = try Self.daemon()
        let said = try Program.run(
            Program.meterside, ["support-bundle", "--out", "-"],
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
        #expect(said.status == 0)
        #expect(try Self.parts(said.output).contains { $0["part"] == "events" })
    }

    @Test func bundle_withoutDaemon_isMade_andSaysSo() throws {
        let home = try TemporaryFolder()
        let file = home.file("bundle.jsonl")
        let made = try Program.run(
            Program.meterside, ["support-bundle", "--out", file, "--socket", home.file("control.sock")])
        #expect(made.status == 4 && made.output.contains("without daemon"), "\(made)")
        let parts = try Self.parts(String(contentsOfFile: file, encoding: .utf8))
        #expect(parts.map { $0["part"]?.string } == ["support-bundle", "daemon"])
        #expect(parts.last?["error"]?["code"] == "daemon_absent")
        for arguments in [["--events", "0"], ["--events", "1001"], ["file"]] {
            #expect(try Program.run(Program.meterside, ["support-bundle"] + arguments).status == 2)
        }
    }
}
