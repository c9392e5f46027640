import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct ArrearsTests {
    private static let percent: JSONValue = ["mode": "percent_of_payment", "percent_bp": 1000]
    private static let weekly: JSONValue = ["mode": "per_period", "amount_micro": 100, "period": "weekly"]

    /// Which debt a balance is, by the recoveries that were set before and with it.
    @Test(arguments: [
        ([] as [JSONValue], nil as JSONValue?, false), ([], percent, false), ([], weekly, true),
        ([percent], nil, false), ([weekly], nil, true), ([percent, weekly], nil, false), ([weekly], percent, false),
        ([percent], weekly, true),
    ])
    func balance_goesToTheDebtOfItsRecovery(before: [JSONValue], recovery: JSONValue?, isTimeDebt: Bool) throws {
        var account = CreditAccount(unit: "u", zone: Zones.london)
        var events: [CreditEvent] = []
        let now = time("2026-03-02T08:00:00Z")
        try account.open(CreditRegisters(paymentDebt: 7, timeDebt: 9), at: now, into: &events)
        for recovery in before {
            try account.set(
                try ArrearsSettings(["recovery": recovery], needsBalance: false), at: now, into: &events)
        }
        #expect(account.registers == CreditRegisters(paymentDebt: 7, timeDebt: 9), "a recovery alone moves nothing")
        var value: JSONObject = ["balance_micro": 500]
        value["recovery"] = recovery
        try account.set(try ArrearsSettings(.object(value)), at: now, into: &events)
        #expect(
            account.registers
                == (isTimeDebt
                    ? CreditRegisters(paymentDebt: 7, timeDebt: 500) : CreditRegisters(paymentDebt: 500, timeDebt: 9)))
    }

    @Test func fetch_givesWhatWasSet() throws {
        var account = CreditAccount(unit: "u", zone: Zones.london)
        var events: [CreditEvent] = []
        let now = time("2026-03-02T08:00:00Z")
        try account.open(CreditRegisters(), at: now, into: &events)
        try account.set(
            try ArrearsSettings(["balance_micro": 500, "recovery": Self.percent]), at: now, into: &events)
        let one = account.settingJSON("arrears", at: now)
        #expect(one?["balance_micro"] == 500 && one?["recovery"] == Self.percent)
        try account.set(try ArrearsSettings(["balance_micro": 70, "recovery": Self.weekly]), at: now, into: &events)
        let two = account.settingJSON("arrears", at: now)
        #expect(two?["balance_micro"] == 570 && two?["time_debt_micro"] == 70 && two?["recovery"] == nil)
    }

    @Test func timeDebt_setAgainAfterAWhile_isFirstTakenAtTheNextPeriod() throws {
        var account = CreditAccount(unit: "u", zone: Zones.london)
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 1000), at: time("2026-03-02T08:00:00Z"), into: &events)
        try account.set(
            try ArrearsSettings(["balance_micro": 0, "recovery": Self.weekly]), at: time("2026-03-02T08:00:00Z"),
            into: &events)
        #expect(account.nextDueTime == nil)
        try account.set(try ArrearsSettings(["balance_micro": 150]), at: time("2026-04-01T08:00:00Z"), into: &events)
        #expect(account.nextDueTime == time("2026-04-05T23:00:00Z"))
        try account.catchUp(to: time("2026-04-30T00:00:00Z"), into: &events)
        #expect(account.registers == CreditRegisters(balance: 850))
        #expect(events.filter { $0.change == .cleared(.time) }.map(\.at) == [time("2026-04-12T23:00:00Z")])
    }

    @Test func negated_turnsEveryRegister() {
        let registers = CreditRegisters(
            balance: 1, emergencyUsed: 2, loanUsed: 3, accumulated: 4, paymentDebt: 5, timeDebt: 6)
        let other = CreditRegisters(
            balance: -1, emergencyUsed: -2, loanUsed: -3, accumulated: -4, paymentDebt: -5, timeDebt: -6)
        #expect(registers.negated == other)
        #expect(throws: Never.self) { try registers.moved(by: other) }
        for name in ["emergency_used_micro", "loan_used_micro", "accumulated_micro", "payment_debt_micro"] {
            let change = CreditRegisters([name: -7])
            #expect(throws: CreditError.self, "\(name)") { try registers.moved(by: change ?? CreditRegisters()) }
        }
    }

    @Test func loans_areUsedInTheOrderTheyExpire() throws {
        var account = CreditAccount(unit: "u", zone: Zones.london)
        var events: [CreditEvent] = []
        let now = time("2026-03-02T08:00:00Z")
        try account.open(CreditRegisters(), at: now, into: &events)
        try account.set(try flatTariff(1_000_000), at: now, into: &events)
        for (id, expires) in [
            ("never", nil as String?), ("late", "2026-03-20T00:00:00Z"), ("soon", "2026-03-10T00:00:00Z"),
        ] {
            var order: JSONObject = ["loan_id": .string(id), "amount_micro": 1_000_000]
            order["expires_at"] = expires.map { .string($0) }
            _ = try account.lend(try LoanExtend(.object(order)), at: now, into: &events)
        }
        #expect(account.loans.map(\.id) == ["soon", "late", "never"])
        try account.selectEmergencyCredit(at: now, into: &events)
        try account.charge(wattHours: 1500, tariff: 1, until: now + 1_800_000, into: &events)
        #expect(account.loans.map(\.left) == [500_000, 1_000_000])
        #expect(account.emergencyLeft == 1_500_000)
        try account.catchUp(to: time("2026-03-21T00:00:00Z"), into: &events)
        #expect(account.emergencyLeft == 1_000_000)
        #expect(events.contains { $0.change == .loanExpired(id: "late", rest: 500_000) })
        #expect(!events.contains { $0.change == .loanExpired(id: "soon", rest: 0) })
        #expect(account.emergencyState == .inUse)
    }
}
