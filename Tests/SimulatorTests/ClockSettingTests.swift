import Drivers
import Gateway
import Metering
import Simulator
import Testing

/// `set_clock = true`: the box sets an EDMI meter's clock within bounds, and says so.
@Suite struct ClockSettingTests {
    private static let hour: Int64 = 3600

    private func world(
        error: Int64, allows: Bool = true, sets: Bool = true, isSynchronised: Bool = true
    ) -> World {
        var configuration = World(seed: 70).configuration
        configuration.meters = [configuration.meters[0], configuration.meters[1]]
        for index in 0...1 { configuration.meters[index].setClock = sets }
        var world = World(
            seed: 70, configuration: configuration, trouble: .none, start: WallTime(seconds: 1_772_440_000))
        world.setClock(isSynchronised: isSynchronised, drift: 0)
        for index in 0...1 {
            world.editMeter(index) { meter in
                meter.clockErrorSeconds = error
                meter.allowsClock = allows
            }
        }
        return world
    }

    private func events(_ world: World, _ serial: String = "217072470") -> [String] {
        world.journal.records
            .filter { $0.kind == .meterEvent && $0.data["meter"]?.string == serial }
            .compactMap { $0.data["event"]?.string }
    }

    @Test(arguments: [7, -20, 110] as [Int64]) func clockThatIsOff_isSetOnceAndReadAgain(error: Int64) throws {
        var world = world(error: error)
        world.run(seconds: 2 * Self.hour)
        #expect(world.journal.faults == [])
        for index in 0...1 {
            #expect(world.meters[index].clockErrorSeconds.magnitude <= 1)
            let events = events(world, world.meters[index].settings.serial.text).filter { $0.hasPrefix("clock_set") }
            #expect(events == ["clock_setting", "clock_set"])
        }
        let record = try #require(world.journal.records.last { $0.data["event"] == "clock_set" })
        #expect(record.data["offset_before_s"]?.integer.map { abs($0 - error) <= 1 } == true)
        #expect(record.data["offset_s"]?.integer.map { abs($0) <= 1 } == true)
    }

    @Test(arguments: [0, 4, 121, -130] as [Int64]) func clockOutsideTheBounds_isLeftAlone(error: Int64) {
        var world = world(error: error)
        world.run(seconds: 3 * Self.hour)
        #expect(world.meters[0].clockErrorSeconds == error)
        #expect(!events(world).contains { $0.hasPrefix("clock_set") })
    }

    @Test func clock_isLeftAlone_unlessTheOperatorAllowsIt() {
        var world = world(error: 30, sets: false)
        world.run(seconds: 2 * Self.hour)
        #expect(world.meters[0].clockErrorSeconds == 30)
        #expect(events(world) == [])
    }

    /// Two meters that agree with each other make the box's clock trusted, but not better than theirs.
    @Test func clock_isLeftAlone_whenOnlyMetersVouchForTheBox() {
        var world = world(error: 30, isSynchronised: false)
        world.run(seconds: 3 * Self.hour)
        #expect(world.meters[0].clockErrorSeconds == 30)
        #expect(!events(world).contains { $0.hasPrefix("clock_set") })
    }

    @Test func clock_ofAMeterThatRefuses_isNotTriedAgain() {
        var world = world(error: 30, allows: false)
        world.run(seconds: 5 * Self.hour)
        #expect(events(world).filter { $0.hasPrefix("clock_set") } == ["clock_setting", "clock_set_failed"])
        #expect(world.meters[0].clockErrorSeconds == 30)
        #expect(world.journal.faults == [])
    }

    /// Setting it never disturbs intervals: they go on, all measured, and the survey still fills what was missed.
    @Test func clock_thatWasSet_letsTheSurveyBeUsed() throws {
        var world = world(error: 100)
        world.run(seconds: Self.hour)
        world.unplug(wire: 0, seconds: Self.hour)
        world.run(seconds: 3 * Self.hour)
        #expect(world.journal.faults == [])
        for intervals in world.journal.history {
            #expect(intervals.allSatisfy { $0.values.allSatisfy { $0.quality == .actual } })
        }
    }
}
