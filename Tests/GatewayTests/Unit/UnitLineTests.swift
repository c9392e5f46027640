import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

/// What a line, a meter and a contact may say that is not so: rows of the fault model that touch credit and supply.
@Suite("Units: lines that lie")
struct UnitLineTests {
    private func register(_ bench: UnitBench) -> Int64 { bench.home.register(at: bench.elapsed) }

    /// One reading that the checksum let through, and that could be true: it would use up the credit.
    @Test func plausibleReadingThatIsNotConfirmed_chargesAndCutsNobody() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.home.watts = 360
        try bench.commission(credit: 600_000)
        let begun = bench.elapsed
        for _ in 0..<6 {
            bench.home.forged = register(bench) + 550
            bench.pass(seconds: 90)
            #expect(bench.balance > 0)
        }
        bench.pass(minutes: 3)
        #expect(bench.edges(after: begun).isEmpty)
        #expect(bench.charged <= register(bench) - 1_000_000)
        #expect(bench.faults == [])
    }

    @Test func anotherMeterAtTheAddress_holdsTheSupply_andIsNotCharged() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 2)
        bench.home.meterFailure = nil
        bench.home.frequency = 2305
        bench.home.setRegister(7_000_000)
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "wrong_meter")
        #expect(bench.charged < 400, "\(bench.charged)")
        #expect(bench.alarms.contains("meter_mismatch"))
        #expect(bench.faults == [])
    }

    /// The register began anew while the box was off, once with a width at which a register may roll over.
    @Test(arguments: [nil, 10_000_000])
    func registerThatBeganAnewWhileTheBoxWasOff_isNotCharged(_ width: Int64?) throws {
        var configuration = try UnitBench.configuration()
        configuration.meters = [try BenchMeters.meter("M1", model: UnitBench.model(rollover: width))]
        var bench = UnitBench(configuration)
        try bench.commission(credit: 90_000_000)
        bench.pass(minutes: 12)
        let before = bench.charged
        bench.elapsed += 3 * 60_000_000
        bench.home.setRegister(5)
        bench.restart()
        bench.pass(minutes: 32)
        #expect(bench.charged - before < 2800, "\(bench.charged - before)")
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
        #expect(bench.home.isClosed)
    }

    @Test func twoMeters_areBothCharged_andOneThatIsSilentHoldsTheSupply() throws {
        var configuration = try UnitBench.configuration()
        configuration.meters.append(try BenchMeters.meter("M2", unit: 2, model: UnitBench.model()))
        configuration.units[0].meters.append(try BenchMeters.serial("M2"))
        var bench = UnitBench(configuration)
        try bench.commission(credit: 1_500_000)
        bench.home.failingUnit = UnitAddress(2)
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "data_stale")
        let one = bench.charged
        bench.home.meterFailure = nil
        bench.pass(minutes: 20)
        #expect(bench.charged > one + 1500)
        #expect(bench.balance == 1_500_000 - bench.charged * 1000)
        #expect(bench.faults == [])
    }

    @Test func oneLookThatErrs_isNoMovement_andTwoAre() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 90_000_000)
        bench.home.glitches = 1
        bench.pass(minutes: 2)
        #expect(bench.alarms.isEmpty)
        #expect(try bench.ask(.supplyShow("unit-1"))["observed"] == "connected")
        bench.home.glitches = 2
        bench.pass(minutes: 2)
        #expect(bench.alarms.contains("switch_self_opened"))
        #expect(bench.home.orders.filter { !$0.closes }.count == 1, "the test's only")
    }

    @Test func switchThatDoesNotClose_isTriedThrice_andAgainLater() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 20) { !$0.home.isClosed })
        bench.pass(minutes: 2)
        try bench.pay("second", 9_000_000)
        bench.home.behaviour = .stuck
        let before = bench.home.orders.count
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        bench.pass(minutes: 2)
        #expect(bench.home.orders.count == before + 3)
        #expect(bench.alarms.contains("switch_contradicted"))
        #expect(try bench.ask(.supplyShow("unit-1"))["observed"] == "armed")
        bench.home.behaviour = .follows
        bench.pass(minutes: 16)
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        bench.pass(seconds: 5)
        #expect(bench.home.isClosed)
        #expect(bench.faults == [])
    }

    /// An order that could not be put on its wire is not wanted any more when credit has come meanwhile.
    @Test func paymentWhileTheOrderWaitsForItsWire_keepsTheSupplyOn() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        bench.home.behaviour = .lost
        #expect(bench.pass(atMost: 20) { $0.unit?.load?.isOrderDue == true })
        try bench.pay("second", 1_000_000)
        bench.home.behaviour = .follows
        let begun = bench.elapsed
        bench.pass(minutes: 5)
        #expect(bench.home.isClosed)
        #expect(bench.edges(after: begun).isEmpty)
        #expect(bench.faults == [])
    }

    /// A remote order whose random delay runs into a protected time comes to nothing, and does not lie in wait.
    @Test func remoteOrderThatIsOvertakenByProtectedTime_fails_andIsNotKept() throws {
        var bench = UnitBench(try UnitBench.configuration(delay: 3600))
        bench.begin = UnitBench.start + 290 * 60_000
        try bench.commission(credit: 90_000_000)
        bench.pass(minutes: 4)
        let token = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        let until = try #require(bench.unit?.pending?.notBefore)
        try #require(bench.begin + until.microseconds / 1000 > WallTime(text: "2026-03-02T15:00:00Z") ?? bench.begin)
        bench.pass(minutes: 10)
        let result = try #require(bench.answer(token)?.get().object)
        #expect(result["code"] == "policy", "\(result)")
        #expect(result["detail"] == "friendly_period")
        bench.pass(minutes: 20 * 60)
        #expect(bench.home.isClosed)
        #expect(bench.orders.allSatisfy { $0.hasSuffix("test") })
    }
}
