import Intervals
import Metering
import Testing

@testable import Credit

/// Edges of single rules that no household meets often: each of these once let a changed comparison live.
@Suite struct RuleEdgeTests {
    private let start = time("2026-03-02T00:00:00Z")

    private func account(_ balance: Int64 = 100_000_000, limits: AccountLimits = AccountLimits()) throws
        -> CreditAccount
    {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0), limits: limits)
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: balance), at: start, into: &events)
        try account.set(try flatTariff(1_000_000), at: start, into: &events)
        return account
    }

    @Test func suggestion_looksAtWholeDaysBeforeToday() throws {
        var account = try account(0)
        var events: [CreditEvent] = []
        let suggestion = try SuggestionSettings([
            "lookback_days": 90, "cover_days": 3, "round_up_to_micro": 500_000, "min_micro": 1_000_000,
            "max_micro": 700_000_000,
        ])
        #expect(account.suggestedTopUp(at: start) == nil)
        try account.set(.suggestion(suggestion), at: start, into: &events)
        #expect(account.suggestedTopUp(at: start) == 1_000_000, "no day has passed: the least")
        try account.charge(wattHours: 2000, tariff: 1, until: start + 3_600_000, into: &events)
        #expect(account.suggestedTopUp(at: start + 7_200_000) == 2_000_000, "what is owed, today not counted")
        // One day of 2.00: 6.00 for three days, and 2.00 that are owed.
        #expect(account.suggestedTopUp(at: start + 86_400_000) == 8_000_000)
        // Two days stand for 2.00: 3.00 for three days; rounded up to the next half.
        #expect(account.suggestedTopUp(at: start + 2 * 86_400_000) == 5_000_000)
        try account.charge(wattHours: 1, tariff: 1, until: start + 2 * 86_400_000 + 1, into: &events)
        #expect(account.suggestedTopUp(at: start + 2 * 86_400_000 + 2) == 5_500_000)
        _ = try account.adjust(
            try CreditAdjustment(set: ["adjustment_id": "a", "balance_micro": -900_000_000]), at: start, into: &events)
        #expect(account.suggestedTopUp(at: start + 2 * 86_400_000) == 700_000_000, "the most")
        _ = try account.adjust(
            try CreditAdjustment(set: ["adjustment_id": "b", "balance_micro": 3_000_000]), at: start, into: &events)
        #expect(account.suggestedTopUp(at: start + 2 * 86_400_000) == 1_000_000, "enough for three days: the least")
    }

    @Test func suggestion_remembersNinetyDaysBesideToday() throws {
        var account = try account(1_000_000_000)
        var events: [CreditEvent] = []
        let suggestion = try SuggestionSettings(["lookback_days": 90, "cover_days": 90])
        try account.set(.suggestion(suggestion), at: start, into: &events)
        for day in 0...100 {
            let at = start + Int64(day) * 86_400_000 + 3_600_000
            try account.charge(wattHours: Int64(1000 + day), tariff: 1, until: at, into: &events)
        }
        let now = start + 100 * 86_400_000 + 7_200_000
        // Days 10 to 99, a thousand and their number each: as much again, less the balance.
        let use = (10...99).reduce(Int64(0)) { $0 + 1_000_000 + Int64($1) * 1000 }
        _ = try account.adjust(
            try CreditAdjustment(set: ["adjustment_id": "a", "balance_micro": 0]), at: now, into: &events)
        #expect(account.suggestedTopUp(at: now) == use)
    }

    @Test func additions_areMoneyThatCame() throws {
        var account = try account(5_000_000)
        var events: [CreditEvent] = []
        for (id, args) in [("up", 7 as Int64), ("down", -7)] {
            _ = try account.adjust(
                try CreditAdjustment(adjust: ["adjustment_id": .string(id), "delta_micro": .integer(args)]), at: start,
                into: &events)
        }
        _ = try account.adjust(
            try CreditAdjustment(set: ["adjustment_id": "same", "balance_micro": 5_000_000]), at: start, into: &events)
        #expect(account.lastAdditions.map(\.id) == ["up"])
        #expect(account.lastAdditions.map(\.amount) == [7])
    }

    @Test func balance_aboveTheGreatest_maySayAsItIs() throws {
        var account = try account(50_000_000, limits: AccountLimits(maxBalance: 50_000_000))
        var events: [CreditEvent] = []
        try account.charge(wattHours: 10_000, tariff: 1, isExport: true, until: start + 1000, into: &events)
        #expect(account.balance == 60_000_000, "what is fed in has no limit")
        _ = try account.adjust(
            try CreditAdjustment(set: ["adjustment_id": "a", "balance_micro": 60_000_000]), at: start, into: &events)
        _ = try account.adjust(
            try CreditAdjustment(adjust: ["adjustment_id": "b", "delta_micro": -1]), at: start, into: &events)
        #expect(account.balance == 59_999_999)
        #expect(throws: CreditError.self) {
            try account.adjust(
                try CreditAdjustment(adjust: ["adjustment_id": "c", "delta_micro": 1]), at: start, into: &events)
        }
    }

    @Test func loans_thatExpireTogether_areUsedInOrder() throws {
        var account = try account(0)
        var events: [CreditEvent] = []
        for id in ["first", "second"] {
            _ = try account.lend(
                try LoanExtend([
                    "loan_id": .string(id), "amount_micro": 1_000_000, "expires_at": "2026-03-09T00:00:00Z",
                ]), at: start, into: &events)
        }
        try account.selectEmergencyCredit(at: start, into: &events)
        try account.charge(wattHours: 300, tariff: 1, until: start + 1000, into: &events)
        events = []
        try account.catchUp(to: time("2026-03-09T00:00:00Z"), into: &events)
        let rests = events.compactMap { event -> [String: Int64]? in
            if case .loanExpired(let id, let rest) = event.change { [id: rest] } else { nil }
        }
        #expect(rests == [["first": 700_000], ["second": 1_000_000]])
    }

    @Test func deductionOfNothing_leavesNoRecord() throws {
        var account = try account()
        var events: [CreditEvent] = []
        let deduction = try RegularDeduction(["amount_micro": 0, "period": "daily"])
        try account.set(.regularDeduction(deduction), at: start, into: &events)
        events = []
        try account.catchUp(to: start + 10 * 86_400_000, into: &events)
        #expect(events == [])
        #expect(account.balance == 100_000_000)
    }

    @Test func intervalThatEndsBetweenTwoSeconds_isInTheBandOfItsLastInstant() throws {
        var account = try account()
        var events: [CreditEvent] = []
        try account.set(
            .tariff(
                try TariffSetting([
                    "tariff_id": 1,
                    "bands": [["name": "peak", "rate_micro": 2000], ["name": "off", "rate_micro": 1000]],
                    "times": [["band": "peak", "from": "15:00", "to": "21:00"]],
                ])), at: start, into: &events)
        events = []
        let edge = time("2026-03-02T15:00:00Z")
        for milliseconds: Int64 in [0, 1, 500] {
            try account.charge(wattHours: 1000, tariff: 1, until: edge + milliseconds, into: &events)
        }
        let lines = events.compactMap { event -> [ChargeLine]? in
            if case .charged(let charge) = event.change { charge.lines } else { nil }
        }
        #expect(lines.map { $0.map(\.what) } == [["off"], ["peak"], ["peak"]], "and no line of VAT")
    }

    @Test func specialDays_overlapOnlyInOneYear() throws {
        func read(_ dates: [String]) throws -> Int {
            try SpecialDays(["days": .array(dates.map { ["date": .string($0)] })]).days.count
        }
        #expect(try read(["2026-12-25", "2027-12-25", "2026-12-24", "2026-11-25"]) == 4)
        for pair in [["2026-12-25", "2026-12-25"], ["--12-25", "2026-12-25"], ["2026-12-25", "--12-25"]] {
            #expect(throws: ArgumentFault.self) { try read(pair) }
        }
    }

    @Test func timesOfDay_areReadStrictly() {
        #expect(TimeOfDay(text: "12:59")?.minutes == 779)
        #expect(TimeOfDay(text: "24:00")?.minutes == 1440)
        for text in ["12:60", "24:01", "1:00", "12-00", "12:0x", "x2:00", "012:00"] {
            #expect(TimeOfDay(text: text) == nil, "\(text)")
        }
    }

    @Test func warning_isSilentUnlessItIsSetToSound() throws {
        #expect(try !LowCreditSettings(["threshold_micro": 1]).isAudible)
        #expect(try LowCreditSettings(["threshold_micro": 1, "audible": true]).isAudible)
    }

    @Test func currencySymbols_haveTheirLengths() throws {
        let both = try CurrencySymbols(["symbol": "kr.", "minor_symbol": "øø"])
        #expect(both.symbol == "kr." && both.minorSymbol == "øø" && both.decimals == 2)
        #expect(throws: ArgumentFault.self) { try CurrencySymbols(["symbol": "kr..", "minor_symbol": "ø"]) }
        #expect(throws: ArgumentFault.self) { try CurrencySymbols(["symbol": "kr", "minor_symbol": "øøø"]) }
    }

    private func supplied(_ balance: Int64, _ settings: [UnitSetting]) throws -> PaymentUnit {
        var account = try account(balance)
        var events: [CreditEvent] = []
        try account.set(.disconnection(ElectricalDisconnection(isEnabled: true)), at: start, into: &events)
        for setting in settings { try account.set(setting, at: start, into: &events) }
        return PaymentUnit(
            account: account, supply: UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true))
    }

    private func at(_ text: String) -> SupplyInstant {
        SupplyInstant(wall: time(text), uptime: Uptime(microseconds: time(text).milliseconds * 1000))
    }

    @Test func endOfTheOwnTable_holdsFromItsVeryInstant() throws {
        let table = try DaylightSaving([
            "intervals": [["start": "2026-03-01T00:00:00Z", "end": "2026-03-03T10:00:00Z", "offset_minutes": 60]]
        ])
        for (text, isHeld) in [("2026-03-03T09:59:59.999Z", false), ("2026-03-03T10:00:00Z", true)] {
            var unit = try supplied(1000, [.daylightSaving(table), .friendlyDays(FriendlyDays(windows: []))])
            var events: [UnitEvent] = []
            try unit.charge(wattHours: 1, tariff: 1, at: at(text), into: &events)
            #expect(unit.supply.decision?.isHeld == isHeld)
        }
    }

    @Test func warning_comesAtItsTimeAlthoughNothingHappens() throws {
        let friendly = try FriendlyDays(["days": ["tue": [["from": "09:00", "to": "12:00"]]]])
        var unit = try supplied(1000, [.friendlyDays(friendly)])
        var events: [UnitEvent] = []
        try unit.charge(wattHours: 10, tariff: 1, at: at("2026-03-03T09:00:00Z"), into: &events)
        #expect(unit.nextWake(after: at("2026-03-03T09:00:00Z")) == time("2026-03-03T11:30:00Z"))
        try unit.wake(at: at("2026-03-03T11:30:00Z"), into: &events)
        #expect(events.last == .supply(.warning(until: time("2026-03-03T12:00:00Z"))))
        #expect(unit.nextWake(after: at("2026-03-03T11:30:00Z")) == time("2026-03-03T12:00:00Z"))
    }

    @Test func button_isForgottenWhenSupplyMustGo() throws {
        var unit = try supplied(1_000_000, [.friendlyDays(FriendlyDays(windows: []))])
        var events: [UnitEvent] = []
        unit.follow(.armed, at: at("2026-03-03T09:00:00Z").uptime)
        try unit.press(.arm, at: at("2026-03-03T09:00:10Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.armed, .dwell, isHeld: true))
        // Off by order, and back before the press would be forgotten by itself.
        let off = try SupplyModeSettings(["mode": "force_off"])
        _ = try unit.carryOut(.set(.supplyMode(off)), at: at("2026-03-03T09:00:20Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.disconnected, .forceOff))
        unit.follow(.disconnected, at: at("2026-03-03T09:00:20Z").uptime)
        _ = try unit.carryOut(.set(.supplyMode(.normal)), at: at("2026-03-03T09:01:20Z"), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.armed, .armedWait))
    }

    @Test func suggestion_ofNothing_isNothing() throws {
        var account = try account(0)
        var events: [CreditEvent] = []
        let suggestion = try SuggestionSettings(["lookback_days": 1, "cover_days": 1, "round_up_to_micro": 500_000])
        try account.set(.suggestion(suggestion), at: start, into: &events)
        #expect(account.suggestedTopUp(at: start) == 0)
    }

    /// Found by the soak: a day without a standing charge leaves no record; a new local time moved its midnight before
    /// the price had ended, and the next start charged it.
    @Test func standingCharge_ofADayThatHadNone_isNotTakenByAStart() throws {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var history: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 10_000_000), at: start, into: &history)
        try account.set(try flatTariff(1000, standing: 500_000), at: start, into: &history)
        try account.catchUp(to: time("2026-03-03T22:30:00Z"), into: &history)
        try account.set(try flatTariff(1000), at: time("2026-03-03T22:30:00Z"), into: &history)
        try account.catchUp(to: time("2026-03-05T12:00:00Z"), into: &history)
        let table = try DaylightSaving([
            "intervals": [["start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z", "offset_minutes": 120]]
        ])
        try account.set(.daylightSaving(table), at: time("2026-03-05T12:00:00Z"), into: &history)
        #expect(account.balance == 9_500_000)
        var again = CreditAccount(unit: "unit-1", zone: .fixed(0))
        for event in history { try again.apply(event) }
        #expect(again.isSame(as: account))
        var later: [CreditEvent] = []
        try again.catchUp(to: time("2026-03-06T12:00:00Z"), into: &later)
        #expect(later == [])
    }

    @Test func start_takesNothingThatIsDone() throws {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var history: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 10_000_000), at: start, into: &history)
        try account.set(try flatTariff(1000, standing: 500_000), at: start, into: &history)
        let deduction = try RegularDeduction(["amount_micro": 1000, "period": "daily"])
        try account.set(.regularDeduction(deduction), at: start, into: &history)
        let arrears = try ArrearsSettings([
            "balance_micro": 900_000,
            "recovery": ["mode": "per_period", "amount_micro": 2000, "period": "daily"],
        ])
        try account.set(arrears, at: start, into: &history)
        let now = time("2026-03-08T12:00:00Z")
        try account.catchUp(to: now, into: &history)
        var again = CreditAccount(unit: "unit-1", zone: .fixed(0))
        for event in history { try again.apply(event) }
        #expect(again.isSame(as: account))
        var later: [CreditEvent] = []
        try again.catchUp(to: now, into: &later)
        #expect(later == [] && again.nextDueTime == account.nextDueTime)
    }

    @Test func arrearsOfNothingAPeriod_leaveNoRecord() throws {
        var account = try account()
        var events: [CreditEvent] = []
        let arrears = try ArrearsSettings([
            "balance_micro": 900_000, "recovery": ["mode": "per_period", "amount_micro": 0, "period": "daily"],
        ])
        try account.set(arrears, at: start, into: &events)
        events = []
        try account.catchUp(to: start + 5 * 86_400_000, into: &events)
        #expect(events == [])
    }

    @Test func whatIsDueAtTheInstantOfACharge_comesBeforeIt() throws {
        var account = try account()
        var events: [CreditEvent] = []
        try account.set(try flatTariff(1_000_000, standing: 500_000), at: start, into: &events)
        var unit = PaymentUnit(
            account: account, supply: UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true))
        var news: [UnitEvent] = []
        try unit.charge(wattHours: 1, tariff: 1, at: at("2026-03-03T00:00:00Z"), into: &news)
        let kinds = news.compactMap { event -> String? in
            guard case .credit(let credit, _) = event, case .charged(let charge) = credit.change else { return nil }
            if case .standing = charge.cause { return "standing" }
            return "energy"
        }
        #expect(kinds == ["standing", "energy"])
    }

    @Test func daylightTable_mayHaveIntervalsThatTouch() throws {
        let table = try DaylightSaving([
            "intervals": [
                ["start": "2026-03-01T00:00:00Z", "end": "2026-03-10T00:00:00Z", "offset_minutes": 60],
                ["start": "2026-03-10T00:00:00Z", "end": "2026-03-20T00:00:00Z", "offset_minutes": 120],
            ]
        ])
        let rules = ZoneRules.fixed(36_000).overridden(by: table, at: start)
        let offsets = ["2026-02-28", "2026-03-09", "2026-03-10", "2026-03-19", "2026-03-20"].map {
            rules.offset(at: time($0).seconds).offset
        }
        #expect(offsets == [36_000, 39_600, 43_200, 43_200, 36_000])
        #expect(rules.knownUntil == time("2026-03-20").seconds)
        #expect(throws: ArgumentFault.self) {
            try DaylightSaving([
                "intervals": [
                    ["start": "2026-03-01T00:00:00Z", "end": "2026-03-10T00:00:01Z", "offset_minutes": 60],
                    ["start": "2026-03-10T00:00:00Z", "end": "2026-03-20T00:00:00Z", "offset_minutes": 120],
                ]
            ])
        }
    }

    @Test func timeThatTheClockIsSetBackFrom_comesOnce() {
        let day = time("2026-10-25").seconds / 86_400
        func first(_ text: String) -> WallTime? { TimeOfDay(text: text).map { Zones.london.instant(day, $0) } }
        #expect(first("02:00") == time("2026-10-25T02:00:00Z"), "at the end of summer time it is one o'clock again")
        #expect(first("01:59") == time("2026-10-25T00:59:00Z"))
        #expect(first("01:00") == time("2026-10-25T00:00:00Z"))
    }

    @Test func windows_areKeptInOrder_andMayTouch() throws {
        let friendly = try FriendlyDays([
            "days": ["mon": [["from": "12:00", "to": "13:00"], ["from": "06:00", "to": "12:00"]]]
        ])
        #expect(friendly.windows[0].map(\.from.text) == ["06:00", "12:00"])
        let special = try SpecialDays([
            "days": [
                ["date": "2026-03-03", "from": "06:00", "to": "12:00"],
                ["date": "2026-03-03", "from": "12:00", "to": "13:00"],
                ["date": "2026-03-03", "from": "04:00", "to": "06:00"],
            ]
        ])
        #expect(special.days.count == 3)
    }

    @Test func protectedTimesThatTouch_lastToTheEndOfTheDoubt() throws {
        let friendly = try FriendlyDays([
            "days": ["tue": [["from": "09:00", "to": "10:00"], ["from": "10:00", "to": "11:00"]]]
        ])
        let calendar = SupplyCalendar(friendly: friendly, special: SpecialDays(days: []), clock: .fixed(0))
        let span = calendar.span(at: time("2026-03-03T09:30:00Z"), uncertainty: 120_000)
        #expect(span.protection == Protection(reason: .friendlyPeriod, until: time("2026-03-03T11:02:00Z")))
    }

    @Test func nextWake_liesAhead() throws {
        let end = "2026-03-03T10:00:00Z"
        let mode = try SupplyModeSettings(["mode": "force_on", "expires_at": .string(end)])
        var unit = try supplied(5_000_000, [.supplyMode(mode), .friendlyDays(FriendlyDays(windows: []))])
        var events: [UnitEvent] = []
        try unit.wake(at: at("2026-03-03T09:00:00Z"), into: &events)
        #expect(unit.nextWake(after: at("2026-03-03T09:00:00Z")) == time(end))
        try unit.wake(at: at(end), into: &events)
        #expect(unit.nextWake(after: at(end)) > time(end))
    }
}
