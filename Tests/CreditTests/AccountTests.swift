import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct AccountTests {
    private func account(_ registers: CreditRegisters, at text: String = "2026-03-02T08:00:00Z") throws -> CreditAccount
    {
        var account = CreditAccount(unit: "unit-1", zone: Zones.london)
        var events: [CreditEvent] = []
        try account.open(registers, at: time(text), into: &events)
        return account
    }

    @Test func payment_afterACrashBetweenRecordAndAnswer_saysTheSame() throws {
        var account = try account(CreditRegisters(balance: 5))
        var events: [CreditEvent] = []
        let payment = PaymentAdd(paymentID: "p1", amount: 10_000, currency: "GBP")
        #expect(try account.pay(payment, at: time("2026-03-02T09:00:00Z"), into: &events) == .applied)
        let data = CreditEvent.data(of: events, on: account)
        // Restart: nothing is left but the journal.
        var other = try self.account(CreditRegisters(balance: 5))
        for (event, data) in zip(events, data) {
            let read = try #require(try CreditEvent.read(kind: event.kind, data: data, at: event.at))
            #expect(read == event)
            try other.apply(read)
        }
        var after: [CreditEvent] = []
        #expect(try other.pay(payment, at: time("2026-03-02T09:01:00Z"), into: &after) == .alreadyApplied)
        #expect(after == [])
        #expect(other.balance == 10_005)
        #expect(throws: CreditError.self) {
            _ = try other.pay(
                PaymentAdd(paymentID: "p1", amount: 10_001, currency: "GBP"), at: time("2026-03-02T09:01:00Z"),
                into: &after)
        }
        #expect(other.balance == 10_005)
    }

    @Test func apply_refusesAChargeThatItsTariffDoesNotGive() throws {
        var account = try account(CreditRegisters(balance: 1_000_000))
        var events: [CreditEvent] = []
        try account.set(try flatTariff(300_000), at: time("2026-03-02T08:00:00Z"), into: &events)
        var other = account
        try account.charge(wattHours: 1000, tariff: 1, until: time("2026-03-02T09:00:00Z"), into: &events)
        guard case .charged(var charge) = events.last?.change else {
            Issue.record("no charge")
            return
        }
        charge.lines[0].amount += 1
        #expect(throws: CreditError.self) {
            try other.apply(CreditEvent(at: time("2026-03-02T09:00:00Z"), .charged(charge)))
        }
        #expect(other.balance == 1_000_000)
        try other.apply(events[events.count - 1])
        #expect(other.balance == 700_000)
    }

    @Test func record_thatDoesNotRead_isAContradiction() throws {
        for (kind, data) in [
            (JournalKind.creditToppedUp, ["payment_id": "p", "amount_micro": 10_000] as JSONObject),
            (.creditCharged, ["charge": "energy"]), (.unitMode, ["mode": "free"]), (.creditLow, [:]),
            (.unitSetting, ["setting": "unknown", "value": [:]]),
            (.creditToppedUp, ["payment_id": "p", "amount_micro": 1, "change": [:], "week": "2026-03-02"]),
        ] {
            #expect(throws: CreditError.self) {
                _ = try CreditEvent.read(kind: kind, data: data, at: time("2026-03-02T09:00:00Z"))
            }
        }
        #expect(try CreditEvent.read(kind: .alarm, data: [:], at: time("2026-03-02")) == nil)
    }

    @Test func suggestion_countsUseDebtAndBalance() throws {
        var account = try account(CreditRegisters(balance: 10_000_000, accumulated: 300_000))
        var events: [CreditEvent] = []
        let start = time("2026-03-02T08:00:00Z")
        #expect(account.suggestedTopUp(at: start) == nil)
        try account.set(try flatTariff(1_000_000, standing: 500_000), at: start, into: &events)
        func suggest(_ value: JSONValue) throws -> Int64? {
            try account.set(.suggestion(try SuggestionSettings(value)), at: start, into: &events)
            return account.suggestedTopUp(at: time("2026-03-04T12:00:00Z"))
        }
        for (wattHours, text) in [(Int64(1500), "2026-03-02T12:00:00Z"), (1500, "2026-03-03T12:00:00Z")] {
            try account.catchUp(to: time(text), into: &events)
            try account.charge(wattHours: wattHours, tariff: 1, until: time(text), into: &events)
        }
        try account.catchUp(to: time("2026-03-04T12:00:00Z"), into: &events)
        // 3.50 on two days is 12.25 a week; 0.30 owed, 6.00 left.
        #expect(try suggest(["lookback_days": 7, "cover_days": 7]) == 6_550_000)
        #expect(try suggest(["lookback_days": 1, "cover_days": 7]) == 2_000_000 * 7 + 300_000 - 6_000_000)
        #expect(try suggest(["lookback_days": 7, "cover_days": 7, "round_up_to_micro": 5_000_000]) == 10_000_000)
        #expect(try suggest(["lookback_days": 7, "cover_days": 7, "max_micro": 5_000_000]) == 5_000_000)
        #expect(try suggest(["lookback_days": 7, "cover_days": 1, "min_micro": 700]) == 700)
        #expect(try suggest(["lookback_days": 90, "cover_days": 90]) == 157_500_000 - 5_700_000)
    }

    @Test func lastAdditions_areTheNewestNine() throws {
        var account = try account(CreditRegisters())
        var events: [CreditEvent] = []
        for number in 1...11 {
            let payment = PaymentAdd(paymentID: "p\(number)", amount: 10_000 * Int64(number))
            _ = try account.pay(payment, at: time("2026-03-02T10:00:00Z") + Int64(number), into: &events)
        }
        #expect(account.lastAdditions.map(\.id) == (3...11).reversed().map { "p\($0)" })
        let order = try PaymentReverse(["payment_id": "p11", "reversal_id": "r"])
        _ = try account.reverse(order, at: time("2026-03-02T11:00:00Z"), into: &events)
        #expect(account.lastAdditions.first?.json["payment_id"] == "p10")
    }

    @Test func report_addsUpForEveryPeriod() throws {
        let result = try CreditScenario(Household.scenario(3), zone: Zones.named)
        #expect(result.events.count == 300)
        let journal = try #require(try result.run()["journal"]?.array)
        var events: [CreditEvent] = []
        for record in journal {
            guard let kind = record["kind"]?.string.flatMap(JournalKind.init(rawValue:)),
                let data = record["data"]?.object,
                let event = try CreditEvent.read(kind: kind, data: data, at: time(record["at"]?.string ?? ""))
            else { continue }
            events.append(event)
        }
        var closing: Int64?
        for day in stride(from: 0, to: 70, by: 7) {
            let from = time("2026-03-15T00:00:00Z") + Int64(day) * 86_400_000
            let report = CreditReport(events, from: from, to: from + 7 * 86_400_000)
            let sum =
                report.opening + report.additions + report.adjustments - report.consumption + report.export
                - report.standing - report.vat - report.deductions - report.arrears + report.emergencyUsed
                + report.accumulated
            #expect(sum == report.closing)
            #expect(closing == nil || closing == report.opening)
            closing = report.closing
        }
    }

    @Test func tariffVersions_keepTheOneInForce() throws {
        var account = try account(CreditRegisters())
        var events: [CreditEvent] = []
        let now = time("2026-03-02T08:00:00Z")
        try account.set(try flatTariff(1_000_000), at: now, into: &events)
        func planned(_ number: Int) throws -> UnitSetting {
            .tariff(
                try TariffSetting([
                    "tariff_id": 1, "valid_from": .string((now + Int64(number) * 86_400_000).text),
                    "bands": [["name": "all", "rate_micro": .integer(2_000_000 + Int64(number))]],
                ]))
        }
        for number in 1...7 { try account.set(try planned(number), at: now, into: &events) }
        #expect(throws: CreditError.self) { try account.set(try planned(8), at: now, into: &events) }
        try account.charge(wattHours: 1000, tariff: 1, until: now + 86_400_000, into: &events)
        #expect(account.balance == -1_000_000)
        try account.charge(wattHours: 1000, tariff: 1, until: now + 86_400_001, into: &events)
        #expect(account.balance == -3_000_001)
        // A year later the old ones give way.
        let later = now + 366 * 86_400_000
        for number in 366...372 { try account.set(try planned(number), at: later, into: &events) }
        #expect(account.tariffs.versions.count == TariffBook.mostVersions)
        try account.charge(wattHours: 1000, tariff: 1, until: later + 1, into: &events)
        #expect(account.balance == -3_000_001 - 2_000_366)
    }

    @Test func report_takesItsFirstInstantAndNotItsLast() {
        let events = (0...3).map { second in
            CreditEvent(
                at: time("2026-03-02T00:00:00Z") + Int64(second) * 1000,
                .charged(
                    Charge(
                        cause: .deduction(day: 0), lines: [ChargeLine(what: "deduction", amount: 1 << Int64(second))],
                        change: CreditRegisters(balance: -(1 << Int64(second))))))
        }
        let report = CreditReport(events, from: events[1].at, to: events[3].at)
        #expect(report.opening == -1)
        #expect(report.deductions == 2 + 4)
        #expect(report.closing == -1 - 2 - 4)
    }

    @Test func account_beforeItBegins_owesNothing() throws {
        var account = CreditAccount(unit: "u", zone: Zones.london)
        var events: [CreditEvent] = []
        try account.set(try flatTariff(1, standing: 1_000_000), at: time("2026-03-02"), into: &events)
        try account.catchUp(to: time("2026-03-20"), into: &events)
        #expect(account.balance == 0)
        #expect(account.nextDueTime == nil)
    }

    @Test func catchUp_inPieces() throws {
        var account = try account(CreditRegisters(balance: 1_000_000))
        var events: [CreditEvent] = []
        try account.set(try flatTariff(1, standing: 1000), at: time("2026-03-02T08:00:00Z"), into: &events)
        events = []
        try account.catchUp(to: time("2026-03-12T08:00:00Z"), limit: 3, into: &events)
        #expect(events.count == 3)
        #expect(account.nextDueTime == time("2026-03-06T00:00:00Z"))
        try account.catchUp(to: time("2026-03-12T08:00:00Z"), into: &events)
        #expect(events.count == 10)
        #expect(account.balance == 990_000)
    }
}
