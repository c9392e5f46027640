import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct AgentTimeTests {
    private func bench(
        _ meter: ScriptedMeter, recovered: RecoveredState = .empty, hostClock: Bool = false, step: Int64 = 0,
        minutes: Int = 5
    ) throws -> Bench {
        var bench = Bench(
            BenchMeters.configuration([try BenchMeters.meter("1001")], minutes: minutes, hostClock: hostClock),
            recovered: recovered, wire: meter.answer)
        bench.step = step
        return bench
    }

    private func noneTwice(_ bench: Bench) -> Bool {
        let keys = bench.intervals.map(\.key)
        let ends = bench.intervals.map(\.end)
        return Set(keys).count == keys.count && zip(ends, ends.dropFirst()).allSatisfy { $1 - $0 == 300_000 }
    }

    @Test(arguments: [600, 3600, -3600, 86_400] as [Int64])
    func clockStep_makesNoIntervalDoubleOrMissing(seconds: Int64) throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1200)
        bench.step += seconds * 1000
        bench.pass(seconds: 7200)
        #expect(bench.records(.clockStep).count == 1)
        #expect(noneTwice(bench))
        #expect(bench.lines().filter { $0.contains(" N clock") }.count >= 1)
        // What has a value is what was used.
        #expect(bench.intervals.compactMap { $0.values[0].value }.allSatisfy { (299...301).contains($0) })
    }

    @Test func clockStepBackByADay_placesNothingUntilTimeHasCaughtUp() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1200)
        let before = bench.lines()
        bench.step -= 86_400_000
        bench.pass(seconds: 7200)
        #expect(bench.lines() == before)
        #expect(try bench.status()["clock"] == "untrusted")
        // Back again: the slots of the time between are stated as missing, once.
        bench.step += 86_400_000
        bench.pass(seconds: 1200)
        #expect(noneTwice(bench))
        #expect(bench.lines().last?.hasSuffix("300 A") == true)
    }

    @Test func clockStepForwardByAMonth_isFilledInBatches() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1200)
        bench.step += 30 * 86_400_000
        var largest = 0
        for _ in 0..<60 {
            let before = bench.journal.count
            bench.give(.wake)
            largest = max(largest, bench.journal.count - before)
            bench.pass(seconds: 1)
        }
        bench.pass(seconds: 900)
        #expect(largest <= 520)
        #expect(noneTwice(bench))
        #expect(bench.intervals.count > 8640)
        #expect(bench.lines().last?.hasSuffix("300 A") == true)
    }

    @Test func untrustedClock_flagsIntervalsButGoesOn() throws {
        var bench = try bench(ScriptedMeter())
        bench.isSynchronised = false
        bench.pass(seconds: 1200)
        #expect(bench.lines() == ["10:10 300 E clock", "10:15 300 E clock"])
        #expect(bench.alarms == ["clock_untrusted"])
    }

    @Test func clockBeforeTheBuild_placesNothingUntilItIsRight() throws {
        var bench = try bench(ScriptedMeter(), step: -Bench.start.milliseconds)
        bench.isSynchronised = false
        bench.pass(seconds: 3600)
        #expect(bench.intervals.isEmpty)
        #expect(try bench.status()["clock"] == "untrusted")
        bench.step = 0
        bench.isSynchronised = true
        bench.pass(seconds: 1200)
        #expect(bench.lines().last?.hasSuffix("300 A") == true)
        #expect(bench.lines().count <= 3)
    }

    // MARK: Restart

    private func recovered(end: String, register: Int64, newest: String? = nil) throws -> RecoveredState {
        let time = try #require(WallTime(text: end))
        let values = [Channel.importWh, .exportWh].map { channel in
            IntervalValue(
                channel: channel, value: 1, quality: .actual, method: "boundary", reason: "", source: .register,
                registerAtEnd: channel == .importWh ? register : 500)
        }
        var state = RecoveredState.empty
        state.head = 41
        state.newestAt = newest.flatMap { WallTime(text: $0) } ?? time + 2000
        state.intervals = [
            Interval(
                meter: try #require(MeterSerial("1001")), epoch: 1, end: time, minutes: 5, revision: 0, values: values)
        ]
        return state
    }

    @Test func restart_goesOnWhereTheJournalEnds() throws {
        let state = try recovered(end: "2026-03-02T10:00:00Z", register: 999_970)
        var bench = try bench(ScriptedMeter(), recovered: state)
        bench.pass(seconds: 700)
        #expect(bench.journal.first?.key == "box.started/42")
        #expect(bench.lines() == ["10:05 299 A", "10:10 300 A"])
    }

    @Test func restart_afterAnOutage_fillsTheGapWithItsReason() throws {
        let state = try recovered(end: "2026-03-02T08:00:00Z", register: 990_000)
        var bench = try bench(ScriptedMeter(), recovered: state)
        bench.pass(seconds: 700)
        let lines = bench.lines()
        #expect(lines.first == "08:05 - N off")
        #expect(lines.filter { $0.hasSuffix("- N off") }.count == 25)
        #expect(lines.last == "10:10 300 A")
        #expect(noneTwice(bench))
        #expect(bench.alarms == [])
    }

    @Test func restart_withARegisterThatWentBack_quarantines() throws {
        let state = try recovered(end: "2026-03-02T10:00:00Z", register: 5_000_000)
        var bench = try bench(ScriptedMeter(), recovered: state)
        bench.pass(seconds: 700)
        #expect(bench.alarms == ["register_reset"])
        #expect(bench.lines() == ["10:05 - N register_reset", "10:10 300 A"])
    }

    @Test func restart_withAClockBehindTheJournal_placesNothingTwice() throws {
        let state = try recovered(
            end: "2026-03-02T10:30:00Z", register: 999_000, newest: "2026-03-02T10:30:02Z")
        var bench = try bench(ScriptedMeter(), recovered: state)
        bench.pass(seconds: 3600)
        #expect(bench.intervals.first?.end.textSeconds == "2026-03-02T10:35:00Z")
        #expect(bench.lines().first == "10:35 - N clock")
        #expect(noneTwice(bench))
        #expect(bench.journal.allSatisfy { $0.at >= state.newestAt })
    }

    // MARK: Determinism

    @Test func replay_ofTheSameInputs_givesTheSameBytes() throws {
        func run() throws -> [UInt8] {
            let meter = ScriptedMeter()
            var bench = try bench(meter)
            bench.pass(seconds: 900)
            meter.forged = 3
            bench.pass(seconds: 900)
            bench.step += 90_000
            meter.failure = .timeout
            bench.pass(seconds: 900)
            return bench.export
        }
        #expect(try run() == run())
    }

    // MARK: Reload

    @Test func reload_keepsUnchangedMetersAndSaysWhatChanged() throws {
        let first = ScriptedMeter()
        let second = ScriptedMeter()
        let meters = [try BenchMeters.meter("1", unit: 1), try BenchMeters.meter("2", unit: 2)]
        var bench = Bench(BenchMeters.configuration(meters)) { request, elapsed in
            guard case .modbus(let job) = request.operation else { return nil }
            return (job.unit.number == 1 ? first : second).answer(request, elapsed)
        }
        bench.pass(seconds: 700)
        let changed = try BenchMeters.meter("2", unit: 2, poll: 10)
        let added = try BenchMeters.meter("3", unit: 2, port: "c")
        bench.give(.reconfigure(BenchMeters.configuration([meters[0], changed, added]), keys: []))
        let record = try #require(bench.records(.configChanged).first)
        #expect(record["changed"] == ["2"])
        #expect(record["added"] == ["3"])
        #expect(record["removed"] == [])
        bench.pass(seconds: 900)
        #expect(bench.records(.meterUp).count == 4)
        for serial in ["1", "2"] {
            let ends = bench.intervals.filter { $0.meter.text == serial }.map(\.end)
            #expect(ends.count == 4)
            #expect(zip(ends, ends.dropFirst()).allSatisfy { $1 - $0 == 300_000 })
        }
        #expect(bench.intervals.allSatisfy { $0.values[0].quality == .actual })
    }

    @Test func reload_whileRequestsAreOut_dropsAnswersForTheGone() throws {
        var bench = Bench(
            BenchMeters.configuration([try BenchMeters.meter("1", unit: 1), try BenchMeters.meter("2", unit: 2)])
        ) { _, _ in nil }
        bench.pass(seconds: 1)
        let out = bench.requests
        bench.give(.request(.meterRead(try BenchMeters.serial("1")), token: 4))
        bench.give(.reconfigure(BenchMeters.configuration([try BenchMeters.meter("2", unit: 2)]), keys: []))
        let failure = try #require(bench.failure(4))
        #expect(failure.code == "busy")
        for request in out {
            bench.give(
                .reply(
                    BusReply(
                        id: request.id, port: request.port, outcome: .modbus([.success([0, 1, 0, 1, 2300, 5000])]),
                        at: bench.moment)))
        }
        #expect(bench.records(.meterUp).isEmpty)
        bench.give(.request(.meterList, token: 5))
        #expect(try bench.value(5)["meters"]?.array?.count == 1)
    }

    @Test func commissioning_ofAnUnconfiguredBox_recordsFromThenOn() throws {
        var blank = BenchMeters.configuration([])
        blank.box.unconfigured = true
        blank.box.id = ""
        let meter = ScriptedMeter()
        var bench = Bench(blank, wire: meter.answer)
        bench.pass(seconds: 600)
        #expect(bench.journal.isEmpty)
        bench.give(.reconfigure(BenchMeters.configuration([try BenchMeters.meter("1")]), keys: []))
        bench.pass(seconds: 1)
        #expect(bench.journal.prefix(2).map(\.key) == ["box.created/1", "box.started/2"])
        #expect(bench.records(.boxCreated) == [["box": "BENCH"]])
        #expect(bench.records(.meterUp).count == 1)
    }
}
