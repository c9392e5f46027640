import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: restart in the middle of everything")
struct UnitRestartTests {
    /// A home that runs out, is cut, pays, and comes back: everything that a switch and an account go through.
    private func story(_ bench: inout UnitBench) throws {
        bench.pass(minutes: 2)
        try ifAlive(&bench) { try $0.setFlatTariff(1_000_000) }
        try ifAlive(&bench) { try $0.pay("first", 900_000) }
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        bench.pass(minutes: 2)
        if bench.answer(token) == nil {
            // A crash took it: the installer tries again.
            _ = bench.begin(.supplyTest(unit: "unit-1"))
            bench.pass(minutes: 3)
        }
        try ifAlive(&bench) { _ = try $0.command("omnipower_set", ["enabled": true]) }
        bench.pass(minutes: 25)
        try ifAlive(&bench) { try $0.pay("second", 600_000) }
        bench.pass(minutes: 2)
        _ = bench.begin(.press(unit: "unit-1", .arm))
        bench.pass(minutes: 1)
        _ = bench.begin(.press(unit: "unit-1", .arm))
        bench.pass(minutes: 4)
    }

    /// A command that a crash swallowed is sent again, with the same content.
    private func ifAlive(_ bench: inout UnitBench, _ body: (inout UnitBench) throws -> Void) throws {
        let before = bench.crashes
        do {
            try body(&bench)
        } catch {
            guard bench.crashes > before else { throw error }
            bench.pass(minutes: 1)
            try body(&bench)
        }
    }

    /// What must hold whenever and however often the process ended.
    private func check(_ bench: inout UnitBench, _ name: Comment) throws {
        #expect(bench.faults == [], name)
        // Every opening has its order before it, and was no one else's.
        let paid = bench.records(.creditToppedUp).reduce(Int64(0)) { $0 + ($1["amount_micro"]?.integer ?? 0) }
        #expect(paid == 1_500_000, name)
        let begun = bench.records(.unitSetting).first { $0["setting"] == "register" }?["value"]?["register"]?.integer
        let last = bench.records(.creditCharged).last?["register"]?.integer
        #expect(bench.charged == (last ?? 0) - (begun ?? 0), name)
        #expect(bench.balance == paid - bench.charged * 1000, name)
        var isClosed = true
        for edge in bench.home.edges {
            #expect(edge.closed != isClosed, name)
            isClosed = edge.closed
            guard !edge.closed else { continue }
            let at = UnitBench.start + edge.at / 1000
            let order = bench.journal.last { $0.kind == .supplyOrdered && $0.at <= at }
            #expect(order?.data["order"] == "disconnect", name)
            let reason = order?.data["reason"]?.string
            #expect(reason == "test" || reason == "exhausted", name)
            guard reason == "exhausted" else { continue }
            #expect((order?.data["balance_micro"]?.integer ?? 1) <= 0, name)
        }
    }

    @Test func crashAfterEveryRecord_losesNothingAndDoublesNothing() throws {
        var whole = UnitBench(try UnitBench.configuration())
        try story(&whole)
        try check(&whole, "without a crash")
        #expect(whole.home.isClosed)
        #expect(whole.orders.contains("disconnect exhausted"))
        let count = whole.journal.count
        #expect(count > 40)
        for crash in 4...count {
            var bench = UnitBench(try UnitBench.configuration())
            bench.crashAt = crash
            try story(&bench)
            #expect(bench.crashes == 1, "crash \(crash)")
            try check(&bench, "crash \(crash)")
        }
    }

    @Test func start_movesNothing_whateverWasGoingOn() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 12) { $0.orders.last == "disconnect exhausted" })
        for _ in 0..<5 {
            let orders = bench.home.orders.count
            bench.restart()
            bench.pass(seconds: 20)
            #expect(bench.home.orders.count == orders)
        }
        #expect(!bench.home.isClosed)
        #expect(bench.records(.supplyConfirmed).last?["observed"] == "disconnected")
    }

    @Test func dwellAndLimits_outliveARestart() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 61)
        for _ in 0..<3 {
            let off = try bench.send("supply_mode_set", ["mode": "force_off"])
            bench.pass(minutes: 3)
            _ = bench.answer(off)
            bench.restart()
            _ = try bench.send("supply_mode_set", ["mode": "force_on"])
            bench.pass(minutes: 3)
            bench.restart()
            bench.pass(minutes: 1)
        }
        // One disconnection by order a day, however often the process starts.
        #expect(bench.orders.filter { $0 == "disconnect force_off" }.count == 1)
        #expect(bench.home.isClosed)
    }

    @Test func disconnectOrder_standsAfterARestart() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        bench.pass(minutes: 2)
        #expect(!bench.home.isClosed)
        bench.restart()
        bench.pass(minutes: 5)
        try bench.pay("more", 1_000_000)
        bench.pass(minutes: 5)
        #expect(!bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "order")
    }

    @Test func commandThatWaits_isAnsweredAfterARestart() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 2)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"], id: "cut-1")
        #expect(!bench.records(.commandDone).contains { $0["jti"] == "cut-1" })
        bench.restart()
        bench.pass(minutes: 14)
        #expect(!bench.home.isClosed)
        let done = try #require(bench.records(.commandDone).first { $0["jti"] == "cut-1" })
        #expect(done["result"]?["code"] == "applied")
        #expect(bench.orders.filter { $0 == "disconnect order" }.count == 1)
    }

    @Test func disconnectOrder_whoseTimePassesWhileTheBoxIsOff_isNotCarriedOut() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 2)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"], id: "cut-1")
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "order")
        bench.elapsed += 3 * 3_600_000_000
        bench.restart()
        bench.pass(minutes: 20)
        #expect(bench.home.isClosed)
        #expect(!bench.orders.contains("disconnect order"))
        let refused = try #require(bench.records(.commandRefused).first { $0["jti"] == "cut-1" })
        #expect(refused["result"]?["state"] == "expired")
        #expect(refused["result"]?["code"] == "expired")
        // It does not lie in wait either.
        bench.restart()
        bench.pass(minutes: 20)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "credit")
    }

    @Test func disconnectOrder_thatTheSwitchHadFollowedBeforeTheBoxWentOff_isDone() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 2)
        let before = bench.journal.count
        bench.crashAt = before + 4
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"], id: "cut-1")
        bench.home.moveByHand(closed: false, at: bench.elapsed)
        bench.elapsed += 3 * 3_600_000_000
        bench.restart()
        bench.pass(minutes: 2)
        #expect(bench.orders.filter { $0 == "disconnect order" }.count == 1)
        #expect(!bench.home.isClosed)
        let done = try #require(bench.records(.commandDone).first { $0["jti"] == "cut-1" })
        #expect(done["result"]?["code"] == "applied")
    }

    @Test func randomDelay_isNotDrawnAgainByARestart() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 2)
        _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        let until = try #require(bench.records(.supplyDecided).last?["not_before"]?.string)
        bench.restart()
        bench.pass(minutes: 2)
        #expect(bench.records(.supplyDecided).last { $0["reason"] == "order" }?["not_before"]?.string == until)
    }
}
