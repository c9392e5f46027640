import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: charging")
struct UnitChargeTests {
    private func bench(_ limits: AccountLimits = AccountLimits()) throws -> UnitBench {
        var bench = UnitBench(try UnitBench.configuration(limits: limits))
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000)
        return bench
    }

    /// What the meter counted since charging began, and what was charged of it.
    private func expectAllCharged(_ bench: inout UnitBench, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let begun = try #require(
            bench.records(.unitSetting).first { $0["setting"] == "register" }?["value"]?["register"]?.integer)
        let last = try #require(bench.records(.creditCharged).last?["register"]?.integer)
        #expect(bench.charged == last - begun, sourceLocation: sourceLocation)
        #expect(bench.faults == [], sourceLocation: sourceLocation)
    }

    @Test func energy_isChargedAtEachBoundary_withItsRegister() throws {
        var bench = try bench()
        try bench.pay("p", 90_000_000)
        bench.pass(minutes: 62)
        let charges = bench.records(.creditCharged)
        #expect((12...13).contains(charges.count))
        #expect(charges.allSatisfy { $0["until"]?.string?.hasSuffix(":00.000Z") == true })
        // 5 minutes at 3600 W and 1.00 a kWh.
        #expect(charges.last?["energy_wh"] == 300)
        #expect(charges.last?["amount_micro"] == 300_000)
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
        try expectAllCharged(&bench)
    }

    @Test func crossingAThreshold_isChargedAtOnce() throws {
        var bench = try bench()
        try bench.pay("p", 450_000)
        #expect(
            try bench.command("low_credit_set", ["enabled": true, "threshold_micro": 300_000])["code"] == "applied")
        bench.pass(minutes: 6)
        let low = try #require(bench.journal.first { $0.kind == .creditLow && $0.data["credit"] == "low" })
        #expect(low.data["due_at"]?.string?.hasSuffix(":00.000Z") == false)
        try expectAllCharged(&bench)
    }

    @Test func aPriceThatChanges_holdsForWhatIsUsedAfterIt() throws {
        var bench = try bench()
        try bench.pay("p", 90_000_000)
        bench.pass(seconds: 200)
        let before = bench.charged
        try bench.setFlatTariff(5_000_000)
        let cheap = bench.charged
        #expect(cheap > before)
        #expect(bench.balance == 90_000_000 - cheap * 1000)
        bench.pass(minutes: 30)
        #expect(bench.balance == 90_000_000 - cheap * 1000 - (bench.charged - cheap) * 5000)
        try expectAllCharged(&bench)
    }

    @Test func silentMeter_isChargedOnceWhenItIsBack_andCutOnlyAfterNotice() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 2_000_000)
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 90)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "data_stale")
        bench.home.meterFailure = nil
        bench.pass(minutes: 20)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["notice_until"] != .null)
        try expectAllCharged(&bench)
        // Spread over the outage, not in one lump at its end.
        let late = bench.records(.creditCharged).filter { ($0["energy_wh"]?.integer ?? 0) > 400 }
        #expect(late.isEmpty)
        #expect(bench.pass(atMost: 26 * 60) { !$0.home.isClosed })
        #expect(bench.moment.wall.text > "2026-03-03T11:30", "\(bench.moment.wall.text)")
    }

    @Test func forgedReading_isNeverCharged() throws {
        var bench = try bench()
        try bench.pay("p", 90_000_000)
        bench.pass(minutes: 12)
        bench.home.forged = 1_900_000
        bench.pass(minutes: 12)
        bench.home.forged = 3
        bench.pass(minutes: 12)
        #expect(bench.charged < 3000)
        #expect(bench.balance > 87_000_000)
        try expectAllCharged(&bench)
    }

    @Test func registerThatBeginsAnew_isFollowed_andTheStepIsNotCharged() throws {
        var bench = try bench()
        try bench.pay("p", 90_000_000)
        bench.pass(minutes: 12)
        bench.home.setRegister(0)
        bench.pass(minutes: 30)
        #expect(bench.alarms.contains("register_reset"))
        #expect(bench.charged > 1800 && bench.charged < 2600, "\(bench.charged)")
        bench.home.setRegister(5_000_000)
        bench.pass(minutes: 30)
        #expect(bench.charged < 4600, "\(bench.charged)")
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
        #expect(bench.faults == [])
    }

    @Test func factoryMode_chargesNothing_andNothingAfterwardsOfThatTime() throws {
        var bench = try bench()
        try bench.pay("p", 90_000_000)
        bench.pass(minutes: 12)
        #expect(try bench.command("operational_mode_set", ["mode": "factory", "confirm": true])["code"] == "applied")
        let before = bench.charged
        bench.pass(minutes: 60)
        bench.restart()
        bench.pass(minutes: 10)
        #expect(bench.charged == before)
        #expect(try bench.command("operational_mode_set", ["mode": "prepayment"])["code"] == "applied")
        bench.pass(minutes: 11)
        #expect(bench.charged - before < 700, "\(bench.charged - before)")
        #expect(bench.charged - before > 300)
        #expect(bench.faults == [])
    }

    @Test func feedIn_givesMoney_onlyWithATariffOfItsOwn() throws {
        var bench = try bench()
        try bench.pay("p", 10_000_000)
        bench.home.watts = 0
        bench.pass(minutes: 10)
        let before = bench.balance
        bench.home.export += 400
        bench.pass(minutes: 10)
        #expect(bench.balance == before)
        let result = try bench.command(
            "tariff_set",
            [
                "tariff_id": 2, "unit": "kWh", "channel": "export_wh",
                "bands": [["name": "feed_in", "rate_micro": 100_000]],
            ])
        #expect(result["code"] == "applied", "\(result)")
        bench.pass(minutes: 2)
        bench.home.export += 300
        bench.pass(minutes: 10)
        #expect(bench.balance == before + 30_000)
        #expect(bench.faults == [])
    }

    @Test func standingCharge_isTakenOncePerMidnight_acrossARestartAndAClockThatSteps() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.home.watts = 0
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000, standing: 500_000)
        try bench.pay("p", 10_000_000)
        bench.pass(minutes: 15 * 60)
        #expect(bench.balance == 9_500_000)
        bench.step -= 7_200_000
        bench.pass(minutes: 180)
        #expect(bench.balance == 9_500_000)
        bench.step += 7_200_000
        bench.pass(minutes: 10)
        bench.restart()
        bench.pass(minutes: 10)
        #expect(bench.balance == 9_500_000)
        #expect(bench.faults == [])
    }

    @Test func meterThatIsReplaced_goesOnInTheSameAccount_andMustBeTestedAgain() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 90_000_000)
        bench.pass(minutes: 12)
        let final = bench.home.register(at: bench.elapsed)
        let result = try bench.command(
            "meter_replace",
            [
                "serial": "M1", "new_serial": "M2",
                "final": ["import_wh": .integer(final), "export_wh": 500],
                "initial": ["import_wh": 40, "export_wh": 0],
            ], unit: "BENCH")
        #expect(result["code"] == "applied", "\(result)")
        let before = bench.charged
        var configuration = bench.configuration
        configuration.meters = [try BenchMeters.meter("M2", model: UnitBench.model())]
        configuration.units[0].meters = [try BenchMeters.serial("M2")]
        bench.home.setRegister(40)
        bench.give(.reconfigure(configuration, keys: []))
        bench.configuration = configuration
        bench.pass(minutes: 20)
        #expect(bench.charged - before < 1300 && bench.charged - before > 800, "\(bench.charged - before)")
        #expect(try bench.ask(.supplyShow("unit-1"))["enabled"] == false)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "not_enabled")
        #expect(bench.faults == [])
        bench.restart()
        bench.pass(minutes: 10)
        #expect(bench.faults == [])
        #expect(try bench.ask(.supplyShow("unit-1"))["enabled"] == false)
    }

    @Test func restartAfterDays_placesTheEnergyInTime_andGivesNotice() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 8_000_000)
        bench.pass(minutes: 12)
        // The box is off for three hours; the meter is not.
        bench.elapsed += 3 * 3_600_000_000
        bench.restart()
        bench.pass(minutes: 20)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["notice_until"] != .null)
        try expectAllCharged(&bench)
        // A second restart does not shorten the notice.
        bench.restart()
        bench.pass(minutes: 60)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["notice_until"] != .null)
    }
}
