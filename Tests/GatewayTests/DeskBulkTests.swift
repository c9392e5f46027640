import Credit
import Metering
import Testing

@testable import Gateway

/// Commands for many units, templates, and requests about requests.
struct DeskBulkTests {
    static func bulk(_ script: DeskScript, _ command: String, id: String, units: JSONValue, counter: Int64 = 1)
        -> JSONObject
    {
        script.claims(command, id: id, counter: counter).with("sub", "BOX1")
            .with("bulk", ["id": "b-1", "name": "all of them", "units": units])
    }

    // MARK: Bulk

    @Test func bulk_isAnsweredOnce_withEveryUnit() throws {
        var script = DeskScript()
        let answer = script.send(Self.bulk(script, "credit_adjust", id: "x", units: ["unit-2", "unit-9", "unit-1"]))
        #expect(answer?["state"] == "completed" && answer?["unit"] == "BOX1")
        let children = try #require(answer?["result"]?["children"]?.array)
        #expect(children.map { $0["id"] } == ["x.unit-2", "x.unit-9", "x.unit-1"])
        #expect(children.map { $0["code"] } == ["applied", "target", "applied"])
        #expect(answer?["result"]?["counts"] == ["completed": 2, "rejected": 1])
        #expect(script.effects.count { if case .publish = $0 { true } else { false } } == 1)
        #expect(
            script.records.map(\.key).suffix(6) == [
                "credit.adjusted/unit-2/adj-1", "command.done/x/unit-2", "command.refused/x/unit-9",
                "credit.adjusted/unit-1/adj-1", "command.done/x/unit-1", "command.done/x",
            ])
        // A part's id is consumed as any other.
        #expect(script.send(script.claims("credit_adjust", id: "x.unit-1"))?["code"] == "conflict")
        let shown = script.send(script.claims("bulk_result_get", id: "y").with("args", ["bulk_id": "b-1"]))
        #expect(shown?["result"]?["counts"] == ["completed": 2, "rejected": 1])
        let named = script.send(
            script.claims("bulk_progress_get", id: "z").with("args", ["bulk_name": "all of them"]))
        #expect(named?["result"]?["children"]?.array?.count == 3)
        #expect(named?["result"]?["progress"]?.array?.last?["state"] == "completed")
        let both = script.claims("bulk_result_get", id: "w").with("args", ["bulk_id": "b", "bulk_name": "c"])
        #expect(script.send(both)?["code"] == "format")
    }

    @Test func bulk_ofAll_reads() {
        var script = DeskScript()
        script.turn()
        let answer = script.send(Self.bulk(script, "credit_fetch", id: "x", units: "all"), .valid(kid: "reader"))
        #expect(answer?["result"]?["children"]?.array?.compactMap { $0["result"]?["balance_micro"] } == [0, 0, 0])
        #expect(script.kinds == [.commandReceived, .commandDone])
        #expect(script.records.last?.data["result"]?["result"]?["children"]?.array?.first?["result"] == nil)
    }

    @Test(arguments: [
        "arrears_set", "supply_mode_set", "payment_add", "payment_reverse", "suggestion_set", "currency_set",
        "omnipower_set", "usage_place_disconnect", "usage_place_reconnect",
    ])
    func bulk_whereItIsDangerous_isRefused(command: String) {
        var script = DeskScript()
        script.turn()
        let claims = Self.bulk(script, command, id: "x", units: "all")
            .with("args", command == "payment_reverse" ? ["payment_id": "p", "reversal_id": "r"] : nil)
        var whole = claims
        if whole["args"] == nil { whole["args"] = .object(script.arguments(of: command)) }
        let answer = script.send(whole)
        #expect(answer?["code"] == "policy" && answer?["detail"] == "bulk_not_allowed")
        #expect(script.kinds == [.commandReceived, .commandRefused])
    }

    @Test(
        arguments: [
            ["id": "b"], ["units": "all"], ["id": "b", "units": "some"], ["id": "b", "units": []],
            ["id": "b", "units": ["unit-1", "unit-1"]], ["id": "b", "units": ["a b"]],
            ["id": "b", "units": "all", "x": 1],
            ["id": "b", "name": "", "units": "all"], "all",
        ] as [JSONValue])
    func bulk_whenMalformed_isFormat(bulk: JSONValue) {
        var script = DeskScript()
        let claims = script.claims("low_credit_set", id: "x").with("sub", "BOX1").with("bulk", bulk)
        #expect(script.send(claims)?["code"] == "format")
    }

    @Test func child_isShownAsARequest() throws {
        var script = DeskScript()
        script.send(Self.bulk(script, "low_credit_set", id: "x", units: "all"))
        let child = try #require(try? script.desk.requestShowJSON("x.unit-1").get())
        #expect(child["id"] == "x.unit-1" && child["unit"] == "unit-1" && child["command"] == "low_credit_set")
        #expect(child["state"] == "completed" && child["result"]?["code"] == "applied" && child["parent"] == "x")
        #expect(child["progress"]?.array?.map { $0["state"] } == ["received", "completed"])
        #expect((try? script.desk.requestShowJSON("x.unit-9").get()) == nil)
    }

    @Test func bulk_mustNameTheBox() {
        var script = DeskScript()
        let claims = script.claims("low_credit_set", id: "x").with("bulk", ["id": "b", "units": "all"])
        #expect(script.send(claims)?["code"] == "target")
    }

    // MARK: Templates

    @Test func template_isStoredWhole_orNotAtAll() throws {
        var script = DeskScript()
        script.turn()
        #expect(script.send(script.claims("template_upsert", id: "a", counter: 1))?["state"] == "completed")
        #expect(script.kinds == [.commandReceived, .unitSetting, .commandDone])
        let record = try #require(script.records.last { $0.kind == .unitSetting })
        #expect(record.data["unit"] == nil && record.data["setting"] == "template")
        let again = script.send(script.claims("template_upsert", id: "b", counter: 2))
        #expect(again?["result"]?["already_applied"] == true)
        var args = script.arguments(of: "template_upsert")
        args["name"] = "Other"
        let same = script.send(script.claims("template_upsert", id: "c", counter: 3).with("args", .object(args)))
        #expect(same?["detail"] == "revision")
        args["revision"] = 2
        args["actions"] = [
            ["command": "low_credit_set", "payload": ["threshold_micro": 1]],
            ["command": "low_credit_set", "payload": ["threshold_micro": -1]],
        ]
        let bad = script.send(script.claims("template_upsert", id: "d", counter: 4).with("args", .object(args)))
        #expect(bad?["detail"] == "actions[1].payload.threshold_micro")
        args["actions"] = [["command": "payment_add", "payload": [:]]]
        let pay = script.send(script.claims("template_upsert", id: "e", counter: 5).with("args", .object(args)))
        #expect(pay?["detail"] == "actions[0].command")
        let listed = script.send(script.claims("template_list", id: "f"))
        #expect(listed?["result"]?["templates"]?.array?.map { $0["name"] } == ["Mine"])
        // A restart finds it in the journal.
        #expect(DeskScript(records: script.records).desk.templates.map(\.id) == ["mine"])
    }

    @Test func template_whenApplied_setsEverythingInOrder() throws {
        var script = DeskScript()
        let answer = script.send(script.claims("template_apply", id: "a"), .valid(kid: "billing"))
        #expect(answer?["state"] == "completed")
        let actions = try #require(answer?["result"]?["actions"]?.array)
        #expect(actions.map { $0["command"] } == ["operational_mode_set", "low_credit_set", "emergency_credit_set"])
        #expect(actions.map { $0["id"] } == ["a.1", "a.2", "a.3"])
        #expect(script.units.all["unit-1"]?.account.mode == .credit)
        #expect(script.records.contains { $0.key == "unit.setting/a/2" })
        let got = script.send(
            script.claims("template_application_get", id: "g").with("args", ["application_id": "app-1"]))
        #expect(got?["result"]?["state"] == "completed")
        let rows = script.send(script.claims("template_action_list", id: "l").with("args", ["state": "completed"]))
        #expect(rows?["result"]?["actions"]?.array?.count == 3)
        #expect(
            script.send(script.claims("template_application_get", id: "h").with("args", ["application_id": "no"]))?[
                "detail"] == "unknown_application")
    }

    @Test func template_whenAnActionFails_stopsThere() {
        var script = DeskScript()
        let actions: JSONValue = [
            ["command": "low_credit_set", "payload": ["threshold_micro": 1_000_000]],
            ["command": "special_days_set", "payload": ["days": [["date": "2020-12-25"]]]],
            ["command": "low_credit_set", "payload": ["threshold_micro": 9_000_000]],
        ]
        let upsert: JSONObject = ["template_id": "t", "name": "T", "revision": 1, "actions": actions]
        script.send(script.claims("template_upsert", id: "u", counter: 1).with("args", .object(upsert)))
        let args: JSONObject = ["application_id": "a", "template_id": "t"]
        let answer = script.send(script.claims("template_apply", id: "x", counter: 2).with("args", .object(args)))
        if answer?["state"] == "completed" { return }
        #expect(answer?["state"] == "failed")
        #expect(answer?["result"]?["actions"]?.array?.count == 2)
        #expect(script.units.all["unit-1"]?.account.settings.lowCredit.threshold == 1_000_000)
        let goesOn = args.with("continue_on_error", true)
        let whole = script.send(script.claims("template_apply", id: "y", counter: 3).with("args", .object(goesOn)))
        #expect(whole?["state"] == "completed")
        #expect(whole?["result"]?["actions"]?.array?.map { $0["state"] } == ["completed", "rejected", "completed"])
    }

    @Test func template_isNoWayAroundTheRules() {
        var script = DeskScript()
        let upsert: JSONObject = [
            "template_id": "t", "name": "T", "revision": 1,
            "actions": [["command": "supply_mode_set", "payload": ["mode": "force_off"]]],
        ]
        let store = script.claims("template_upsert", id: "u", counter: 1).with("args", .object(upsert))
        #expect(script.send(store, .valid(kid: "billing"))?["code"] == "role")
        #expect(script.send(store)?["state"] == "completed")
        let apply = script.claims("template_apply", id: "a", counter: 2)
            .with("args", ["application_id": "a", "template_id": "t"])
        // The sender's role, the life, and bulk are those of what it stands for.
        #expect(script.send(apply, .valid(kid: "billing"))?["code"] == "role")
        let long = apply.with("jti", "b").with("exp", .integer(script.wall.seconds + 901))
        #expect(script.send(long)?["detail"] == "life_too_long")
        let bulk = apply.with("jti", "c").with("ctr", 3).with("sub", "BOX1").with("bulk", ["id": "b", "units": "all"])
        #expect(script.send(bulk)?["detail"] == "bulk_not_allowed")
        let unknown = script.claims("template_apply", id: "d", counter: 4)
            .with("args", ["application_id": "a", "template_id": "no"])
        #expect(script.send(unknown)?["detail"] == "unknown_template")
        let revision = script.claims("template_apply", id: "e", counter: 5)
            .with("args", ["application_id": "a", "template_id": "t", "revision": 2])
        #expect(script.send(revision, .valid(kid: "ops"))?["detail"] == "revision" || script.answer?["code"] == "stale")
    }

    @Test func template_whenChangedWhileItsApplicationWaits_isJudgedAgain() {
        var script = DeskScript()
        func upsert(_ revision: Int64, _ actions: JSONValue) -> JSONObject {
            let args: JSONObject = [
                "template_id": "t", "name": "T", "revision": .integer(revision), "actions": actions,
            ]
            return script.claims("template_upsert", id: "u-\(revision)", counter: revision)
                .with("args", .object(args))
        }
        script.send(upsert(1, [["command": "low_credit_set", "payload": ["threshold_micro": 1]]]))
        let apply = script.claims("template_apply", id: "a", counter: 1)
            .with("args", ["application_id": "a", "template_id": "t"])
            .with("execute_at", .integer(script.wall.seconds + 300))
        #expect(script.send(apply, .valid(kid: "billing"))?["state"] == "scheduled")
        script.send(upsert(2, [["command": "supply_mode_set", "payload": ["mode": "force_off"]]]))
        script.pass(seconds: 300)
        script.turn()
        #expect(script.answer?["id"] == "a" && script.answer?["code"] == "role")
    }

    @Test func template_inBulk_isAppliedToEveryUnit() throws {
        var script = DeskScript()
        let answer = script.send(Self.bulk(script, "template_apply", id: "x", units: "all"))
        let children = try #require(answer?["result"]?["children"]?.array)
        #expect(children.count == 3)
        #expect(children.allSatisfy { $0["actions"]?.array?.count == 3 })
        #expect(script.records.contains { $0.key == "unit.setting/x/unit-3/2" })
        #expect(script.units.all["unit-3"]?.account.mode == .credit)
    }

    @Test func baseTemplates_areSound() throws {
        let names = Template.base.map(\.id)
        #expect(names == ["prepayment_default", "credit_default", "vulnerable_customer", "void_property"])
        for template in Template.base {
            let again = try Template(try #require(template.json.object))
            #expect(again == template)
        }
        for name in names {
            var script = DeskScript()
            let claims = script.claims("template_apply", id: "x")
                .with("args", ["application_id": "a", "template_id": .string(name)])
            #expect(script.send(claims)?["state"] == "completed", "\(name)")
        }
    }
}
