import Metering
import Simulator
import Testing

@testable import Upstream

struct UpstreamRunnerTests {
    static let site: JSONObject = [
        "meter": "686546516", "nmi": "11100290359", "street_number": "17/2", "street_name": "Yallourn St",
        "suburb": "Fyshwick", "postcode": "2609", "state": "ACT",
    ]
    static let event: JSONObject = [
        "id": "e1", "usageplacecode": "RE12345", "time": "2026-01-04 10:41:40", "status": "disconnected",
        "description": "Usage place disconnected",
    ]
    static let fiveSteps: [(String, JSONObject)] = [
        ("register_single", ["meter": "686546516"]), ("validate", [:]), ("register_site", site),
        ("connected", ["meter": "686546516"]),
    ]

    @Test func commissioning_sendsEachStepOnceInOrder() throws {
        var bench = try RunnerBench()
        bench.stubs.reposit.refusalsOfValidate = 2
        for (operation, args) in Self.fiveSteps {
            #expect(bench.settle("reposit", operation, args, seconds: 900, patient: true)?.result != nil)
        }
        #expect(
            bench.words == [
                "POST /mdp/register/meter/single-phase 200", "GET /mdp/validate?repositBox=SJKGRHDV 200",
                "GET /mdp/validate?repositBox=SJKGRHDV 200", "GET /mdp/validate?repositBox=SJKGRHDV 200",
                "POST /mdp/register/site 200", "POST /mdp/connected 200",
            ])
        #expect(bench.progress.count == 2)
        #expect(
            bench.kinds == [
                "upstream.sent ", "upstream.answered done", "upstream.answered done", "upstream.sent ",
                "upstream.answered done", "upstream.sent ", "upstream.answered done",
            ])
    }

    /// Kill -9 after every record: what was done is not sent again, what is not known is sent again, nothing is lost.
    @Test func commissioning_whenKilledAfterAnyRecord_goesOn() throws {
        for death in 1...6 {
            var first = try RunnerBench()
            first.diesAfterRecords = death
            for (operation, args) in Self.fiveSteps where first.records.count < death {
                _ = first.settle("reposit", operation, args)
            }
            var second = try RunnerBench(history: first.records, stubs: first.stubs)
            for (operation, args) in Self.fiveSteps {
                #expect(second.settle("reposit", operation, args)?.result != nil, "\(death) \(operation)")
            }
            let posts = second.words.filter { $0.hasPrefix("POST") }
            #expect(posts == Array(Set(posts)).sorted { posts.firstIndex(of: $0)! < posts.firstIndex(of: $1)! })
            #expect(posts.count == 3, "\(death): \(posts)")
        }
    }

    /// Two people commission a box at one time, or one whose first try still runs.
    @Test func sameChange_askedForByTwo_isSentOnce_andToldToBoth() throws {
        var bench = try RunnerBench()
        let meter: JSONObject = ["meter": "1"]
        let first = bench.submit("reposit", "register_single", meter, id: "t1")
        let second = bench.submit("reposit", "register_single", meter, id: "t2")
        let other = bench.submit("reposit", "register_single", ["meter": "2"], id: "t3")
        bench.run()
        #expect(bench.settled[first]?.result != nil && bench.settled[second]?.result != nil)
        #expect(bench.settled[other]?.result != nil && bench.words.count == 2)
        // One that got no answer is told to both in the same words; whoever orders it again is not held.
        bench.failures = Array(repeating: RunnerBench.broken, count: 4)
        let lost = bench.submit("reposit", "register_single", ["meter": "3"], id: "t4")
        let same = bench.submit("reposit", "register_single", ["meter": "3"], id: "t5")
        bench.run()
        #expect(bench.settled[lost]?.fault != nil && bench.settled[lost] == bench.settled[same])
        #expect(bench.failures.isEmpty && bench.words.count == 2)
    }

    /// What has left may arrive although its system is gone from the configuration meanwhile.
    @Test func systemTakenAwayUnderWay_leavesTheOutcomeUnknown() throws {
        var bench = try RunnerBench()
        bench.dropsSystemsBeforeNextReply = true
        let end = bench.settle("reposit", "register_single", ["meter": "1"])
        #expect(end?.fault?.code == "upstream_unknown" && bench.words.count == 1, "\(String(describing: end))")
        // Of PowerBox only the token was asked for.
        var other = try RunnerBench()
        other.dropsSystemsBeforeNextReply = true
        let bind: JSONObject = ["mac": "d8d5b90000001234", "meter": "1234567890", "install_code": "2CF02603038D9582"]
        #expect(other.settle("powerbox", "bind", bind)?.fault?.code == "unsupported")
    }

    @Test func doneWork_isAnsweredFromTheJournal_unlessOtherwiseAsked() throws {
        var bench = try RunnerBench()
        _ = bench.settle("reposit", "register_single", ["meter": "1"])
        #expect(bench.settle("reposit", "register_single", ["meter": "1"])?.result?["already"] == true)
        #expect(bench.words.count == 1)
        _ = bench.settle("reposit", "register_single", ["meter": "2"])
        #expect(bench.settle("reposit", "register_single", ["meter": "1"])?.result?["already"] == nil)
        #expect(bench.words.count == 3)
        _ = bench.settle("reposit", "register_single", ["meter": "1"], again: true)
        #expect(bench.words.count == 4)
    }

    @Test func refusal_isTold_andNotSentAgain() throws {
        var bench = try RunnerBench()
        _ = bench.settle("reposit", "register_single", ["meter": "686546516"])
        var site = Self.site
        site["nmi"] = "42036798376"
        let fault = bench.settle("reposit", "register_site", site)?.fault
        #expect(fault?.code == "upstream_refused")
        #expect(fault?.message.contains("42036798376 has already been registered") == true)
        #expect(bench.words.count == 2)
        #expect(bench.settle("reposit", "register_site", Self.site)?.result != nil)
    }

    @Test func refusedKey_isNotTriedAgain_andRaisesOneAlarm() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(401, retryAfter: nil), to: "/mdp", times: 9)
        #expect(bench.settle("reposit", "register_single", ["meter": "1"])?.fault?.code == "upstream_unauthorised")
        // Asked again at once: the same words, but not the server.
        #expect(bench.settle("reposit", "validate")?.fault?.code == "upstream_unauthorised")
        #expect(bench.words.count == 1)
        bench.now = bench.now + 30_000_000
        #expect(bench.settle("reposit", "validate")?.fault?.code == "upstream_unauthorised")
        #expect(bench.words.count == 2)
        #expect(bench.records.filter { $0.draft.kind == .alarm }.count == 1)
    }

    @Test func refusedKey_onceMendedAndReloaded_isTriedAtOnce() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(401, retryAfter: nil), to: "/rest/usageplace", times: 2)
        _ = bench.submit("ropo", "event", Self.event, seconds: nil)
        bench.run(within: 60)
        #expect(bench.words.count == 4 && bench.stubs.ropo.events.isEmpty)
        bench.runner.reconfigure(try RunnerBench.systems())
        bench.runner.wake(at: bench.now)
        bench.run(within: 60)
        #expect(bench.stubs.ropo.events.map(\.id) == ["e1"])
    }

    @Test func refusedToken_isRenewedOnce() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(401, retryAfter: nil), to: "/rest/usageplace", times: 1)
        _ = bench.submit("ropo", "event", Self.event, seconds: nil)
        bench.run()
        #expect(
            bench.words == [
                "POST /rest/token 201", "POST /rest/usageplace/event 401", "POST /rest/token 201",
                "POST /rest/usageplace/event 200",
            ])
        #expect(bench.stubs.ropo.events.map(\.id) == ["e1"])
        #expect(!bench.records.contains { $0.draft.kind == .alarm })
    }

    @Test func redexToken_isRefreshed_andGotAnewWhenTheRefreshIsOver() throws {
        var bench = try RunnerBench()
        #expect(bench.settle("redex", "brands")?.result != nil)
        bench.now = bench.now + 4000 * 1_000_000
        #expect(bench.settle("redex", "brands")?.result != nil)
        bench.stubs.script.add(.status(401, retryAfter: nil), to: "/public/v2/connect/token/refresh")
        bench.now = bench.now + 4000 * 1_000_000
        #expect(bench.settle("redex", "brands")?.result != nil)
        let tokens = bench.words.filter { $0.contains("/connect/") }
        #expect(
            tokens == [
                "POST /public/v2/connect/token 200", "POST /public/v2/connect/token/refresh 200",
                "POST /public/v2/connect/token/refresh 401", "POST /public/v2/connect/token 200",
            ])
    }

    @Test(arguments: [401, 403]) func lockedAccount_isNeverHammered(status: Int) throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(status, retryAfter: nil), to: "/rest/usageplace", times: 1000)
        _ = bench.submit("ropo", "event", Self.event, seconds: nil)
        let began = bench.now
        bench.run(within: 86_400)
        let events = bench.words.filter { $0.contains("usageplace") }.count
        #expect(events <= (status == 401 ? 2 : 1) * 97)
        #expect(events >= 60)
        #expect(bench.now - began > 3_600_000_000)
        #expect(bench.records.filter { $0.draft.kind == .alarm }.count == 1)
    }

    @Test func serverTrouble_isRetriedWithPauses_thenDone() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(503, retryAfter: nil), to: "/rest/usageplace", times: 6)
        let began = bench.now
        let job = bench.submit("ropo", "event", Self.event, seconds: nil)
        bench.run(job)
        #expect(bench.settled[job] == .done([:]))
        // 5 10 20 40 80 160 s, each at least half.
        #expect((150_000_000...320_000_000).contains(bench.now - began))
        #expect(bench.stubs.ropo.events.count == 1)
    }

    @Test func retryAfter_isKept_alsoByThoseWhoWait() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(429, retryAfter: 30), to: "/mdp/validate", times: 1)
        _ = bench.settle("reposit", "register_single", ["meter": "1"])
        let began = bench.now
        #expect(bench.settle("reposit", "validate")?.result != nil)
        #expect(bench.now - began >= 30_000_000)
        bench.stubs.script.add(.status(429, retryAfter: 3000), to: "/mdp/validate", times: 1)
        #expect(bench.settle("reposit", "validate")?.fault?.code == "upstream_failed")
        #expect(bench.settle("reposit", "validate")?.fault?.message.contains("asked us to wait") == true)
    }

    @Test func unreachable_whileSomebodyWaits_endsInTime() throws {
        var bench = try RunnerBench()
        bench.failures = Array(repeating: RunnerBench.unreachable, count: 20)
        let began = bench.now
        #expect(bench.settle("reposit", "register_single", ["meter": "1"])?.fault?.code == "upstream_failed")
        #expect(bench.failures.count == 16)
        #expect(bench.now - began < 30_000_000)
    }

    @Test func unknownOutcome_thenARefusal_isForAPersonToDecide() throws {
        var bench = try RunnerBench()
        _ = bench.settle("reposit", "register_single", ["meter": "686546516"])
        bench.stubs.script.add(.hang, to: "/mdp/register/site")
        let fault = bench.settle("reposit", "register_site", Self.site)?.fault
        #expect(fault?.code == "upstream_unknown")
        #expect(bench.words.count == 3)
        #expect(bench.runner.confirm("reposit", UpstreamWork("register_site", Self.site)) == .done(["confirmed": true]))
        bench.run()
        #expect(bench.settle("reposit", "register_site", Self.site)?.result?["already"] == true)
        #expect(bench.words.count == 3)
    }

    @Test(arguments: [StubTrouble.garbage, .wrongIDs, .redirect("http://127.0.0.1/")])
    func nonsense_isNoReceipt(trouble: StubTrouble) throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(trouble, to: "/mdp/connected")
        _ = bench.settle("reposit", "register_single", ["meter": "1"])
        #expect(bench.settle("reposit", "connected", ["meter": "1"])?.result == ["status": "OK"])
        #expect(bench.words.filter { $0.contains("/mdp/connected") }.count == 2)
    }

    @Test func bind_withoutAnAnswer_isNeverSentAgainByItself() throws {
        var bench = try RunnerBench()
        let args: JSONObject = [
            "mac": "AA:BB:CC:DD:EE:FF", "meter": "1234567890",
            "install_code": .string(bench.stubs.powerbox.installCode),
        ]
        bench.stubs.script.add(.hang, to: "/v1/powerbox/bind")
        #expect(bench.settle("powerbox", "bind", args)?.fault?.code == "upstream_unknown")
        #expect(bench.settle("powerbox", "bind", args)?.fault?.code == "upstream_unknown")
        #expect(bench.stubs.powerbox.binds.count == 1)
        #expect(bench.settle("powerbox", "bind", args, again: true)?.fault?.code == "upstream_refused")
        #expect(bench.settle("powerbox", "unbind", args)?.result == ["state": "accepted"])
        #expect(bench.settle("powerbox", "bind", args, again: true)?.result == ["state": "accepted"])
        for record in bench.records {
            let text = String(decoding: JSONWriter.compact(.object(record.draft.data)), as: UTF8.self)
            #expect(!text.contains(bench.stubs.powerbox.installCode))
        }
    }

    /// A gateway that gives up, or a server that fails, may have done it: only 503 says that nothing was begun.
    @Test(arguments: [(500, 1), (502, 1), (504, 1), (503, 2), (429, 2)])
    func bind_answeredWithServerTrouble_isSentAgainOnlyWhenItWasNotBegun(status: Int, attempts: Int) throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(status, retryAfter: nil), to: "/v1/powerbox/bind")
        let args: JSONObject = [
            "mac": "AA:BB:CC:DD:EE:FF", "meter": "1234567890",
            "install_code": .string(bench.stubs.powerbox.installCode),
        ]
        let end = bench.settle("powerbox", "bind", args)
        #expect((end?.fault?.code == "upstream_unknown") == (attempts == 1), "\(String(describing: end))")
        #expect(bench.words.filter { $0.contains("/powerbox/bind") }.count == attempts)
    }

    /// The first try may have registered it although the server failed: the refusal of the second is no last word.
    @Test func registration_refusedAfterServerTrouble_isForAPersonToDecide() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(502, retryAfter: nil), to: "/mdp/register/site")
        bench.stubs.script.add(.status(400, retryAfter: nil), to: "/mdp/register/site")
        #expect(bench.settle("reposit", "register_site", Self.site)?.fault?.code == "upstream_unknown")
    }

    @Test func certificate_thatIsNotTrusted_saysWhereToLook() throws {
        var bench = try RunnerBench()
        let failure = HttpsFailure(kind: .tls, mayHaveArrived: false, words: "SSL certificate problem: expired")
        bench.failures = Array(repeating: failure, count: 9)
        let fault = bench.settle("reposit", "register_single", ["meter": "1"])?.fault
        #expect(fault?.message == "reposit: SSL certificate problem: expired")
        #expect(
            fault?.hint.hasPrefix("look at url, ca and certificate in [upstream.reposit], and at the box's clock")
                == true)
    }

    /// Thousands of later jobs do not push out what a box must know for ever.
    @Test func history_whenItForgets_keepsWhatIsParkedAndTheLastThatWasDone() throws {
        var history = UpstreamHistory()
        var seq: Int64 = 0
        func note(_ kind: JournalKind, _ data: JSONObject) {
            seq += 1
            let draft = JournalDraft(
                seq: seq, at: WallTime(seconds: seq), kind: kind, key: "\(kind.rawValue)/\(seq)", data: data)
            history.take(JournalEntry(draft: draft, hash: ""))
        }
        func done(_ system: String, _ operation: String, _ id: String) {
            for kind in [JournalKind.upstreamSent, .upstreamAnswered] {
                note(
                    kind,
                    [
                        "system": .string(system), "operation": .string(operation), "id": .string(id),
                        "outcome": "done", "work": ["id": .string(id)],
                    ])
            }
        }
        done("reposit", "register_site", "cli.1")
        note(.upstreamParked, ["system": "ropo", "operation": "event", "id": "p", "code": "http_400"])
        for number in 0..<2500 { done("ropo", "event", "e\(number)") }
        #expect(history.items.count == 2000)
        #expect(history.lastDone("reposit", "register_site")?.id == "cli.1")
        #expect(history.parked.map(\.id) == ["p"])
        #expect(history.item("ropo", id: "e2499")?.state == .done && history.item("ropo", id: "e0") == nil)
    }

    @Test func refusedEvent_isParkedWithAnAlarm_andTheNextGoesOn() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(400, retryAfter: nil), to: "/rest/usageplace")
        let first = bench.submit("ropo", "event", Self.event, id: "e1", seconds: nil)
        var other = Self.event
        other["id"] = "e2"
        let second = bench.submit("ropo", "event", other, id: "e2", seconds: nil)
        bench.run()
        #expect(bench.settled[first] == .parked(code: "http_400", "HTTP 400: Refused"))
        #expect(bench.settled[second] == .done([:]))
        let parked = try #require(bench.runner.history.parked.first)
        #expect(parked.id == "e1")
        #expect(parked.attempts == 1)
        #expect(parked.work == Self.event)
        #expect(bench.records.contains { $0.draft.kind == .alarm })
        // Sent again by hand.
        let again = bench.submit("ropo", "event", parked.work, id: "e1", seconds: nil, again: true)
        bench.run(again)
        #expect(bench.settled[again] == .done([:]))
        #expect(bench.runner.history.parked.isEmpty)
    }

    @Test func pages_areGathered() throws {
        var bench = try RunnerBench()
        bench.stubs.redex.devices = (1...7).map { "{\"Id\":\"d\($0)\",\"Inverters\":[]}" }
        bench.stubs.redex.itemsPerPage = 3
        let items = bench.settle("redex", "devices")?.result?["items"]?.array
        #expect(items?.map { $0["id"]?.string } == (1...7).map { "d\($0)" })
        #expect(bench.words.filter { $0.contains("/devices") }.count == 3)
    }

    @Test func pace_isKept() throws {
        var bench = try RunnerBench()
        let began = bench.now
        for number in 0..<70 { _ = bench.settle("redex", "brands", [:], id: "t\(number)", seconds: 300) }
        // 70 requests and a token at 30 a minute.
        #expect(bench.now - began >= 120_000_000)
        #expect(bench.words.count == 71)
    }

    @Test func patience_ends() throws {
        var bench = try RunnerBench()
        bench.stubs.reposit.refusalsOfValidate = 1000
        _ = bench.settle("reposit", "register_single", ["meter": "1"])
        let began = bench.now
        let settlement = bench.settle("reposit", "validate", [:], seconds: 900, patient: true)
        guard case .notYet(let words)? = settlement else {
            Issue.record("\(String(describing: settlement))")
            return
        }
        #expect(words.contains("failed to validate"))
        #expect((780_000_000...900_000_000).contains(bench.now - began))
        #expect(bench.words.count < 25)
    }

    @Test func system_whenNotConfigured_isToldHowTo() throws {
        var bench = try RunnerBench()
        bench.runner.reconfigure([])
        #expect(bench.settle("reposit", "validate")?.fault?.hint.contains("[upstream.reposit]") == true)
    }

    /// The reply to a token request must never be taken for the reply to the work.
    @Test func reconfigure_whileATokenIsAskedFor_keepsThemApart() throws {
        var bench = try RunnerBench()
        let job = bench.submit("ropo", "event", Self.event, seconds: nil)
        bench.reconfiguresBeforeNextReply = true
        bench.run(job)
        #expect(bench.settled[job] == .done([:]))
        #expect(bench.stubs.ropo.events.map(\.id) == ["e1"])
    }
}
