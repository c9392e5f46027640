import Foundation
import Metering
import Testing

/// `meterside commission` on the simulated board: real daemon, real terminals, the upstream systems behind TLS.
@Suite struct CommissionTests {
    /// In order, each once; the HAN binding comes before the box says that it is connected.
    private static let whole =
        CommissionStage.reposit.dropLast() + CommissionStage.powerbox + CommissionStage.reposit.suffix(1)

    @Test func aClosedBox_becomesConnected_withEverySystemConfigured() throws {
        let stage = try CommissionStage()
        let child = try stage.sandbox.start(Programs.cli, stage.arguments(["--json"]), log: "first")
        #expect(stage.sandbox.eventually { stage.requests.contains("POST /v1/powerbox/bind") })
        stage.allowJoin()
        #expect(child.wait() == 0, "\(stage.sandbox.text("first.log"))")
        #expect(stage.requests == Array(Self.whole))
        let site = stage.body("/mdp/register/site")
        #expect(site?["nmi"] == "2001985732" && site?["siteAddress"]?["postcode"] == "2601")
        #expect(stage.body("/mdp/register/meter/three-phase")?["sgaMeterSerialNumber"] == "251308613")
        #expect(stage.body("/v1/powerbox/bind")?["actionCode"] == 1)

        // A supply test has its times; outside them it is pending, and the next run makes it up.
        try stage.openCalendar()
        let second = try stage.commission("--json")
        #expect(second.code == 0, "\(second.err)")
        let signed = try JSONReader.read(second.out)
        let steps = signed["report"]?["steps"]?.array ?? []
        #expect(steps.count == 11 && steps.allSatisfy { $0["state"] == "done" }, "\(second.err)")
        let records = try #require(try stage.box.json("events", "--kind", "commissioning", "--limit", "100"))
        let last = records["events"]?.array?.last?["data"]
        #expect(last?["step"] == "report" && last?["result"]?["sha256"] == signed["sha256"])
        // Once more: nothing is done, and nobody is asked anything.
        #expect(try stage.commission("--json").out == second.out)
        #expect(stage.requests == Array(Self.whole))
        #expect(try stage.box.json("ledger", "verify")?["ok"] == true)
        let page = stage.sandbox.text("state/commission/report-1.html")
        #expect(page.contains("217072470") && page.contains("Supply test of unit-1") && page.contains("bound"))
        #expect(try stage.box.json("reposit", "status")?["state"] == "connected")
        let status = try stage.box.json("command", "send", "commissioning_status_get")
        #expect(status?["result"]?["state"] == "connected", "\(status ?? .null)")
        try stage.expectNoSecrets()
    }

    /// The installer's laptop dies, and the box does, after every step.
    @Test func killedAfterEveryStep_itSendsEachRequestOnce() throws {
        let stage = try CommissionStage()
        for step in 1...11 {
            let child = try stage.sandbox.start(Programs.cli, stage.arguments(), log: "run\(step)")
            if step == 10 {
                // Asked for and accepted: the box dies while the radio has not joined.
                #expect(stage.sandbox.eventually { stage.requests.contains("POST /v1/powerbox/bind") })
                #expect(
                    try stage.sandbox.eventually {
                        try stage.box.json("han", "status")?["bind"]?["state"] == "accepted"
                    }, "\(stage.box.daemonLog)")
                child.kill()
                try stage.restartBox()
                stage.allowJoin()
                continue
            }
            let name = "run\(step).log"
            #expect(
                stage.sandbox.eventually { stage.sandbox.text(name).contains("✓ \(step)/12 ") },
                "\(step) \(stage.sandbox.text(name))")
            child.kill()
            // What the box itself sends goes on without the laptop; it dies between two requests, not in one: a
            // request without an answer is asked for again, as the contract of Reposit needs it.
            #expect(try stage.sandbox.eventually { try stage.isQuiet() })
            try stage.restartBox()
            if step == 2 { try stage.openCalendar() }
        }
        let run = try stage.commission()
        #expect(run.code == 0, "\(run.err)")
        // A question whose answer was lost may be asked again; what changes something is sent once, and in order.
        // (A meter that comes up at a connected box lets it say so again: that is no step of commissioning.)
        let changes = stage.requests.filter { $0.hasPrefix("POST /mdp/") || $0.hasSuffix("/bind") }
        let expected = Self.whole.filter { $0.hasPrefix("POST /mdp/") || $0.hasSuffix("/bind") }
        #expect(changes.starts(with: expected), "\(stage.requests)")
        #expect(changes.dropFirst(expected.count).allSatisfy { $0 == CommissionStage.reposit[3] }, "\(stage.requests)")
        #expect(stage.requests("/mdp/register").count == 2 && stage.requests("/v1/powerbox/bind").count == 1)
        let done = try stage.steps().filter { $0.hasSuffix(" done") }
        #expect(Set(done).count == done.count, "\(done)")
        #expect(try stage.box.json("ledger", "verify")?["ok"] == true)
        try stage.expectNoSecrets()
    }

    /// Ctrl-C: what was begun is gone on with.
    @Test func stoppedByHand_itSaysSo_andGoesOn() throws {
        let stage = try CommissionStage()
        var answers = stage.answers()
        answers["poll_seconds"] = 3600
        try stage.write(answers)
        let child = try stage.sandbox.start(Programs.cli, stage.arguments(), log: "first")
        #expect(stage.sandbox.eventually { stage.sandbox.text("first.log").contains(" 3/12 ") })
        child.signal(SIGINT)
        #expect(child.wait() == 5)
        let said = stage.sandbox.text("first.log")
        #expect(said.contains("nothing is lost") && said.contains("it goes on here"), "\(said)")
        #expect(try stage.steps().last == "polls begun")
        #expect(stage.requests.isEmpty)
        answers["poll_seconds"] = 1
        answers["configuration"] = ["unit": [["id": "unit-1", "meters": ["217072470"]]]]
        try stage.write(answers)
        // Reposit is no longer in the answers: the configuration is written anew, and nothing is sent.
        let run = try stage.commission()
        #expect(run.code == 0 && run.err.contains("the answers have changed"), "\(run.err)")
        #expect(run.err.contains("done before") && stage.requests.isEmpty)
    }
}
