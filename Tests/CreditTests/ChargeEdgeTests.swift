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
