import Metering
import Testing

@testable import Intervals

/// Readings as a script: seconds after 2026-03-02T10:00:00Z, then the register.
private struct Script {
    static let start = WallTime(text: "2026-03-02T10:00:00Z") ?? WallTime(milliseconds: 0)

    var keeper: IntervalKeeper
    /// Seconds the wall clock is ahead of the script.
    var step: Int64 = 0
    var stated: [Interval] = []

    init(minutes: Int = 5, poll: Int64 = 30, width: Int64? = nil, resume: Interval? = nil, startedAt: Int64 = 0) {
        keeper = IntervalKeeper(
            meter: MeterSerial("1") ?? Script.serial, epoch: 1, minutes: minutes,
            channels: [IntervalKeeper.Kept(channel: .importWh, width: width)], pollMilliseconds: poll * 1000,
            resume: resume, startedAt: Script.start + startedAt * 1000)
    }

    static let serial = MeterSerial("1")!

    func moment(_ seconds: Double) -> Moment {
        let milliseconds = Int64(seconds * 1000)
        return Moment(
            wall: Script.start + (milliseconds + step * 1000), uptime: Uptime(microseconds: milliseconds * 1000),
            kernelSynchronised: true)
    }

    mutating func read(_ seconds: Double, _ value: Int64, trusted: Bool = true) {
        keeper.note(0, value: value, at: moment(seconds), trusted: trusted)
        stated += keeper.take(now: moment(seconds).wall, limit: 1000)
    }

    /// Reads every 30 s from `from` through `through`, the register rising by 1 each.
    mutating func poll(from: Int, through: Int, value: Int64) {
        for (count, second) in stride(from: from, through: through, by: 30).enumerated() {
            read(Double(second), value + Int64(count))
        }
    }

    mutating func pass(to seconds: Double) { stated += keeper.take(now: moment(seconds).wall, limit: 1000) }

    /// `10:05 10 A boundary`, one line an interval.
    var lines: [String] {
        stated.map { interval in
            let value = interval.values[0]
            let time = String(interval.end.textSeconds.dropFirst(11).prefix(5))
            let amount = value.value.map { String($0) } ?? "-"
            return [time, amount, value.quality.rawValue, value.method, value.reason]
                .filter { !$0.isEmpty }.joined(separator: " ")
        }
    }
}

@Suite struct IntervalKeeperTests {
    @Test func take_whenReadAtBoundaries_givesDifferences() {
        var script = Script()
        script.read(0, 100)
        script.read(300, 110)
        script.read(600, 125)
        #expect(script.lines == ["10:05 10 A boundary", "10:10 15 A boundary"])
        #expect(script.stated.map { $0.values[0].registerAtEnd } == [110, 125])
    }

    @Test func take_whenCommissionedInsideAnInterval_startsWithTheFirstFullOne() {
        var script = Script()
        script.poll(from: 120, through: 660, value: 100)
        #expect(script.lines == ["10:10 10 A boundary"])
    }

    @Test func take_whenReadBetweenBoundaries_interpolatesAndAddsUpExactly() {
        var script = Script()
        var value: Int64 = 1000
        for second in stride(from: 7, through: 3700, by: 30) {
            script.read(Double(second), value)
            value += Int64(second % 7)
        }
        let sum = script.stated.compactMap { $0.values[0].value }.reduce(0, +)
        let first = script.stated.first?.values[0]
        let last = script.stated.last?.values[0]
        #expect(script.stated.count == 11)
        #expect(script.stated.allSatisfy { $0.values[0].quality == .actual && $0.values[0].method == "interpolated" })
        #expect(sum == (last?.registerAtEnd ?? 0) - (first?.registerAtEnd ?? 0) + (first?.value ?? 0))
    }

    @Test func take_whenOneBoundaryIsMissed_estimatesBothSidesWithTheReason() {
        var script = Script()
        script.poll(from: 0, through: 480, value: 0)
        script.keeper.miss(0, why: .timeout)
        script.poll(from: 720, through: 930, value: 24)
        #expect(
            script.lines == [
                "10:05 10 A boundary", "10:10 10 E interpolated timeout", "10:15 10 E interpolated timeout",
            ])
    }

    @Test func take_whenSeveralBoundariesAreMissed_statesNoDataWithTheReason() {
        var script = Script()
        script.poll(from: 0, through: 330, value: 0)
        script.keeper.miss(0, why: .badChecksum)
        script.poll(from: 1230, through: 1830, value: 41)
        #expect(
            script.lines == [
                "10:05 10 A boundary", "10:10 - N none bad_checksum", "10:15 - N none bad_checksum",
                "10:20 - N none bad_checksum", "10:25 - N none bad_checksum", "10:30 10 A boundary",
            ])
        // The register is known again at the end of the last missing interval: nothing is lost, only its place.
        #expect(script.stated[4].values[0].registerAtEnd == 50)
    }

    @Test func take_whenTheMeterStaysSilent_statesEachIntervalAfterItsDeadline() {
        var script = Script()
        script.poll(from: 0, through: 330, value: 0)
        script.keeper.miss(0, why: .timeout)
        script.pass(to: 900)
        #expect(script.lines == ["10:05 10 A boundary"])
        script.pass(to: 971)
        #expect(script.lines.last == "10:10 - N none timeout")
        script.pass(to: 3600)
        #expect(script.stated.count == 10)
        // Back again: what was given up stays so, and the next full interval has a value.
        script.poll(from: 3610, through: 4210, value: 500)
        #expect(script.lines.suffix(2) == ["11:05 - N none timeout", "11:10 10 A interpolated"])
        #expect(Set(script.stated.map(\.key)).count == script.stated.count)
    }

    @Test func take_whenTheRegisterRollsOver_subtractsModuloItsWidth() {
        var script = Script(width: 1_000_000)
        script.read(0, 999_990)
        script.read(300, 999_997)
        script.read(600, 3)
        #expect(script.lines == ["10:05 7 A boundary", "10:10 6 A boundary"])
        #expect(script.stated[1].values[0].registerAtEnd == 3)
    }

    /// A float32 total of 100 MWh goes on by 8 Wh at a time: intervals step, and add up to the register's advance.
    @Test func take_ofATotalThatSteps_addsUpExactly() {
        var script = Script()
        for second in stride(from: 0, through: 7200, by: 30) {
            script.read(Double(second), 100_000_000 + Int64(second) * 1200 / 3600 / 8 * 8)
        }
        #expect(script.stated.count == 24)
        #expect(script.stated.allSatisfy { $0.values[0].quality == .actual })
        let amounts = script.stated.compactMap { $0.values[0].value }
        #expect(amounts.allSatisfy { $0 >= 96 && $0 <= 104 && $0 % 8 == 0 })
        #expect(amounts.reduce(0, +) == 2400)
    }

    @Test func take_whenTheRegisterWasReset_hasNoIntervalAcrossIt() {
        var script = Script()
        script.poll(from: 0, through: 390, value: 500_000)
        script.keeper.breakSpan(0, why: .registerReset)
        script.poll(from: 420, through: 900, value: 0)
        #expect(
            script.lines == [
                "10:05 10 A boundary", "10:10 - N none register_reset", "10:15 10 A boundary",
            ])
    }

    @Test func take_whenTheClockStepsForward_flagsWhatItSkipped() {
        var script = Script()
        script.poll(from: 0, through: 390, value: 0)
        script.step = 3600
        script.poll(from: 420, through: 1200, value: 14)
        #expect(script.lines.first == "10:05 10 A boundary")
        #expect(script.lines.filter { $0.hasSuffix("N none clock") }.count == 13)
        #expect(script.lines.suffix(2) == ["11:15 10 A boundary", "11:20 10 A boundary"])
        #expect(script.stated.count == 16)
    }

    @Test func take_whenTheClockStepsBack_statesNoIntervalTwice() {
        var script = Script()
        script.poll(from: 0, through: 690, value: 0)
        script.step = -600
        script.poll(from: 720, through: 1800, value: 24)
        #expect(
            script.lines == [
                "10:05 10 A boundary", "10:10 10 A boundary", "10:15 - N none clock", "10:20 10 A boundary",
            ])
    }

    @Test func take_whenTheClockStepsALittle_flagsTheIntervalAndKeepsTheSum() {
        var script = Script()
        script.poll(from: 0, through: 390, value: 0)
        script.step = 20
        script.poll(from: 420, through: 900, value: 14)
        #expect(script.lines[1] == "10:10 9 E interpolated clock")
        #expect(script.lines[2].hasPrefix("10:15 10 A"))
    }

    @Test func take_whenTheClockIsNotTrusted_flagsEveryInterval() {
        var script = Script()
        for second in stride(from: 0, through: 600, by: 30) {
            script.read(Double(second), Int64(second), trusted: false)
        }
        #expect(script.lines == ["10:05 300 E boundary clock", "10:10 300 E boundary clock"])
    }

    @Test(arguments: [5, 15, 30]) func take_forEveryLength_isAlignedToTheHour(minutes: Int) {
        var script = Script(minutes: minutes)
        for second in stride(from: 10, through: 7300, by: 30) { script.read(Double(second), Int64(second)) }
        #expect(script.stated.allSatisfy { $0.end.seconds % Int64(minutes * 60) == 0 && $0.minutes == minutes })
        #expect(script.stated.count == 120 / minutes - 1)
        #expect(script.stated.allSatisfy { $0.values[0].value == Int64(minutes * 60) })
    }

    // MARK: After a restart

    private func stated(end: String, register: Int64?) -> Interval {
        Interval(
            meter: Script.serial, epoch: 1, end: WallTime(text: end) ?? Script.start, minutes: 5, revision: 0,
            values: [
                IntervalValue(
                    channel: .importWh, value: 10, quality: .actual, method: "boundary", reason: "",
                    source: .register, registerAtEnd: register)
            ])
    }

    @Test func resume_afterAMoment_goesOnWithoutAGap() {
        var script = Script(resume: stated(end: "2026-03-02T10:05:00Z", register: 1000), startedAt: 420)
        script.poll(from: 420, through: 900, value: 1004)
        #expect(script.lines == ["10:10 10 A boundary", "10:15 10 A boundary"])
    }

    @Test func resume_afterTheBoundaryWasMissed_estimatesFromTheJournal() {
        var script = Script(resume: stated(end: "2026-03-02T10:05:00Z", register: 1000), startedAt: 660)
        script.poll(from: 660, through: 930, value: 1012)
        #expect(script.lines == ["10:10 10 E interpolated off", "10:15 10 E interpolated off"])
    }

    @Test func resume_afterALongOutage_fillsTheGapInBatches() {
        var script = Script(resume: stated(end: "2026-03-01T10:00:00Z", register: 1000), startedAt: 0)
        script.keeper.note(0, value: 5000, at: script.moment(10), trusted: true)
        script.keeper.note(0, value: 5001, at: script.moment(40), trusted: true)
        var batches: [Int] = []
        while true {
            let batch = script.keeper.take(now: script.moment(40).wall, limit: 100)
            if batch.isEmpty { break }
            batches.append(batch.count)
            script.stated += batch
        }
        #expect(batches == [100, 100, 88])
        #expect(script.lines.allSatisfy { $0.hasSuffix("- N none off") })
        #expect(script.stated.last?.end == Script.start)
        #expect(zip(script.stated, script.stated.dropFirst()).allSatisfy { $1.end - $0.end == 300_000 })
    }

    @Test func resume_withoutARegister_hasNoValueUntilTwoAnchorsAreKnown() {
        var script = Script(resume: stated(end: "2026-03-02T10:05:00Z", register: nil), startedAt: 420)
        script.poll(from: 420, through: 900, value: 1004)
        #expect(script.lines == ["10:10 - N none off", "10:15 10 A boundary"])
    }

    @Test func resume_withAnotherLength_goesOnAtTheNextCommonBoundary() {
        var script = Script(minutes: 15, resume: stated(end: "2026-03-02T10:05:00Z", register: 1000))
        script.poll(from: 420, through: 2730, value: 1000)
        #expect(script.stated.map { $0.end.textSeconds } == ["2026-03-02T10:30:00Z", "2026-03-02T10:45:00Z"])
        #expect(script.stated.allSatisfy { $0.values[0].value == 30 })
    }
}
