import Control
import Foundation
import Glibc
import Metering
import Testing

@testable import meterside

/// The real program against a daemon that answers what it is told to.
@Suite struct ProgramTests {
    /// Serves `status`, refuses `doctor`, and answers `command.send` with what it was given.
    private static func daemon() throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "status": server.answer(call.token, ["box": "BOX", "state": "ok", "version": "1"])
            case "meter.read":
                server.fail(call.token, code: "no_reply", message: "meter 7 is silent", hint: "check its power")
            case "meter.watch":
                for number in Int64(1)...3 {
                    server.progress(call.token, ["serial": "7", "clock_offset_s": .integer(number), "readings": []])
                }
                server.fail(call.token, code: "port_down", message: "the adapter was unplugged", hint: "plug it in")
            case "ledger.export":
                let from = call.parameters.integer("from") ?? 0
                let records = (from..<min(from + 2, 6)).map { JSONValue.object(["seq": .integer($0)]) }
                server.answer(
                    call.token, ["records": .array(records), "next": from + 2 < 6 ? .integer(from + 2) : .null])
            default: server.answer(call.token, .object(call.parameters.members))
            }
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, arguments, environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
    }

    @Test func answers_goToStdout_errorsToStderr() throws {
        let daemon = try Self.daemon()
        let good = try Self.run(daemon, "status")
        #expect(good.status == 0 && good.errors.isEmpty)
        #expect(good.output.contains("BOX") && !good.output.contains("\u{1B}"))
        let bad = try Self.run(daemon, "meter", "read", "7")
        #expect(bad.status == 4 && bad.output.isEmpty)
        #expect(bad.errors == "meterside: meter 7 is silent\n  check its power\n")
    }

    @Test func json_isOneLine_errorsToo() throws {
        let daemon = try Self.daemon()
        let good = try Self.run(daemon, "status", "--json")
        #expect(good.output == #"{"box":"BOX","state":"ok","version":"1"}"# + "\n")
        let bad = try Self.run(daemon, "meter", "read", "7", "--json")
        #expect(bad.status == 4 && bad.errors.isEmpty)
        #expect(
            bad.output == #"{"error":{"code":"no_reply","message":"meter 7 is silent","hint":"check its power"}}"#
                + "\n")
        let usage = try Self.run(daemon, "meter", "read", "--json")
        #expect(usage.status == 2)
        #expect(try JSONReader.read(usage.output)["error"]?["code"] == "usage")
    }

    @Test func socketAndJSON_mayStandBeforeTheNoun() throws {
        let daemon = try Self.daemon()
        let socket = daemon.folder.file("control.sock")
        let wanted = try Self.run(daemon, "status", "--json").output
        for arguments in [
            ["--socket", socket, "status", "--json"], ["--socket=\(socket)", "--json", "status"],
            ["--json", "--socket", socket, "status"],
        ] {
            let outcome = try Program.run(Program.meterside, arguments)
            #expect(outcome.status == 0 && outcome.output == wanted, "\(arguments): \(outcome.errors)")
        }
        // A verb that needs no daemon does not mind.
        #expect(try Program.run(Program.meterside, ["--socket", socket, "--json", "version"]).status == 0)
        #expect(try Program.run(Program.meterside, ["--socket"]).status == 2)
    }

    @Test func usageAndHelp_haveTheirExitCodes() throws {
        let daemon = try Self.daemon()
        for arguments in [["fly"], ["meter"], ["status", "--loud"], ["meter", "scan"]] where arguments != ["meter"] {
            let outcome = try Program.run(Program.meterside, arguments)
            #expect(outcome.status == 2 && outcome.output.isEmpty && !outcome.errors.isEmpty, "\(arguments)")
        }
        let help = try Self.run(daemon, "--help")
        #expect(help.status == 0 && help.output.contains("SUBCOMMANDS") && help.errors.isEmpty)
    }

    @Test func daemonAbsent_isExitFourWithWhatToDo() throws {
        let folder = try TemporaryFolder()
        let outcome = try Program.run(Program.meterside, ["status", "--socket", folder.file("control.sock")])
        #expect(outcome.status == 4)
        #expect(outcome.errors.contains("systemctl status metersided"))
    }

    @Test func watch_printsAReadingALine() throws {
        let daemon = try Self.daemon()
        let outcome = try Self.run(daemon, "meter", "watch", "7", "--json")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count == 4 && outcome.status == 4)
        #expect(lines[0] == #"{"serial":"7","clock_offset_s":1,"readings":[]}"#)
    }

    @Test func export_followsThePages() throws {
        let daemon = try Self.daemon()
        let outcome = try Self.run(daemon, "ledger", "export")
        #expect(outcome.output == (1...5).map { "{\"seq\":\($0)}\n" }.joined())
    }

    @Test func send_passesItsParameters() throws {
        let daemon = try Self.daemon()
        let outcome = try Self.run(
            daemon, "command", "send", "tariff_set", "--unit", "unit-1", "--args", "{\"a\":1}", "--execute-at",
            "2026-03-02", "--id", "x1", "--json")
        #expect(outcome.status == 5)
        let expected: JSONValue = [
            "unit": "unit-1", "name": "tariff_set", "args": ["a": 1], "execute_at": "2026-03-02T00:00:00.000Z",
            "id": "x1",
        ]
        #expect(try JSONReader.read(outcome.output) == expected)
    }

    @Test func keyMake_writesASecretForItsOwnerAlone_andNeverOverwrites() throws {
        let folder = try TemporaryFolder()
        let arguments = ["key", "make", "ops-1", "--role", "ops", "--out", folder.path, "--box", "BOX", "--json"]
        let made = try Program.run(Program.meterside, arguments)
        #expect(made.status == 0)
        let result = try JSONReader.read(made.output)
        var status = stat()
        #expect(stat(folder.file("ops-1.key"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        let text = try String(contentsOfFile: folder.file("ops-1.pub"), encoding: .utf8)
        #expect(text == "role = \"ops\"\nkey = \"\(result.shown("key"))\"\n")
        #expect(!made.output.contains(try String(contentsOfFile: folder.file("ops-1.key"), encoding: .utf8).prefix(40)))
        #expect(result["key_add"]?["proof"]?.string?.count == 88)
        #expect(try Program.run(Program.meterside, arguments).status == 2)
    }

    @Test(.enabled(if: Program.pythonWithJWT != nil, "needs a Python with PyJWT: run packaging/setup"))
    func commandSign_isVerifiedByPyJWT() throws {
        let folder = try TemporaryFolder()
        let key = folder.file("ops-1.key")
        _ = try Program.run(Program.meterside, ["key", "make", "ops-1", "--role", "ops", "--out", folder.path])
        let signed = try Program.run(
            Program.meterside,
            ["command", "sign", "--key", key, "--box", "BOX", "--name", "time_attest", "--args", "{\"time\":1}"])
        #expect(signed.status == 0)
        let script = """
            import base64, json, jwt, re, sys
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
            raw = re.search('key = "(.*)"', open(sys.argv[1]).read()).group(1)
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(raw))
            claims = jwt.decode(sys.argv[2], key, algorithms=["EdDSA"], audience="BOX")
            print(jwt.get_unverified_header(sys.argv[2])["kid"], claims["cmd"], claims["args"]["time"], claims["sub"])
            """
        let python = try #require(Program.pythonWithJWT)
        let jws = signed.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let checked = try Program.run(python, ["-c", script, folder.file("ops-1.pub"), jws])
        #expect(checked.output == "ops-1 time_attest 1 BOX\n", "\(checked.errors)")
    }

    /// As root the rights of another user can be tried for real.
    @Test(.enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "needs root and setpriv"))
    func stranger_isToldTheGroup_andMayReadWhereReadSocketIsOpen() throws {
        let daemon = try Self.daemon()
        let program = daemon.folder.file("meterside")
        // The build folder may be closed to others.
        try FileManager.default.copyItem(atPath: Program.meterside, toPath: program)
        func asNobody(_ arguments: String...) throws -> Program.Outcome {
            try Program.run(
                "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", program] + arguments,
                environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
        }
        let refused = try asNobody("status")
        #expect(refused.status == 5)
        #expect(refused.errors.contains("usermod -aG meterside-read "), "\(refused.errors)")
        chmod(daemon.folder.file("read.sock"), 0o666)
        #expect(try asNobody("status").status == 0)
        let scan = try asNobody("meter", "scan", "a")
        #expect(scan.status == 5 && scan.errors.contains("usermod -aG meterside $USER"))
        // One who gets in at the door of the installers without being one is turned away there.
        chmod(daemon.folder.file("control.sock"), 0o666)
        #expect(try asNobody("meter", "scan", "a").errors.contains("join the group meterside"))
    }
}
