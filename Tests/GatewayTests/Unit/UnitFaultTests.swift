import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

/// Rows of the fault model (clock, line, meter, relay) that touch credit or supply.
@Suite("Units: faults")
struct UnitFaultTests {
    private func expectAllCharged(_ bench: UnitBench, _ comment: Comment) {
        let begun = bench.records(.unitSetting).first { $0["setting"] == "register" }?["value"]?["register"]?.integer
        let last = bench.records(.creditCharged).last?["register"]?.integer
        #expect(bench.charged == (last ?? 0) - (begun ?? 0), comment)
        #expect(bench.faults == [], comment)
    }

    @Test(arguments: [3600, -3600, 86_400, -86_400, 31_536_000, -31_536_000])
    func clockThatJumps_changesNoCharge_andCutsNobody(_ seconds: Int64) throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 90_000_000)
        bench.pass(minutes: 12)
        bench.isSynchronised = false
        bench.step += seconds * 1000
        bench.pass(minutes: 12)
        // Ahead of the journal a clock is only known to be wrong by the process that saw it jump.
        if seconds < 0 { bench.restart() }
        bench.pass(minutes: 12)
        bench.step -= seconds * 1000
        bench.isSynchronised = true
        bench.pass(minutes: 30)
        expectAllCharged(bench, "step of \(seconds) s")
        #expect(bench.home.isClosed)
        // All but the newest interval, and the first poll.
        let used = bench.home.register(at: bench.elapsed) - 1_000_000
        #expect(used - bench.charged < 900, "\(used) used, \(bench.charged) charged")
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
    }

    @Test func bootWithoutAClock_holds_chargesLater_andTakesPayments() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 3_000_000)
        bench.isSynchronised = false
        let step = -(UnitBench.start.milliseconds + bench.elapsed / 1000)
        bench.step = step
        bench.restart()
        bench.pass(minutes: 60)
        #expect(bench.home.isClosed)
        #expect(try bench.command("payment_add", ["payment_id": "x", "amount_micro": 100_000])["code"] == "applied")
        bench.step = 0
        bench.isSynchronised = true
        bench.pass(minutes: 20)
        expectAllCharged(bench, "after a boot in 1970")
        #expect(bench.charged > 3600)
    }

    @Test func rollover_isNoReset() throws {
        var configuration = try UnitBench.configuration()
        configuration.meters = [
            try BenchMeters.meter("M1", model: UnitBench.model(rollover: 1_000_900))
        ]
        var bench = UnitBench(configuration)
        bench.home.rollover = 1_000_900
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000)
        try bench.pay("p", 90_000_000)
        bench.pass(minutes: 42)
        #expect(bench.charged > 2000 && bench.charged < 2600, "\(bench.charged)")
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
        #expect(!bench.alarms.contains("register_reset"))
    }

    @Test func unpluggedMeter_holds_andIsChargedWhenItIsBack() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 600_000)
        bench.give(.portDown(PortID("b"), "unplugged"))
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "data_stale")
        bench.give(.portUp(PortID("b")))
        bench.pass(minutes: 15)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        expectAllCharged(bench, "unplugged")
    }

    @Test func emergencyCredit_isSelectedByTheButton_andKeepsTheSupplyOn() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 400_000)
        let settings: JSONValue = ["limit_micro": 500_000, "offer_below_micro": 300_000]
        #expect(try bench.command("emergency_credit_set", settings)["code"] == "applied")
        bench.pass(minutes: 3)
        #expect(try bench.ask(.creditShow("unit-1"))["emergency"]?["state"] == "offered")
        _ = try bench.ask(.press(unit: "unit-1", .emergencyCredit))
        bench.pass(minutes: 6)
        #expect(bench.home.isClosed)
        #expect(bench.balance == 0)
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        #expect(bench.faults == [])
    }

    @Test func ownDaylightTableThatEnds_holdsTheSupply_andIsToldOnce_untilThereIsAnother() throws {
        func table(_ end: String) -> JSONValue {
            ["intervals": [["start": "2026-01-01T00:00:00Z", "end": .string(end), "offset_minutes": 60]]]
        }
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 1_500_000)
        _ = try bench.command("daylight_saving_set", table("2026-03-02T10:20:00Z"))
        bench.pass(minutes: 15)
        #expect(bench.alarms == [])
        bench.pass(minutes: 20)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "clock_untrusted")
        #expect(bench.alarms == ["clock_untrusted"])
        let alarm = bench.records(.alarm).last
        #expect(alarm?["unit"] == "unit-1")
        #expect(alarm?["reason"] == "local_time_unknown")
        #expect(alarm?["known_until"] == "2026-03-02T10:20:00Z")
        _ = try bench.command("daylight_saving_set", table("2026-03-02T11:30:00Z"))
        #expect(bench.pass(atMost: 5) { !$0.home.isClosed })
        #expect(bench.alarms == ["clock_untrusted"])
        bench.pass(minutes: 70)
        #expect(bench.alarms == ["clock_untrusted", "clock_untrusted"])
    }

    @Test func neverDisconnect_andCreditMode_areNeverCut() throws {
        var bench = UnitBench(try UnitBench.configuration(policy: SupplyPolicy(neverDisconnect: true)))
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000)
        let test = bench.begin(.supplyTest(unit: "unit-1"))
        #expect(bench.failure(test)?.code == "policy")
        bench.pass(minutes: 60)
        #expect(bench.home.orders.isEmpty)
        var other = UnitBench(try UnitBench.configuration())
        try other.commission(credit: 300_000)
        #expect(try other.command("operational_mode_set", ["mode": "credit"])["code"] == "applied")
        other.pass(minutes: 60)
        #expect(other.home.isClosed)
        #expect(other.balance < 0)
    }

    @Test func automaticReconnect_followsAPaymentWithinTwoSeconds() throws {
        var bench = UnitBench(try UnitBench.configuration(reconnect: .automatic))
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        bench.pass(minutes: 3)
        try bench.pay("second", 1_000_000)
        bench.pass(seconds: 2)
        #expect(bench.home.isClosed)
    }

    @Test func samePayment_isAppliedOnce_alsoUnderAnotherCommandAndAfterARestart() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        let args: JSONValue = ["payment_id": "first", "amount_micro": 300_000]
        let again = try bench.command("payment_add", args)
        #expect(again["result"]?["already_applied"] == true)
        bench.restart()
        bench.pass(minutes: 1)
        #expect(try bench.command("payment_add", args)["result"]?["already_applied"] == true)
        let other = try bench.command("payment_add", ["payment_id": "first", "amount_micro": 400_000])
        #expect(other["code"] == "conflict")
        #expect(bench.records(.creditToppedUp).count == 1)
        #expect(bench.faults == [])
    }

    @Test func display_showsWhatChanges() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 5_000_000)
        let count = bench.shown.count
        #expect(count > 0)
        #expect(bench.shown.allSatisfy { $0.count == 4 && $0.allSatisfy { $0.count == 20 } })
        _ = try bench.ask(.press(unit: "unit-1", .nextPage))
        #expect(bench.shown.count == count + 1)
        let page = try bench.ask(.unitPage("unit-1"))
        #expect(page["page"] == 1)
        #expect(page["lines"]?.array?.compactMap { $0.string } == bench.shown.last)
    }
}
