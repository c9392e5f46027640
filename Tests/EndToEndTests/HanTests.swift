import Foundation
import Metering
import Testing

/// The home area network on real parts: a simulated adapter on a pseudo-terminal, the real daemon, the command line.
@Suite(.serialized) struct HanTests {
    private static let code = "2CF02603038D9582"
    private static let linkKey = "419BFC53FA83323A0824353F638E46F6"

    private static let hasAioraven: Bool = {
        guard let sandbox = try? Sandbox() else { return false }
        return (try? sandbox.run(Programs.python, ["-c", "import aioraven"]))?.code == 0
    }()

    private func startAdapter(_ sandbox: Sandbox, _ more: String..., input: InputPipe) throws -> Bool {
        _ = try sandbox.start(
            Programs.simulator,
            ["han", "--device", sandbox.path("han"), "--code", Self.code, "--join-step", "50", "--report", "2"] + more,
            log: "han",
            input: input.readEnd)
        return sandbox.eventually { FileManager.default.fileExists(atPath: sandbox.path("han")) }
    }

    @Test(.enabled(if: hasAioraven, "no Python with aioraven: run packaging/setup or set METERSIDE_PYTHON"))
    func aioraven_readsTheSimulatedAdapter() throws {
        let sandbox = try Sandbox()
        let input = InputPipe()
        #expect(try startAdapter(sandbox, "--allow", input: input))
        let run = try sandbox.run(Programs.python, [Programs.support("aioraven_read.py"), sandbox.path("han")])
        #expect(run.code == 0, "\(run.err)")
        let answers = try JSONReader.read(run.out)
        #expect(answers["status"] == "Connected")
        #expect(answers["meters"]?.array == ["00158d00000000aa"])
        #expect(answers["model"] == "Z105-2-EMU2-LEDD_JM")
        #expect(answers["install_code"]?.string == Self.code.lowercased())
        // The link key follows from the code, as the reference's own device has it.
        #expect(answers["link_key"]?.string == Self.linkKey.lowercased())
        #expect(answers["price"] == "0.3125" && answers["currency"] == "AUD")
        #expect((Double(answers["summation"]?.string ?? "") ?? 0) > 1000)
        #expect(Double(answers["demand"]?.string ?? "") != nil)
        #expect(answers["time_is_near"] == true)
    }

    @Test func box_isBoundByData_andTellsNoSecret() throws {
        let sandbox = try Sandbox()
        let input = InputPipe()
        #expect(try startAdapter(sandbox, input: input))
        let box = BoxUnderTest(sandbox, scale: 1)
        #expect(try box.startBoard())
        try sandbox.write("etc/reader.password", "READER\n", mode: 0o600)
        try sandbox.write("etc/han.code", Self.code + "\n", mode: 0o600)
        try sandbox.write(
            "etc/meterside.toml",
            BoxUnderTest.head(broker: nil) + """
                [[port]]
                name = "a"
                device = "\(sandbox.path("board/port-a"))"
                protocol = "edmi"
                [[meter]]
                serial = "217072470"
                model = "edmi-mk10"
                port = "a"
                addressed = true
                user = "READER"
                password_file = "reader.password"
                poll_seconds = 5
                [han]
                device = "\(sandbox.path("han"))"
                meter = "217072470"
                install_code_file = "han.code"

                """)
        try box.startDaemon()
        #expect(
            try sandbox.eventually { try box.json("han", "status")?["install_code"] == "matches" }, "\(box.daemonLog)")
        let bound = try box.cli("han", "bind", "--id", "bind-1")
        #expect(bound.code == 0 && bound.out.contains("D8:D5:B9:00:00:00:12:34"), "\(bound)")
        #expect(try box.json("han", "status")?["bind"]?["state"] == "requested")
        input.write(Array("allow\n".utf8))
        #expect(
            try sandbox.eventually { try box.json("han", "status")?["bind"]?["state"] == "bound" }, "\(box.daemonLog)")
        // The HAN counts what the wire counts.
        #expect(try sandbox.eventually { try box.json("han", "status")?["drift"]?["han_wh"]?.integer != nil })
        let drift = try box.json("han", "status")?["drift"]
        let difference = (drift?["han_wh"]?.integer ?? 0) - (drift?["meter_wh"]?.integer ?? -9999)
        #expect(abs(difference) < 50, "\(String(describing: drift))")
        // The plug is pulled and put back.
        input.write(Array("unplug\n".utf8))
        #expect(try sandbox.eventually { try box.json("han", "status")?["adapter"] == "down" })
        input.write(Array("plug\n".utf8))
        #expect(try sandbox.eventually { try box.json("han", "status")?["state"] == "bound" }, "\(box.daemonLog)")
        box.signal(SIGTERM)
        #expect(box.daemonExitCode == 0)
        expectNoSecrets(sandbox, box)
    }

    /// Nothing the daemon wrote or would tell holds the code or the key.
    private func expectNoSecrets(_ sandbox: Sandbox, _ box: BoxUnderTest) {
        let journal = (try? Data(contentsOf: URL(filePath: sandbox.path("state/journal.db")))) ?? Data()
        let wal = (try? Data(contentsOf: URL(filePath: sandbox.path("state/journal.db-wal")))) ?? Data()
        #expect(journal.count > 1000)
        for secret in [Self.code, Self.linkKey] {
            for text in [secret, secret.lowercased()] {
                #expect(journal.range(of: Data(text.utf8)) == nil && wal.range(of: Data(text.utf8)) == nil)
                #expect(!box.daemonLog.contains(text))
            }
        }
    }

    @Test func badInstallCodeFile_isRefusedWithoutShowingIt() throws {
        let sandbox = try Sandbox()
        func check(_ text: String, mode: Int = 0o600) throws -> (code: Int32, out: String) {
            try sandbox.write("etc/han.code", text, mode: mode)
            try sandbox.write(
                "etc/meterside.toml",
                BoxUnderTest.head(broker: nil)
                    + "[han]\ndevice = \"/dev/serial/by-id/emu\"\ninstall_code_file = \"han.code\"\n")
            let run = try sandbox.run(Programs.daemon, ["--check", "--config", sandbox.path("etc/meterside.toml")])
            return (run.code, run.out + run.err)
        }
        let wrong = try check("2CF02603038D9583\n")
        #expect(wrong.code == 3 && wrong.out.contains("install_code_file") && wrong.out.contains("its own CRC"))
        #expect(!wrong.out.contains("2CF0"))
        let short = try check("2CF02603038D95\n")
        #expect(short.code == 3 && short.out.contains("16, 20, 28 or 36"))
        let open = try check(Self.code, mode: 0o644)
        #expect(open.code == 3 && open.out.contains("chmod 600"))
        #expect(try check(Self.code).code == 0)
    }

    @Test func checkCode_needsNoDaemon_andTellsTheFaultsApart() throws {
        let sandbox = try Sandbox()
        func check(_ arguments: String..., input: String = "") throws -> (code: Int32, json: JSONValue?, all: String) {
            let run = try sandbox.run(Programs.cli, ["han", "check-code", "--json"] + arguments, input: input)
            return (run.code, try? JSONReader.read(run.out), run.out + run.err)
        }
        let good = try check("83FE-D340-7A93-2B70")
        #expect(good.code == 0 && good.json == ["ok": true, "bytes": 8, "crc_ok": true, "why": .null])
        let typed = try check(input: "0x83fed3407a939723a5c639b26916d505c3b5\n")
        #expect(typed.code == 0 && typed.json?["bytes"] == 18)
        let crc = try check("83FED3407A932B71")
        #expect(crc.code == 5 && crc.json?["crc_ok"] == false && crc.json?["fault"] == "crc")
        let length = try check("83FED3407A93")
        #expect(length.code == 5 && length.json?["crc_ok"] == .null && length.json?["fault"] == "length")
        #expect(!crc.all.contains("83FE") && !length.all.contains("83FE"))
        let key = try check("--show-key", "83FED3407A932B70")
        #expect(key.code == 2 && !key.all.contains("CD4FA064"))
    }
}
