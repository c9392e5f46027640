import Credit
import Metering
import Testing

@testable import Gateway

/// Scheduling, cancelling, and how far requests are.
struct DeskRequestTests {
    static func scheduled(_ script: DeskScript, _ command: String, id: String, counter: Int64 = 1) -> JSONObject {
        script.claims(command, id: id, counter: counter).with("execute_at", .integer(script.wall.seconds + 300))
    }

    @Test func scheduled_whenCancelled_saysSo_andNeverRuns() throws {
        var script = DeskScript()
        script.send(Self.scheduled(script, "payment_add", id: "p"), .valid(kid: "billing"))
        let pending = script.send(script.claims("payment_pending_find", id: "f"))
        #expect(pending?["result"]?["payments"]?.array?.map { $0["payment_id"] } == ["pay-1"])
        let listed = script.send(script.claims("schedule_list", id: "l"))
        #expect(listed?["result"]?["scheduled"]?.array?.map { $0["id"] } == ["p"])
        let cancel = script.claims("request_cancel", id: "c", counter: 1).with("args", ["request_id": "p"])
        script.send(cancel, .valid(kid: "billing"))
        let results = script.effects.compactMap { effect -> JSONValue? in
            guard case .publish(let publication) = effect else { return nil }
            return try? JSONReader.read(publication.payload)
        }
        #expect(results.map { $0["id"] } == ["p", "c"])
        #expect(results.map { $0["state"] } == ["cancelled", "completed"])
        #expect(results.last?["result"] == ["request_id": "p", "state": "cancelled"])
        let record = try #require(script.records.last { $0.key == "command.refused/p" })
        #expect(record.data["cancelled_by"] == "c")
        script.pass(seconds: 301)
        script.turn()
        #expect(script.kinds.isEmpty && script.units.all["unit-1"]?.account.balance == 0)
        // It is over: a second try is refused.
        let again = script.claims("schedule_cancel", id: "d", counter: 2).with("args", ["schedule_id": "p"])
        #expect(script.send(again, .valid(kid: "billing"))?["detail"] == "already_ended")
    }

    @Test func cancel_isForThoseWhoMayOrder() {
        var script = DeskScript()
        script.send(Self.scheduled(script, "payment_add", id: "p"))
        let cancel = script.claims("request_cancel", id: "c", counter: 2).with("args", ["request_id": "p"])
        #expect(script.send(cancel, .valid(kid: "ops"))?["code"] == "role")
        #expect(script.send(cancel.with("sub", "unit-2"))?["detail"] == "other_unit")
        let own = cancel.with("jti", "e").with("ctr", 3).with("sub", "unit-1")
        script.send(own, .valid(kid: "bound"))
        #expect(script.records.suffix(2).map(\.key) == ["command.refused/p", "command.done/e"])
    }

    @Test func cancel_whenExecuting_isRefused() {
        var script = DeskScript()
        script.units.isWaiting = true
        script.send(script.claims("supply_mode_set", id: "s", counter: 1))
        let cancel = script.claims("request_cancel", id: "c", counter: 2).with("args", ["request_id": "s"])
        #expect(script.send(cancel)?["detail"] == "executing")
        let unknown = cancel.with("jti", "d").with("ctr", 3).with("args", ["request_id": "nothing"])
        #expect(script.send(unknown)?["detail"] == "unknown_request")
    }

    @Test func scheduled_whenTheBoxRestarts_isStillThere_andCanBeCancelled() throws {
        var script = DeskScript()
        script.send(Self.scheduled(script, "payment_add", id: "p"))
        script.send(
            Self.scheduled(script, "low_credit_set", id: "q").with("bulk", ["id": "b", "units": "all"])
                .with("sub", "BOX1"))
        let data = script.records.filter { $0.kind == .commandScheduled }.map(\.data)
        #expect(data.count == 2)
        var later = DeskScript(counters: [KeyCounter(kid: "owner", counter: 9)], scheduled: data)
        #expect(later.desk.requests.request("p")?.state == .scheduled)
        let cancel = later.claims("request_cancel", id: "c", counter: 10).with("args", ["request_id": "p"])
        #expect(later.send(cancel)?["state"] == "cancelled", "the first answer published is that of the request")
        later.pass(seconds: 300)
        later.turn()
        #expect(later.answer?["id"] == "q")
        #expect(later.answer?["result"]?["counts"] == ["completed": 3])
        #expect(later.units.all["unit-1"]?.account.balance == 0)
    }

    @Test func request_showsItsWay() throws {
        var script = DeskScript()
        script.send(Self.scheduled(script, "payment_add", id: "p"))
        script.pass(seconds: 300)
        script.turn()
        let shown = try #require(try? script.desk.requestShowJSON("p").get())
        #expect(
            shown["progress"]?.array?.compactMap { $0["state"]?.string } == [
                "received", "validated", "scheduled", "queued", "executing", "completed",
            ])
        #expect(shown["attempts"] == 1 && shown["state"] == "completed")
        #expect(shown["execute_at"] == "2026-11-20T12:05:00Z")
        #expect(shown["result"]?["result"]?["balance_micro"] == 20_000_000)
        #expect((try? script.desk.requestShowJSON("nothing").get()) == nil)
    }

    @Test func requests_areListedNewestFirst_andFiltered() throws {
        var script = DeskScript()
        script.send(script.claims("payment_add", id: "a"))
        script.pass(seconds: 10)
        script.send(script.claims("tariff_set", id: "b").with("sub", "unit-2"))
        script.send(script.claims("tariff_set", id: "c", counter: 1))
        func ids(_ filter: JSONObject) -> [String]? {
            (try? script.desk.requestListJSON(filter).get())?["requests"]?.array?.compactMap { $0["id"]?.string }
        }
        #expect(ids([:]) == ["c", "b", "a"])
        #expect(ids(["unit_id": "unit-2"]) == ["b"] && ids(["unit": "unit-2"]) == ["b"])
        #expect(ids(["command": "payment_add"]) == ["a"])
        #expect(ids(["state": "rejected"]) == ["c"], "its counter was stale")
        #expect(ids(["limit": 1]) == ["c"])
        #expect(ids(["since": .string(script.wall.text)]) == ["c", "b"])
        #expect(ids(["request_id": "a"]) == ["a"])
        #expect(ids(["colour": "red"]) == nil)
        let bound = script.send(script.claims("request_list", id: "l"), .valid(kid: "bound"))
        #expect(bound?["result"]?["requests"]?.array?.compactMap { $0["id"]?.string } == ["l", "c", "a"])
    }

    @Test func requests_areBounded() {
        var script = DeskScript()
        script.send(Self.scheduled(script, "payment_add", id: "open"))
        for number in 0..<1500 { script.send(script.claims("ping", id: "p-\(number)")) }
        #expect(script.desk.requests.requests.count <= RequestStore.most + 64)
        #expect(script.desk.requests.request("open")?.state == .scheduled, "what has not ended stays")
        #expect(script.desk.requests.request("p-0") == nil && script.desk.requests.request("p-1499") != nil)
    }

    @Test func scheduled_ofAUnitThatIsGone_isRefused() {
        var script = DeskScript()
        script.send(Self.scheduled(script, "low_credit_set", id: "p"))
        script.units.ids = ["unit-2"]
        script.pass(seconds: 300)
        script.turn()
        #expect(script.answer?["code"] == "target")
    }

    /// What ended while the broker was away is told when it is back.
    @Test func result_whileDisconnected_isPublishedAfterwards() throws {
        var script = DeskScript()
        let at = script.wall.seconds + 60
        let claims = script.claims("payment_add", id: "s-1").with("execute_at", .integer(at))
            .with("exp", .integer(at + 600))
        #expect(script.send(claims)?["state"] == "scheduled")
        script.isConnected = false
        script.pass(seconds: 61)
        script.turn()
        #expect(script.kinds.contains(.commandDone) && script.answer == nil)
        script.isConnected = true
        script.turn()
        #expect(script.answer?["id"] == "s-1" && script.answer?["state"] == "completed")
        script.turn()
        #expect(script.answer == nil)
    }

    /// The first answer stays the first; the end comes after it.
    @Test func repeatOfAScheduledCommand_afterItsEnd_givesBothAnswers() throws {
        var script = DeskScript()
        let at = script.wall.seconds + 60
        let claims = script.claims("payment_add", id: "s-1").with("execute_at", .integer(at))
            .with("exp", .integer(at + 600))
        script.send(claims)
        #expect(script.send(claims)?["state"] == "scheduled")
        #expect(script.results.count == 1)
        script.pass(seconds: 61)
        script.turn()
        script.send(claims)
        #expect(script.results.map { $0["state"] } == ["scheduled", "completed"])
        #expect(script.results.allSatisfy { $0["repeat"] == true })
    }
}
