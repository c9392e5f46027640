import Credit
import Metering
import Testing

@testable import Gateway

/// Every defect against every command: each is found, in its own word, and has no effect (reliability §1.2).
struct DeskDefectTests {
    /// One thing that is wrong with a command.
    enum Defect: String, CaseIterable, Sendable {
        case tooLarge, noJws, notJson, duplicateName, fraction, unknownClaim, missingClaim, unknownCommand,
            unknownArgument
        case missingCounter, reservedId, unknownKey, revokedKey, earlyKey, lateKey, forged, otherBox, otherUnit
        case wrongRole, boundKey, usedId, expired, tooEarly, endsBeforeExecution, staleCounter, livesTooLong
        case tooFarAhead, bulk, untrustedClock, retained

        var code: CommandCode? {
            switch self {
            case .tooLarge: .size
            case .noJws, .notJson, .duplicateName, .fraction, .unknownClaim, .missingClaim, .unknownCommand,
                .unknownArgument, .missingCounter, .reservedId:
                .format
            case .unknownKey, .revokedKey, .earlyKey, .lateKey: .key
            case .forged: .signature
            case .otherBox, .otherUnit: .target
            case .wrongRole, .boundKey: .role
            case .usedId: .conflict
            case .expired, .tooEarly, .endsBeforeExecution: .expired
            case .staleCounter: .stale
            case .livesTooLong, .tooFarAhead, .bulk: .policy
            case .untrustedClock: .precondition
            case .retained: nil
            }
        }

        /// Whether somebody can be told.
        var hasReadableId: Bool {
            switch self {
            case .tooLarge, .noJws, .notJson, .duplicateName, .fraction, .retained: false
            default: true
            }
        }

        /// Whether the id is consumed by the refusal.
        var consumes: Bool {
            switch self {
            case .expired, .tooEarly, .endsBeforeExecution, .staleCounter, .livesTooLong, .tooFarAhead, .bulk,
                .untrustedClock:
                true
            default: false
            }
        }

        /// Commands this defect is none for.
        func spares(_ spec: CommandSpec) -> Bool {
            switch self {
            case .missingCounter, .staleCounter: !spec.kind.needsCounter
            case .wrongRole: spec.isForEveryKey
            case .boundKey: spec.isForEveryKey || spec.target == .unit
            case .bulk: spec.bulk
            case .untrustedClock: spec.kind.worksWithoutClock || spec.ignoresClock
            default: false
            }
        }
    }

    /// Commands that need nothing to have happened before: of each class, target and kind of check some.
    static let commands = [
        "key_add", "key_revoke", "meter_replace", "ping", "time_attest", "payment_add", "credit_adjust", "credit_set",
        "loan_extend", "credit_fetch", "arrears_cached_get", "tariff_cached_get_all", "tariff_set", "friendly_days_set",
        "supply_mode_set", "omnipower_set", "usage_place_disconnect", "usage_place_reconnect", "template_upsert",
        "template_apply", "request_list", "unit_list",
    ]

    @Test(arguments: Defect.allCases, commands)
    func command_withADefect_isRefusedInItsOwnWord(defect: Defect, command: String) throws {
        let spec = try #require(Catalogue.command(command))
        guard !defect.spares(spec) else { return }
        var script = DeskScript(
            isSynchronised: defect != .untrustedClock, counters: [KeyCounter(kid: "owner", counter: 5)])
        script.turn()
        if defect == .usedId { script.send(script.claims("ping", id: "id-1")) }
        let keysBefore = script.desk.keys
        let recordsBefore = script.records.count

        let answer = Self.send(defect, command, to: &script)
        let records = script.records[recordsBefore...]

        #expect(script.desk.keys == keysBefore)
        #expect(records.allSatisfy { [.commandReceived, .commandRefused, .alarm].contains($0.kind) })
        let refusal = try #require(records.last { $0.kind == .commandRefused })
        #expect((refusal.data["jti"] != nil) == defect.consumes)
        #expect(refusal.key == (defect.consumes ? "command.refused/id-1" : "command.refused/\(refusal.seq)"))
        let result = refusal.data["result"]?.object
        #expect(result?["code"]?.string == defect.code?.rawValue)
        #expect((answer != nil) == defect.hasReadableId)
        if defect.hasReadableId {
            #expect(answer == result)
            #expect(answer?["state"] == "rejected")
            #expect(answer?["seq"]?.integer == refusal.seq)
            #expect(answer?["detail"]?.string?.isEmpty == false)
        }
        // What was refused before its id was consumed may be sent rightly under the same id.
        guard !defect.consumes, defect != .usedId, defect != .retained else { return }
        let repaired = script.send(script.claims(command, id: "id-1", counter: 6))
        #expect(repaired?["state"] == "completed")
    }

    /// Sends the command with the defect; the answer, where an id could be read.
    static func send(_ defect: Defect, _ command: String, to script: inout DeskScript) -> JSONObject? {
        let good = script.claims(command, id: "id-1", counter: 6)
        let now = script.wall.seconds
        let text = JSONWriter.compact(.object(good))
        let owner = SignatureState.valid(kid: "owner")
        switch defect {
        case .tooLarge:
            script.send(bytes: text, .malformed("it is longer than 16 KiB"), oversized: true)
            return nil
        case .noJws:
            script.send(bytes: Array("what".utf8), .malformed("it has 1 parts, not 3"))
            return nil
        case .notJson, .duplicateName, .fraction:
            let tail = defect == .notJson ? "" : defect == .fraction ? #","iat":1.5}"# : #","cmd":"ping"}"#
            script.send(bytes: text.dropLast() + Array(tail.utf8), owner)
            return nil
        case .unknownClaim: return script.send(good.with("iss", "me"))
        case .missingClaim: return script.send(good.with("exp", nil))
        case .unknownCommand: return script.send(good.with("cmd", "format_disk"))
        case .unknownArgument: return script.send(good.with("args", ["force": true]))
        case .missingCounter: return script.send(good.with("ctr", nil))
        case .reservedId: return script.send(good.with("jti", "local.7"))
        case .unknownKey: return script.send(good, .unknownKey(kid: "stranger"))
        case .revokedKey: return script.send(good, .unknownKey(kid: "revoked"))
        case .earlyKey: return script.send(good, .valid(kid: "early"))
        case .lateKey: return script.send(good, .valid(kid: "late"))
        case .forged: return script.send(good, .invalid(kid: "owner"))
        case .otherBox: return script.send(good.with("aud", "BOX2"))
        case .otherUnit: return script.send(good.with("sub", "unit-9"))
        case .wrongRole: return script.send(good, .valid(kid: "reader"))
        case .boundKey: return script.send(good, .valid(kid: "bound"))
        case .usedId: return script.send(good.with("exp", .integer(now + 601)))
        case .expired: return script.send(good.with("iat", .integer(now - 700)).with("exp", .integer(now - 61)))
        case .tooEarly: return script.send(good.with("nbf", .integer(now + 61)))
        case .endsBeforeExecution: return script.send(good.with("execute_at", .integer(now + 601)))
        case .staleCounter: return script.send(good.with("ctr", 5))
        case .livesTooLong:
            let life = Catalogue.command(command)?.kind.longestLife ?? 0
            return script.send(good.with("exp", .integer(now + life + 1)))
        case .tooFarAhead:
            let at = now + 366 * 86_400 + 1
            return script.send(good.with("execute_at", .integer(at)).with("exp", .integer(at + 60)))
        case .bulk: return script.send(good.with("bulk", ["id": "b", "units": "all"]))
        case .untrustedClock: return script.send(good)
        case .retained: return script.send(good, owner, retained: true)
        }
    }

    @Test func defects_whenSeveral_answerWithTheFirstInOrder() {
        var script = DeskScript(isSynchronised: true)
        let now = script.wall.seconds
        // Each step mends the first fault; the next one in the order of the words answers.
        var claims: JSONObject = script.claims("key_add", id: "id-1", counter: 1)
            .with("cmd", "nonsense").with("aud", "BOX2").with("iat", .integer(now - 90_000_000))
            .with("exp", .integer(now - 100)).with("ctr", 1).with("bulk", ["id": "b", "units": "all"])
        #expect(script.send(claims, .invalid(kid: "revoked"))?["code"] == "format")
        claims["cmd"] = "key_add"
        #expect(script.send(claims, .invalid(kid: "revoked"))?["code"] == "key")
        #expect(script.send(claims, .invalid(kid: "reader"))?["code"] == "signature")
        #expect(script.send(claims, .valid(kid: "reader"))?["code"] == "target")
        claims["aud"] = "BOX1"
        #expect(script.send(claims, .valid(kid: "reader"))?["code"] == "role")
        #expect(script.send(claims)?["code"] == "expired")
        claims["jti"] = "id-2"
        claims["exp"] = .integer(now + 60)
        #expect(script.send(claims)?["code"] == "policy")
        claims["jti"] = "id-3"
        #expect(script.send(claims)?["code"] == "stale", "the counter rose although the command was refused")
    }
}
