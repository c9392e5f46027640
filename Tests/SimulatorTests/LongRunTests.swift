import Gateway
import Metering
import Simulator
import Testing

/// Weeks with everything that goes wrong in them: at the end every interval is present or explained, and the sums are
/// what the registers went on.
@Suite struct LongRunTests {
    @Test func weeks_withOutagesAndClockSteps_leaveNoIntervalUnexplained() throws {
        let day: Int64 = 86_400
        var world = World(seed: 50, intervalMinutes: 30, pollSeconds: 900)
        world.setClock(isSynchronised: false, drift: 0)
        world.run(seconds: day)
        for month in 0..<2 {
            world.unplug(wire: 0, seconds: day)
            world.run(seconds: 5 * day)
            world.restart(afterSeconds: 2 * day)
            world.run(seconds: 6 * day)
            world.stepClock(milliseconds: month % 2 == 0 ? 3_600_000 : -86_400_000)
            world.run(seconds: day)
            world.stepClock(milliseconds: month % 2 == 0 ? -3_600_000 : 86_400_000)
            world.run(seconds: 5 * day)
            world.silence(meter: month % 2, seconds: 12 * 3600)
            world.run(seconds: 8 * day)
        }
        #expect(world.journal.faults == [])
        for index in 0...1 {
            let meter = world.meters[index]
            let intervals = world.journal.history.first { $0.first?.meter == meter.settings.serial } ?? []
            #expect(intervals.count >= 49 * 48)
            let missing = intervals.filter { $0.values.contains { $0.quality != .actual } }
            #expect(missing.isEmpty, "\(missing.count) of \(intervals.count)")
            let last = try #require(intervals.last)
            for (place, channel) in Channel.allCases.enumerated() {
                let sum = intervals.dropFirst().reduce(0) { $0 + ($1.values[place].value ?? 0) }
                let start = intervals[0].values[place].registerAtEnd ?? 0
                #expect(sum == (last.values[place].registerAtEnd ?? 0) - start)
                #expect(abs(meter.register(channel, at: last.end) - start - sum) <= 40)
            }
        }
        for intervals in world.journal.history {
            #expect(intervals.allSatisfy { $0.values.allSatisfy { $0.value != nil || !$0.reason.isEmpty } })
        }
    }
}
