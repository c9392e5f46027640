import Gateway
import Metering
import Simulator
import Testing

/// A meter with a load survey is exchanged, and the boundary after the exchange is missed: its survey also has what the
/// new meter counted before its initial reading.
@Suite struct ExchangeWorldTests {
    enum Outage: Sendable, CaseIterable { case box, wire, meter, none }

    private struct Exchanged {
        var old: MeterSerial
        var new: MeterSerial
        var final: [Int64]
        var initial: [Int64]
    }

    /// The meter at a place is exchanged: its last reading is noted, the command given, the file changed.
    private func exchange(_ index: Int, in world: inout World) throws -> Exchanged {
        let old = world.meters[index].settings
        let now = world.clock.truth
        let final = Channel.allCases.map { world.meters[index].register($0, at: now) }
        var settings = old
        settings.serial = try #require(MeterSerial("251308999"))
        settings.address = 251_308_999
        world.exchange(meter: index, for: settings)
        let initial = Channel.allCases.map { world.meters[index].register($0, at: now) }
        func readings(_ values: [Int64]) -> JSONValue {
            var object = JSONObject()
            for (channel, value) in zip(Channel.allCases, values) { object[channel.rawValue] = .integer(value) }
            return .object(object)
        }
        let bytes = JSONWriter.compact([
            "cmd": "meter_replace",
            "args": [
                "serial": .string(old.serial.text), "new_serial": .string(settings.serial.text),
                "final": readings(final), "initial": readings(initial),
            ],
        ])
        let envelope = Envelope(
            payload: bytes, payloadHash: String(decoding: bytes, as: UTF8.self),
            signature: .local(.installer, uid: 1000))
        world.tell(.command(envelope, token: 9))
        let answer = try #require(world.answers.last { $0.token == 9 }).result.get()
        #expect(answer["code"] == "applied", "\(answer)")
        world.reconfigure { $0.meters[index] = settings }
        return Exchanged(old: old.serial, new: settings.serial, final: final, initial: initial)
    }

    private func strike(_ outage: Outage, meter: Int, seconds: Int64, _ world: inout World) {
        switch outage {
        case .box: world.restart(afterSeconds: seconds)
        case .wire: world.unplug(wire: 0, seconds: seconds)
        case .meter: world.silence(meter: meter, seconds: seconds)
        case .none: break
        }
    }

    private func history(_ world: World, _ serial: MeterSerial) -> [Interval] {
        world.journal.history.first { $0.first?.meter == serial } ?? []
    }

    /// Every interval of the new meter is there, measured, what the household used in it, and their sum is what its
    /// register went on since the initial reading.
    private func expectWhole(_ world: World, _ exchanged: Exchanged, _ index: Int) throws {
        #expect(world.journal.faults == [])
        let new = history(world, exchanged.new)
        let start = try #require(new.first)
        #expect(start.isInitial)
        let last = try #require(new.last)
        let meter = world.meters[index]
        for (place, channel) in Channel.allCases.enumerated() {
            #expect(start.values[place].registerAtEnd == exchanged.initial[place])
            let sum = new.reduce(0) { $0 + ($1.values[place].value ?? 0) }
            #expect(sum == (last.values[place].registerAtEnd ?? -1) - exchanged.initial[place], "\(channel)")
            var before = exchanged.initial[place]
            for interval in new.dropFirst() {
                let value = interval.values[place]
                let truth = meter.register(channel, at: interval.end)
                #expect(value.quality == .actual, "\(interval.end.textSeconds) \(value)")
                #expect(abs((value.value ?? -1) - (truth - before)) <= 12, "\(interval.end.textSeconds) \(value)")
                before = truth
            }
        }
        let sums = world.journal.records.filter { $0.data["alarm"] == "sum_check" }
        #expect(sums.isEmpty, "\(sums.map(\.data))")
    }

    @Test(arguments: Outage.allCases, [0, 1])
    func exchange_countsFromTheInitialReading_whateverWasMissedAfterIt(outage: Outage, index: Int) throws {
        for seconds: Int64 in [200, 900, 5 * 3600] {
            var world = World(seed: UInt64(70 + index))
            world.run(seconds: 3600 + 160)
            let exchanged = try exchange(index, in: &world)
            world.run(seconds: 3)
            strike(outage, meter: index, seconds: seconds, &world)
            world.run(seconds: seconds + 2 * 3600)
            try expectWhole(world, exchanged, index)
        }
    }

    @Test func exchange_whoseFillIsCutOffAgainAndAgain_isFilledOnce() throws {
        var world = World(seed: 72)
        world.run(seconds: 3600 + 160)
        let exchanged = try exchange(0, in: &world)
        world.run(seconds: 3)
        world.unplug(wire: 0, seconds: 20 * 3600)
        world.run(seconds: 20 * 3600 + 60)
        for pause: Int64 in [40, 61, 67, 73, 79, 97, 110, 290] {
            world.restart(afterSeconds: 1)
            world.run(seconds: pause)
        }
        world.run(seconds: 3600)
        try expectWhole(world, exchanged, 0)
        #expect(world.journal.history.joined().allSatisfy { $0.revision <= 1 })
    }

    /// The day's comparison of survey and registers leaves out the interval that they cannot agree about.
    @Test func exchange_raisesNoAlarmAtTheDaysComparison() throws {
        var world = World(seed: 73)
        world.run(seconds: 3600 + 160)
        let exchanged = try exchange(1, in: &world)
        world.run(seconds: 40 * 3600)
        try expectWhole(world, exchanged, 1)
    }
}
