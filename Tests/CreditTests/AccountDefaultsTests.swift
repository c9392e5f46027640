import Intervals
import Metering
import Testing

@testable import Credit

/// What an account is before anybody has set anything, and what makes two accounts differ.
@Suite struct AccountDefaultsTests {
    private let start = time("2026-03-02T08:00:00Z")

    private func account(_ balance: Int64) throws -> CreditAccount {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: balance), at: start, into: &events)
        try account.set(try flatTariff(1_000_000), at: start, into: &events)
        return account
    }

    @Test func limits_areThoseOfTheConfiguration() {
        let limits = AccountLimits()
        #expect(limits.maxBalance == 1_000_000_000 && limits.maxCredit == 500_000_000)
        #expect(!limits.floorFirst && limits.currency == nil)
    }

    @Test func newUnit_isNotEnabled_andHasNoEmergencyCredit() throws {
        #expect(!ElectricalDisconnection.initial.isEnabled)
        let none = EmergencyCreditSettings.none
        #expect(none.limit == 0 && none.offerBelow == 0 && !none.autoActivate)
        #expect(!none.suspendStandingCharge && !none.suspendArrears)
        #expect(!LowCreditSettings.none.isEnabled && LowCreditSettings.none.threshold == 0)
        let account = try account(-1)
        #expect(account.emergencyLeft == 0 && account.emergencyState == .off)
        // Tested is not enabled.
        var unit = PaymentUnit(
            account: account, supply: UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true))
        var events: [UnitEvent] = []
        try unit.wake(at: SupplyInstant(wall: start, uptime: Uptime(seconds: 100)), into: &events)
        #expect(unit.supply.decision == SupplyDecision(.connected, .notEnabled, isHeld: true))
    }

    @Test func energyOfNothing_leavesNoRecord() throws {
        var account = try account(1)
        var events: [CreditEvent] = []
        try account.charge(wattHours: 0, tariff: 1, until: start + 1000, into: &events)
        #expect(events == [])
        #expect(throws: CreditError.self) {
            try account.charge(wattHours: -1, tariff: 1, until: start + 1000, into: &events)
        }
    }

    @Test func isSame_seesEveryDifference() throws {
        let account = try account(1_000_000)
        let changes: [(String, (inout CreditAccount) throws -> Void)] = [
            ("mode", { $0.mode = .credit }), ("registers", { $0.registers.timeDebt = 1 }),
            ("settings", { $0.settings.emergencyCredit.limit = 1 }), ("clock", { $0.clock = .fixed(3600) }),
            ("selected", { $0.isEmergencySelected.toggle() }), ("offered", { $0.isEmergencyOffered.toggle() }),
            ("low", { $0.isLow.toggle() }), ("exhausted", { $0.saidExhausted.toggle() }),
            ("emergency exhausted", { $0.saidEmergencyExhausted.toggle() }),
            (
                "additions",
                { $0.lastAdditions = [CreditAddition(at: WallTime(seconds: 1), amount: 1, source: .payment, id: "a")] }
            ),
            ("loans", { $0.loans = [CreditAccount.OpenLoan(id: "a", left: 1)] }),
            ("week", { $0.week = CreditAccount.RecoveredWeek(monday: 4, amount: 1) }),
            (
                "applied",
                { account throws in
                    let order = try PaymentReverse(["payment_id": "a", "reversal_id": "r"])
                    account.applied["reversal/r"] = .reversal(order)
                }
            ), ("use", { $0.use.add(1, on: 20_000) }),
            (
                "tariffs",
                { account throws in
                    guard case .tariff(let setting) = try flatTariff(2_000_000, id: 2) else { return }
                    account.tariffs.add(
                        setting, from: WallTime(seconds: 1), now: WallTime(seconds: 1), zone: .fixed(0))
                }
            ),
            ("carried remainder", { try $0.charged(1, at: self.start + 1000) }),
        ]
        #expect(account.isSame(as: account))
        for (name, change) in changes {
            var other = account
            try change(&other)
            #expect(!account.isSame(as: other), "\(name)")
            #expect(!other.isSame(as: account), "\(name)")
        }
        #expect(!account.isSame(as: CreditAccount(unit: "unit-2", zone: .fixed(0))))
    }
}

extension CreditAccount {
    /// Charges a watt-hour of a price that leaves a remainder, and puts back all that shows of it.
    fileprivate mutating func charged(_ wattHours: Int64, at time: WallTime) throws {
        let before = self
        guard let rated = try tariffs.charge(wattHours: wattHours, tariff: 1, until: time) else { return }
        self = before
        tariffs.note(rated)
    }
}
