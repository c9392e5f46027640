import Gateway
import Metering
import Simulator
import Testing

/// Outages around one boundary: the register there is interpolated, and the survey knows better a moment later.
@Suite struct ShortOutageTests {
    private func expectWhole(_ world: World, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(world.journal.faults == [], sourceLocation: sourceLocation)
        for meter in world.meters.prefix(2) {
            let intervals = world.journal.history.first { $0.first?.meter == meter.settings.serial } ?? []
            for (place, channel) in Channel.allCases.enumerated() {
                for (before, interval) in zip(intervals, intervals.dropFirst()) {
                    let value = interval.values[place]
                    let truth = meter.register(channel, at: interval.end) - meter.register(channel, at: before.end)
                    #expect(
                        value.quality == .actual && abs((value.value ?? -1) - truth) <= 12,
                        "\(interval.end.textSeconds) \(truth) \(value)", sourceLocation: sourceLocation)
                }
                let sum = intervals.dropFirst().reduce(0) { $0 + ($1.values[place].value ?? 0) }
                let advance =
                    (intervals.last?.values[place].registerAtEnd ?? 0)
                    - (intervals.first?.values[place].registerAtEnd ?? 0)
                #expect(sum == advance, sourceLocation: sourceLocation)
            }
        }
        let sums = world.journal.records.filter { $0.data["alarm"] == "sum_check" }
        #expect(sums.isEmpty, "\(sums.map(\.data))", sourceLocation: sourceLocation)
    }

    /// 3700 s after the start a boundary is 100 s away.
    @Test(arguments: [110, 140, 200, 280] as [Int64])
    func box_awayForAMomentAtABoundary_isMadeGoodWithoutAnAlarm(seconds: Int64) {
        for seed: UInt64 in 80..<82 {
            var world = World(seed: seed)
            world.run(seconds: 3700)
            world.restart(afterSeconds: seconds)
            world.run(seconds: 3600)
            expectWhole(world)
        }
    }

    @Test(arguments: [110, 140, 200, 280] as [Int64])
    func meter_silentForAMomentAtABoundary_isMadeGoodWithoutAnAlarm(seconds: Int64) {
        for seed: UInt64 in 80..<82 {
            var world = World(seed: seed)
            world.run(seconds: 3700)
            world.silence(meter: 0, seconds: seconds)
            world.silence(meter: 1, seconds: seconds)
            world.run(seconds: 3600)
            expectWhole(world)
        }
    }

    /// Power comes and goes: the box starts again before the interval after the estimate is over.
    @Test(arguments: [130, 160] as [Int64])
    func box_startedTwiceAtABoundary_takesNoInterpolatedRegisterForARead(seconds: Int64) {
        for seed: UInt64 in 80..<82 {
            for pause: Int64 in [45, 80, 110] {
                var world = World(seed: seed)
                world.run(seconds: 3700)
                world.restart(afterSeconds: seconds)
                world.run(seconds: seconds + pause)
                world.restart(afterSeconds: 1)
                world.run(seconds: 3600)
                expectWhole(world)
            }
        }
    }
}
