import Metering
import Testing

@testable import Intervals

@Suite struct SubstitutionTests {
    private static let base = WallTime(seconds: 1_772_449_200)
    private static let length: Int64 = 1_800_000

    private func serial() throws -> MeterSerial { try #require(MeterSerial("M1")) }

    /// The interval that ends `number` half hours after the base; no amount is no value.
    private func interval(
        _ number: Int64, _ amount: Int64?, register: Int64?, reason: String = "off", quality: QualityFlag = .actual
    ) throws -> Interval {
        Interval(
            meter: try serial(), epoch: 1, end: Self.base + number * Self.length, minutes: 30, revision: 0,
            values: [
                IntervalValue(
                    channel: .importWh, value: amount, quality: amount == nil ? .null : quality,
                    method: amount == nil ? "none" : "boundary", reason: amount == nil ? reason : "",
                    source: .register, registerAtEnd: register)
            ])
    }

    /// A gap of `count` half hours whose registers before and after are these.
    private func gap(_ count: Int64, from: Int64?, to: Int64?, reason: String = "off") throws -> [Substitution
        .Candidate]
    {
        try (1...count).map { number in
            Substitution.Candidate(
                try interval(number, nil, register: number == count ? to : nil, reason: reason),
                before: [number == 1 ? from : nil])
        }
    }

    private func amounts(_ intervals: [Interval]) -> [Int64?] { intervals.map { $0.values[0].value } }

    /// What was measured in the weeks before, `amount(week, slot)`.
    private func days(_ amount: (Int64, Int64) -> Int64) throws -> LikeDays {
        var days = LikeDays(meter: try serial(), channels: [.importWh], minutes: 30, utcOffsetMinutes: 600)
        for week in stride(from: Int64(4), through: 1, by: -1) {
            for slot in 1...Int64(8) { days.note(try interval(slot - week * 336, amount(week, slot), register: nil)) }
        }
        return days
    }

    @Test func linear_spreadsWhatTheRegisterWentOn_exactly() throws {
        let made = Substitution(.linear, widths: [nil])
            .substitutes(for: try gap(3, from: 1000, to: 1100), like: nil)
        #expect(amounts(made) == [33, 33, 34])
        #expect(made.map { $0.values[0].registerAtEnd } == [1033, 1066, 1100])
        #expect(made.allSatisfy { $0.revision == 1 && $0.values[0].quality == .substituted })
        #expect(made.allSatisfy { $0.values[0].method == "17" && $0.values[0].source == .estimate })
        #expect(made.allSatisfy { $0.values[0].reason == "off" })
    }

    @Test func linear_acrossARollover_countsOn() throws {
        let made = Substitution(.linear, widths: [1000])
            .substitutes(for: try gap(2, from: 990, to: 10), like: nil)
        #expect(amounts(made) == [10, 10])
        #expect(made.map { $0.values[0].registerAtEnd } == [0, 10])
    }

    @Test func linear_withoutTheRegisters_saysNothing() throws {
        let substitution = Substitution(.linear, widths: [nil])
        #expect(substitution.substitutes(for: try gap(2, from: nil, to: 10), like: nil) == [])
        #expect(substitution.substitutes(for: try gap(2, from: 5, to: nil), like: nil) == [])
        #expect(substitution.substitutes(for: try gap(2, from: 50, to: 10), like: nil) == [])
    }

    @Test func none_leavesEverythingNull() throws {
        #expect(Substitution(.none, widths: [nil]).substitutes(for: try gap(2, from: 1, to: 5), like: nil) == [])
    }

    @Test func aRegisterThatStartedAnew_isNeverSpread() throws {
        for method in SubstitutionMethod.allCases {
            let made = Substitution(method, widths: [1000])
                .substitutes(for: try gap(2, from: 990, to: 10, reason: "register_reset"), like: nil)
            #expect(made == [])
        }
    }

    @Test func zero_isSaidUnlessTheRegisterWentOn() throws {
        let substitution = Substitution(.zero, widths: [nil])
        let unknown = substitution.substitutes(for: try gap(2, from: nil, to: nil), like: nil)
        #expect(amounts(unknown) == [0, 0])
        #expect(unknown.allSatisfy { $0.values[0].method == "19" && $0.values[0].quality == .substituted })
        let still = substitution.substitutes(for: try gap(2, from: 7, to: 7), like: nil)
        #expect(still.map { $0.values[0].method } == ["19", "19"])
        let went = substitution.substitutes(for: try gap(2, from: 7, to: 11), like: nil)
        #expect(amounts(went) == [2, 2])
        #expect(went.map { $0.values[0].method } == ["17", "17"])
    }

    @Test func likeDay_takesTheNewestOfTheSameWeekday() throws {
        let days = try days { week, slot in week * 100 + slot }
        let made = Substitution(.likeDay, widths: [nil])
            .substitutes(for: try gap(3, from: nil, to: nil), like: days)
        #expect(amounts(made) == [101, 102, 103])
        #expect(made.allSatisfy { $0.values[0].method == "14" && $0.values[0].registerAtEnd == nil })
    }

    @Test func averageLikeDay_takesTheAverageOfFour() throws {
        let days = try days { week, slot in week * 100 + slot }
        let made = Substitution(.averageLikeDay, widths: [nil])
            .substitutes(for: try gap(2, from: nil, to: nil), like: days)
        #expect(amounts(made) == [251, 252])
        #expect(made.map { $0.values[0].method } == ["15", "15"])
    }

    /// The shape is the like day's, the sum is the register's.
    @Test func likeDay_addsUpToWhatTheRegisterWentOn() throws {
        let days = try days { _, slot in slot }
        let made = Substitution(.likeDay, widths: [nil])
            .substitutes(for: try gap(3, from: 100, to: 700), like: days)
        #expect(amounts(made) == [100, 200, 300])
        #expect(made.last?.values[0].registerAtEnd == 700)
    }

    @Test func likeDay_withoutAHistory_isLinearWhereTheRegisterIsKnown() throws {
        let substitution = Substitution(.likeDay, widths: [nil])
        let made = substitution.substitutes(for: try gap(2, from: 0, to: 9), like: nil)
        #expect(made.map { $0.values[0].method } == ["17", "17"])
        #expect(substitution.substitutes(for: try gap(2, from: nil, to: 9), like: nil) == [])
        // A day that was half missing itself is no like day.
        var days = LikeDays(meter: try serial(), channels: [.importWh], minutes: 30, utcOffsetMinutes: 600)
        days.note(try interval(1 - 336, 5, register: nil))
        days.note(try interval(2 - 336, 5, register: nil, quality: .estimated))
        #expect(substitution.substitutes(for: try gap(2, from: nil, to: nil), like: days) == [])
    }

    @Test func likeDays_forgetWhatIsOlderThanFourWeeks() throws {
        var days = try days { week, _ in week }
        #expect(days.amounts(.importWh, end: Self.base + Self.length) == [1, 2, 3, 4])
        days.note(try interval(1, 9, register: nil))
        #expect(days.amounts(.importWh, end: Self.base + 337 * Self.length) == [9, 1, 2, 3])
        // What comes late for a day that gave way is not taken.
        days.note(try interval(2 - 4 * 336, 9, register: nil))
        #expect(days.amounts(.importWh, end: Self.base + 338 * Self.length) == [1, 2, 3])
    }

    /// A substitute is still no measured value: the survey's replaces it, and its register is no anchor.
    @Test func survey_replacesSubstitutes() throws {
        var ledger = GapLedger()
        ledger.take(try interval(0, 5, register: 1000))
        for made in Substitution(.linear, widths: [nil]).substitutes(for: try gap(3, from: 1000, to: 1090), like: nil) {
            ledger.take(made)
        }
        #expect(ledger.hasOpen)
        var fill = SurveyFill(widths: [nil])
        var filled: [Interval] = []
        for (number, amount) in zip(Int64(1)..., [10, 50, 30] as [Int64]) {
            let statement = fill.fill(
                Self.base + number * Self.length, [.counted(amount, quality: .actual, reason: "")], ledger: &ledger)
            filled += [statement.interval].compactMap(\.self)
            #expect(statement.disagreements == [])
        }
        #expect(amounts(filled) == [10, 50, 30])
        #expect(filled.map { $0.values[0].registerAtEnd } == [1010, 1060, 1090])
        #expect(filled.allSatisfy { $0.revision == 2 && $0.values[0].quality == .actual })
        #expect(!ledger.hasOpen)
    }
}
