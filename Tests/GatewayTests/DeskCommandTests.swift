import Credit
import Metering
import Testing

@testable import Gateway

struct DeskCommandTests {
    // MARK: key_add, key_revoke

    @Test func keyAdd_whenProved_putsTheKeyInForce() throws {
        var script = DeskScript()
        let answer = script.send(script.claims("key_add", id: "k-1"))
        #expect(answer?["result"] == ["kid": "fresh", "role": "billing"])
        #expect(script.kinds.suffix(3) == [.commandReceived, .keyAdded, .commandDone])
        let record = try #require(script.records.last { $0.kind == .keyAdded })
        #expect(record.key == "key.added/k-1")
        #expect(record.data == ["kid": "fresh", "role": "billing", "key": .string(DeskScript.text(9, 32))])
        let key = try #require(script.desk.keys.first { $0.kid == "fresh" })
        #expect(key.role == .billing && key.publicKey == [UInt8](repeating: 9, count: 32))
        #expect(script.send(script.claims("ping", id: "p"), .valid(kid: "fresh"))?["state"] == "completed")
    }

    @Test func keyAdd_whenNotProved_isRefused() {
        var script = DeskScript()
        var args = script.arguments(of: "key_add")
        args["proof"] = .string(DeskScript.text(8, 64))
        let answer = script.send(script.claims("key_add", id: "k-1").with("args", .object(args)))
        #expect(answer?["code"] == "precondition")
        #expect(answer?["detail"] == "proof")
        #expect(!script.desk.keys.contains { $0.kid == "fresh" })
    }

    @Test func keyAdd_whenTheKeyIsThere_isAppliedOnce() {
        var script = DeskScript()
        script.send(script.claims("key_add", id: "k-1", counter: 1))
        let again = script.send(script.claims("key_add", id: "k-2", counter: 2))
        #expect(again?["state"] == "completed")
        #expect(again?["result"]?["already_applied"] == true)
        #expect(script.records.count { $0.kind == .keyAdded } == 1)
        var args = script.arguments(of: "key_add")
        args["role"] = "owner"
        let other = script.send(script.claims("key_add", id: "k-3", counter: 3).with("args", .object(args)))
        #expect(other?["detail"] == "kid_taken")
    }

    @Test(arguments: [
        ("kid", "a b"), ("kid", ""), ("role", "installer"), ("role", "root"), ("key", "AAAA"), ("key", "not base64"),
        ("proof", ""), ("proof", "AA=="),
    ])
    func keyAdd_whenAnArgumentIsWrong_namesIt(name: String, value: String) {
        var script = DeskScript()
        var args = script.arguments(of: "key_add")
        args[name] = .string(value)
        let answer = script.send(script.claims("key_add", id: "k-1").with("args", .object(args)))
        #expect(answer?["code"] == "format")
        #expect(answer?["detail"]?.string == name)
    }

    @Test func keyRevoke_takesTheKeyOutForEver() {
        var script = DeskScript()
        #expect(script.send(script.claims("key_revoke", id: "r-1", counter: 1))?["result"] == ["kid": "victim"])
        #expect(script.records.suffix(2).first?.key == "key.revoked/r-1")
        #expect(script.send(script.claims("ping", id: "p"), .valid(kid: "victim"))?["detail"] == "revoked")
        // A reload of the folder does not bring it back, nor does adding it again.
        script.turn { desk, _, turn in desk.reconfigure(keys: DeskScript.keys, turn: &turn) }
        #expect(!script.desk.keys.contains { $0.kid == "victim" })
        var args = script.arguments(of: "key_add")
        args["kid"] = "victim"
        let added = script.send(script.claims("key_add", id: "k", counter: 2).with("args", .object(args)))
        #expect(added?["detail"] == "revoked")
        #expect(script.send(script.claims("key_revoke", id: "r-2", counter: 3))?["result"]?["already_applied"] == true)
        let unknown = script.claims("key_revoke", id: "r-3", counter: 4).with("args", ["kid": "nobody"])
        #expect(script.send(unknown)?["detail"] == "unknown_key")
    }

    @Test func keys_whenReloaded_keepWhatWasAddedByCommand() {
        var script = DeskScript()
        script.send(script.claims("key_add", id: "k-1"))
        script.turn { desk, _, turn in desk.reconfigure(keys: Array(DeskScript.keys.prefix(1)), turn: &turn) }
        #expect(script.desk.keys.map(\.kid) == ["fresh", "owner"])
    }

    @Test func keys_areBounded() {
        var script = DeskScript()
        for number in script.desk.keys.count..<KeyRing.capacity {
            var args = script.arguments(of: "key_add")
            args["kid"] = .string("k-\(number)")
            let claims = script.claims("key_add", id: "a-\(number)", counter: Int64(number))
            #expect(script.send(claims.with("args", .object(args)))?["state"] == "completed")
        }
        let answer = script.send(script.claims("key_add", id: "last", counter: 1000))
        #expect(answer?["code"] == "limit")
    }

    // MARK: time_attest

    @Test func timeAttest_whenTheClockAgrees_makesItTrusted() {
        var script = DeskScript(isSynchronised: false)
        script.turn()
        #expect(!script.clock.isTrusted)
        #expect(script.send(script.claims("key_revoke", id: "a", counter: 1))?["detail"] == "clock_untrusted")
        let claims = script.claims("time_attest", id: "t", counter: 2)
            .with("args", ["time": .integer(script.wall.seconds + 119)])
        let answer = script.send(claims, .valid(kid: "ops"))
        #expect(answer?["result"] == ["offset_ms": -119_000, "clock": "trusted"])
        #expect(script.kinds == [.commandReceived, .clockTrust, .commandDone])
        #expect(script.send(script.claims("key_revoke", id: "b", counter: 2))?["state"] == "completed")
    }

    @Test func timeAttest_whenTheClockDisagrees_changesNothing() {
        var script = DeskScript(isSynchronised: false)
        script.turn()
        for (number, offset) in [Int64(121), -121, 86_400].enumerated() {
            let now = script.wall.seconds + offset
            let claims = script.claims("time_attest", id: "t-\(number)", counter: Int64(number + 1))
                .with("iat", .integer(now)).with("exp", .integer(now + 600)).with("args", ["time": .integer(now)])
            #expect(script.send(claims)?["detail"] == "clock_disagrees")
        }
        #expect(!script.clock.isTrusted)
    }

    @Test func timeAttest_whenHeldBackForAWeek_doesNotVouchForAnOldClock() {
        // The box's clock stands at the time the copy was signed for another moment: only its own life may vouch.
        var script = DeskScript(isSynchronised: false)
        script.turn()
        let claims = script.claims("time_attest", id: "t").with("iat", .integer(script.wall.seconds - 90_000))
            .with("exp", .integer(script.wall.seconds - 80_000))
        #expect(script.send(claims)?["detail"] == "clock_disagrees")
    }

    // MARK: an untrusted clock

    @Test func clock_whenUntrusted_skipsTimeChecksForReads_andRefusesWhatSetsState() {
        var script = DeskScript(isSynchronised: false)
        script.turn()
        let early = script.claims("ping", id: "a").with("iat", .integer(script.wall.seconds + 90_000))
            .with("exp", .integer(script.wall.seconds + 100_000))
        #expect(script.send(early)?["state"] == "completed")
        let add = script.send(script.claims("key_add", id: "b"))
        #expect(add?["code"] == "precondition")
        #expect(add?["detail"] == "clock_untrusted")
        #expect(script.send(script.claims("ping", id: "c"), .valid(kid: "early"))?["state"] == "completed")
        #expect(script.send(script.claims("ping", id: "d"), .valid(kid: "late"))?["code"] == "key")
    }

    // MARK: local

    @Test func local_needsNoTimesNorCounter_andIsAnsweredUnderItsToken() throws {
        var script = DeskScript()
        script.turn()
        let first = script.send(["cmd": "key_revoke", "args": ["kid": "victim"]], .local(.owner, uid: 0), token: 7)
        let answer = try #require(first)
        #expect(answer["state"] == "completed")
        #expect(answer["id"] == "local.102")
        #expect(script.records.last?.data["uid"] == 0)
        #expect(script.records.last?.data["kid"] == nil)
        #expect(script.records.last?.key == "command.done/local.102")
        #expect(!script.effects.contains { if case .publish = $0 { true } else { false } })
        let named = script.send(["cmd": "ping", "jti": "mine", "sub": "BOX1"], .local(.viewer, uid: 33), token: 8)
        #expect(named?["id"] == "mine")
        let again = script.send(["cmd": "ping", "jti": "mine", "sub": "BOX1"], .local(.viewer, uid: 33), token: 9)
        #expect(again?["repeat"] == true)
    }

    @Test(arguments: [Role.installer, .viewer, .customer])
    func local_whenTheRoleMayNot_isRefusedAndConsumesNothing(role: Role) {
        for command in ["key_add", "key_revoke", "time_attest"] {
            var script = DeskScript()
            let claims: JSONObject = ["cmd": .string(command), "args": .object(script.arguments(of: command))]
            let answer = script.send(claims, .local(role, uid: 1000), token: 1)
            #expect(answer?["code"] == "role")
            #expect(script.kinds.last == .commandRefused)
            #expect(script.records.last?.data["uid"] == 1000)
            #expect(script.records.last?.data["jti"] == nil)
        }
    }

    @Test func local_whenMalformed_isAnsweredUnderItsToken() {
        var script = DeskScript()
        #expect(script.send(bytes: Array("{".utf8), .local(.owner, uid: 0), token: 3)?["code"] == "format")
        #expect(script.send(["cmd": "nonsense"], .local(.owner, uid: 0), token: 3)?["detail"] == "cmd")
        #expect(script.send(["cmd": "ping", "jti": "local.1"], .local(.owner, uid: 0), token: 3)?["detail"] == "jti")
    }

    // MARK: execute_at

    @Test func scheduled_isAnsweredTwice_andRunsAtItsTime() throws {
        var script = DeskScript()
        let at = script.wall.seconds + 300
        let claims = script.claims("key_revoke", id: "s-1").with("execute_at", .integer(at))
        let firstAnswer = script.send(claims)
        let first = try #require(firstAnswer)
        #expect(first["state"] == "scheduled" && first["code"] == "scheduled")
        #expect(script.records.last?.kind == .commandScheduled)
        #expect(script.records.last?.data["claims"] == .object(claims))
        #expect(script.records.last?.data["ctr"] == 1)
        #expect(script.desk.nextWake == script.uptime + 300_000_000)
        #expect(script.send(claims)?["repeat"] == true)
        script.pass(seconds: 299)
        script.turn()
        #expect(script.answer == nil)
        script.pass(seconds: 1)
        script.turn()
        #expect(script.answer?["state"] == "completed")
        #expect(script.answer?["id"] == "s-1")
        #expect(script.records.last?.key == "command.done/s-1")
        #expect(!script.desk.keys.contains { $0.kid == "victim" })
        #expect(script.desk.nextWake == nil)
        #expect(script.send(claims) == first.with("repeat", true), "the first answer is the answer")
    }

    @Test func scheduled_whenItsKeyIsRevokedMeanwhile_isRefused() {
        var script = DeskScript()
        let claims = script.claims("time_attest", id: "s-1").with("execute_at", .integer(script.wall.seconds + 300))
        #expect(script.send(claims, .valid(kid: "ops"))?["state"] == "scheduled")
        script.send(script.claims("key_revoke", id: "r").with("args", ["kid": "ops"]))
        script.pass(seconds: 300)
        script.turn()
        #expect(script.answer?["code"] == "key")
        #expect(script.answer?["state"] == "rejected")
    }

    @Test func scheduled_whenTheBoxWasOff_expires() throws {
        var script = DeskScript()
        let claims = script.claims("key_revoke", id: "s-1").with("execute_at", .integer(script.wall.seconds + 300))
        script.send(claims)
        let data = try #require(script.records.last?.data)
        var later = DeskScript(counters: [KeyCounter(kid: "owner", counter: 1)], scheduled: [data])
        #expect(later.desk.scheduled.map(\.at) == [script.wall.seconds + 300])
        later.pass(seconds: 700)
        later.turn()
        #expect(later.answer?["state"] == "expired")
        #expect(later.answer?["code"] == "expired")
        #expect(later.desk.keys.contains { $0.kid == "victim" })
    }

    @Test func scheduled_whenTheClockIsNotTrusted_waits() {
        var script = DeskScript()
        script.send(script.claims("key_revoke", id: "s-1").with("execute_at", .integer(script.wall.seconds + 300)))
        script.isSynchronised = false
        script.wall = script.wall + 900_000
        script.uptime = script.uptime + 1_000_000
        script.turn()
        #expect(!script.clock.isTrusted)
        #expect(script.answer == nil)
        #expect(script.desk.scheduled.count == 1)
    }

    @Test func scheduled_isBounded() {
        var script = DeskScript()
        let at = script.wall.seconds + 500
        for number in 1...1001 {
            let claims = script.claims("time_attest", id: "s-\(number)", counter: Int64(number))
                .with("execute_at", .integer(at))
            #expect(script.send(claims)?["code"] == (number <= 1000 ? "scheduled" : "limit"))
        }
    }
}
