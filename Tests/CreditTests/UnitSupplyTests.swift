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

    /// The last micro-unit of credit is credit.
    @Test(arguments: [(Int64(1), SupplyReason.credit), (0, .emergencyCredit), (-1, .emergencyCredit)])
    func reason_saysWhatSupplyGoesOnWith(balance: Int64, reason: SupplyReason) throws {
        var unit = try unit(balance: 2)
        var events: [UnitEvent] = []
        let settings = EmergencyCreditSettings(limit: 5, offerBelow: 10, autoActivate: true)
        _ = try unit.carryOut(.set(.emergencyCredit(settings)), at: at("2026-03-03T09:00:00Z"), into: &events)
        let order = try CreditAdjustment(set: ["adjustment_id": "a", "balance_micro": .integer(balance)])
        _ = try unit.carryOut(.adjust(order), at: at("2026-03-03T09:00:01Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.connected, reason))
    }

    @Test func movementBeforeAnyDecision_wasNoRemoteOrder() {
        var supply = UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true)
        supply.follow(.disconnected, at: Uptime(seconds: 10))
        #expect(supply.history.remoteLimitUntil(Uptime(seconds: 11)) == nil)
        #expect(supply.history.dwellUntil(Uptime(seconds: 11)) == Uptime(seconds: 70))
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

    /// Found by the soak: a clock a day behind, and the customer was cut the moment it was right again.
    @Test func notice_whileTheClockIsInDoubt_beginsWhenItIsTrusted() throws {
        var unit = try unit(balance: 1_000_000)
        var events: [UnitEvent] = []
        unit.doubts = .clockUntrusted
        try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T09:00:00Z"), cause: .staleData, into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .clockUntrusted, isHeld: true))
        #expect(unit.supply.noticeUntil == nil)
        unit.doubts = []
        try unit.wake(at: at("2026-03-04T12:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .protected, isHeld: true))
        #expect(unit.supply.noticeUntil == time("2026-03-05T12:00:00Z"))
        try unit.wake(at: at("2026-03-05T12:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.disconnected, .exhausted))
    }

    /// Found by the soak: the second look forgot the button, and a slow switch was called back.
    @Test func button_isRememberedUntilTheSwitchFollows() throws {
        var unit = try unit(balance: 1_000_000, current: .armed)
        var events: [UnitEvent] = []
        try unit.press(.arm, at: at("2026-03-03T09:00:00Z"), into: &events)
        #expect(decided(events) == SupplyDecision(.connected, .credit))
        try unit.wake(at: at("2026-03-03T09:00:10Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.connected, .credit))
        #expect(unit.preview(at: at("2026-03-03T09:01:59Z")) == SupplyDecision(.connected, .credit))
        #expect(unit.nextWake(after: at("2026-03-03T09:00:10Z")) == time("2026-03-03T09:02:00Z"))
        // Not for hours: nobody may be there any more.
        try unit.wake(at: at("2026-03-03T09:02:00Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.armed, .armedWait))
        try unit.press(.arm, at: at("2026-03-03T09:03:00Z"), into: &events)
        unit.follow(.connected, at: at("2026-03-03T09:03:01Z").uptime)
        unit.follow(.armed, at: at("2026-03-03T09:03:02Z").uptime)
        try unit.wake(at: at("2026-03-03T09:05:00Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.armed, .armedWait), "once is once")
    }

    /// Found by the soak: supply that waits for the customer's hand is off already.
    @Test func warning_isNotGivenWhereSupplyIsOff() throws {
        for state in [SupplyState.armed, .connected] {
            var unit = try unit(balance: 1_000_000, current: state)
            var events: [UnitEvent] = []
            let friendly = try FriendlyDays(["days": ["tue": [["from": "10:00", "to": "11:00"]]]])
            _ = try unit.carryOut(.set(.friendlyDays(friendly)), at: at("2026-03-03T09:00:00Z"), into: &events)
            try unit.charge(wattHours: 2000, tariff: 1, at: at("2026-03-03T10:00:00Z"), into: &events)
            #expect(unit.supply.decision == SupplyDecision(state, .friendlyPeriod, isHeld: true))
            events = []
            try unit.wake(at: at("2026-03-03T10:30:00Z"), into: &events)
            let warning = UnitEvent.supply(.warning(until: time("2026-03-03T11:00:00Z")))
            #expect(events == (state == .connected ? [warning] : []))
        }
    }
}
