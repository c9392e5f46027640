import Metering
import Testing

@testable import Intervals

@Suite struct SurveyCheckTests {
    private static let start: Int64 = 1_772_445_600
    private let used: [Int64] = (0..<60).map { ($0 * 37) % 91 + 5 }

    private func end(_ n: Int) -> WallTime { WallTime(seconds: Self.start + 300 * Int64(n)) }

    private func interval(_ n: Int, _ value: Int64?) throws -> Interval {
        Interval(
            meter: try #require(MeterSerial("M1")), epoch: 1, end: end(n), minutes: 5, revision: 0,
            values: [
                IntervalValue(
                    channel: .importWh, value: value, quality: value == nil ? .null : .actual, method: "boundary",
                    reason: value == nil ? "timeout" : "", source: .register, registerAtEnd: nil)
            ])
    }

    /// Registers as `used`, the survey as `survey` says.
    private func findings(
        registers: [Int64?]? = nil, _ survey: (Int) -> Int64?
    ) throws -> [SurveyCheck.Finding] {
        var check = SurveyCheck(channels: [.importWh], minutes: 5)
        for (index, value) in (registers ?? used).enumerated() { check.note(try interval(index, value)) }
        let range = try #require(check.range(through: end(58)))
        check.begin(range)
        for index in -1...59 {
            guard let amount = survey(index) else { continue }
            check.take(end(index), [.counted(amount, quality: .actual, reason: "")])
        }
        return check.finish()
    }

    private func at(_ index: Int) -> Int64? { used.indices.contains(index) ? used[index] : nil }

    @Test func finish_whenBothSayTheSame_findsNothing() throws {
        #expect(try findings { at($0) } == [])
    }

    /// A watt-hour here and there is the time it takes to read a register.
    @Test func finish_withReadingTimes_findsNothing() throws {
        let late: (Int) -> Int64 = { Int64((($0 + 3) * 7) % 3) }
        #expect(try findings { index in at(index).map { $0 + late(index) - late(index - 1) } } == [])
    }

    @Test(arguments: [1, -1]) func finish_ofASurveyOneIntervalOff_saysWhichWay(lag: Int) throws {
        let found = try findings { at($0 + lag) }
        #expect(found == [.shift(channel: .importWh, intervals: lag, from: end(-1), to: end(58))])
    }

    @Test func finish_ofAFlatLoadOneIntervalOff_findsNothing() throws {
        let flat: [Int64?] = Array(repeating: 20, count: 60)
        #expect(try findings(registers: flat) { _ in 20 } == [])
    }

    @Test func finish_ofAnotherSum_givesTheNumbers() throws {
        let total = used[0...58].reduce(0, +)
        let found = try findings { at($0).map { $0 * 2 } }
        #expect(
            found == [
                .sum(
                    SumDisagreement(
                        channel: .importWh, from: end(-1), to: end(58), survey: 2 * total, register: total))
            ])
    }

    @Test func finish_withGaps_comparesTheRest() throws {
        let registers = used.enumerated().map { $0.offset % 10 == 3 ? nil : Optional($0.element) }
        #expect(try findings(registers: registers) { $0 % 7 == 0 ? nil : at($0) } == [])
        #expect(try findings(registers: registers) { at($0).map { $0 * 3 } }.count == 1)
    }

    @Test func finish_ofTooFew_findsNothing() throws {
        #expect(try findings { $0 < 11 ? at($0).map { $0 * 2 } : nil } == [])
    }

    @Test func range_isAtMostADay_andNeedsEnough() throws {
        var check = SurveyCheck(channels: [.importWh], minutes: 5)
        for index in 0..<11 { check.note(try interval(index, 1)) }
        #expect(check.range(through: end(100)) == nil)
        for index in 11..<400 { check.note(try interval(index, 1)) }
        #expect(check.range(through: end(399)) == end(112)...end(399))
        #expect(check.range(through: end(390)) == end(103)...end(390))
        #expect(check.range(through: end(50)) == nil)
        // A gap in time begins anew.
        check.note(try interval(500, 1))
        #expect(check.range(through: end(500)) == nil)
    }
}
