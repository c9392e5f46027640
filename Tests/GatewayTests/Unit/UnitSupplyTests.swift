import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: supply")
struct UnitSupplyTests {
    @Test func credit_whenUsedUp_opensTheSwitchOnce_andAPaymentArmsIt_andTheCustomerClosesIt() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 500_000)
        let tested = bench.elapsed
        #expect(bench.home.isClosed)
        // 500 Wh at 3600 W last 500 s, less what was used since the tariff was set.
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        bench.pass(minutes: 1)
        #expect(bench.edges(after: tested) == [false])
        #expect(bench.orders.last == "disconnect exhausted")
        #expect(bench.records(.supplyConfirmed).last?["observed"] == "disconnected")
        #expect(bench.balance <= 0)
        try bench.pay("second", 1_000_000)
        bench.pass(minutes: 5)
        #expect(!bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["decided"] == "armed")
        let pressed = bench.elapsed
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        bench.pass(seconds: 2)
        #expect(bench.home.isClosed)
        #expect(bench.edges(after: pressed) == [true])
        #expect(bench.faults == [])
        #expect(try bench.ask(.supplyShow("unit-1"))["observed"] == "connected")
    }

    @Test func newUnit_isNeverDisconnected_untilTestedAndEnabled() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000)
        let early = try bench.command("omnipower_set", ["enabled": true])
        #expect(early["code"] == "precondition")
        #expect(early["detail"] == "not_tested")
        bench.pass(minutes: 60)
        #expect(bench.home.isClosed)
        #expect(bench.home.orders.isEmpty)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "not_enabled")
        #expect(bench.balance < -3_000_000)
    }

    @Test func friendlyHours_holdTheSupply_andItIsCutAfterThem() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 19_000_000)
        // Monday: used up towards 15:00; protected from 15:00 to 08:00.
        bench.pass(minutes: 4.9 * 60)
        #expect(bench.home.isClosed)
        bench.home.watts = 7200
        bench.pass(minutes: 5 * 60)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "friendly_period")
        #expect(bench.pass(atMost: 14 * 60) { !$0.home.isClosed })
        let cut = bench.moment.wall.text
        #expect(cut > "2026-03-03T08:00:00" && cut < "2026-03-03T08:15:00", "\(cut)")
        #expect(bench.faults == [])
    }

    @Test func stuckSwitch_isTriedThrice_thenAlarmed_andTriedAgainLater() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        let before = bench.home.orders.count
        bench.home.behaviour = .stuck
        #expect(bench.pass(atMost: 12) { $0.home.orders.count == before + 3 })
        bench.pass(minutes: 2)
        #expect(bench.home.orders.count == before + 3)
        #expect(bench.alarms.contains("switch_contradicted"))
        #expect(bench.records(.supplyContradicted).last?["observed"] == "connected")
        bench.home.behaviour = .follows
        bench.pass(minutes: 15)
        #expect(!bench.home.isClosed)
        #expect(bench.records(.supplyConfirmed).last?["observed"] == "disconnected")
    }

    @Test func switchThatFollowsLate_isClosedAtOnceForWhoeverHasPaid() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 300_000)
        let before = bench.home.orders.count
        bench.home.behaviour = .stuck
        #expect(bench.pass(atMost: 12) { $0.home.orders.count == before + 3 })
        bench.pass(minutes: 1)
        bench.home.behaviour = .follows
        bench.home.moveByHand(closed: false, at: bench.elapsed)
        bench.pass(minutes: 2)
        #expect(bench.records(.supplyConfirmed).last?["observed"] == "disconnected")
        try bench.pay("second", 9_000_000)
        bench.pass(seconds: 5)
        #expect(bench.home.isClosed)
    }

    @Test func selfOpenedSwitch_isAlarmed_andNotClosedAgain_untilTheCustomerDoes() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 90_000_000)
        bench.home.moveByHand(closed: false, at: bench.elapsed)
        bench.pass(minutes: 10)
        #expect(bench.alarms.filter { $0 == "switch_self_opened" }.count == 1)
        #expect(!bench.home.isClosed)
        #expect(bench.orders.filter { $0.hasPrefix("connect") && !$0.hasSuffix("test") }.isEmpty)
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        bench.pass(minutes: 1)
        #expect(bench.home.isClosed)
    }

    @Test func loadThroughAnOpenSwitch_isAlarmedOnce() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        bench.home.leaks = true
        bench.pass(minutes: 10)
        #expect(bench.alarms.filter { $0 == "load_on_open_switch" }.count == 1)
    }

    @Test func signedDisconnect_waitsForTheSwitch_andTheReconnectArms() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 600))
        try bench.commission(credit: 50_000_000)
        let begun = bench.elapsed
        let token = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        bench.pass(seconds: 1)
        if bench.answer(token) != nil { Issue.record("\(String(describing: bench.answer(token)))") }
        #expect(bench.home.isClosed)
        bench.pass(minutes: 11)
        let result = try #require(bench.answer(token)?.get().object)
        #expect(result["code"] == "applied", "\(result)")
        #expect(result["result"]?["observed"] == "disconnected")
        #expect(!bench.home.isClosed)
        bench.pass(minutes: 2)
        let back = try bench.command("usage_place_reconnect", ["usageplacecode": "UP-1", "request_id": "r2"])
        #expect(back["code"] == "applied")
        #expect(back["result"]?["supply"] == "armed")
        #expect(bench.edges(after: begun) == [false])
        #expect(bench.faults == [])
    }

    @Test func signedDisconnect_insideProtectedTime_isRefusedAndNotKept() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 90_000_000)
        bench.pass(minutes: 5 * 60)
        let result = try bench.command("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        #expect(result["code"] == "policy")
        #expect(result["detail"] == "friendly_period")
        bench.pass(minutes: 18 * 60)
        #expect(bench.home.isClosed)
    }

    @Test func secondSignedDisconnectInADay_isRefused() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 50_000_000)
        let off = try bench.send("supply_mode_set", ["mode": "force_off"])
        bench.pass(minutes: 2)
        #expect(try bench.answer(off)?.get()["code"] == "applied")
        #expect(!bench.home.isClosed)
        let back = try bench.send("supply_mode_set", ["mode": "force_on"])
        bench.pass(minutes: 2)
        #expect(try bench.answer(back)?.get()["code"] == "applied")
        #expect(bench.home.isClosed)
        let again = try bench.command("supply_mode_set", ["mode": "force_off"])
        #expect(again["code"] == "limit", "\(again)")
        #expect(again["detail"] == "switch_limit")
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed)
    }

    @Test func secondSignedDisconnectInADay_withinTheDwellTime_isRefusedAndNotKept() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 50_000_000)
        _ = try bench.send("supply_mode_set", ["mode": "force_off"])
        bench.pass(minutes: 2)
        #expect(!bench.home.isClosed)
        _ = try bench.send("supply_mode_set", ["mode": "force_on"])
        bench.pass(seconds: 20)
        #expect(bench.home.isClosed)
        let again = try bench.command("supply_mode_set", ["mode": "force_off"])
        #expect(again["code"] == "limit" && again["detail"] == "switch_limit", "\(again)")
        bench.pass(minutes: 25 * 60)
        #expect(bench.home.isClosed)
    }

    @Test func stuckSwitch_failsTheOrderThatWaits() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        bench.home.behaviour = .stuck
        let token = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        bench.pass(minutes: 3)
        let result = try #require(bench.answer(token)?.get().object)
        #expect(result["state"] == "failed")
        #expect(result["code"] == "switch_contradicted")
    }

    @Test func silentSwitch_failsTheOrderWithNoReply() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        bench.home.behaviour = .silent
        let token = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        bench.pass(minutes: 5)
        let result = try #require(bench.answer(token)?.get().object)
        #expect(result["code"] == "no_reply")
        #expect(bench.alarms.contains("switch_contradicted"))
    }
}
