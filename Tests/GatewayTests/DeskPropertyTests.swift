import Credit
import Metering
import Testing

@testable import Gateway

/// Whatever comes in whatever order, with restarts between: one end for every command, one record for every key, and
/// money once.
struct DeskPropertyTests {
    /// SplitMix64.
    struct Dice {
        var state: UInt64

        mutating func roll(_ sides: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((value ^ (value >> 31)) % UInt64(sides))
        }

        mutating func pick<Item>(_ items: [Item]) -> Item { items[roll(items.count)] }
    }

    static let commands = [
        "payment_add", "payment_add", "payment_reverse", "credit_adjust", "credit_fetch", "low_credit_set",
        "special_days_set", "supply_mode_set", "usage_place_disconnect", "usage_place_reconnect", "template_apply",
        "template_upsert", "request_cancel", "request_list", "snapshot_get", "ping",
    ]
    /// Few, so that they meet; some look like parts of others.
    static let ids = (0..<30).flatMap { ["p\($0)", "p\($0).unit-1", "p\($0).unit-3", "p\($0).1"] }

    @Test(arguments: 1...12)
    func commands_inAnyOrder_haveOneEndAndOneEffect(seed: UInt64) throws {
        var dice = Dice(state: seed)
        var script = DeskScript()
        script.units.isWaiting = seed % 2 == 0
        var waiting: [String] = []
        for step in 1...400 {
            switch dice.roll(12) {
            case 0:
                script.pass(seconds: Int64(dice.roll(400)))
                script.turn()
            case 1 where dice.roll(4) == 0:
                script.restart()
                script.turn()
            case 2:
                for id in waiting { script.units.end(id, .success(Outcome(message: "done", result: .null))) }
                waiting = []
                script.handle([])
            default:
                let claims = Self.claims(script, &dice, step)
                script.send(claims, .valid(kid: dice.pick(["owner", "owner", "billing", "ops", "bound"])))
            }
            waiting += script.desk.waiting.map(\.order.id).filter { !waiting.contains($0) }
        }
        try Self.check(script)
    }

    static func claims(_ script: DeskScript, _ dice: inout Dice, _ step: Int) -> JSONObject {
        let command = dice.pick(commands)
        let id = dice.roll(2) == 0 ? dice.pick(ids) : "n-\(step)"
        var claims = script.claims(command, id: id, counter: Int64(step))
        var args = script.arguments(of: command)
        switch command {
        case "payment_add":
            args["payment_id"] = .string("pay-\(dice.roll(6))")
            args["amount_micro"] = .integer(10_000_000 + Int64(dice.roll(2)))
        case "payment_reverse":
            args = ["payment_id": .string("pay-\(dice.roll(6))"), "reversal_id": .string("rev-\(dice.roll(6))")]
        case "credit_adjust": args["adjustment_id"] = .string("adj-\(dice.roll(6))")
        case "request_cancel":
            args = ["request_id": .string(dice.roll(2) == 0 ? dice.pick(ids) : "n-\(step - dice.roll(9))")]
        case "template_upsert": args["revision"] = .integer(Int64(1 + dice.roll(5)))
        default: break
        }
        claims["args"] = .object(args)
        if dice.roll(4) == 0 { claims["execute_at"] = .integer(script.wall.seconds + Int64(dice.roll(500))) }
        if dice.roll(4) == 0 {
            claims["sub"] = "BOX1"
            claims["bulk"] = ["id": .string(id), "units": dice.roll(2) == 0 ? "all" : ["unit-1", "unit-3"]]
        }
        return claims
    }

    static func check(_ script: DeskScript) throws {
        var keys: Set<String> = []
        var ends: Set<String> = []
        var balances: [String: Int64] = [:]
        for record in script.records {
            #expect(keys.insert(record.key).inserted, "two records have the key \(record.key)")
            // A part's id may have been used by a command before: the first answer stays the answer.
            if [.commandDone, .commandRefused].contains(record.kind), record.data["parent"] == nil,
                let id = record.data["jti"]?.string
            {
                #expect(ends.insert(id).inserted, "\(id) ended twice")
            }
            guard let unit = record.data["unit"]?.string else { continue }
            switch record.kind {
            case .creditToppedUp: balances[unit, default: 0] += record.data["amount_micro"]?.integer ?? 0
            case .creditAdjusted: balances[unit, default: 0] += record.data["delta_micro"]?.integer ?? 0
            case .creditReversed: balances[unit, default: 0] += record.data["change"]?["balance_micro"]?.integer ?? 0
            default: break
            }
        }
        for (unit, balance) in balances {
            #expect(script.units.all[unit]?.account.balance == balance, "\(unit)")
        }
        // Everything that was received has ended, waits for its time, or for its switch.
        let open = script.desk.scheduled.map(\.order.id) + script.desk.waiting.map(\.order.id)
        for record in script.records where record.kind == .commandReceived {
            let id = try #require(record.data["jti"]?.string)
            #expect(ends.contains(id) || open.contains(id), "\(id) was lost")
        }
    }
}
