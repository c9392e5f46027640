import Foundation
import Metering
import Testing

/// kill -9 at any moment, again and again, while payments come in and the switch is moved.
@Suite(.serialized) struct KillTests {
    /// Kills in one run; METERSIDE_KILLS sets another number, METERSIDE_SEED other moments.
    private static let kills = Int(ProcessInfo.processInfo.environment["METERSIDE_KILLS"] ?? "") ?? 20
    private static let seed = UInt64(ProcessInfo.processInfo.environment["METERSIDE_SEED"] ?? "") ?? 1
    private static let amount: Int64 = 1_000_000

    /// SplitMix64.
    private struct Chance: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// A payment as its sender knows it.
    private struct Payment {
        var jti: String
        var id: String
        var token: String
    }

    private func payments(_ sandbox: Sandbox) throws -> [Payment] {
        let signer = Signer(sandbox: sandbox, seed: TestKey.owner, kid: "owner-1", box: BoxUnderTest.id)
        let numbers = Array(0..<(2 * Self.kills))
        let claims = numbers.map { number in
            // Every third payment is sent under two commands.
            var claims = signer.claims(
                "payment_add",
                [
                    "payment_id": .string("pay-\(number - (number % 3 == 2 ? 1 : 0))"),
                    "amount_micro": .integer(Self.amount),
                ],
                jti: "jti-\(number)")
            claims["sub"] = .string(SupplyBench.unit)
            claims["iat"] = .integer((claims["iat"]?.integer ?? 0) - 60)
            claims["exp"] = .integer((claims["iat"]?.integer ?? 0) + 30 * 86_400)
            return claims
        }
        return zip(claims, try signer.sign(claims)).map { claims, token in
            Payment(
                jti: claims["jti"]?.string ?? "", id: claims["args"]?["payment_id"]?.string ?? "", token: token)
        }
    }

    @Test func killNineAtAnyMoment_losesNothing_doublesNothing_andLeavesTheSwitchWhereItWasDecided() throws {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let bench = try SupplyBench(sandbox, broker: broker.port)
        try bench.box.trust(TestKey.owner, as: "owner-1", role: "owner")
        let payments = try payments(sandbox)
        try bench.box.startDaemon()
        let fault = try bench.commission()
        try #require(fault == nil, "\(fault ?? "") \(bench.box.daemonLog)")

        var chance = Chance(state: Self.seed)
        var isOff = false
        for round in 0..<Self.kills {
            for payment in payments[(2 * round)..<(2 * round + 2)] {
                for _ in 0...Int.random(in: 0...1, using: &chance) { cloud.publish("command", payment.token) }
            }
            // Once in a while supply is held off or on; a kill may meet the order anywhere on its way.
            if round % 5 == 2 {
                isOff.toggle()
                let mode = isOff ? "force_off" : "force_on"
                _ = try sandbox.start(
                    Programs.cli,
                    [
                        "command", "send", "supply_mode_set", "--unit", SupplyBench.unit, "--args",
                        "{\"mode\":\"\(mode)\"}", "--socket", sandbox.path("run/control.sock"),
                    ], log: "orders")
            }
            usleep(UInt32.random(in: 10_000...900_000, using: &chance))
            bench.box.killDaemon()
            try bench.box.startDaemon()
        }
        try settle(bench, cloud, payments)
        try check(bench, sandbox, cloud, payments)
    }

    /// The sender repeats the same bytes until there is a result, and the switch has time to follow.
    private func settle(_ bench: SupplyBench, _ cloud: CloudPeer, _ payments: [Payment]) throws {
        #expect(try bench.box.metersAreLive(1), "\(bench.box.daemonLog)")
        for _ in 0..<20 {
            let open = payments.filter { cloud.messages("result/\($0.jti)").isEmpty }
            if open.isEmpty { break }
            for payment in open { cloud.publish("command", payment.token) }
            _ = bench.sandbox.eventually(3) { open.allSatisfy { !cloud.messages("result/\($0.jti)").isEmpty } }
        }
        let state = try bench.sandbox.eventually {
            guard let supply = try bench.supply(), let decided = supply["decided"]?.string else { return false }
            let observed = supply["observed"]?.string
            return (decided == "connected") == (observed == "connected") && supply["moving"]?.bool == false
        }
        let supply = try bench.supply()
        #expect(state, "\(supply ?? .null) \(bench.box.daemonLog)")
        let head = try bench.box.json("status")?["journal"]?["head"]?.integer ?? 0
        #expect(bench.sandbox.eventually { cloud.journal().bySequence[head] != nil })
    }

    private func check(_ bench: SupplyBench, _ sandbox: Sandbox, _ cloud: CloudPeer, _ payments: [Payment]) throws {
        #expect(payments.allSatisfy { cloud.messages("result/\($0.jti)").allSatisfy { $0["code"] == "applied" } })
        let records = try bench.box.cli("ledger", "export").out.split(separator: "\n")
            .compactMap { try? JSONReader.read(String($0)) }
        func data(_ kind: String) -> [JSONValue] {
            records.filter { $0["kind"]?.string == kind }.compactMap { $0["data"] }
        }

        // Every payment counts once.
        let paid = data("credit.topped_up").compactMap { $0["payment_id"]?.string }
        #expect(paid.sorted() == Set(payments.map(\.id)).sorted())
        var sum: Int64 = 0
        for record in records {
            sum += record["data"]?["change"]?["balance_micro"]?.integer ?? record["data"]?["delta_micro"]?.integer ?? 0
        }
        #expect(try bench.balance() == sum)

        // Charges follow each other without a hole.
        var register: Int64?
        for charge in data("credit.charged") where charge["charge"] == "energy" {
            if let register { #expect(charge["from_register"]?.integer == register) }
            register = charge["register"]?.integer
        }
        // Every interval once.
        let ends = data("interval").filter { $0["revision"]?.integer == 0 }
            .compactMap { $0["end"]?.string.flatMap { WallTime(text: $0)?.seconds } }
        if let first = ends.min(), let last = ends.max() {
            #expect(ends.sorted() == Array(stride(from: first, through: last, by: 300)))
        }
        // No contact moved without its order.
        let orders = data("supply.ordered").compactMap { $0["order"]?.string }
        #expect(orders.count < 60, "\(orders)")
        #expect(try bench.alarms().filter { $0 != "clock_untrusted" && $0 != "meter_silent" }.isEmpty)

        // What the cloud was told is what stands there, to the letter.
        let held = cloud.journal()
        #expect(held.repeatsAgree)
        let own = Dictionary(records.map { ($0["seq"]?.integer ?? 0, $0) }) { first, _ in first }
        let other = own.filter { seq, record in
            held.bySequence[seq].map { JSONWriter.canonical($0) != JSONWriter.canonical(record) } ?? false
        }
        #expect(other.isEmpty)
        #expect(try bench.box.json("ledger", "verify")?["ok"]?.bool == true)
        bench.box.signal(SIGTERM)
        let verify = try sandbox.run(
            Programs.daemon,
            ["--config", sandbox.path("etc/meterside.toml"), "--state", sandbox.path("state"), "--verify"])
        #expect(verify.code == 0, "\(verify.out)")
    }
}
