import Drivers
import Gateway
import Metering
import Simulator
import Testing

/// 400 days of half-hour intervals in which everything goes wrong that can: at the end every interval is present or
/// explained, and the sums are what the registers went on.
///
/// Meters 0 and 1 have a load survey, meter 2 has none. Meter 0 rolls over, meter 1 is replaced by another.
@Suite struct YearTests {
    private static let day: Int64 = 86_400
    private static let hour: Int64 = 3600
    private static let length: Int64 = 1_800_000
    private static let width: Int64 = 20_000_000
    private static let start = WallTime(seconds: 1_772_440_000)
    /// Two of the four: half the time, and no less proof.
    private static let channels = [Channel.importWh, .exportWh]

    private struct Replaced {
        var serial: MeterSerial
        var final: [Int64]
        var initial: [Int64]
        var at: WallTime
    }

    private func configuration() throws -> GatewayConfiguration {
        var configuration = World(seed: 60, intervalMinutes: 30, pollSeconds: 3600, start: Self.start).configuration
        let first = reduced(configuration.meters[1])
        var second = first
        second.serial = try #require(MeterSerial("251308614"))
        second.address = 251_308_614
        let third = reduced(configuration.meters[2])
        configuration.meters = [first, second, third]
        return configuration
    }

    /// Only what intervals are kept from, and all of it rolls over.
    private func reduced(_ meter: MeterSettings) -> MeterSettings {
        var meter = meter
        meter.model.registers = meter.model.registers.filter { row in
            Self.channels.contains { $0.name == row.name }
        }
        for row in meter.model.registers.indices { meter.model.registers[row].rollover = Self.width }
        return meter
    }

    /// The meter at a place is exchanged: its last reading is noted, the command given, the file changed.
    private func replace(_ index: Int, by serial: MeterSerial, in world: inout World) throws -> Replaced {
        let old = world.meters[index].settings
        let now = world.clock.truth
        let width = Self.width
        let final = Self.channels.map { world.meters[index].register($0, at: now) % width }
        var settings = old
        settings.serial = serial
        settings.address = try #require(UInt32(serial.text))
        world.exchange(meter: index, for: settings)
        let initial = Self.channels.map { world.meters[index].register($0, at: now) % width }
        func readings(_ values: [Int64]) -> JSONValue {
            var object = JSONObject()
            for (channel, value) in zip(Self.channels, values) { object[channel.rawValue] = .integer(value) }
            return .object(object)
        }
        let bytes = JSONWriter.compact([
            "cmd": "meter_replace",
            "args": [
                "serial": .string(old.serial.text), "new_serial": .string(serial.text), "final": readings(final),
                "initial": readings(initial),
            ],
        ])
        let envelope = Envelope(
            payload: bytes, payloadHash: String(decoding: bytes, as: UTF8.self),
            signature: .local(.installer, uid: 1000))
        world.tell(.command(envelope, token: 9))
        let answer = try #require(world.answers.last { $0.token == 9 }).result.get()
        #expect(answer["code"] == "applied", "\(answer)")
        world.reconfigure { $0.meters[index] = settings }
        return Replaced(serial: old.serial, final: final, initial: initial, at: now)
    }

    private func step(_ world: inout World, seconds: Int64, for duration: Int64) {
        world.stepClock(milliseconds: seconds * 1000)
        world.run(seconds: duration)
        world.stepClock(milliseconds: -seconds * 1000)
    }

    /// The first 200 days: outages of wire, box and meters, clock steps of every size.
    private func spring(_ world: inout World) {
        world.setClock(isSynchronised: false, drift: 0)
        world.run(seconds: 10 * Self.day)
        world.unplug(wire: 0, seconds: 26 * Self.hour)
        world.run(seconds: 20 * Self.day)
        world.restart(afterSeconds: 3 * Self.day)
        world.run(seconds: 20 * Self.day)
        step(&world, seconds: Self.hour, for: 5 * Self.hour)
        world.run(seconds: 10 * Self.day)
        step(&world, seconds: -Self.day, for: 6 * Self.hour)
        world.run(seconds: 10 * Self.day)
        step(&world, seconds: 365 * Self.day, for: 3 * Self.hour)
        world.run(seconds: 10 * Self.day)
        step(&world, seconds: -365 * Self.day, for: 3 * Self.hour)
        world.run(seconds: 10 * Self.day)
        world.darken(meter: 0, seconds: 20 * Self.hour + 700)
        world.run(seconds: 20 * Self.day)
        world.silence(meter: 1, seconds: 2 * Self.day)
        world.run(seconds: 30 * Self.day)
        world.restart(afterSeconds: 20 * Self.day)
        world.run(seconds: 60 * Self.day)
    }

    /// The last 200 days: no clock at a start, a cloud that is gone, a reset, a meter's clock that is wrong.
    private func autumn(_ world: inout World) {
        world.run(seconds: 30 * Self.day)
        world.cutCloud(seconds: 10 * Self.day)
        world.run(seconds: 30 * Self.day)
        let ahead = world.clock.moment.wall.seconds
        world.restart(afterSeconds: 60)
        step(&world, seconds: -ahead, for: 2 * Self.hour)
        world.run(seconds: 40 * Self.day)
        world.editMeter(2) { [truth = world.clock.truth] in $0.reset(at: truth) }
        world.run(seconds: 20 * Self.day)
        world.editMeter(0) { $0.clockErrorSeconds = 90 }
        world.unplug(wire: 0, seconds: 12 * Self.hour)
        world.run(seconds: 5 * Self.day)
        world.editMeter(0) { $0.clockErrorSeconds = 0 }
        world.run(seconds: 75 * Self.day)
    }

    @Test func fourHundredDays_leaveEveryIntervalPresentOrExplained() throws {
        var world = World(
            seed: 60, configuration: try configuration(), trouble: .none, start: Self.start)
        spring(&world)
        let replaced = try replace(1, by: #require(MeterSerial("251308620")), in: &world)
        autumn(&world)
        #expect(world.clock.elapsed / 1_000_000 >= 400 * Self.day)
        #expect(world.journal.faults == [])
        #expect(world.cloud.upTo == world.journal.head)
        for intervals in world.journal.history {
            expectExplained(intervals)
            expectSums(intervals)
        }
        // Meter 0: all of it measured, but for the hours in which it had no power and counted nothing.
        let first = history(world, world.meters[0].settings.serial)
        #expect(first.count >= 400 * 48 - 2)
        let dark = first.filter { $0.values.contains { $0.value == nil } }
        #expect((39...41).contains(dark.count))
        #expect(dark.allSatisfy { $0.values.allSatisfy { $0.reason == "power_failed" && $0.source == .survey } })
        #expect(first.allSatisfy { $0.values.allSatisfy { $0.value == nil || $0.quality == .actual } })
        expectTruth(world.meters[0], first, since: first.first?.end)
        // It went past its width on the way.
        #expect(world.meters[0].register(.importWh, at: Self.start) < Self.width)
        #expect(world.meters[0].register(.importWh, at: world.clock.truth) > Self.width)
        // The exchange: nothing lost, nothing twice, and nothing missing on either side.
        let old = history(world, replaced.serial)
        let new = history(world, world.meters[1].settings.serial)
        #expect(old.last.map { $0.end + -Self.length } == new.first?.end)
        #expect(old.last?.values.map(\.registerAtEnd) == replaced.final)
        #expect(new.first?.values.map(\.registerAtEnd) == replaced.initial)
        #expect(old.dropFirst().allSatisfy { $0.values.allSatisfy { $0.value != nil } })
        #expect(new.dropFirst().allSatisfy { $0.values.allSatisfy { $0.quality == .actual } })
        expectTruth(world.meters[1], new, since: replaced.at)
        try expectNothingOpen(&world)
    }

    private func history(_ world: World, _ serial: MeterSerial) -> [Interval] {
        world.journal.history.first { $0.first?.meter == serial } ?? []
    }

    private func advance(_ from: Int64, _ to: Int64) -> Int64 { to >= from ? to - from : to - from + Self.width }

    private func expectExplained(_ intervals: [Interval]) {
        for (before, interval) in zip(intervals, intervals.dropFirst()) {
            #expect(interval.end == before.end + Self.length)
        }
        for value in intervals.flatMap(\.values) where value.quality != .actual {
            #expect(!value.reason.isEmpty)
        }
    }

    /// Between two registers that are known the amounts add up to the advance; only a stretch that lacks some adds up to
    /// less, or has no known advance at all: the register started anew.
    private func expectSums(_ intervals: [Interval]) {
        for place in intervals[0].values.indices {
            var register = intervals[0].values[place].registerAtEnd
            var sum: Int64 = 0
            var isWhole = true
            for interval in intervals.dropFirst() {
                let value = interval.values[place]
                sum += value.value ?? 0
                isWhole = isWhole && value.value != nil
                guard let end = value.registerAtEnd else { continue }
                if let register, isWhole { #expect(sum == advance(register, end), "\(interval.key)") }
                register = end
                sum = 0
                isWhole = true
            }
        }
    }

    /// All amounts together are what the meter counted, to the few watt-hours by which readings are beside boundaries.
    private func expectTruth(_ meter: WorldMeter, _ intervals: [Interval], since start: WallTime?) {
        guard let first = intervals.first, let last = intervals.last, let start else { return }
        for (place, channel) in Self.channels.enumerated() {
            let register = first.values[place].registerAtEnd ?? 0
            let sum = intervals.dropFirst().reduce(0) { $0 + ($1.values[place].value ?? 0) }
            #expect(sum == advance(register, last.values[place].registerAtEnd ?? 0))
            let truth = meter.register(channel, at: last.end) - meter.register(channel, at: start)
            #expect(abs(sum - truth) <= 4, "\(channel)")
        }
    }

    /// Nothing is waited for: what a survey could give was fetched, and the rest is told with its reason.
    private func expectNothingOpen(_ world: inout World) throws {
        world.tell(.request(.intervalGaps(nil), token: 77))
        let gaps = try #require(try world.answers.last { $0.token == 77 }?.result.get().array)
        #expect(gaps.allSatisfy { $0["next_try_at"] == .null && $0["why"]?.string?.isEmpty == false })
        #expect(!gaps.contains { $0["meter"]?.string == world.meters[1].settings.serial.text })
    }
}
