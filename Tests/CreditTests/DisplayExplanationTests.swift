import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct DisplayExplanationTests {
    private static let start = time("2026-03-02T08:00:00Z")

    /// Records of a life: charges, standing, emergency credit, a payment that is split, its reversal.
    private static func life() throws -> (account: CreditAccount, records: [ExplainedRecord]) {
        var account = CreditAccount(unit: "unit-1", zone: Zones.london)
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 1_000_000, paymentDebt: 35_000_000), at: start, into: &events)
        try account.set(try flatTariff(412_000, standing: 450_000, vat: 500), at: start, into: &events)
        try account.set(
            .emergencyCredit(EmergencyCreditSettings(limit: 5_000_000, offerBelow: 1_000_000)), at: start,
            into: &events)
        try account.set(
            try ArrearsSettings(["recovery": ["mode": "percent_of_payment", "percent_bp": 1000]], needsBalance: false),
            at: start, into: &events)
        try account.charge(wattHours: 1250, tariff: 1, until: time("2026-03-02T12:00:00Z"), into: &events)
        try account.selectEmergencyCredit(at: time("2026-03-02T12:05:00Z"), into: &events)
        try account.charge(wattHours: 3333, tariff: 1, until: time("2026-03-02T18:00:00Z"), into: &events)
        try account.catchUp(to: time("2026-03-03T08:00:00Z"), into: &events)
        _ = try account.pay(
            PaymentAdd(paymentID: "p1", amount: 20_000_000), at: time("2026-03-03T08:00:00Z"), into: &events)
        _ = try account.reverse(
            PaymentReverse(["payment_id": "p1", "reversal_id": "r1", "reason": "other"]),
            at: time("2026-03-03T09:00:00Z"), into: &events)
        let data = CreditEvent.data(of: events, on: account)
        var records: [ExplainedRecord] = []
        for (index, event) in events.enumerated() {
            let record = try ExplainedRecord(seq: Int64(index + 1), kind: event.kind, data: data[index], at: event.at)
            records.append(try #require(record))
        }
        return (account, records)
    }

    private static func explanation(_ records: [ExplainedRecord], from: String? = nil, to: String? = nil)
        -> CreditExplanation
    {
        var explanation = CreditExplanation(from: from.map(time), to: to.map(time))
        for record in records { _ = explanation.take(record, day: Zones.london.day(of: record.at)) }
        return explanation
    }

    @Test func everyRecord_explainsItsChangeExactly() throws {
        let (account, records) = try Self.life()
        #expect(records.allSatisfy { $0.isExplained })
        let explanation = Self.explanation(records)
        #expect(explanation.closing == account.balance && explanation.registers == account.registers)
        #expect(explanation.disagreements.isEmpty && explanation.opening == 0)
        #expect(explanation.totals.reduce(0) { $0 + $1.amount } == account.balance)
        #expect(explanation.days.count == 2)
        #expect(explanation.days[0].closing == explanation.days[1].opening)
    }

    @Test func totals_nameBandsStandingVatAndTheSplitOfPayments() throws {
        let explanation = Self.explanation(try Self.life().records)
        let energy = try #require(explanation.totals.first { $0.what == "all" })
        #expect(energy.wattHours == 4583 && energy.rate == 412_000 && energy.amount == -1_888_196)
        let sums = explanation.totals.map { "\($0.what) \($0.amount)" }
        #expect(
            sums
                == [
                    "opening 1000000", "all -1888196", "vat -116909", "emergency_used 982605", "standing -450000",
                    "put_off 472500", "payment 20000000", "payment_debt -2000000", "accumulated -472500",
                    "emergency_repaid -982605", "reversal -20000000", "payment_debt 2000000", "accumulated 472500",
                    "emergency_repaid 982605",
                ].reduce(into: []) { merged, text in Self.merge(text, into: &merged) })
    }

    /// Parts of one name and rate are one total.
    private static func merge(_ text: String, into merged: inout [String]) {
        let words = text.split(separator: " ")
        if let index = merged.firstIndex(where: { $0.hasPrefix("\(words[0]) ") }),
            let old = Int64(merged[index].split(separator: " ")[1]), let new = Int64(words[1])
        {
            merged[index] = "\(words[0]) \(old + new)"
        } else {
            merged.append(text)
        }
    }

    @Test func aSpan_beginsWithWhatWasBefore() throws {
        let (account, records) = try Self.life()
        let day = Self.explanation(records, from: "2026-03-03T00:00:00Z", to: "2026-03-03T08:30:00Z")
        let before = Self.explanation(records, to: "2026-03-03T00:00:00Z")
        #expect(day.opening == before.closing)
        #expect(day.opening + day.totals.reduce(0) { $0 + $1.amount } == day.closing)
        #expect(day.registers == account.registers)
        let none = Self.explanation(records, from: "2027-01-01T00:00:00Z")
        #expect(none.opening == account.balance && none.closing == account.balance && none.days.isEmpty)
    }

    @Test func aRecordThatDoesNotAgree_isNamed() throws {
        var records = try Self.life().records
        let index = try #require(records.firstIndex { $0.kind == .creditCharged })
        records[index].stated = 7
        let wrong = Self.explanation(records).disagreements
        #expect(wrong.map(\.seq) == [Int64(index + 1)] && wrong.first?.stated == 7)
        records[index].stated = nil
        records[index].parts[0].amount += 1
        #expect(Self.explanation(records).disagreements.map(\.seq) == [Int64(index + 1)])
        records.removeAll { $0.seq == index + 1 }
        #expect(!Self.explanation(records).disagreements.isEmpty)
    }

    @Test func recordsOfSupplyAndOtherNotes_areNoMoney() throws {
        let none = try ExplainedRecord(seq: 1, kind: .supplyDecided, data: ["unit": "u"], at: Self.start)
        #expect(none == nil)
        let note = try ExplainedRecord(
            seq: 2, kind: .unitSetting, data: ["unit": "u", "setting": "wiring", "value": [:]], at: Self.start)
        #expect(note?.text == "wiring was noted" && note?.parts.isEmpty == true)
        #expect(throws: CreditError.self) {
            _ = try ExplainedRecord(seq: 3, kind: .creditCharged, data: ["unit": "u"], at: Self.start)
        }
    }
}
