import Intervals
import Metering
import Testing

@testable import Credit

/// Edges of charging that money alone does not show: order, time and words.
@Suite struct ChargeEdgeTests {
    private let start = time("2026-03-02T08:00:00Z")

    private func account(_ balance: Int64, _ settings: [UnitSetting] = []) throws -> CreditAccount {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: balance), at: start, into: &events)
        try account.set(try flatTariff(1_000_000), at: start, into: &events)
        for setting in settings { try account.set(setting, at: start, into: &events) }
        return account
    }

    private func words(_ events: [CreditEvent]) -> [String] {
        events.map { event in
            switch event.change {
            case .charged: "charged"
            case .emergency(let step): step.rawValue
            case .low(let step): step.rawValue
            default: "\(event.kind.rawValue)"
            }
        }
    }

    /// Selected by the box on the way down, before the charge that goes below: never after it.
    @Test(arguments: [(Int64(0), Int64(1000)), (400_000, 601), (400_000, 1000), (0, 1500)])
    func automaticEmergencyCredit_isSelectedBeforeTheChargeThatNeedsIt(offerBelow: Int64, wattHours: Int64) throws {
        let settings = EmergencyCreditSettings(limit: 5_000_000, offerBelow: offerBelow, autoActivate: true)
        var account = try account(1_000_000, [.emergencyCredit(settings)])
        var events: [CreditEvent] = []
        try account.charge(wattHours: wattHours, tariff: 1, until: start + 300_000, into: &events)
        #expect(words(events) == ["offered", "selected_automatically", "charged"])
        #expect(account.balance == max(0, 1_000_000 - wattHours * 1000))
        #expect(account.registers.emergencyUsed == max(0, wattHours * 1000 - 1_000_000))
    }

    @Test func automaticEmergencyCredit_isLeftAloneAtTheLevel() throws {
        let settings = EmergencyCreditSettings(limit: 5_000_000, offerBelow: 400_000, autoActivate: true)
        var account = try account(1_000_000, [.emergencyCredit(settings)])
        var events: [CreditEvent] = []
        try account.charge(wattHours: 600, tariff: 1, until: start + 300_000, into: &events)
        #expect(words(events) == ["charged"])
    }

    /// Energy of an hour long past is charged at the price of that hour, as far back as versions are kept.
    @Test func oldestOfEightVersions_stillChargesWhatIsLearntLate() throws {
        var account = try account(100_000_000)
        var events: [CreditEvent] = []
        let hour: Int64 = 3_600_000
        for number in 1..<Int64(8) {
            try account.set(try flatTariff((number + 1) * 1_000_000), at: start + number * hour, into: &events)
        }
        try account.charge(wattHours: 1000, tariff: 1, until: start + hour / 2, into: &events)
        #expect(account.balance == 99_000_000)
        try account.set(try flatTariff(9_000_000), at: start + 8 * hour, into: &events)
        events = []
        try account.charge(wattHours: 1000, tariff: 1, until: start + hour / 2, into: &events)
        #expect(events == [], "the ninth put the first away")
        try account.charge(wattHours: 1000, tariff: 1, until: start + 2 * hour, into: &events)
        #expect(account.balance == 97_000_000)
    }

    /// Energy of yesterday that is learnt today comes before today's standing charge, and not with it.
    @Test func energyLearntLate_isChargedBeforeWhatFellDueAfterIt() throws {
        var unit = try unit(5_000_000, [try flatTariff(1_000_000, standing: 500_000)])
        var events: [UnitEvent] = []
        let now = at("2026-03-03T00:10:00Z")
        try unit.charge(
            wattHours: 1000, tariff: 1, isExport: false, until: time("2026-03-02T23:55:00Z"), at: now, cause: .use,
            into: &events)
        #expect(unit.account.balance == 4_000_000)
        try unit.charge(
            wattHours: 1000, tariff: 1, isExport: false, until: time("2026-03-03T00:05:00Z"), at: now, cause: .use,
            into: &events)
        #expect(unit.account.balance == 2_500_000)
        // An end that lies ahead makes nothing due before its time.
        try unit.charge(
            wattHours: 1000, tariff: 1, isExport: false, until: time("2026-03-04T00:05:00Z"), at: now, cause: .use,
            into: &events)
        #expect(unit.account.balance == 1_500_000)
    }

    @Test func smallestDebt_isTakenToTheLastMicro() throws {
        var account = try account(1_000_000)
        var events: [CreditEvent] = []
        let arrears = try ArrearsSettings([
            "balance_micro": 3, "recovery": ["mode": "per_period", "amount_micro": 1, "period": "daily"],
        ])
        try account.set(arrears, at: start, into: &events)
        try account.catchUp(to: start + 10 * 86_400_000, into: &events)
        #expect(account.balance == 999_997)
        #expect(account.registers.timeDebt == 0)
    }

    /// What a button offered is not to be had any more when the unit is billed later.
    @Test func emergencyCredit_isNotSelectedInCreditMode() throws {
        let settings = EmergencyCreditSettings(limit: 5_000_000, offerBelow: 400_000)
        var account = try account(100_000, [.emergencyCredit(settings)])
        #expect(account.emergencyState == .offered)
        var events: [CreditEvent] = []
        try account.set(try OperationalModeSettings(["mode": "credit"]), at: start, into: &events)
        #expect(throws: CreditError.self) { try account.selectEmergencyCredit(at: start, into: &events) }
        #expect(!account.isEmergencyUsable)
    }

    @Test func report_saysWhatWasFedInAndReversed() throws {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 7), at: start, into: &events)
        try account.set(
            .tariff(
                try TariffSetting([
                    "tariff_id": 2, "channel": "export_wh", "bands": [["name": "sun", "rate_micro": 100_000]],
                ])), at: start, into: &events)
        try account.charge(wattHours: 2000, tariff: 2, isExport: true, until: start + 1000, into: &events)
        for id in ["a", "b"] {
            _ = try account.pay(PaymentAdd(paymentID: id, amount: 10_000), at: start + 2000, into: &events)
        }
        let order = try PaymentReverse(["payment_id": "a", "reversal_id": "r"])
        _ = try account.reverse(order, at: start + 3000, into: &events)
        let report = CreditReport(events, from: start + 1, to: start + 4000)
        #expect(report.opening == 7 && report.export == 200_000 && report.additions == 10_000)
        #expect(report.closing == 210_007 && report.closing == account.balance)
    }

    @Test func times_endWithTheYear2199() throws {
        func paid(_ text: JSONValue) throws -> WallTime? {
            try PaymentAdd(["payment_id": "p", "amount_micro": 10_000, "paid_at": text]).paidAt
        }
        #expect(try paid("2199-12-31T23:59:59Z") == time("2199-12-31T23:59:59Z"))
        #expect(try paid(7_258_118_399) == time("2199-12-31T23:59:59Z"))
        #expect(try paid("1970-01-01T00:00:00Z") == WallTime(milliseconds: 0))
        for text in ["2200-01-01T00:00:00Z", 7_258_118_400, -1, "1969-12-31T23:59:59Z"] as [JSONValue] {
            #expect(throws: ArgumentFault.self) { try paid(text) }
        }
    }

    private func unit(_ balance: Int64, _ settings: [UnitSetting] = []) throws -> PaymentUnit {
        let enabled = UnitSetting.disconnection(ElectricalDisconnection(isEnabled: true))
        return PaymentUnit(
            account: try account(balance, [enabled] + settings),
            supply: UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true))
    }

    private func at(_ text: String) -> SupplyInstant {
        SupplyInstant(wall: time(text), uptime: Uptime(microseconds: time(text).milliseconds * 1000))
    }

    /// Whoever has credit is not told that supply will be cut because a reading is late.
    @Test func warning_isForThoseWithoutCreditOnly() throws {
        let friendly = try FriendlyDays(["days": ["tue": [["from": "09:00", "to": "12:00"]]]])
        var unit = try unit(5_000_000, [.friendlyDays(friendly)])
        var events: [UnitEvent] = []
        unit.doubts = .dataStale
        try unit.wake(at: at("2026-03-03T11:45:00Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.connected, .dataStale, isHeld: true))
        #expect(!events.contains(.supply(.warning(until: time("2026-03-03T12:00:00Z")))))
    }

    /// A microsecond before dwell is over it is not over; the wake is never a millisecond early.
    @Test(arguments: [(Int64(1), Int64(1)), (999, 1), (1000, 1), (1001, 2), (60_000_000, 60_000)])
    func wake_isNeverEarlierThanWhatItIsFor(microseconds: Int64, milliseconds: Int64) throws {
        var unit = try unit(5_000_000, [.friendlyDays(FriendlyDays(windows: []))])
        let moved = Uptime(seconds: 500)
        unit.follow(.disconnected, at: moved)
        let instant = SupplyInstant(
            wall: time("2026-03-03T09:00:00Z"), uptime: moved + (SwitchHistory.dwell - microseconds))
        var events: [UnitEvent] = []
        unit.reconsider(at: instant, into: &events)
        #expect(unit.supply.nextWake(unit.account, after: instant) == instant.wall + milliseconds)
    }

    @Test(arguments: [(SupplyState.connected, "supply is on already"), (.disconnected, "supply is off")])
    func armingWhereNothingIsArmed_isRefusedInWords(state: SupplyState, words: String) throws {
        var supply = UnitSupply(policy: SupplyPolicy(), current: state, isTested: true)
        do throws(CreditError) {
            try supply.customerIsReady(at: Uptime(seconds: 1))
            Issue.record("accepted")
        } catch {
            guard case .refused(let refusal) = error else { throw error }
            #expect(refusal.detail == "not_armed")
            #expect(refusal.message.hasPrefix(words))
        }
    }
}
