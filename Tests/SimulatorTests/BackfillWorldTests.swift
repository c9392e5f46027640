import Gateway
import Metering
import Simulator
import Testing

/// Outages of every kind, and what the load survey makes good: meters 0 (Atlas) and 1 (Genius) have one.
@Suite struct BackfillWorldTests {
    private static let hour: Int64 = 3600

    /// Every interval of a meter with a survey is there and actual, follows the one before, and their sum is what the
    /// register went on.
    private func expectComplete(_ world: World, meter index: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        let meter = world.meters[index]
        let intervals = world.journal.history.first { $0.first?.meter == meter.settings.serial } ?? []
        #expect(!intervals.isEmpty, sourceLocation: sourceLocation)
        for interval in intervals {
            #expect(
                interval.values.allSatisfy { $0.quality == .actual && $0.value != nil }, "\(interval)",
                sourceLocation: sourceLocation)
        }
        guard let first = intervals.first, let last = intervals.last else { return }
        for (place, channel) in Channel.allCases.enumerated() {
            let sum = intervals.dropFirst().reduce(0) { $0 + ($1.values[place].value ?? 0) }
            let advance = (last.values[place].registerAtEnd ?? 0) - (first.values[place].registerAtEnd ?? 0)
            #expect(sum == advance, "\(channel)", sourceLocation: sourceLocation)
            let truth = meter.register(channel, at: last.end) - meter.register(channel, at: first.end)
            #expect(abs(sum - truth) <= 8, "\(channel)", sourceLocation: sourceLocation)
        }
        for interval in intervals.dropFirst() {
            for value in interval.values where value.method == "survey" {
                let start = interval.end + -300_000
                let truth = meter.register(value.channel, at: interval.end) - meter.register(value.channel, at: start)
                #expect(abs((value.value ?? -1) - truth) <= 12, "\(value)", sourceLocation: sourceLocation)
            }
        }
    }

    private func gaps(_ world: inout World, _ serial: String? = nil) throws -> [JSONValue] {
        world.tell(.request(.intervalGaps(serial.flatMap { MeterSerial($0) }), token: 77))
        let answer = try #require(world.answers.last { $0.token == 77 })
        return try #require(try answer.result.get().array)
    }

    private func backfilled(_ world: World, _ index: Int) -> Int {
        world.journal.history.joined()
            .filter { $0.meter == world.meters[index].settings.serial && $0.revision > 0 }.count
    }

    @Test func wire_unpluggedForHours_givesItsIntervalsBackAsActuals() throws {
        var world = World(seed: 31)
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: 5 * Self.hour)
        world.run(seconds: 5 * Self.hour - 60)
        let missing = try gaps(&world, "217072470")
        #expect(missing.count == 4)
        #expect(missing.allSatisfy { $0["why"] == "port_down" && $0["next_try_at"]?.string != nil })
        world.run(seconds: Self.hour)
        #expect(world.journal.faults == [])
        for index in 0...1 {
            expectComplete(world, meter: index)
            #expect(backfilled(world, index) >= 58)
        }
        #expect(try gaps(&world) == [])
        #expect(!world.journal.records.contains { $0.data["alarm"] == "sum_check" })
    }

    @Test func box_offForHours_fetchesWhatItMissed() throws {
        var world = World(seed: 32)
        world.run(seconds: Self.hour)
        world.restart(afterSeconds: 7 * Self.hour)
        world.run(seconds: 9 * Self.hour)
        #expect(world.journal.faults == [])
        for index in 0...1 {
            expectComplete(world, meter: index)
            #expect(backfilled(world, index) >= 82)
        }
        // The meters without a survey say what they lack, and that nothing more will come.
        let gaps = try gaps(&world)
        #expect(Set(gaps.compactMap { $0["meter"]?.string }) == ["19210345", "19210346"])
        #expect(gaps.allSatisfy { $0["why"] == "off" && $0["next_try_at"] == .null })
    }

    @Test func box_killedInTheMiddleOfABackfill_fetchesNothingTwice() throws {
        var world = World(seed: 33)
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: 4 * Self.hour)
        world.run(seconds: 4 * Self.hour + 100)
        for _ in 0..<8 {
            world.restart(afterSeconds: 1)
            world.run(seconds: 97)
        }
        world.run(seconds: Self.hour)
        #expect(world.journal.faults == [])
        for index in 0...1 { expectComplete(world, meter: index) }
        #expect(world.journal.history.joined().allSatisfy { $0.revision <= 1 })
    }

    /// The kernel does not vouch for the clock, so a step costs it its trust until a meter agrees again.
    @Test(
        arguments: [3_600_000, -3_600_000, 86_400_000, 31_536_000_000, -31_536_000_000, 90_000, -20_000] as [Int64])
    func clock_thatStepsAndComesBack_leavesNoIntervalMissing(step: Int64) throws {
        var world = World(seed: 34)
        world.setClock(isSynchronised: false, drift: 0)
        world.run(seconds: 2 * Self.hour)
        world.stepClock(milliseconds: step)
        world.run(seconds: 2 * Self.hour + 100)
        world.stepClock(milliseconds: -step)
        world.run(seconds: 4 * Self.hour)
        #expect(world.journal.faults == [])
        #expect(try gaps(&world, "217072470") == [])
        #expect(try gaps(&world, "251308613") == [])
        for index in 0...1 {
            #expect(backfilled(world, index) > 0)
            expectComplete(world, meter: index)
        }
    }

    @Test func meter_silentForHours_isBackfilled() throws {
        var world = World(seed: 35)
        world.run(seconds: Self.hour)
        world.silence(meter: 0, seconds: 3 * Self.hour)
        world.run(seconds: 5 * Self.hour)
        #expect(world.journal.faults == [])
        expectComplete(world, meter: 0)
        #expect(backfilled(world, 0) >= 35)
        #expect(backfilled(world, 1) == 0)
    }

    @Test func survey_ofAMeterWithoutPower_staysNullWithItsReason() throws {
        var world = World(seed: 36)
        world.run(seconds: Self.hour)
        let now = world.clock.truth.seconds + 36_000
        world.editMeter(0) { $0.survey?.outages = [(now + 600)...(now + 3000)] }
        world.unplug(wire: 0, seconds: 2 * Self.hour)
        world.run(seconds: 4 * Self.hour)
        #expect(world.journal.faults == [])
        let intervals = world.journal.history.first { $0.first?.meter.text == "217072470" } ?? []
        let missing = intervals.filter { $0.values[0].value == nil }
        #expect((7...8).contains(missing.count))
        #expect(missing.allSatisfy { $0.values.allSatisfy { $0.source == .survey && $0.reason == "not_recorded" } })
        // Cut at both ends, and counted all the same.
        let cut = intervals.flatMap(\.values).filter { $0.reason == "power_failed" }
        #expect(cut.count == 8)
        #expect(cut.allSatisfy { $0.quality == .actual && $0.value != nil })
        let told = try gaps(&world, "217072470")
        #expect(told.count == 4)
        #expect(told.allSatisfy { $0["why"] == "not_recorded" && $0["next_try_at"] == .null })
    }

    @Test func survey_withLongerIntervalsThanTheBox_isLeftAlone() throws {
        var world = World(seed: 37)
        world.editMeter(0) { $0.survey?.intervalMinutes = 30 }
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 3 * Self.hour)
        #expect(world.journal.faults == [])
        #expect(backfilled(world, 0) == 0)
        #expect(backfilled(world, 1) > 0)
        #expect(try gaps(&world, "217072470").allSatisfy { $0["next_try_at"] == .null })
    }

    @Test func survey_withShorterIntervalsThanTheBox_isAddedUp() throws {
        var world = World(seed: 38, intervalMinutes: 30)
        for index in 0...1 { world.editMeter(index) { $0.survey?.intervalMinutes = 5 } }
        world.run(seconds: 2 * Self.hour)
        world.unplug(wire: 0, seconds: 5 * Self.hour)
        world.run(seconds: 8 * Self.hour)
        #expect(world.journal.faults == [])
        for index in 0...1 {
            let meter = world.meters[index].settings.serial
            let intervals = world.journal.history.first { $0.first?.meter == meter } ?? []
            #expect(intervals.allSatisfy { $0.values.allSatisfy { $0.quality == .actual } })
            #expect(backfilled(world, index) >= 9)
        }
    }

    /// Somebody reprograms the meter: its survey begins anew with another length, and what is known of it is asked again.
    @Test func survey_whoseIntervalChanges_isReadAsItIsNow() throws {
        var world = World(seed: 45)
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 2 * Self.hour)
        let before = backfilled(world, 1)
        #expect(before >= 10)
        world.editMeter(1) { $0.survey?.intervalMinutes = 1 }
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 2 * Self.hour)
        #expect(backfilled(world, 1) >= before + 10)
        expectComplete(world, meter: 1)
        // Longer than the box's: what is missing now stays so, and is told.
        world.editMeter(1) { $0.survey?.intervalMinutes = 15 }
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 2 * Self.hour)
        #expect(world.journal.faults == [])
        let told = try gaps(&world, "251308613")
        #expect(!told.isEmpty)
        #expect(told.allSatisfy { $0["why"]?.string?.isEmpty == false && $0["next_try_at"] == .null })
    }

    /// Without a status nothing says which records are whole: such a survey is not used.
    @Test func survey_withoutAStatus_fillsNothing() throws {
        var world = World(seed: 46)
        world.editMeter(1) { $0.survey?.hasStatus = false }
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 2 * Self.hour)
        #expect(world.journal.faults == [])
        #expect(backfilled(world, 1) == 0)
        #expect(try gaps(&world, "251308613").count >= 4)
        expectComplete(world, meter: 0)
    }

    /// A meter whose clock is wrong tells of other intervals than it seems to: nothing is taken from it.
    @Test func survey_ofAMeterWithAWrongClock_isNotTrusted() throws {
        var world = World(seed: 39)
        world.editMeter(0) { $0.clockErrorSeconds = 300 }
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 2 * Self.hour)
        #expect(backfilled(world, 0) == 0)
        #expect(try gaps(&world, "217072470").allSatisfy { $0["next_try_at"]?.string != nil })
        // Once it is right it is asked again.
        world.editMeter(0) { $0.clockErrorSeconds = 0 }
        world.run(seconds: 2 * Self.hour)
        expectComplete(world, meter: 0)
    }

    @Test func backfill_ofDays_neverDelaysALivePollByMoreThanOneExchange() throws {
        var world = World(seed: 40)
        world.run(seconds: Self.hour)
        world.restart(afterSeconds: 10 * 86_400)
        world.run(seconds: 10 * 86_400 + 60)
        world.isTracing = true
        world.run(seconds: Self.hour)
        #expect(world.journal.faults == [])
        expectComplete(world, meter: 0)
        #expect(backfilled(world, 0) >= 2879)
        let wire = world.trace.filter { $0.port == PortID("a") }
        let surveys = wire.filter(\.isSurvey)
        #expect(surveys.count >= 100)
        let longest = surveys.map { $0.doneAt - $0.beganAt }.max() ?? 0
        for exchange in wire where !exchange.isSurvey {
            let ahead = surveys.filter { $0.doneAt > exchange.givenAt && $0.beganAt < exchange.beganAt }
            #expect(ahead.count <= 1)
        }
        for topic in ["meter/217072470/live", "meter/251308613/live"] {
            let times = world.livePublished.filter { $0.topic == topic }.map(\.at)
            #expect(times.count >= 119)
            for (before, after) in zip(times, times.dropFirst()) {
                #expect(after - before <= 30_000_000 + 2 * longest)
            }
        }
    }

    /// 30 days of 5-minute intervals of four channels at 9600 baud: within ten minutes of wire for each meter, most of it
    /// the records themselves.
    @Test func backfill_ofAMonth_takesMinutesOfWire() throws {
        let days: Int64 = 30
        for (dialect, width) in [(0, 11), (1, 20)] as [(Int, Int64)] {
            var configuration = World(seed: 47).configuration
            configuration.meters = [configuration.meters[dialect]]
            var world = World(
                seed: 47, configuration: configuration, trouble: .none, start: WallTime(seconds: 1_772_440_000))
            world.run(seconds: Self.hour)
            world.restart(afterSeconds: days * 86_400)
            world.run(seconds: days * 86_400 + 60)
            world.isTracing = true
            world.run(seconds: Self.hour)
            #expect(world.journal.faults == [])
            expectComplete(world, meter: 0)
            let surveys = world.trace.filter(\.isSurvey)
            let taken = surveys.reduce(0) { $0 + $1.doneAt - $1.beganAt } / 1000
            // A byte takes 1.0417 ms; nothing can be faster than the records.
            let least = days * 288 * width * 10_000 / 9600
            #expect(backfilled(world, 0) >= 8639)
            #expect(taken < 600_000)
            #expect(taken < least * 13 / 10, "\(taken) ms for \(surveys.count) exchanges, \(least) ms of records")
        }
    }

    private func world(seed: UInt64, _ edit: (inout MeterSettings) -> Void) -> World {
        var configuration = World(seed: seed).configuration
        edit(&configuration.meters[0])
        return World(
            seed: seed, configuration: configuration, trouble: .none, start: WallTime(seconds: 1_772_440_000))
    }

    private func sumChecks(_ world: World) -> [JSONObject] {
        world.journal.records.filter { $0.data["alarm"] == "sum_check" }.map(\.data)
    }

    @Test func sumCheck_ofAGoodSurvey_isMadeDailyAndSaysNothing() {
        var world = World(seed: 41)
        world.run(seconds: 15 * Self.hour)
        world.isTracing = true
        world.run(seconds: 3 * Self.hour)
        #expect(world.trace.contains { $0.isSurvey })
        #expect(sumChecks(world).isEmpty)
        #expect(world.journal.faults == [])
    }

    @Test func sumCheck_ofStampsThatMeanSomethingElse_saysSo() {
        var world = world(seed: 42) { $0.surveyStampIsEnd = false }
        world.run(seconds: 17 * Self.hour)
        let alarms = sumChecks(world)
        #expect(alarms.count >= 1)
        #expect(alarms.allSatisfy { $0["meter"] == "217072470" && $0["why"] == "survey_shift" })
    }

    /// Found out before the first gap is filled with the wrong intervals.
    @Test func survey_whoseStampsMeanSomethingElse_fillsNothing() throws {
        var world = world(seed: 43) { $0.surveyStampIsEnd = false }
        world.run(seconds: 6 * Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 3 * Self.hour)
        #expect(backfilled(world, 0) == 0)
        #expect(backfilled(world, 1) >= 10)
        let alarm = try #require(sumChecks(world).first)
        #expect(alarm["intervals"] == -1)
        let message = try #require(alarm["message"]?.string)
        #expect(message.contains("survey_stamp = \"end\""))
        #expect(try gaps(&world, "217072470").allSatisfy { $0["next_try_at"] == .null })
        #expect(world.journal.faults == [])
    }

    @Test func sumCheck_ofRegistersThatCountOtherwise_isAnAlarmWithTheNumbers() throws {
        var world = world(seed: 44) { $0.model.registers[0].scale = DecimalValue(mantissa: 2) }
        world.run(seconds: 17 * Self.hour)
        let alarm = try #require(sumChecks(world).first)
        #expect(alarm["why"] == "survey_sum")
        #expect(alarm["channel"] == "import_wh")
        let survey = try #require(alarm["survey"]?.integer)
        let register = try #require(alarm["register"]?.integer)
        #expect(survey > 1000)
        #expect(abs(register - 2 * survey) < 20)
        #expect(alarm["difference"]?.integer == survey - register)
        #expect(sumChecks(world).count == 1)
    }
}
