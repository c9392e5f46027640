import Credit
import Metering
import Testing

@testable import Gateway

/// Commands of payment units: money once, settings, reads, and who may send them to which unit.
struct DeskUnitTests {
    // MARK: Money

    @Test func payment_whenSentAgain_isAppliedOnce() {
        var script = DeskScript()
        script.turn()
        let first = script.send(script.claims("payment_add", id: "p-1"), .valid(kid: "billing"))
        #expect(first?["state"] == "completed" && first?["code"] == "applied" && first?["unit"] == "unit-1")
        #expect(first?["result"]?["balance_micro"] == 20_000_000)
        #expect(script.kinds == [.commandReceived, .creditToppedUp, .creditLow, .commandDone])
        #expect(script.records.contains { $0.key == "credit.topped_up/unit-1/pay-1" })
        // The same bytes: the same answer. Another jti with the same content: no second effect.
        #expect(script.send(script.claims("payment_add", id: "p-1"), .valid(kid: "billing"))?["repeat"] == true)
        let again = script.send(script.claims("payment_add", id: "p-2"), .valid(kid: "billing"))
        #expect(again?["code"] == "applied")
        #expect(again?["result"]?["already_applied"] == true)
        #expect(script.kinds == [.commandReceived, .commandDone])
        var other = script.arguments(of: "payment_add")
        other["amount_micro"] = 20_000_001
        let conflict = script.send(
            script.claims("payment_add", id: "p-3").with("args", .object(other)), .valid(kid: "billing"))
        #expect(conflict?["code"] == "conflict" && conflict?["detail"] == "payment_id")
        #expect(script.units.all["unit-1"]?.account.balance == 20_000_000)
    }

    @Test func payment_whenRefused_doesNotConsumeItsOwnId() {
        var script = DeskScript()
        var args = script.arguments(of: "payment_add")
        args["amount_micro"] = 500_000_001
        let claims = script.claims("payment_add", id: "p-1").with("args", .object(args))
        #expect(script.send(claims)?["code"] == "limit")
        #expect(script.send(claims)?["repeat"] == true, "the command's id is consumed")
        #expect(script.send(script.claims("payment_add", id: "p-2"))?["code"] == "applied")
    }

    @Test func payment_needsNoCounterAndNoClock() {
        var script = DeskScript(isSynchronised: false)
        script.turn()
        let late = script.claims("payment_add", id: "p-1").with("exp", .integer(script.wall.seconds - 1))
            .with("iat", .integer(script.wall.seconds - 90_000))
        #expect(script.send(late)?["state"] == "completed")
        let reconnect = script.send(script.claims("usage_place_reconnect", id: "r", counter: 1))
        #expect(reconnect?["state"] == "completed")
        for command in ["usage_place_disconnect", "supply_mode_set", "tariff_set", "credit_set"] {
            let answer = script.send(script.claims(command, id: command, counter: 9))
            #expect(answer?["detail"] == "clock_untrusted" || answer?["code"] == "stale")
        }
        #expect(script.send(script.claims("credit_fetch", id: "f"))?["state"] == "completed")
    }

    @Test(arguments: [
        ("payment_add", "currency", "EUR", "currency"), ("payment_add", "payment_id", "a b", "payment_id"),
        ("credit_adjust", "delta_micro", "1", "delta_micro"), ("tariff_set", "bands", "none", "bands"),
        ("tariff_set", "surprise", "x", "unknown_member"), ("supply_mode_set", "mode", "off", "mode"),
    ])
    func arguments_whenWrong_areNamed(command: String, name: String, value: String, detail: String) {
        var script = DeskScript()
        var args = script.arguments(of: command)
        args[name] = .string(value)
        let answer = script.send(script.claims(command, id: "x").with("args", .object(args)))
        #expect(answer?["code"] == "format")
        #expect(answer?["detail"]?.string == detail)
        #expect(!script.kinds.contains(.creditToppedUp) && !script.kinds.contains(.unitSetting))
    }

    // MARK: Roles and targets

    @Test func roles_areThoseOfTheContract() {
        let cases: [(String, String, Bool)] = [
            ("payment_add", "billing", true), ("payment_add", "ops", false), ("payment_add", "reader", false),
            ("tariff_set", "billing", true), ("tariff_set", "ops", false), ("supply_mode_set", "ops", true),
            ("supply_mode_set", "billing", false), ("usage_place_disconnect", "ops", true),
            ("usage_place_disconnect", "billing", false), ("omnipower_set", "billing", false),
            ("credit_fetch", "reader", true), ("template_upsert", "reader", false), ("credit_fetch", "bound", true),
        ]
        for (command, kid, isAllowed) in cases {
            var script = DeskScript()
            let answer = script.send(script.claims(command, id: "x"), .valid(kid: kid))
            #expect((answer?["code"] == "role") != isAllowed, "\(command) \(kid)")
        }
    }

    @Test func local_installerMayReadAndNothingElse() {
        var script = DeskScript()
        for command in ["payment_add", "tariff_set", "supply_mode_set", "template_apply"] {
            let claims: JSONObject = [
                "cmd": .string(command), "sub": "unit-1", "args": .object(script.arguments(of: command)),
            ]
            #expect(script.send(claims, .local(.installer, uid: 1000), token: 1)?["code"] == "role")
            #expect(script.send(claims, .local(.owner, uid: 0), token: 1)?["state"] == "completed")
        }
        let read: JSONObject = ["cmd": "credit_fetch", "sub": "unit-1"]
        #expect(script.send(read, .local(.viewer, uid: 1001), token: 1)?["state"] == "completed")
    }

    @Test func key_whenBoundToAUnit_reachesThatUnitOnly() {
        var script = DeskScript()
        let bound = SignatureState.valid(kid: "bound")
        #expect(script.send(script.claims("payment_add", id: "a"), bound)?["state"] == "completed")
        let other = script.claims("payment_add", id: "b").with("sub", "unit-2")
        #expect(script.send(other, bound)?["detail"] == "other_unit")
        let read = script.claims("credit_fetch", id: "c").with("sub", "unit-2")
        #expect(script.send(read, bound)?["detail"] == "other_unit")
        let all = script.send(script.claims("credit_cached_get_all", id: "d"), bound)
        #expect(all?["result"]?["total"] == 1)
        #expect(all?["result"]?["units"]?.array?.first?["unit"] == "unit-1")
        let bulk = script.claims("low_credit_set", id: "e").with("sub", "BOX1")
            .with("bulk", ["id": "b", "units": ["unit-1", "unit-2"]])
        #expect(script.send(bulk, bound)?["detail"] == "other_unit")
        let listed = script.send(script.claims("unit_list", id: "f"), bound)
        #expect(listed?["result"]?["units"]?.array?.count == 1)
    }

    @Test func target_mustBeAUnitOfThisBox() {
        var script = DeskScript()
        for sub in ["unit-9", "BOX1"] {
            let answer = script.send(script.claims("payment_add", id: "x").with("sub", .string(sub)))
            #expect(answer?["code"] == "target" && answer?["detail"] == "unknown_unit")
        }
        #expect(script.send(script.claims("key_revoke", id: "y").with("sub", "unit-1"))?["code"] == "target")
        #expect(script.send(script.claims("request_list", id: "z").with("sub", "unit-1"))?["state"] == "completed")
    }

    // MARK: Lives

    static let lives: [(String, Int64)] = [
        ("supply_mode_set", 900), ("omnipower_set", 900), ("usage_place_disconnect", 900),
        ("usage_place_reconnect", 86_400), ("payment_add", 31_622_400), ("tariff_set", 604_800),
        ("credit_fetch", 604_800), ("credit_set", 604_800),
    ]

    @Test(arguments: lives)
    func life_isThatOfTheClass(command: String, life: Int64) {
        var script = DeskScript()
        let now = script.wall.seconds
        let good = script.claims(command, id: "a", counter: 1).with("exp", .integer(now + life))
        #expect(script.send(good)?["state"] == "completed")
        let long = script.claims(command, id: "b", counter: 2).with("exp", .integer(now + life + 1))
        #expect(script.send(long)?["detail"] == "life_too_long")
    }

    // MARK: Reads

    @Test func fetch_givesTheValueAndConsumesNoCounter() {
        var script = DeskScript()
        script.send(script.claims("emergency_credit_set", id: "s", counter: 5), .valid(kid: "billing"))
        let answer = script.send(script.claims("emergency_credit_fetch", id: "f"), .valid(kid: "reader"))
        #expect(answer?["result"]?["limit_micro"] == 5_000_000)
        #expect(answer?["result"]?["remaining_micro"] == 5_000_000)
        #expect(answer?["result"]?["observed_at"] == .string(script.wall.text))
        #expect(script.records.last?.data["result"]?["result"] == .null, "bodies of reads are not journalled")
        #expect(script.records.last?.data["ctr"] == nil)
        // Its own id is consumed all the same.
        let again = script.send(script.claims("emergency_credit_fetch", id: "f"), .valid(kid: "reader"))
        #expect(again?["repeat"] == true && again?["seq"] == answer?["seq"] && again?["code"] == "applied")
    }

    @Test func cached_saysHowOldItIs() {
        var script = DeskScript()
        script.turn()
        script.send(script.claims("tariff_set", id: "s", counter: 5))
        let set = script.wall
        script.pass(seconds: 90)
        let one = script.send(script.claims("tariff_cached_get", id: "a").with("args", ["tariff_id": 1]))
        #expect(one?["result"]?["bands"]?.array?.first?["rate_micro"] == 250_000)
        #expect(one?["result"]?["observed_at"] == .string(set.text))
        #expect(one?["result"]?["age_s"] == 90)
        let missing = script.send(script.claims("tariff_cached_get", id: "b").with("args", ["tariff_id": 4]))
        #expect(missing?["result"]?["configured"] == false)
        // A fetch is news.
        script.send(script.claims("tariff_fetch", id: "c"))
        script.pass(seconds: 1)
        #expect(script.send(script.claims("tariff_cached_get", id: "d"))?["result"]?["age_s"] == 1)
    }

    @Test func cached_ofAll_isPaged() {
        var script = DeskScript()
        let answer = script.send(
            script.claims("low_credit_cached_get_all", id: "a").with("args", ["page": 2, "limit": 2]))
        #expect(answer?["result"]?["units"]?.array?.compactMap { $0["unit"] } == ["unit-3"])
        #expect(answer?["result"]?["pages"] == 2 && answer?["result"]?["total"] == 3)
        let beyond = script.send(
            script.claims("low_credit_cached_get_all", id: "b").with("args", ["page": 1_000_000]))
        #expect(beyond?["result"]?["units"] == [])
        let bad = script.send(script.claims("low_credit_cached_get_all", id: "c").with("args", ["limit": 501]))
        #expect(bad?["detail"] == "limit")
    }

    @Test func report_whenFetched_isLastKnown() {
        var script = DeskScript()
        let nothing = script.send(script.claims("credit_report_cached_get", id: "a"))
        #expect(nothing?["detail"] == "nothing_known")
        let args: JSONValue = ["from": "2026-11-01T00:00:00Z", "to": "2026-11-20T00:00:00Z"]
        #expect(script.send(script.claims("credit_report_fetch", id: "b").with("args", args))?["state"] == "completed")
        let known = script.send(script.claims("credit_report_cached_get", id: "c"))
        #expect(known?["result"]?["from"] == "2026-11-01T00:00:00.000Z")
        let wrong: JSONValue = ["from": "2026-11-20T00:00:00Z", "to": "2026-11-20T00:00:00Z"]
        #expect(script.send(script.claims("credit_report_fetch", id: "d").with("args", wrong))?["detail"] == "from")
    }

    @Test func reads_areAnsweredForEveryUnit() {
        var script = DeskScript()
        script.send(script.claims("payment_add", id: "p"))
        let additions = script.send(script.claims("credit_last_additions_fetch", id: "a"))
        #expect(additions?["result"]?["additions"]?.array?.first?["payment_id"] == "pay-1")
        #expect(script.send(script.claims("omnipower_relay_fetch", id: "b"))?["result"]?["relay"] == "connected")
        let none = script.send(script.claims("omnipower_relay_fetch", id: "c").with("sub", "unit-3"))
        #expect(none?["code"] == "unsupported" && none?["state"] == "failed")
        let snapshot = script.send(script.claims("snapshot_get", id: "d"))
        #expect(snapshot?["result"]?["blocks"]?["credit"]?["balance_micro"] == 20_000_000)
        #expect(snapshot?["result"]?["blocks"]?["friendly_days"]?["age_s"] != nil)
        let meters = script.send(script.claims("meter_reading_fetch", id: "e").with("args", ["slot": 2]))
        #expect(meters?["result"]?["meters"]?.array?.count == 1)
        let list = script.send(script.claims("unit_list", id: "h").with("args", ["state": "armed"]))
        #expect(list?["result"]?["units"] == [])
    }

    @Test func message_isKept_andFoundAgain() {
        var script = DeskScript()
        let text: JSONValue = ["text": "The office is closed", "expires_at": "2026-11-21T00:00:00Z"]
        let none = script.send(script.claims("home_message_fetch", id: "a"))
        #expect(none?["result"]?["configured"] == false)
        let set = script.claims("home_message_set", id: "b", counter: 1).with("args", text)
        #expect(script.send(set, .valid(kid: "ops"))?["state"] == "completed")
        #expect(script.records.last { $0.kind == .unitSetting }?.data["unit"] == nil, "it is none of the account's")
        script.restart()
        #expect(script.desk.kept.takeChanged() == ["unit-1"])
        let message = script.desk.messages(of: "unit-1").first
        #expect(message?.text == "The office is closed")
        #expect(message?.isShown(at: script.wall) == true && message?.isShown(at: script.wall + 43_200_000) == false)
        let known = script.send(script.claims("home_message_cached_get", id: "c"))
        #expect(known?["result"]?["text"] == "The office is closed" && known?["result"]?["age_s"] == 0)
        let gone = script.claims("home_message_set", id: "d", counter: 2).with("args", ["text": ""])
        script.send(gone, .valid(kid: "ops"))
        #expect(script.desk.messages(of: "unit-1") == [] && script.desk.messages(of: "unit-2") == [])
        let show = script.claims("display_text_show", id: "e", counter: 3)
            .with("args", ["text": "Hello", "duration_s": 60, "clear_on_button": true])
        #expect(script.send(show, .valid(kid: "ops"))?["result"]?["until"] == "2026-11-20T12:01:00.000Z")
        #expect(
            script.desk.messages(of: "unit-1") == [
                DisplayMessage(text: "Hello", until: script.wall + 60_000, isCleared: true, comesForward: true)
            ])
        script.desk.version = "1.2.3"
        let version = script.send(script.claims("firmware_version_fetch", id: "f"))
        #expect(version?["result"]?["version"] == "1.2.3")
    }

    // MARK: Supply

    @Test func disconnect_whenProtected_isRefused() {
        var script = DeskScript()
        script.units.all["unit-1"]?.isProtected = true
        let answer = script.send(script.claims("usage_place_disconnect", id: "d"))
        #expect(answer?["code"] == "policy" && answer?["detail"] == "friendly_period")
        // For later it may be ordered: it is judged again at its time.
        let later = script.claims("usage_place_disconnect", id: "e", counter: 2)
            .with("execute_at", .integer(script.wall.seconds + 300))
        #expect(script.send(later)?["code"] == "scheduled")
        script.pass(seconds: 300)
        script.turn()
        #expect(script.answer?["code"] == "policy")
    }

    @Test func disconnect_ofAnotherPlace_isRefused() {
        var script = DeskScript()
        let claims = script.claims("usage_place_disconnect", id: "d").with("sub", "unit-2")
        #expect(script.send(claims)?["detail"] == "usage_place")
        let late = script.claims("usage_place_disconnect", id: "e", counter: 2)
            .with("args", ["expires_at": "2026-11-20T11:59:59Z"])
        #expect(script.send(late)?["code"] == "expired")
        let early = script.claims("usage_place_disconnect", id: "f", counter: 3)
            .with("args", ["not_before": "2026-11-20T12:00:01Z"])
        #expect(script.send(early)?["detail"] == "not_before")
    }

    @Test func disconnect_whenItsSwitchIsAwaited_isAnsweredAtItsEnd() {
        var script = DeskScript()
        script.turn()
        script.units.isWaiting = true
        let claims = script.claims("usage_place_disconnect", id: "d")
        #expect(script.send(claims, token: 7) == nil)
        #expect(script.kinds == [.commandReceived])
        #expect(script.records.last?.data["args"]?["usageplacecode"] == "RE12345")
        #expect(script.desk.requests.request("d")?.state == .verifying)
        // The same bytes wait with it; others are a conflict.
        #expect(script.send(claims, token: 8) == nil)
        #expect(script.kinds.isEmpty)
        #expect(script.send(claims.with("ctr", 2), token: 9)?["code"] == "conflict")
        script.units.end("d", .success(Outcome(message: "disconnected", result: ["relay": "disconnected"])))
        script.handle([])
        let answers = script.effects.compactMap { if case .answer(let token, _) = $0 { token } else { nil } }
        #expect(answers == [7, 8])
        #expect(script.answer?["state"] == "completed")
        #expect(script.records.last?.key == "command.done/d")
    }

    @Test func disconnect_whenTheSwitchDoesNotFollow_fails() {
        var script = DeskScript()
        script.units.isWaiting = true
        script.send(script.claims("usage_place_disconnect", id: "d"))
        script.units.end(
            "d", .failure(Refusal(code: .switchContradicted, detail: "no_feedback", message: "it did not follow")))
        script.handle([])
        #expect(script.answer?["state"] == "failed" && script.answer?["code"] == "switch_contradicted")
    }

    @Test func waiting_whenNothingIsHeard_endsAfterHalfAnHour() {
        var script = DeskScript()
        script.units.isWaiting = true
        script.send(script.claims("supply_mode_set", id: "d"))
        #expect(script.desk.nextWake == script.uptime + 1_800_000_000)
        script.pass(seconds: 1800)
        script.turn()
        #expect(script.answer?["code"] == "no_reply")
        #expect(script.desk.nextWake == nil)
    }

    @Test func waiting_whenTheBoxRestarts_isTakenUp() throws {
        var script = DeskScript()
        script.units.isWaiting = true
        script.send(script.claims("usage_place_disconnect", id: "d"))
        let received = try #require(script.records.last { $0.kind == .commandReceived }?.data)
        var later = DeskScript(unfinished: [received])
        later.turn()
        #expect(later.units.resumed == ["d"])
        later.units.end("d", .success(Outcome(message: "disconnected", result: .null)))
        later.handle([])
        #expect(later.records.last?.key == "command.done/d")
        // What cannot be looked at again is not done twice.
        var data = received
        data["command"] = "reposit_validate"
        data["unit"] = "BOX1"
        var other = DeskScript(unfinished: [data])
        other.turn()
        #expect(other.answer?["code"] == "no_reply" && other.answer?["detail"] == "interrupted")
    }

    // MARK: Others

    @Test func upstream_whenNotConfigured_isUnsupported() {
        var script = DeskScript()
        let answer = script.send(script.claims("reposit_validate", id: "a"))
        #expect(answer?["code"] == "unsupported" && answer?["state"] == "failed")
        script.desk.systems = ["reposit"]
        #expect(script.send(script.claims("reposit_validate", id: "b", counter: 2)) == nil)
        let orders = script.effects.compactMap { if case .upstream(let order) = $0 { order } else { nil } }
        #expect(orders == [UpstreamOrder(id: "b", system: "reposit", operation: "validate", args: [:])])
        script.turn { desk, _, turn in desk.finish(upstream: "b", .success(["valid": true]), turn: &turn) }
        #expect(script.answer?["result"] == ["valid": true])
    }

    @Test func han_isHandedOn_andNeverWaits() {
        var script = DeskScript()
        script.desk.systems = ["han"]
        let claims = script.claims("han_bind", id: "a").with("args", ["rebind": true])
        #expect(script.send(claims) == nil)
        #expect(script.desk.takeHanOrders().map(\.id) == ["a"])
        #expect(!script.records.contains { $0.data["args"] != nil })
        let later = script.claims("han_bind", id: "b", counter: 2)
            .with("execute_at", .integer(script.wall.seconds + 60))
        #expect(script.send(later)?["detail"] == "may_not_wait")
    }
}
