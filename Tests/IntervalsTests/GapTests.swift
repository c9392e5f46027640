import Metering
import Testing

@testable import Intervals

@Suite struct GapTests {
    private static let start: Int64 = 1_772_445_600

    /// The end of the `n`th 5-minute interval.
    private func end(_ n: Int64) -> WallTime { WallTime(seconds: Self.start + 300 * n) }

    private func interval(
        _ n: Int64, _ value: Int64?, _ quality: QualityFlag = .actual, register: Int64?, reason: String = "",
        export: IntervalValue? = nil, source: IntervalSource = .register
    ) throws -> Interval {
        let method = value == nil ? "none" : quality == .actual ? "boundary" : "interpolated"
        let values = [
            IntervalValue(
                channel: .importWh, value: value, quality: quality, method: method, reason: reason, source: source,
                registerAtEnd: register)
        ]
        return Interval(
            meter: try #require(MeterSerial("M1")), epoch: 1, end: end(n), minutes: 5, revision: 0,
            values: values + [export].compactMap(\.self))
    }

    /// 100 Wh at the end of interval 0, an outage over 1…n−1, and `last` at the end of interval n.
    private func outage(_ n: Int64, last: Int64?) throws -> GapLedger {
        var ledger = GapLedger()
        ledger.take(try interval(0, 10, register: 100))
        for index in 1..<n { ledger.take(try interval(index, nil, .null, register: nil, reason: "timeout")) }
        ledger.take(try interval(n, nil, .null, register: last, reason: "timeout"))
        ledger.take(try interval(n + 1, 10, register: last.map { $0 + 10 }))
        return ledger
    }

    private func counted(_ amount: Int64, _ reason: String = "") -> [SurveyAmount] {
        [.counted(amount, quality: .actual, reason: reason)]
    }

    /// Fills intervals 1… with amounts; `value register method` each.
    private func fill(
        _ ledger: inout GapLedger, _ amounts: [Int64], width: Int64? = nil
    ) -> (lines: [String], disagreements: [SumDisagreement]) {
        var fill = SurveyFill(widths: [width])
        var lines: [String] = []
        var disagreements: [SumDisagreement] = []
        for (index, amount) in amounts.enumerated() {
            let result = fill.fill(end(Int64(index) + 1), counted(amount), ledger: &ledger)
            disagreements += result.disagreements
            guard let interval = result.interval, let value = interval.values.first else {
                lines.append("-")
                continue
            }
            let register = value.registerAtEnd.map { String($0) } ?? "-"
            lines.append("\(value.value ?? -1) \(register) \(value.method)")
            #expect(interval.revision == 1 && value.quality == .actual && value.source == .survey)
        }
        return (lines, disagreements)
    }

    // MARK: The ledger

    @Test func take_ofALongOutage_isTwoRangesHoweverLongItIs() throws {
        let ledger = try outage(5000, last: 900)
        #expect(ledger.gaps.count == 2)
        #expect(ledger.gaps.map(\.count) == [4999, 1])
        #expect(ledger.gaps[0].before == [100])
        #expect(ledger.gaps[1].values[0].registerAtEnd == 900)
        let runs = ledger.runs(of: .importWh)
        #expect(runs == [GapLedger.Run(from: end(0), to: end(5000), count: 5000, why: "timeout", isOpen: true)])
        #expect(ledger.runs(of: .exportWh) == [])
    }

    @Test func take_ofAnIntervalThatDoesNotFollow_knowsNoRegister() throws {
        var ledger = GapLedger()
        ledger.take(try interval(0, 10, register: 100))
        ledger.take(try interval(7, nil, .null, register: nil, reason: "off"))
        #expect(ledger.gaps.first?.before == [nil])
    }

    @Test func take_ofManyScatteredGaps_staysBounded() throws {
        var ledger = GapLedger()
        for n in 0..<6000 { ledger.take(try interval(Int64(2 * n), nil, .null, register: nil, reason: "timeout")) }
        #expect(ledger.gaps.count == GapLedger.limit)
        #expect(ledger.gaps.last?.last == end(11_998))
    }

    @Test func wanted_takesRangesThatTouchTogether_upToALimit() throws {
        let ledger = try outage(30, last: 900)
        #expect(ledger.wanted(through: end(40), most: 100) == end(1)...end(30))
        #expect(ledger.wanted(through: end(40), most: 12) == end(1)...end(12))
        #expect(ledger.wanted(through: end(4), most: 100) == end(1)...end(4))
        #expect(ledger.wanted(through: end(0), most: 100) == nil)
    }

    @Test func close_ofAPart_leavesTheRestOpen() throws {
        var ledger = try outage(10, last: 900)
        ledger.close(from: end(3), through: end(5))
        #expect(ledger.wanted(through: end(40), most: 100) == end(1)...end(2))
        ledger.close(from: end(1), through: end(2))
        #expect(ledger.wanted(through: end(40), most: 100) == end(6)...end(10))
        #expect(ledger.runs(of: .importWh).map(\.count) == [5, 5])
        #expect(ledger.runs(of: .importWh).map(\.isOpen) == [false, true])
    }

    /// A channel that a meter never has must not cost a range an interval.
    @Test func close_ofAChannelThatIsNeverThere_isOneRange() throws {
        var ledger = GapLedger()
        let never = IntervalValue(
            channel: .exportWh, value: nil, quality: .null, method: "none", reason: "not_present", source: .register,
            registerAtEnd: nil)
        for n in 0..<500 {
            ledger.take(try interval(Int64(n), Int64(n), register: Int64(n) * 7, export: never))
            ledger.close(from: end(Int64(n)), through: end(Int64(n)))
        }
        #expect(ledger.gaps.count == 1)
        #expect(ledger.runs(of: .exportWh).map(\.count) == [500])
    }

    @Test func trim_forgetsWhatIsOlderThan400Days() throws {
        var ledger = try outage(3, last: 900)
        ledger.trim(now: end(3) + 400 * 86_400_000)
        #expect(ledger.gaps.map(\.last) == [end(3)])
        ledger.trim(now: end(3) + 400 * 86_400_000 + 1)
        #expect(ledger.gaps.isEmpty)
    }

    // MARK: Filling

    @Test func fill_ofAnOutage_followsTheRegister() throws {
        var ledger = try outage(3, last: 130)
        let filled = fill(&ledger, [10, 5, 15])
        #expect(filled.lines == ["10 110 survey", "5 115 survey", "15 130 survey"])
        #expect(filled.disagreements == [])
        #expect(ledger.gaps.isEmpty)
    }

    @Test func fill_withAFewWattHoursTooFew_givesThemToTheLastInterval() throws {
        var ledger = try outage(3, last: 132)
        #expect(fill(&ledger, [10, 5, 15]).lines == ["10 110 survey", "5 115 survey", "17 132 balanced"])
    }

    @Test func fill_withAFewTooMany_takesThemWhereSomethingWasCounted() throws {
        var ledger = try outage(4, last: 123)
        let filled = fill(&ledger, [10, 15, 0, 0])
        #expect(filled.lines == ["10 110 survey", "13 123 balanced", "0 123 survey", "0 123 survey"])
        #expect(filled.disagreements == [])
    }

    @Test func fill_thatDisagrees_isToldAndChangesNothing() throws {
        var ledger = try outage(3, last: 230)
        let filled = fill(&ledger, [10, 5, 15])
        #expect(filled.lines == ["10 110 survey", "5 115 survey", "15 230 survey"])
        #expect(
            filled.disagreements
                == [SumDisagreement(channel: .importWh, from: end(0), to: end(3), survey: 30, register: 130)])
    }

    @Test func fill_withMoreThanTheRegister_isToldAndChangesNothing() throws {
        var ledger = try outage(3, last: 115)
        let filled = fill(&ledger, [10, 50, 50])
        #expect(filled.lines == ["10 110 survey", "50 - survey", "50 115 survey"])
        #expect(filled.disagreements.map(\.survey) == [110])
        #expect(filled.disagreements.map(\.register) == [15])
    }

    @Test func fill_acrossARollover_goesOnFromZero() throws {
        var ledger = try outage(3, last: 10)
        #expect(fill(&ledger, [10, 5, 15], width: 120).lines == ["10 110 survey", "5 115 survey", "15 10 survey"])
    }

    @Test func fill_acrossAReset_isFilledWithoutRegisters() throws {
        var ledger = try outage(3, last: 7)
        let filled = fill(&ledger, [10, 5, 15])
        #expect(filled.lines == ["10 - survey", "5 - survey", "15 7 survey"])
        #expect(filled.disagreements == [])
    }

    @Test func fill_withoutTheNextRegister_followsTheSurvey() throws {
        var ledger = try outage(3, last: nil)
        #expect(fill(&ledger, [10, 5, 15]).lines == ["10 110 survey", "5 115 survey", "15 130 survey"])
    }

    /// Two estimates with an interpolated register between them: the register that was read is the second one's.
    @Test func fill_ofEstimates_replacesTheInterpolatedRegister() throws {
        var ledger = GapLedger()
        ledger.take(try interval(0, 10, register: 100))
        ledger.take(try interval(1, 20, .estimated, register: 120, reason: "timeout", source: .estimate))
        ledger.take(try interval(2, 20, .estimated, register: 140, reason: "timeout", source: .estimate))
        ledger.take(try interval(3, 10, register: 150))
        #expect(fill(&ledger, [31, 10]).lines == ["31 131 survey", "9 140 balanced"])
    }

    @Test func fill_withoutData_staysNullAndSaysWhy() throws {
        var ledger = try outage(3, last: 130)
        var fill = SurveyFill(widths: [nil])
        let first = fill.fill(end(1), counted(10), ledger: &ledger)
        let second = fill.fill(end(2), [.missing(reason: "not_recorded")], ledger: &ledger)
        let third = fill.fill(end(3), counted(15), ledger: &ledger)
        #expect(first.interval?.values[0].registerAtEnd == 110)
        #expect(second.interval?.values[0].quality == .null)
        #expect(second.interval?.values[0].reason == "not_recorded")
        #expect(third.interval?.values[0].value == 15)
        // What the meter did not record is no disagreement.
        #expect(third.disagreements == [])
        #expect(ledger.runs(of: .importWh).map(\.isOpen) == [false])
        #expect(!ledger.hasOpen)
    }

    @Test func fill_ofWhatIsActual_changesNothing() throws {
        var ledger = try outage(3, last: 130)
        var fill = SurveyFill(widths: [nil])
        #expect(fill.fill(end(0), counted(99), ledger: &ledger).interval == nil)
        #expect(fill.fill(end(9), counted(99), ledger: &ledger).interval == nil)
        #expect(ledger == (try outage(3, last: 130)))
    }

    @Test func fill_ofAChannelTheSurveyLacks_leavesTheOthersAlone() throws {
        var ledger = GapLedger()
        let export = IntervalValue(
            channel: .exportWh, value: 3, quality: .actual, method: "boundary", reason: "", source: .register,
            registerAtEnd: 44)
        ledger.take(try interval(1, nil, .null, register: nil, reason: "invalid", export: export))
        var fill = SurveyFill(widths: [nil, nil])
        let amounts: [SurveyAmount] = [.notKept, .counted(9, quality: .actual, reason: "")]
        #expect(fill.fill(end(1), amounts, ledger: &ledger).interval == nil)
        #expect(ledger.runs(of: .importWh).map(\.isOpen) == [false])
    }

    @Test func ledger_madeAgainFromTheNewestStatements_isTheSame() throws {
        var ledger = try outage(20, last: 400)
        let again = GapLedger(ledger.gaps.reversed(), after: nil)
        #expect(again.gaps == ledger.gaps)
        _ = fill(&ledger, [10, 5, 15])
        #expect(ledger.gaps.first?.before == [130])
        #expect(ledger.gaps.map(\.count) == [16, 1])
    }
}
