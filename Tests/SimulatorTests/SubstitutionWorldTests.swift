import Gateway
import Intervals
import Metering
import Simulator
import Testing

/// `substitute = …`: what no survey can give is filled as the operator said, and never against the register.
@Suite struct SubstitutionWorldTests {
    private static let hour: Int64 = 3600

    /// Meters 2 and 3 have no survey, meter 0 has one.
    private func world(_ method: SubstitutionMethod, minutes: Int = 30, poll: Int = 600) -> World {
        var configuration = World(seed: 80, intervalMinutes: minutes, pollSeconds: poll).configuration
        configuration.meters = [configuration.meters[1], configuration.meters[2]]
        for index in 0...1 { configuration.meters[index].substitute = method }
        return World(
            seed: 80, configuration: configuration, trouble: .none, start: WallTime(seconds: 1_772_440_000))
    }

    private func intervals(_ world: World, _ index: Int) -> [Interval] {
        world.journal.history.first { $0.first?.meter == world.meters[index].settings.serial } ?? []
    }

    private func expectSum(_ world: World, _ index: Int) throws {
        let intervals = intervals(world, index)
        let last = try #require(intervals.last)
        let sum = intervals.dropFirst().reduce(0) { $0 + ($1.values[0].value ?? 0) }
        #expect(sum == (last.values[0].registerAtEnd ?? 0) - (intervals[0].values[0].registerAtEnd ?? 0))
    }

    @Test(arguments: [false, true]) func linear_fillsWhatABoxThatWasOffMissed(isTwice: Bool) throws {
        var world = world(.linear)
        world.run(seconds: 3 * Self.hour)
        world.restart(afterSeconds: 5 * Self.hour)
        world.run(seconds: 8 * Self.hour)
        if isTwice {
            world.restart(afterSeconds: 60)
            world.run(seconds: 2 * Self.hour)
        }
        #expect(world.journal.faults == [])
        let missed = intervals(world, 1).filter { $0.values[0].quality == .substituted }
        #expect(missed.count >= 8)
        #expect(
            missed.allSatisfy { $0.revision == 1 && $0.values.allSatisfy { $0.method == "17" && $0.reason == "off" } })
        #expect(intervals(world, 1).dropFirst().allSatisfy { $0.values.allSatisfy { $0.value != nil } })
        try expectSum(world, 1)
        // What the survey knows needs no substitute.
        #expect(intervals(world, 0).allSatisfy { $0.values.allSatisfy { $0.quality == .actual } })
        world.tell(.request(.intervalGaps(nil), token: 5))
        let gaps = try #require(try world.answers.last { $0.token == 5 }?.result.get().array)
        #expect(gaps.allSatisfy { $0["next_try_at"] == .null })
    }

    /// A meter without power counts nothing, and its survey has nothing: the register stood still, so a zero is true.
    @Test func zero_fillsTheHoursWithoutPower() throws {
        var world = world(.zero)
        world.run(seconds: 3 * Self.hour)
        world.darken(meter: 0, seconds: 4 * Self.hour)
        world.run(seconds: 8 * Self.hour)
        #expect(world.journal.faults == [])
        let dark = intervals(world, 0).filter { $0.values[0].quality == .substituted }
        #expect(dark.count >= 7)
        #expect(dark.allSatisfy { $0.values.allSatisfy { $0.value == 0 && $0.method == "19" } })
        try expectSum(world, 0)
    }

    @Test func likeDay_hasTheShapeOfTheWeekBefore() throws {
        var world = world(.likeDay, poll: 3600)
        world.run(seconds: 8 * 24 * Self.hour)
        world.restart(afterSeconds: 10 * Self.hour)
        world.run(seconds: 14 * Self.hour)
        #expect(world.journal.faults == [])
        let all = intervals(world, 1)
        let missed = all.filter { $0.values[0].quality == .substituted }
        #expect(missed.count >= 18)
        #expect(missed.allSatisfy { $0.values[0].method == "14" })
        for interval in missed {
            let before = try #require(all.first { $0.end == interval.end + -7 * 86_400_000 })
            let like = try #require(before.values[0].value)
            // Scaled to the register: appliances do not run on the week's beat.
            #expect(abs((interval.values[0].value ?? 0) - like) <= like / 4 + 10)
        }
        try expectSum(world, 1)
    }
}
