import Metering
import Simulator
import Testing

@Suite struct WorldTests {
    private func intervals(_ world: World) -> [Interval] {
        world.journal.records.filter { $0.kind == .interval }.compactMap { Interval(record: $0.data) }
    }

    /// FNV-1a, 64 bits: a short name for many bytes.
    private func digest(_ bytes: [UInt8]) -> String {
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    @Test func run_forAQuietDay_keepsEveryIntervalAsTheHouseholdsUsedIt() throws {
        var world = World(seed: 1)
        world.run(seconds: 6 * 3600)
        #expect(world.journal.faults == [])
        let intervals = intervals(world)
        #expect(intervals.count == 4 * 71)
        #expect(intervals.allSatisfy { $0.values.allSatisfy { $0.quality == .actual && $0.method == "boundary" } })
        for interval in intervals {
            let meter = try #require(world.meters.first { $0.settings.serial == interval.meter })
            for value in interval.values {
                let register = try #require(value.registerAtEnd)
                // Read at most a second beside the boundary: a few watt-hours at the highest load.
                #expect(abs(register - meter.register(value.channel, at: interval.end)) <= 2)
            }
        }
    }

    @Test func run_forAQuietDay_acknowledgesEverything() {
        var world = World(seed: 2)
        world.run(seconds: 7200)
        #expect(world.cloud.upTo == world.journal.head)
        #expect(world.journal.acknowledged == world.journal.head)
        #expect(world.cloud.repeats == 0)
        // Four meters, two polls a minute, from the second in which the broker was there.
        #expect((950...964).contains(world.cloud.liveCount))
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func run_onBadDays_holdsEveryInvariant(seed: UInt64) {
        var world = World(seed: seed, pollSeconds: 60, trouble: .bad)
        world.run(seconds: 86_400)
        #expect(world.journal.faults == [], "seed \(seed)")
        world.calm()
        world.run(seconds: 2 * 3600)
        #expect(world.journal.faults == [], "seed \(seed)")
        #expect(world.cloud.upTo == world.journal.head, "seed \(seed)")
        // What faults cost is stated, and most of the time there was a value.
        let values = intervals(world).flatMap(\.values)
        let missing = values.filter { $0.value == nil }
        #expect(missing.allSatisfy { NoData(rawValue: $0.reason) != nil })
        #expect(missing.count * 100 < values.count * 25, "seed \(seed): \(missing.count) of \(values.count)")
    }

    /// No value that the meter did not hold, whatever the wire, the meters and forged frames do.
    @Test func run_withForgedFramesAndPoorWires_inventsNothing() throws {
        var trouble = World.Trouble.bad
        trouble.clockSteps = 0
        trouble.resets = 0
        trouble.forgeries = 60
        var world = World(seed: 21, trouble: trouble)
        world.run(seconds: 12 * 3600)
        #expect(world.journal.faults == [])
        #expect(world.journal.records.contains { $0.kind == .meterQuarantined })
        for interval in intervals(world) {
            let meter = try #require(world.meters.first { $0.settings.serial == interval.meter })
            for value in interval.values where value.quality == .actual && value.method == "boundary" {
                let register = try #require(value.registerAtEnd)
                #expect(abs(register - meter.register(value.channel, at: interval.end)) <= 8, "\(interval.key)")
            }
        }
    }

    /// 200 ppm is what a poor crystal does; the meters' clocks keep the box's clock trusted.
    @Test(arguments: [200, -200] as [Int64]) func run_withADriftingClock_keepsEveryInterval(drift: Int64) {
        var world = World(seed: 5, pollSeconds: 60)
        world.run(seconds: 60)
        world.setClock(isSynchronised: false, drift: drift)
        world.run(seconds: 6 * 3600)
        #expect(world.journal.faults == [])
        #expect(intervals(world).count == 4 * 71)
        #expect(intervals(world).allSatisfy { $0.values.allSatisfy { $0.quality == .actual } })
    }

    @Test func run_withTheSameSeed_givesTheSameBytes() {
        var first = World(seed: 77, trouble: .bad)
        var second = World(seed: 77, trouble: .bad)
        first.run(seconds: 4 * 3600)
        // Another pace of the same time makes no difference.
        for _ in 0..<16 { second.run(seconds: 900) }
        #expect(first.journal.export == second.journal.export)
        #expect(first.requestCount == second.requestCount)
    }

    /// The same in every process: hash seeds of sets and dictionaries must not matter. Change the constant only together
    /// with a change of what is recorded.
    @Test func run_inAnyProcess_givesTheSameBytes() {
        var world = World(seed: 4711, trouble: .bad)
        world.run(seconds: 6 * 3600)
        #expect(digest(world.journal.export) == "79de679bc396f701")
    }

    @Test(arguments: [5, 15, 30]) func run_forEveryIntervalLength_isAligned(minutes: Int) {
        var world = World(seed: 9, intervalMinutes: minutes, pollSeconds: 60)
        world.run(seconds: 6 * 3600)
        #expect(world.journal.faults == [])
        #expect(intervals(world).allSatisfy { $0.end.seconds % Int64(minutes * 60) == 0 })
        #expect(intervals(world).count >= 4 * (6 * 60 / minutes - 2))
    }
}
