import Metering
import Testing

@testable import Gateway

struct DeliveryTests {
    /// A delivery, time, a journal that only grows in number, and what was done.
    private struct Script {
        var delivery: Delivery
        var uptime = Uptime(seconds: 100)
        var head: Int64
        var effects: [Effect] = []

        init(head: Int64 = 0, acknowledged: Int64 = 0, hasMqtt: Bool = true) {
            self.head = head
            delivery = Delivery(box: "B", version: "1.2.3", acknowledged: acknowledged, hasMqtt: hasMqtt)
        }

        mutating func turn(
            after seconds: Int64 = 0, records: Int64 = 0, _ body: (inout Delivery, inout Turn) -> Void = { _, _ in }
        ) {
            uptime = uptime + seconds * 1_000_000
            head += records
            let wall = WallTime(text: "2026-11-20T12:00:00Z") ?? WallTime(seconds: 0)
            var turn = Turn(
                moment: Moment(wall: wall, uptime: uptime, kernelSynchronised: true), head: head, newestAt: wall,
                isConnected: delivery.isConnected)
            body(&delivery, &turn)
            delivery.advance(turn: &turn)
            head = turn.head
            effects = turn.effects
        }

        mutating func connect() { turn { delivery, turn in delivery.connected(turn: &turn) } }
        mutating func receipt(_ text: String, retained: Bool = false) {
            turn { delivery, turn in delivery.receipt(Array(text.utf8), retained: retained, turn: &turn) }
        }

        /// Windows sent in the last step.
        var sent: [ClosedRange<Int64>] {
            effects.compactMap { effect in
                if case .sendJournal(let from, let to) = effect { from...to } else { nil }
            }
        }
        var cursors: [Int64] {
            effects.compactMap { effect in
                if case .saveCursor(let seq) = effect { seq } else { nil }
            }
        }
        var records: [JSONObject] {
            effects.compactMap { effect in
                if case .append(let draft) = effect { draft.data } else { nil }
            }
        }
    }

    @Test func connected_publishesTheStateAndAllThatHasNoReceipt() {
        var script = Script(head: 450, acknowledged: 40)
        script.turn()
        #expect(script.effects.isEmpty, "nothing is sent while offline")
        script.connect()
        let state = #"{"state":"online","version":"1.2.3","head":450,"at":"2026-11-20T12:00:00.000Z"}"#
        #expect(
            script.effects.first
                == .publish(Publication(topic: "state", payload: Array(state.utf8), retained: true)))
        #expect(script.sent == [41...240, 241...440, 441...450])
    }

    @Test func advance_sendsEveryNewRecordOnce() {
        var script = Script()
        script.connect()
        #expect(script.sent.isEmpty)
        script.turn(after: 1, records: 3)
        #expect(script.sent == [1...3])
        script.turn(after: 1)
        #expect(script.sent.isEmpty)
        script.turn(after: 1, records: 1)
        #expect(script.sent == [4...4])
    }

    @Test func advance_keepsAtMost5000InFlight() {
        var script = Script(head: 20_000)
        script.connect()
        #expect(script.sent.count == 25)
        #expect(script.sent.last?.upperBound == 5000)
        script.turn(after: 1, records: 10)
        #expect(script.sent.isEmpty)
        script.receipt(#"{"upto":200}"#)
        #expect(script.cursors == [200])
        #expect(script.sent == [5001...5200])
    }

    @Test func receipt_movesTheCursorNeverBack() {
        var script = Script(head: 100)
        script.connect()
        script.receipt(#"{"upto":50}"#)
        #expect(script.cursors == [50])
        script.receipt(#"{"upto":20}"#)
        script.receipt(#"{"upto":50}"#)
        #expect(script.cursors.isEmpty)
        #expect(script.delivery.acknowledged == 50)
        script.receipt(#"{"upto":100}"#)
        #expect(script.delivery.outboxJSON(head: 100, oldestAt: nil)["pending"] == 0)
        #expect(script.delivery.nextWake == nil)
    }

    @Test func receipt_whenAboveTheHead_alarmsOnceAndMovesNothing() {
        var script = Script(head: 100)
        script.connect()
        script.receipt(#"{"upto":101}"#)
        #expect(script.records == [["alarm": "rollback_suspected", "upto": 101, "head": 100]])
        #expect(script.delivery.rollbackSuspected)
        #expect(script.cursors.isEmpty)
        script.receipt(#"{"upto":5000}"#)
        #expect(script.records.isEmpty)
    }

    @Test func records_withoutReceipt_areSentAgainAfter5Minutes_doublingToAnHour() {
        var script = Script(head: 300)
        script.connect()
        #expect(script.delivery.nextWake == script.uptime + 300_000_000)
        for minutes: Int64 in [5, 10, 20, 40, 60, 60, 60] {
            script.turn(after: minutes * 60 - 1)
            #expect(script.sent.isEmpty)
            script.turn(after: 1)
            #expect(script.sent == [1...200, 201...300], "after \(minutes) minutes")
        }
        script.receipt(#"{"upto":100}"#)
        script.turn(after: 299)
        #expect(script.sent.isEmpty)
        script.turn(after: 1)
        #expect(script.sent == [101...300], "a receipt starts the five minutes anew")
    }

    @Test func records_newOnes_doNotPutOffWhatIsDue() {
        var script = Script(head: 10)
        script.connect()
        for _ in 0..<4 { script.turn(after: 60, records: 1) }
        script.turn(after: 60, records: 1)
        #expect(script.sent == [1...15])
    }

    @Test func reconnect_sendsAllAgain() {
        var script = Script(head: 10)
        script.connect()
        script.receipt(#"{"upto":4}"#)
        script.turn { delivery, turn in delivery.disconnected(reason: "gone", turn: &turn) }
        #expect(!script.delivery.isConnected)
        script.turn(after: 1000, records: 5)
        #expect(script.effects.isEmpty)
        #expect(script.delivery.nextWake == nil)
        script.connect()
        #expect(script.sent == [5...15])
    }

    @Test func resend_givesTheRangeAgain() {
        var script = Script(head: 30_000, acknowledged: 30_000)
        script.connect()
        script.receipt(#"{"resend":[1,450]}"#)
        #expect(script.sent == [1...200, 201...400, 401...450])
        #expect(script.delivery.acknowledged == 30_000)
        script.receipt(#"{"resend":[29999,35000]}"#)
        #expect(script.sent == [29_999...30_000], "what is not there yet will come by itself")
        script.receipt(#"{"resend":[1,10000]}"#)
        #expect(script.sent.count == 50)
        script.receipt(#"{"upto":30000,"resend":[7,7]}"#)
        #expect(script.sent == [7...7])
    }

    @Test func resend_withoutEnd_isSlowedDown() {
        var script = Script(head: 30_000, acknowledged: 30_000)
        script.connect()
        var windows = 0
        for _ in 0..<100 {
            script.receipt(#"{"resend":[1,10000]}"#)
            // The audit records of what is refused are sent too, one by one.
            windows += script.sent.count { $0.count == 200 }
        }
        #expect(windows == 100)
        script.turn(after: 60)
        script.receipt(#"{"resend":[1,10000]}"#)
        #expect(script.sent.count == 50)
    }

    @Test(arguments: [
        "", "{}", "null", "17", "{\"upto\":\"7\"}", "{\"upto\":1.5}", "{\"upto\":1e2}", "{\"upto\":-1}",
        "{\"upto\":9007199254740992}", "{\"upto\":99999999999999999999}", "{\"upto\":1,\"upto\":2}", "{\"upto\":1",
        "{\"resend\":[1]}", "{\"resend\":[0,5]}", "{\"resend\":[5,4]}", "{\"resend\":[1,10001]}",
        "{\"resend\":[11,12]}", "{\"resend\":[-9223372036854775808,9223372036854775807]}", "{\"resend\":\"all\"}",
        "{\"resend\":[1,2,3]}", "\u{0}",
    ])
    func receipt_whenMalformed_isIgnoredAndAudited(text: String) {
        var script = Script(head: 10)
        script.connect()
        script.receipt(text)
        #expect(script.records == [["topic": "receipt", "detail": "malformed"]])
        #expect(script.cursors.isEmpty)
        #expect(script.delivery.acknowledged == 0)
    }

    @Test func receipt_whenTooLong_isIgnored() {
        var script = Script(head: 10)
        script.connect()
        script.receipt(#"{"upto":5,"note":""# + String(repeating: "x", count: 2000) + #""}"#)
        #expect(script.cursors.isEmpty)
    }

    @Test func receipt_whenRetained_isDroppedAndAudited() {
        var script = Script(head: 10)
        script.connect()
        script.receipt(#"{"upto":5}"#, retained: true)
        #expect(script.records == [["topic": "receipt", "detail": "retained"]])
        #expect(script.cursors.isEmpty)
    }

    @Test func audits_areFew() {
        var script = Script(head: 10)
        script.connect()
        for _ in 0..<500 { script.receipt("junk") }
        #expect(script.head == 70)
        script.turn(after: 3600)
        #expect(script.records == [["topic": "receipt", "detail": "not_recorded", "count": 440]])
    }

    @Test func outbox_withoutMqtt_isEmpty() {
        var script = Script(head: 10, hasMqtt: false)
        script.turn(records: 10)
        #expect(script.effects.isEmpty)
        #expect(
            script.delivery.outboxJSON(head: 20, oldestAt: nil) == [
                "pending": 0, "oldest_at": nil, "acknowledged": 0, "parked": [],
            ])
    }

    @Test func outbox_showsWhatWaitsAndSinceWhen() {
        let script = Script(head: 10, acknowledged: 4)
        let at = WallTime(text: "2026-11-20T11:00:00Z")
        #expect(
            script.delivery.outboxJSON(head: 10, oldestAt: at) == [
                "pending": 6, "oldest_at": "2026-11-20T11:00:00.000Z", "acknowledged": 4, "parked": [],
            ])
    }
}
