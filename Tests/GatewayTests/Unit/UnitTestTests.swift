import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: the installer's test, buttons, ports, clocks")
struct UnitTestTests {
    @Test func supplyTest_opensAndCloses_andSaysEachStep() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.pass(minutes: 2)
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        bench.pass(seconds: 70)
        let answer = try #require(bench.answer(token)).get()
        #expect(answer["passed"] == true)
        #expect(bench.home.isClosed)
        #expect(bench.edges() == [false, true])
        let steps = bench.progress.filter { $0.token == token }.compactMap { $0.value["step"]?.string }
        #expect(steps == ["begin", "opened", "load", "closed"])
        #expect(bench.records(.unitSetting).last?["setting"] == "tested")
    }

    @Test func supplyTest_insideProtectedTime_isRefused() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.pass(minutes: 5 * 60)
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        #expect(bench.failure(token)?.code == "policy")
        bench.pass(minutes: 5)
        #expect(bench.home.orders.isEmpty)
    }

    @Test func supplyTest_withoutAFreshReadingOrClock_isRefused() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 2)
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        #expect(bench.failure(token)?.code == "data_stale")
        bench.home.meterFailure = nil
        bench.isSynchronised = false
        bench.pass(minutes: 15)
        let second = bench.begin(.supplyTest(unit: "unit-1"))
        #expect(bench.failure(second)?.code == "clock_untrusted")
        #expect(bench.home.orders.isEmpty)
    }

    @Test func supplyTest_ofAStuckSwitch_fails_andOfALeakingOne() throws {
        var bench = UnitBench(try UnitBench.configuration())
        bench.pass(minutes: 2)
        bench.home.behaviour = .stuck
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        bench.pass(minutes: 3)
        #expect(bench.failure(token)?.code == "switch_contradicted")
        #expect(bench.home.isClosed)
        bench.home.behaviour = .follows
        bench.home.leaks = true
        bench.pass(minutes: 20)
        let second = bench.begin(.supplyTest(unit: "unit-1"))
        bench.pass(minutes: 3)
        #expect(bench.failure(second)?.code == "load_on_open_switch")
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["tested"] == false)
    }

    @Test func changedSwitch_mustBeTestedAgain() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        var configuration = bench.configuration
        configuration.switches[0].driver = .modbusCoil(
            port: PortID("r"), unit: UnitAddress(7), coil: 1, feedback: 1)
        bench.give(.reconfigure(configuration, keys: []))
        bench.configuration = configuration
        bench.pass(minutes: 2)
        #expect(try bench.ask(.supplyShow("unit-1"))["enabled"] == false)
        let result = try bench.command("omnipower_set", ["enabled": true])
        #expect(result["detail"] == "not_tested")
        bench.restart()
        bench.pass(minutes: 2)
        #expect(try bench.ask(.supplyShow("unit-1"))["enabled"] == false)
    }

    /// What the configuration may do to a unit whose switch is being tested.
    enum Change: CaseIterable { case delay, feedback, meters, unitIsGone }

    @Test(arguments: Change.allCases)
    func supplyTest_whenTheConfigurationIsLoadedAgain_isAnswered_andEndsClosed(_ change: Change) throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 2)
        let before = bench.configuration
        var configuration = before
        switch change {
        case .delay: configuration.switches[0].remoteDelaySeconds = 5
        case .feedback:
            configuration.switches[0].driver = .modbusCoil(
                port: PortID("r"), unit: UnitAddress(7), coil: 0, feedback: nil)
        case .meters:
            configuration.meters.append(try BenchMeters.meter("M2", model: UnitBench.model()))
            configuration.units[0].meters.append(try BenchMeters.serial("M2"))
        case .unitIsGone: configuration.units = []
        }
        let token = bench.begin(.supplyTest(unit: "unit-1"))
        bench.pass(seconds: 1)
        #expect(!bench.home.isClosed)
        bench.give(.reconfigure(configuration, keys: []))
        bench.configuration = configuration
        #expect(bench.failure(token)?.code == "interrupted")
        bench.give(.reconfigure(change == .unitIsGone ? before : configuration, keys: []))
        bench.pass(minutes: 2)
        #expect(bench.home.isClosed)
        let isTestedStill = [.delay, .unitIsGone].contains(change)
        #expect(try bench.ask(.supplyShow("unit-1"))["tested"] == .bool(isTestedStill))
    }

    @Test func removedUnit_keepsItsLedger() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        let before = bench.configuration
        var without = before
        without.units = []
        bench.give(.reconfigure(without, keys: []))
        bench.pass(minutes: 30)
        bench.give(.reconfigure(before, keys: []))
        bench.pass(minutes: 10)
        #expect(bench.balance > 45_000_000)
        #expect(bench.faults == [])
        bench.restart()
        bench.pass(minutes: 10)
        #expect(bench.faults == [])
    }

    @Test func unitThatComesBackAfterARestartWithoutIt_goesOnWithItsAccount() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 50_000_000)
        bench.pass(minutes: 10)
        let balance = bench.balance
        let before = bench.configuration
        var without = before
        without.units = []
        bench.restart(without)
        bench.pass(minutes: 5)
        bench.give(.reconfigure(before, keys: []))
        bench.configuration = before
        #expect(bench.balance == balance)
        bench.pass(minutes: 20)
        #expect(bench.balance < balance)
        #expect(bench.records(.unitSetting).filter { $0["setting"] == "opening" }.count == 1)
        #expect(bench.faults == [])
        #expect(try bench.ask(.supplyShow("unit-1"))["enabled"] == true)
        let again = try bench.command("payment_add", ["payment_id": "first", "amount_micro": 50_000_000])
        #expect(again["result"]?["already_applied"] == true)
    }

    @Test func buttons_armWithAConfirmedPress_andNotWithAGlitch() throws {
        var bench = UnitBench(try UnitBench.configuration(buttons: true))
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        bench.pass(minutes: 2)
        try bench.pay("second", 2_000_000)
        bench.pass(minutes: 1)
        bench.home.buttons[1] = true
        bench.pass(seconds: 1)
        bench.home.buttons[1] = false
        bench.pass(seconds: 3)
        #expect(bench.home.isClosed)
    }

    @Test func stuckButton_pressesNothingAtAStart() throws {
        var bench = UnitBench(try UnitBench.configuration(buttons: true))
        try bench.commission(credit: 300_000)
        #expect(bench.pass(atMost: 12) { !$0.home.isClosed })
        bench.pass(minutes: 2)
        try bench.pay("second", 2_000_000)
        bench.home.buttons[1] = true
        bench.restart()
        bench.pass(minutes: 5)
        #expect(!bench.home.isClosed)
    }

    @Test func deadPort_isNeverAssumed_andTheOrderFollowsWhenItIsBack() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        bench.give(.portDown(PortID("r"), "unplugged"))
        bench.home.behaviour = .silent
        bench.pass(minutes: 15)
        #expect(bench.home.isClosed)
        #expect(bench.alarms.contains("switch_contradicted"))
        #expect(try bench.ask(.supplyShow("unit-1"))["observed"] == .null)
        bench.home.behaviour = .follows
        bench.give(.portUp(PortID("r")))
        bench.pass(minutes: 2)
        #expect(!bench.home.isClosed)
    }

    @Test func answerThatNeverComes_isGivenUp_andTheSwitchIsUsedAgain() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 700_000)
        bench.home.behaviour = .lost
        bench.pass(seconds: 50)
        bench.home.behaviour = .follows
        #expect(bench.pass(atMost: 20) { !$0.home.isClosed })
        #expect(bench.orders.last == "disconnect exhausted")
        #expect(bench.faults == [])
    }

    @Test func untrustedClock_holdsTheSupply_andTakesNoStandingCharge() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 400_000)
        bench.isSynchronised = false
        bench.step += 86_400_000 * 20
        bench.pass(minutes: 60)
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "clock_untrusted")
        #expect(try bench.command("payment_add", ["payment_id": "x", "amount_micro": 100_000])["code"] == "applied")
        bench.step -= 86_400_000 * 20
        bench.isSynchronised = true
        #expect(bench.pass(atMost: 30) { !$0.home.isClosed })
        #expect(bench.faults == [])
    }

    @Test func rollbackSuspected_holdsTheSupply() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        bench.agent.delivery = Delivery(box: "BENCH", version: "1", acknowledged: 0, hasMqtt: true)
        bench.give(.receipt(Array(#"{"upto":999999}"#.utf8), retained: false))
        bench.pass(minutes: 20)
        #expect(bench.alarms.contains("rollback_suspected"))
        #expect(bench.home.isClosed)
        #expect(try bench.ask(.supplyShow("unit-1"))["reason"] == "journal_fault")
    }

    @Test func wrongMeter_holdsTheSupply() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 300_000)
        bench.home.meterFailure = .exception(2)
        bench.pass(minutes: 20)
        #expect(bench.home.isClosed)
    }

    @Test func delays_areSpreadEvenlyOverBoxes() {
        var counts = [Int](repeating: 0, count: 10)
        for box in 0..<1000 {
            let delay = SupplyDelay.milliseconds(box: "BOX\(box)", unit: "unit-1", seq: 77, atMost: 600_000)
            #expect((0...600_000).contains(delay))
            counts[Int(min(delay / 60_000, 9))] += 1
        }
        #expect(counts.allSatisfy { (60...145).contains($0) }, "\(counts)")
    }

    @Test func status_listsTheUnits() throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 5_000_000)
        let status = try bench.ask(.status)
        #expect(status["units"]?.array?.first?["id"] == "unit-1")
        #expect(status["units"]?.array?.first?["supply"] == "connected")
        let credit = try bench.ask(.creditShow("unit-1"))
        #expect(credit["balance_micro"]?.integer == bench.balance)
        #expect(credit["as_of_seq"]?.integer == bench.journal.last?.seq)
        let report = try bench.ask(.creditReport("unit-1", from: nil, to: nil))
        #expect(report["additions_micro"] == 5_000_000)
        #expect(report["closing_micro"]?.integer == bench.balance)
        #expect(report["consumption_micro"]?.integer == 5_000_000 - bench.balance)
        // Half hours are what is kept: a report says which of them it is about.
        bench.pass(minutes: 60)
        let part = try bench.ask(
            .creditReport(
                "unit-1", from: UnitBench.start + 45 * 60_000, to: UnitBench.start + 50 * 60_000))
        #expect(part["from"] == "2026-03-02T10:30:00.000Z")
        #expect(part["to"] == "2026-03-02T10:30:00.000Z")
        #expect(part["opening_micro"] == part["closing_micro"])
        #expect((part["opening_micro"]?.integer ?? 0) > bench.balance)
        let token = bench.begin(.unitShow("unit-9"))
        #expect(bench.failure(token)?.code == "unknown_unit")
    }
}
