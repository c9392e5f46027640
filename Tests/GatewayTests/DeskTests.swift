import Credit
import Metering
import Testing

@testable import Gateway

struct DeskTests {
    @Test func ping_isAnsweredWithTheTimeAndTheHead() {
        var script = DeskScript()
        script.turn()
        let answer = script.send(script.claims("ping", id: "p-1"), .valid(kid: "reader"))
        #expect(
            answer == [
                "id": "p-1", "command": "ping", "unit": "BOX1", "state": "completed", "code": "applied",
                "detail": nil, "message": "the box is there", "seq": 103, "at": "2026-11-20T12:00:00.000Z",
                "result": [
                    "pong": true, "at": "2026-11-20T12:00:00.000Z", "uptime_s": 1000, "head": 102, "clock": "trusted",
                ],
            ])
        #expect(script.kinds == [.commandReceived, .commandDone])
        #expect(script.records.suffix(2).map(\.key) == ["command.received/p-1", "command.done/p-1"])
        let hash = String(decoding: JSONWriter.compact(.object(script.claims("ping", id: "p-1"))), as: UTF8.self)
        #expect(
            script.records.suffix(2).first?.data == [
                "jti": "p-1", "payload_sha256": .string(hash), "kid": "reader", "command": "ping", "unit": "BOX1",
            ])
        #expect(script.records.last?.data.names == ["jti", "payload_sha256", "kid", "result"])
    }

    @Test func ping_isForEveryKey_alsoOneBoundToUnits() {
        for kid in ["owner", "billing", "ops", "reader", "bound"] {
            var script = DeskScript()
            #expect(script.send(script.claims("ping", id: "p"), .valid(kid: kid))?["state"] == "completed")
        }
    }

    @Test func repeat_whenSameBytes_getsTheFirstAnswerAndNoRecord() throws {
        var script = DeskScript()
        let claims = script.claims("key_revoke", id: "r-1")
        let firstAnswer = script.send(claims)
        let first = try #require(firstAnswer)
        script.pass(seconds: 100_000)
        let againAnswer = script.send(claims)
        let again = try #require(againAnswer)
        #expect(again == first.with("repeat", true))
        #expect(script.kinds.isEmpty)
        #expect(script.send(script.claims("ping", id: "r-1"))?["code"] == "conflict")
        #expect(script.kinds == [.alarm, .commandRefused])
        #expect(script.send(claims) == first.with("repeat", true), "a conflict changes nothing")
    }

    @Test func repeat_ofARefusal_isTheRefusal() throws {
        var script = DeskScript(counters: [KeyCounter(kid: "owner", counter: 9)])
        let claims = script.claims("key_revoke", id: "r-1", counter: 9)
        let firstAnswer = script.send(claims)
        let first = try #require(firstAnswer)
        #expect(first["code"] == "stale")
        #expect(script.send(claims) == first.with("repeat", true))
    }

    @Test func repeat_whenTheJournalWasNotCommittedYet_isStillOne() {
        var script = DeskScript()
        let bytes = JSONWriter.compact(.object(script.claims("key_revoke", id: "r-1")))
        let envelope = Envelope(payload: bytes, payloadHash: "h", signature: .valid(kid: "owner"))
        script.handle([envelope, envelope])
        #expect(script.kinds.filter { $0 == .commandDone || $0 == .keyRevoked } == [.keyRevoked, .commandDone])
        #expect(script.effects.count { if case .publish = $0 { true } else { false } } == 2)
    }

    @Test func counter_risesWithEveryCommandThatIsNotStale_andStays() {
        var script = DeskScript()
        #expect(script.send(script.claims("key_revoke", id: "a", counter: 7))?["state"] == "completed")
        #expect(script.records.last?.data["ctr"] == 7)
        #expect(script.send(script.claims("key_revoke", id: "b", counter: 7))?["code"] == "stale")
        #expect(script.records.last?.data["ctr"] == nil)
        #expect(script.send(script.claims("key_revoke", id: "c", counter: 6))?["code"] == "stale")
        // Refused for a reason after `stale`: the counter has risen all the same.
        #expect(
            script.send(script.claims("key_revoke", id: "d", counter: 8).with("args", ["kid": "nobody"]))?["code"]
                == "precondition")
        #expect(script.records.last?.data["ctr"] == 8)
        #expect(script.send(script.claims("key_revoke", id: "e", counter: 8))?["code"] == "stale")
        // Each key has its own.
        #expect(
            script.send(script.claims("time_attest", id: "f", counter: 1), .valid(kid: "ops"))?["state"] == "completed")
        #expect(script.desk.keyListJSON.array?.first { $0["kid"] == "owner" }?["counter"] == 8)
    }

    @Test func times_haveAMinuteOfGrace() {
        var script = DeskScript()
        let now = script.wall.seconds
        let good = script.claims("ping", id: "a").with("iat", .integer(now - 1000))
        #expect(script.send(good.with("exp", .integer(now - 60)))?["state"] == "completed")
        #expect(script.send(good.with("jti", "b").with("exp", .integer(now - 61)))?["code"] == "expired")
        let ahead = script.claims("ping", id: "c").with("iat", .integer(now + 60))
        #expect(script.send(ahead)?["state"] == "completed")
        #expect(script.send(ahead.with("jti", "d").with("iat", .integer(now + 61)))?["detail"] == "not_yet_valid")
        #expect(script.send(ahead.with("jti", "e").with("nbf", .integer(now + 60)))?["state"] == "completed")
    }

    @Test func time_thatEndsBeforeItBegins_isExpired() throws {
        var script = DeskScript()
        let now = script.wall.seconds
        let wrong = script.claims("ping", id: "a").with("exp", .integer(now - 1))
        #expect(script.send(wrong)?["code"] == "expired")
        #expect(script.send(wrong.with("jti", "b").with("exp", .integer(now - 1000)))?["code"] == "expired")
    }

    @Test func executionInThePast_isRefused_butNotForComingLate() throws {
        var script = DeskScript()
        let now = script.wall.seconds
        func claims(_ id: String, _ at: Int64) -> JSONObject {
            script.claims("key_revoke", id: id, counter: at - now + 10_000).with("execute_at", .integer(at))
                .with("exp", .integer(now + 3600))
        }
        let past = claims("a", now - 61)
        let late = claims("b", now - 60)
        let old = claims("c", now + 10)
        #expect(script.send(past)?["code"] == "policy")
        #expect(script.records.last?.data["result"]?["detail"] == "execute_at")
        #expect(script.send(late)?["state"] == "completed")
        script.pass(seconds: 600)
        #expect(script.send(old.with("args", ["kid": "early"]))?["state"] == "completed")
    }

    @Test func life_isBoundedByTheClassOfTheCommand() {
        var script = DeskScript()
        let now = script.wall.seconds
        let week = script.claims("ping", id: "a").with("exp", .integer(now + 7 * 86_400))
        #expect(script.send(week)?["state"] == "completed")
        let longer = week.with("jti", "b").with("exp", .integer(now + 7 * 86_400 + 1))
        #expect(script.send(longer)?["detail"] == "life_too_long")
    }

    @Test func time_whenClockWasTurnedBack_revivesNothing() {
        var script = DeskScript()
        let old = script.claims("key_revoke", id: "a").with("exp", .integer(script.wall.seconds + 10))
        script.pass(seconds: 300)
        script.send(script.claims("ping", id: "newest"))
        script.wall = script.wall + -300_000
        #expect(script.send(old)?["detail"] == "clock_untrusted")
        #expect(script.desk.keys.contains { $0.kid == "victim" })
        // Half a second back is no doubt about the clock, but the newest record still counts.
        script.wall = script.wall + 299_500
        script.turn()
        script.pass(seconds: 1000)
        script.turn()
        #expect(script.clock.isTrusted)
        #expect(script.send(old.with("jti", "b").with("ctr", 2))?["code"] == "expired")
    }

    @Test func answer_whenNotConnected_isInTheJournalOnly() {
        var script = DeskScript()
        script.isConnected = false
        #expect(script.send(script.claims("ping", id: "a")) == nil)
        #expect(script.records.last?.data["result"]?["state"] == "completed")
    }

    // MARK: Floods

    @Test func junk_isRecordedSixtyTimesAnHour_thenCounted() {
        var script = DeskScript()
        script.turn()
        let before = script.records.count
        for number in 0..<500 {
            let answer = script.send(script.claims("ping", id: "j-\(number)"), .unknownKey(kid: "stranger"))
            #expect(answer?["code"] == "key")
            #expect((answer?["seq"]?.integer != nil) == (number < 60))
        }
        #expect(script.records.count == before + 60)
        #expect(script.desk.nextWake == script.uptime + 3_600_000_000)
        script.pass(seconds: 3600)
        script.turn()
        #expect(script.records.last?.data == ["detail": "not_recorded", "count": 440])
        #expect(script.desk.nextWake == nil)
    }

    @Test func junk_isAnsweredSoOftenAndNoMore() {
        var script = DeskScript()
        let answers = (0..<1000).count { number in
            script.send(script.claims("ping", id: "j-\(number)"), .unknownKey(kid: "stranger")) != nil
        }
        #expect(answers == 600)
        script.pass(seconds: 60)
        #expect(script.send(script.claims("ping", id: "later"), .unknownKey(kid: "stranger")) != nil)
    }

    @Test func payload_whenGarbage_neverCrashes() {
        var script = DeskScript()
        let good = JSONWriter.compact(.object(script.claims("key_add", id: "x")))
        for index in good.indices {
            for byte: UInt8 in [0, 34, 45, 57, 91, 123, 125, 255] {
                var bytes = good
                bytes[index] = byte
                script.send(bytes: bytes, .invalid(kid: "owner"))
            }
            script.send(bytes: Array(good[..<index]), .valid(kid: "owner"))
        }
        #expect(!script.records.contains { $0.kind == .commandDone })
    }
}
