import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct UnitSupplyTests {
    private func unit(balance: Int64, current: SupplyState = .connected, known: Bool = false) throws -> PaymentUnit {
        var account = CreditAccount(unit: "unit-1", zone: Zones.london)
        var events: [CreditEvent] = []
        let start = time("2026-03-02T08:00:00Z")
        try account.open(CreditRegisters(balance: balance), at: start, into: &events)
        try account.set(try flatTariff(1_000_000), at: start, into: &events)
        try account.set(.friendlyDays(FriendlyDays(windows: [])), at: start, into: &events)
        try account.set(.disconnection(ElectricalDisconnection(isEnabled: true)), at: start, into: &events)
        let supply = UnitSupply(policy: SupplyPolicy(), current: current, isTested: true, isExhaustionKnown: known)
        return PaymentUnit(account: account, supply: supply)
    }

    private func at(_ text: String, _ uncertainty: Int64 = 0) -> SupplyInstant {
        SupplyInstant(
            wall: time(text), uptime: Uptime(microseconds: time(text).milliseconds * 1000), uncertainty: uncertainty)
    }

    private func decided(_ events: [UnitEvent]) -> SupplyDecision? {
        for case .supply(.decided(let decision, _, _)) in events.reversed() { return decision }
        return nil
    }

    @Test(arguments: [SupplyCause.restart, .staleData, .calendar])
    func whatIsCaughtUp_needsANotice(cause: SupplyCause) throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T09:00:00Z"), cause: cause, into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .protected, isHeld: true))
        // The notice is over when it is certain: with the clock's uncertainty.
        events = []
        try unit.wake(at: at("2026-03-04T09:01:59Z", 120_000), into: &events)
        #expect(unit.supply.decision?.reason == .protected)
        #expect(unit.nextWake(after: at("2026-03-04T09:01:59Z", 120_000)) == time("2026-03-04T09:02:00Z"))
        try unit.wake(at: at("2026-03-04T09:02:00Z", 120_000), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
    }

    @Test func restart_withKnownExhaustion_givesNoNewNotice() throws {
        var unit = try unit(balance: -1, known: true)
        var events: [UnitEvent] = []
        try unit.wake(at: at("2026-03-03T09:00:00Z"), cause: .restart, into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
        var other = try self.unit(balance: -1)
        try other.wake(at: at("2026-03-03T09:00:00Z"), cause: .restart, into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .protected, isHeld: true))
    }

    @Test func doubt_holdsAndEndsInTheSameTurn() throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        unit.doubts = .readingUnconfirmed
        try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T09:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .readingUnconfirmed, isHeld: true))
        unit.doubts = []
        events = []
        try unit.wake(at: at("2026-03-03T09:00:30Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
        events = []
        try unit.wake(at: at("2026-03-03T09:00:31Z"), into: &events)
        #expect(events == [], "nothing new")
    }

    @Test func disconnectOrder_standsUntilItIsTakenBack() throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        try unit.disconnect(at: at("2026-03-03T09:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .order))
        unit.follow(.disconnected, at: at("2026-03-03T09:00:01Z").uptime)
        unit.allowSupply(at: at("2026-03-03T10:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.armed, .armedWait))
        unit.follow(.armed, at: at("2026-03-03T10:00:00Z").uptime)
        try unit.press(.arm, at: at("2026-03-03T10:01:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .credit))
        unit.setTested(false)
        #expect(throws: CreditError.self) { try unit.disconnect(at: at("2026-03-05T09:00:00Z"), into: &events) }
    }

    @Test func guardOfTheTurn_looksAtTheWholeUncertainty() throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        let friendly = try FriendlyDays(["days": ["tue": [["from": "10:00", "to": "11:00"]]]])
        _ = try unit.carryOut(.set(.friendlyDays(friendly)), at: at("2026-03-03T09:00:00Z"), into: &events)
        try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T09:58:30Z", 120_000), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .friendlyPeriod, isHeld: true))
        #expect(unit.supply.protectedUntil == time("2026-03-03T11:02:00Z"))
        var other = try self.unit(balance: 1_000_000)
        _ = try other.carryOut(.set(.friendlyDays(friendly)), at: at("2026-03-03T09:00:00Z"), into: &events)
        try other.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T09:57:59Z", 120_000), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
    }

    /// A box that was busy, or slept, over the edges of the calendar.
    @Test func evaluation_longAfterAnEdge_seesTheCalendarAnew() throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        let friendly = try FriendlyDays(["days": ["tue": [["from": "10:00", "to": "11:00"]]]])
        _ = try unit.carryOut(.set(.friendlyDays(friendly)), at: at("2026-03-03T08:30:00Z"), into: &events)
        #expect(unit.supply.protectedUntil == nil)
        try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T10:30:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .friendlyPeriod, isHeld: true))
        try unit.wake(at: at("2026-03-03T12:30:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
        // And back: the clock was wrong.
        try unit.wake(at: at("2026-03-03T10:45:00Z"), into: &events)
        #expect(unit.supply.protectedUntil == time("2026-03-03T11:00:00Z"))
        // More doubt about the time is a new question.
        try unit.wake(at: at("2026-03-03T11:00:30Z"), into: &events)
        #expect(unit.supply.protectedUntil == nil)
        try unit.wake(at: at("2026-03-03T11:00:31Z", 120_000), into: &events)
        #expect(unit.supply.protectedUntil == time("2026-03-03T11:02:00Z"))
    }
}
