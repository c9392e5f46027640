import Foundation
import Metering
import Testing

/// `meterside commission` on the simulated board: real daemon, real terminals, the upstream systems' stand-ins.
@Suite struct CommissionTests {
    /// A box without a configuration beside a board, and Reposit's stand-in.
    private struct Stage {
        let sandbox: Sandbox
        let box: BoxUnderTest
        private let port: Int

        init(trouble: [String] = []) throws {
            sandbox = try Sandbox()
            box = BoxUnderTest(sandbox, scale: 1)
            #expect(try box.startBoard())
            let orders = trouble.flatMap { ["--trouble", $0] }
            _ = try sandbox.start(
                Programs.simulator, ["upstreams", "--log", sandbox.path("requests")] + orders, log: "upstreams")
            let sandbox = sandbox
            #expect(sandbox.eventually { sandbox.text("upstreams.log").contains("127.0.0.1:") })
            let words = sandbox.text("upstreams.log").split(whereSeparator: \.isNewline).first?.split(separator: ":")
            port = try #require(words?.last.flatMap { Int($0) })
            try sandbox.write("etc/.keep", "")
            try box.startDaemon()
            #expect(sandbox.eventually { sandbox.text("daemon.log").contains("runs unconfigured") })
            try writeAnswers()
        }

        private func writeAnswers() throws {
            try sandbox.write("site/reader.password", "READER\n", mode: 0o600)
            try sandbox.write("site/reposit.key", "A2YWQiLCJpc3-stub\n", mode: 0o600)
            try sandbox.write(
                "site/answers.json",
                """
                {"box": {"id": "\(BoxUnderTest.id)", "board": "simulated", "zone": "Australia/Sydney", "clock": "host"},
                "ports": [{"name": "a", "device": "\(sandbox.path("board/port-a"))", "protocol": "edmi", "baud": 9600}],
                "login": {"user": "READER", "password_file": "reader.password"},
                "meters": [{"serial": "217072470", "model": "edmi-mk10", "port": "a", "addressed": true, "role": "grid"},
                {"serial": "251308613", "model": "edmi-mk6", "port": "a", "addressed": true, "role": "sga"}],
                "configuration": {"upstream": {"reposit": {"url": "http://127.0.0.1:\(port)",
                "key_file": "reposit.key"}}},
                "site": {"nmi": "2001985732", "street_number": "17/2", "street_name": "Childers St",
                "suburb": "Acton", "postcode": "2601", "state": "ACT"}, "poll_seconds": 1, "accept_wiring": true}
                """)
        }

        var arguments: [String] {
            [
                "commission", "--answers", sandbox.path("site/answers.json"), "--json", "--socket",
                sandbox.path("run/control.sock"),
            ]
        }

        /// Method and path of what Reposit was asked, in order.
        var requests: [String] {
            sandbox.lines("requests").map { "\($0["method"]?.string ?? "") \($0["target"]?.string ?? "")" }
        }
    }

    private static let whole = [
        "POST /mdp/register/meter/three-phase", "GET /mdp/validate?repositBox=SJKGRHDV", "POST /mdp/register/site",
        "POST /mdp/connected",
    ]

    @Test func anUnconfiguredBox_becomesConnected_andItsReportIsInTheJournal() throws {
        let stage = try Stage()
        let run = try stage.sandbox.run(Programs.cli, stage.arguments)
        #expect(run.code == 0, "\(run.err)")
        #expect(stage.requests == Self.whole)
        let signed = try JSONReader.read(run.out)
        let records = try #require(try stage.box.json("events", "--kind", "commissioning", "--limit", "100"))
        let last = records["events"]?.array?.last?["data"]
        #expect(last?["step"] == "report" && last?["result"]?["sha256"] == signed["sha256"])
        #expect(try stage.box.json("ledger", "verify")?["ok"] == true)
        let page = stage.sandbox.text("state/commission/report-1.html")
        #expect(page.contains("217072470") && !page.contains("READER") && !page.contains("A2YWQiLCJpc3"))
        // Once more: nothing is done, and nobody is asked anything.
        #expect(try stage.sandbox.run(Programs.cli, stage.arguments).out == run.out)
        #expect(stage.requests == Self.whole)
    }

    /// The installer's laptop dies, or the box does, after every step.
    @Test func killedAfterEveryStep_itSendsEachRequestOnce() throws {
        let stage = try Stage()
        for step in [1, 2, 4, 5, 6, 7, 8] {
            let child = try stage.sandbox.start(Programs.cli, stage.arguments, log: "run\(step)")
            #expect(stage.sandbox.eventually { stage.sandbox.text("run\(step).log").contains(" \(step)/12 ") })
            child.kill()
            // A meter that comes up after the site is registered tells Reposit by itself that the box is connected.
            guard [1, 4].contains(step) else { continue }
            stage.box.killDaemon()
            try stage.box.startDaemon()
            let isUp = try stage.sandbox.eventually { try stage.box.json("status") != nil }
            #expect(isUp)
        }
        let run = try stage.sandbox.run(Programs.cli, stage.arguments)
        #expect(run.code == 0, "\(run.err)")
        let changes = stage.requests.filter { $0.hasPrefix("POST") }
        #expect(changes == Self.whole.filter { $0.hasPrefix("POST") })
        #expect(try stage.box.json("ledger", "verify")?["ok"] == true)
    }

    @Test func aRefusedSite_isNamed_andTheNextRunGoesOnThere() throws {
        let stage = try Stage(trouble: ["/mdp/register/site 400 1"])
        let run = try stage.sandbox.run(Programs.cli, stage.arguments)
        #expect(run.code == 6, "\(run.err)")
        #expect(try JSONReader.read(run.out)["error"]?["hint"]?.string?.contains("it goes on here") == true)
        #expect(try stage.sandbox.run(Programs.cli, stage.arguments).code == 0)
        #expect(stage.requests.count { $0.contains("three-phase") } == 1)
        #expect(stage.requests.count { $0.contains("register/site") } == 2)
    }
}
