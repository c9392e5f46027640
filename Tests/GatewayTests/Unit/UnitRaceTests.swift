import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: races")
struct UnitRaceTests {
    /// Credit that ends about when a protected time begins, with delays, slow wires and payments in between: nothing
    /// opens inside it, and nothing opens on somebody who has paid.
    @Test func protectedTime_isNeverBroken_whateverThePace() throws {
        var cuts = 0
        for seed in 0..<40 {
            let delays: [Int64] = [0, 5, 60, 600]
            var bench = UnitBench(try UnitBench.configuration(delay: delays[seed % 4], box: "BOX\(seed)"))
            // Ten minutes before three in the afternoon, and a credit that ends within them.
            bench.begin = UnitBench.start + (4 * 60 + 42) * 60_000
            try bench.commission(credit: 90_000_000)
            bench.pass(minutes: 4)
            let balance = bench.balance
            let left = Int64(120 + seed * 13) * 1000
            let result = try bench.command(
                "credit_set", ["adjustment_id": "a", "balance_micro": .integer(min(left, balance))])
            #expect(result["code"] == "applied")
            bench.home.travel = Int64(seed) * 20_000
            let begun = bench.elapsed
            bench.pass(minutes: 6)
            if seed % 5 == 0 { try bench.pay("late", 1_000_000) }
            bench.pass(minutes: 20)
            for edge in bench.home.edges where edge.at >= begun && !edge.closed {
                cuts += 1
                let at = bench.begin + edge.at / 1000
                #expect(at.text < "2026-03-02T15:00:00", "seed \(seed): \(at.text)")
                let order = bench.journal.last { $0.kind == .supplyOrdered && $0.at <= at }
                #expect((order?.data["balance_micro"]?.integer ?? 1) <= 0, "seed \(seed)")
            }
            #expect(bench.faults == [], "seed \(seed)")
        }
        #expect(cuts > 5)
    }

    @Test func paymentDuringTheDelay_keepsTheSupplyOn() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 300_000)
        let begun = bench.elapsed
        #expect(bench.pass(atMost: 12) { $0.unit?.pending != nil })
        try bench.pay("rescue", 5_000_000)
        bench.pass(minutes: 20)
        #expect(bench.home.isClosed)
        #expect(bench.edges(after: begun).isEmpty)
    }

    @Test func oscillatingOrders_stayWithinSixMovementsAnHour() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 300_000)
        let begun = bench.elapsed
        for step in 0..<40 {
            try bench.pay("p\(step)", 20_000)
            bench.pass(minutes: 1.5)
        }
        let moves = bench.home.edges.filter { $0.at >= begun }
        #expect(moves.count >= 4)
        for (index, move) in moves.enumerated() {
            let hour = moves[index...].prefix { $0.at - move.at < 3_600_000_000 }
            #expect(hour.count <= 6)
            if index > 0 { #expect(move.at - moves[index - 1].at >= 59_000_000) }
        }
        #expect(bench.faults == [])
    }

    // MARK: The end of an order

    @Test(arguments: [Int64(20), 60, 300, 900])
    func disconnectOrder_withARandomDelay_isCarriedOutBeforeItsExp(life: Int64) throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 20)
        let sent = bench.elapsed
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1"], id: "cut-1", life: life)
        bench.pass(minutes: 16)
        let opened = try #require(bench.home.edges.last)
        #expect(!opened.closed && opened.at - sent <= (life + 1) * 1_000_000)
        #expect(bench.records(.commandDone).last { $0["jti"] == "cut-1" }?["result"]?["code"] == "applied")
    }

    @Test func disconnectOrder_heldUpBeyondItsExp_isNotCarriedOut() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 20)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1"], id: "cut-1", life: 200)
        // Its meter falls silent before the delay is over, and is back when the order's time has passed.
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 5)
        bench.home.meterFailure = nil
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed && !bench.orders.contains("disconnect order"))
        let refused = try #require(bench.records(.commandRefused).first { $0["jti"] == "cut-1" })
        #expect(refused["result"]?["state"] == "expired" && refused["result"]?["code"] == "expired")
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "credit")
    }

    @Test func disconnectOrder_thatHoldsOnAfterItsExp_waitsItsRandomTimeLikeOthers() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 20)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1"], id: "cut-1", life: 20)
        bench.pass(minutes: 10)
        #expect(!bench.home.isClosed)
        _ = try bench.send("supply_mode_set", ["mode": "force_on"])
        // No second one from afar on the same day.
        bench.pass(minutes: 25 * 60)
        #expect(bench.home.isClosed)
        _ = try bench.send("supply_mode_set", ["mode": "normal"])
        let decided = try #require(bench.records(.supplyDecided).last { $0["reason"] == "order" })
        let until = try #require(decided["not_before"]?.string.flatMap { WallTime(text: $0) })
        #expect(until - bench.moment.wall > 20_000)
    }
}
