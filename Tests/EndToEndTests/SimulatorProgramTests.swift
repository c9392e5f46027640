import Foundation
import Metering
import Testing

/// The simulator's own programs, as people start them.
@Suite struct SimulatorProgramTests {
    @Test func demo_showsItsMainJob_andLeavesNothing() throws {
        let sandbox = try Sandbox()
        let demo = try sandbox.start(
            "/usr/bin/env",
            ["TMPDIR=\(sandbox.folder.path)", Programs.simulator, "demo", "--live", "--plain", "--speed", "120"],
            log: "demo")
        let meters = ["217072470", "251308613", "19210345"]
        // How soon depends on the machine, so it is waited for, and then ended by hand.
        for text in meters.map({ "interval \($0) to" }) + ["outbox empty", "command answered: signed ping"] {
            #expect(sandbox.eventually { sandbox.text("demo.log").contains(text) }, "\(sandbox.text("demo.log"))")
        }
        let states = { sandbox.text("demo.log").split(separator: "\n").filter { $0.contains("  meters: ") } }
        #expect(
            sandbox.eventually { states().contains { line in meters.allSatisfy { line.contains("\($0) live") } } },
            "\(sandbox.text("demo.log"))")
        demo.signal(SIGINT)
        #expect(demo.wait() == 0, "\(sandbox.text("demo.log"))")
        let left = try FileManager.default.contentsOfDirectory(atPath: sandbox.folder.path)
        #expect(!left.contains { $0.hasPrefix("meterside-sim.") })
    }

    @Test func demo_whenTheDaemonDies_saysWhichAndCleansUp() throws {
        let sandbox = try Sandbox()
        let demo = try sandbox.start(
            "/usr/bin/env",
            ["TMPDIR=\(sandbox.folder.path)", Programs.simulator, "demo", "--plain", "--seconds", "120"], log: "demo")
        let folder = { () throws -> String? in
            let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.folder.path)
            return names.first { $0.hasPrefix("meterside-sim.") }
        }
        #expect(sandbox.eventually { sandbox.text("demo.log").contains("online") })
        let name = try #require(try folder())
        let pid = try #require(try Self.process(running: "metersided", under: name))
        kill(pid, SIGKILL)
        demo.wait()
        #expect(demo.exitCode == 5)
        #expect(sandbox.text("demo.log").contains("the daemon (metersided) is gone: signal 9 ended it"))
        #expect(try folder() == nil)
    }

    /// The process of a program whose command line names a folder.
    private static func process(running program: String, under folder: String) throws -> Int32? {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else { continue }
            let words = String(decoding: bytes, as: UTF8.self).split(separator: "\0").map(String.init)
            guard words.first?.hasSuffix("/\(program)") == true else { continue }
            if words.contains(where: { $0.contains("/\(folder)/") }) { return pid }
        }
        return nil
    }

    @Test func board_inAFolderOfAnother_isRefused() throws {
        let sandbox = try Sandbox()
        let box = BoxUnderTest(sandbox)
        #expect(try box.startBoard())
        let second = try sandbox.run(Programs.simulator, ["board", "--folder", sandbox.path("board")])
        #expect(second.code == 4)
        #expect(second.err.contains("another board serves"))
    }

    @Test func board_thatWritesAConfiguration_writesASoundOne() throws {
        let sandbox = try Sandbox()
        _ = try sandbox.start(
            Programs.simulator,
            ["board", "--folder", sandbox.path("board"), "--write-config", sandbox.path("etc")], log: "board")
        #expect(sandbox.eventually { sandbox.text("board.log").contains("METERSIDE_SOCKET") })
        let check = try sandbox.run(Programs.daemon, ["--config", sandbox.path("etc/meterside.toml"), "--check"])
        #expect(check.code == 0, "\(check.out)\(check.err)")
    }

    @Test(arguments: ["board --time-scale 0", "board --units 300", "demo --speed 0", "cloud", "nothing"])
    func arguments_thatCannotBeFollowed_exitWith2(line: String) throws {
        let sandbox = try Sandbox()
        #expect(try sandbox.run(Programs.simulator, line.split(separator: " ").map(String.init)).code == 2)
    }

    @Test func replay_ofNoCapture_saysWhichLine() throws {
        let sandbox = try Sandbox()
        let file = try sandbox.write("capture", "{\"meterside_capture\":1,\"protocol\":\"edmi\"}\nnonsense\n")
        let run = try sandbox.run(Programs.simulator, ["replay", file, "--link", sandbox.path("port")])
        #expect(run.code == 3)
        #expect(run.err.contains("line 2"))
    }
}
