import Metering
import Testing

@testable import Intervals

/// The first intervals of a meter that replaced another, as its survey and its registers tell of them.
@Suite struct ExchangeHoldTests {
    private func end(_ n: Int64) -> WallTime { WallTime(seconds: 1_772_445_600 + 300 * n) }

    private func interval(_ n: Int64, reason: String, register: Int64?, value: Int64? = nil) throws -> Interval {
        let values = [
            IntervalValue(
                channel: .importWh, value: value, quality: value == nil ? .null : .actual,
                method: value == nil ? "none" : "boundary", reason: reason, source: .register, registerAtEnd: register)
        ]
        return Interval(
            meter: try #require(MeterSerial("M2")), epoch: 2, end: end(n), minutes: 5, revision: 0, values: values)
    }

    /// Exchanged in interval 1 with 7 on the register, nothing read until the end of interval `n`.
    private func exchanged(until n: Int64, register: Int64?) throws -> GapLedger {
        var ledger = GapLedger()
        ledger.take(try interval(0, reason: IntervalGap.replacedReason, register: 7))
        for index in 1..<n { ledger.take(try interval(index, reason: "timeout", register: nil)) }
        ledger.take(try interval(n, reason: "timeout", register: register))
        return ledger
    }

    /// Fills intervals 1… with amounts, nil for what the survey lacks; `value quality method reason register` each.
    private func fill(_ ledger: inout GapLedger, _ amounts: [Int64?], width: Int64? = nil) -> [String] {
        var hold = ExchangeHold(widths: [width])
        var fill = SurveyFill(widths: [width])
        var lines: [String] = []
        func write(_ statements: [SurveyStatement], _ ledger: inout GapLedger) {
            for statement in statements {
                let filled = fill.fill(statement.end, statement.amounts, ledger: &ledger)
                guard let value = filled.interval?.values.first else { continue }
                let register = value.registerAtEnd.map { String($0) } ?? "-"
                let amount = value.value.map { String($0) } ?? "-"
                lines.append("\(amount) \(value.quality.rawValue) \(value.method) \(value.reason) \(register)")
                #expect(filled.disagreements == [])
            }
        }
        for (index, amount) in amounts.enumerated() {
            let said = amount.map { SurveyAmount.counted($0, quality: .actual, reason: "") }
            let statement = SurveyStatement(
                end: end(Int64(index) + 1), amounts: [said ?? .missing(reason: "not_recorded")])
            write(hold.take(statement, ledger), &ledger)
        }
        write(hold.release(ledger), &ledger)
        return lines
    }

    @Test func fill_leavesOutWhatWasCountedBeforeTheInitialReading() throws {
        var ledger = try exchanged(until: 3, register: 157)
        let lines = fill(&ledger, [100, 50, 60])
        #expect(lines == ["40 A balanced meter_replaced 47", "50 A survey  97", "60 A survey  157"])
        #expect(ledger.gaps.isEmpty)
    }

    @Test func fill_acrossARollover_leavesItOutToo() throws {
        var ledger = try exchanged(until: 2, register: 3)
        #expect(fill(&ledger, [100, 6], width: 20) == ["10 A balanced meter_replaced 17", "6 A survey  3"])
    }

    @Test func fill_ofAMeterThatCountedNothingBefore_isTheSurveys() throws {
        var ledger = try exchanged(until: 2, register: 107)
        #expect(fill(&ledger, [60, 40]) == ["60 A survey  67", "40 A survey  107"])
    }

    /// The initial reading was noted some time before the box was told.
    @Test func fill_whenTheRegisterWentOnByMore_saysThatTheFirstIsAnEstimate() throws {
        var ledger = try exchanged(until: 2, register: 207)
        #expect(fill(&ledger, [60, 40]) == ["160 E balanced meter_replaced 167", "40 A survey  207"])
        #expect(ledger.runs(of: .importWh).map(\.why) == [IntervalGap.replacedReason])
    }

    @Test func fill_whenTheSurveyLacksAnInterval_saysThatTheFirstIsAnEstimate() throws {
        var ledger = try exchanged(until: 3, register: 157)
        let lines = fill(&ledger, [100, nil, 60])
        #expect(lines.first?.hasPrefix("100 E balanced meter_replaced") == true)
        #expect(lines.count == 3)
        #expect(!ledger.hasOpen)
    }

    @Test func wanted_waitsForTheFirstRegisterThatWasRead() throws {
        var ledger = try exchanged(until: 4, register: nil)
        #expect(ledger.wanted(through: end(9), most: 2) == nil)
        ledger.take(try interval(5, reason: "timeout", register: 300))
        #expect(ledger.wanted(through: end(4), most: 2) == nil)
        // In one piece, however long it is.
        #expect(ledger.wanted(through: end(5), most: 2) == end(1)...end(5))
    }

    @Test func wanted_leavesAnEstimateUntilTheNextIntervalTellsWhatItsRegisterIs() throws {
        func estimate(_ n: Int64, _ register: Int64) throws -> Interval {
            var interval = try interval(n, reason: "off", register: register, value: 20)
            interval.values[0].quality = .estimated
            interval.values[0].source = .estimate
            return interval
        }
        var ledger = GapLedger()
        ledger.take(try interval(0, reason: "", register: 100, value: 10))
        ledger.take(try estimate(1, 120))
        #expect(ledger.wanted(through: end(9), most: 100) == nil)
        ledger.take(try estimate(2, 140))
        #expect(ledger.wanted(through: end(9), most: 100) == end(1)...end(1))
        ledger.take(try interval(3, reason: "", register: 150, value: 10))
        #expect(ledger.wanted(through: end(9), most: 100) == end(1)...end(2))
    }
}
