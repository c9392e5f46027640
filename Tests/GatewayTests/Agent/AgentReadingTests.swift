import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct AgentReadingTests {
    private func bench(
        _ meter: ScriptedMeter, poll: Int = 30, minutes: Int = 5, model: MeterModel = BenchMeters.model(),
        swap: Bool = false, scale: DecimalValue = DecimalValue(mantissa: 1), recovered: RecoveredState = .empty,
        hasMqtt: Bool = false
    ) throws -> Bench {
        let settings = try BenchMeters.meter("1001", model: model, poll: poll, swap: swap, scale: scale)
        return Bench(
            BenchMeters.configuration([settings], minutes: minutes, hasMqtt: hasMqtt), recovered: recovered,
            wire: meter.answer)
    }

    // MARK: The ordinary course

    @Test func start_ofAnEmptyJournal_namesTheBoxFirst() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1)
        #expect(bench.journal.prefix(2).map(\.key) == ["box.created/1", "box.started/2"])
        #expect(bench.records(.boxCreated) == [["box": "BENCH"]])
        #expect(bench.records(.boxStarted).first?["version"] == "1.2.3")
        #expect(bench.records(.meterUp).count == 1)
    }

    @Test(arguments: [5, 15, 30]) func intervals_ofAnHonestMeter_areItsAdvance(minutes: Int) throws {
        var bench = try bench(ScriptedMeter(perSecond: 2), minutes: minutes)
        bench.pass(seconds: 3 * 3600 + 30)
        #expect(bench.intervals.count == 180 / minutes - 1)
        #expect(bench.intervals.allSatisfy { $0.values[0].quality == .actual && $0.values[0].reason.isEmpty })
        let sum = bench.intervals.compactMap { $0.values[0].value }.reduce(0, +)
        let first = try #require(bench.intervals.first?.values[0])
        let last = try #require(bench.intervals.last?.values[0].registerAtEnd)
        #expect(sum == last - (try #require(first.registerAtEnd) - (try #require(first.value))))
        #expect(bench.intervals.allSatisfy { abs(($0.values[0].value ?? 0) - Int64(minutes) * 120) <= 1 })
        #expect(bench.intervals.map(\.key).count == Set(bench.intervals.map(\.key)).count)
    }

    @Test func record_ofAnInterval_hasTheContractsKeyAndMembers() throws {
        var bench = try bench(ScriptedMeter(perSecond: 1))
        bench.pass(seconds: 700)
        let record = try #require(bench.journal.first { $0.kind == .interval })
        #expect(record.key == "interval/1001/1/2026-03-02T10:10:00Z/0")
        #expect(record.data["meter"] == "1001")
        #expect(record.data["minutes"] == 5)
        #expect(record.data["revision"] == 0)
        let channel = try #require(record.data["channels"]?.array?.first)
        #expect(channel["channel"] == "import_wh")
        #expect(channel["value_wh"] == 300)
        #expect(channel["register_end"] == 1_000_569)
        #expect(channel["source"] == "register")
    }

    @Test func boundary_isReadRightAfterItPasses() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter, poll: 600)
        bench.pass(seconds: 1000)
        // The bench begins 30 s past a boundary: the next ones are at 270, 570 and 870 s.
        for boundary in [270.0, 570, 870] { #expect(meter.askedAt.contains { $0 >= boundary && $0 < boundary + 0.1 }) }
        #expect(bench.intervals.allSatisfy { $0.values[0].method == "boundary" })
    }

    // MARK: Live values

    @Test func live_isPublishedAfterEachPollOnlyWhileConnected() throws {
        var bench = try bench(ScriptedMeter(), hasMqtt: true)
        bench.pass(seconds: 60)
        #expect(bench.published.isEmpty)
        bench.give(.mqttConnected)
        bench.pass(seconds: 60)
        let live = bench.published.filter { $0.topic == "meter/1001/live" }
        // The newest poll at once, then two more.
        #expect(live.count == 3)
        #expect(live.allSatisfy { !$0.retained })
        bench.give(.mqttDisconnected("gone"))
        let count = bench.published.count
        bench.pass(seconds: 60)
        #expect(bench.published.count == count)
        bench.give(.mqttConnected)
        bench.give(.mqttDisconnected("gone"))
        bench.give(.mqttConnected)
        // `state` twice, the newest poll once.
        #expect(bench.published.count == count + 3)
    }

    @Test func live_hasTheContractsShape() throws {
        var bench = try bench(ScriptedMeter(imported: 1000, perSecond: 0), hasMqtt: true)
        bench.give(.mqttConnected)
        bench.pass(seconds: 1)
        let live = try #require(bench.published.first { $0.topic == "meter/1001/live" })
        let expected =
            "{\"serial\":\"1001\",\"model\":\"bench\",\"role\":\"grid\",\"at\":\"2026-03-02T10:00:30.060Z\","
            + "\"clock_offset_s\":null,\"readings\":["
            + "{\"channel\":\"import_wh\",\"register\":\"0x0000\",\"value\":\"1000\",\"unit\":\"Wh\",\"quality\":\"A\","
            + "\"at\":\"2026-03-02T10:00:30.060Z\"},"
            + "{\"channel\":\"export_wh\",\"register\":\"0x0002\",\"value\":\"500\",\"unit\":\"Wh\",\"quality\":\"A\","
            + "\"at\":\"2026-03-02T10:00:30.060Z\"},"
            + "{\"channel\":\"voltage_l1_v\",\"register\":\"0x0004\",\"value\":\"230.5\",\"unit\":\"V\",\"quality\":\"A\","
            + "\"at\":\"2026-03-02T10:00:30.060Z\"},"
            + "{\"channel\":\"frequency_hz\",\"register\":\"0x0005\",\"value\":\"50\",\"unit\":\"Hz\",\"quality\":\"A\","
            + "\"at\":\"2026-03-02T10:00:30.060Z\"}]}"
        #expect(String(decoding: live.payload, as: UTF8.self) == expected)
    }

    @Test func live_ofASilentMeter_hasNullsWithTheReason() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter, hasMqtt: true)
        bench.give(.mqttConnected)
        meter.failure = .badChecksum
        bench.pass(seconds: 1)
        let message = try #require(bench.published.last)
        let live = try JSONReader.read(message.payload)
        let reading = try #require(live["readings"]?.array?.first)
        #expect(reading["value"] == .null)
        #expect(reading["quality"] == "N")
        #expect(reading["why"] == "bad_checksum")
    }

    @Test func swapAndScale_exchangeChannelsAndMultiplyEnergy() throws {
        let meter = ScriptedMeter(imported: 1000, perSecond: 1)
        var bench = try bench(meter, swap: true, scale: DecimalValue(mantissa: 15, exponent: -1), hasMqtt: true)
        bench.give(.mqttConnected)
        bench.pass(seconds: 700)
        let message = try #require(bench.published.first { $0.topic.hasSuffix("live") })
        let first = try JSONReader.read(message.payload)
        let readings = try #require(first["readings"]?.array)
        #expect(readings.map { $0["channel"] } == ["export_wh", "import_wh", "voltage_l1_v", "frequency_hz"])
        #expect(readings.map { $0["value"] } == ["1500", "750", "230.5", "50"])
        #expect(bench.lines(.exportWh) == ["10:10 450 A"])
        #expect(bench.lines(.importWh) == ["10:10 0 A"])
    }

    // MARK: Readings that must not count

    @Test func forgedReading_isNeverChargedAndRaisesOneAlarm() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 300)
        meter.forged = 9_000_000
        bench.pass(seconds: 600)
        #expect(bench.alarms == ["implausible_reading"])
        #expect(bench.records(.meterQuarantined).count == 1)
        #expect(bench.lines() == ["10:10 300 A"])
    }

    @Test func forgedReading_thatIsPlausibleButSingle_isDropped() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 300)
        meter.forged = 1_000_330 + 200
        bench.pass(seconds: 900)
        #expect(bench.alarms == ["implausible_reading"])
        #expect(bench.lines() == ["10:10 300 A", "10:15 300 A"])
    }

    @Test func rollover_isCountedOnlyWithADeclaredWidth() throws {
        let meter = ScriptedMeter(imported: 999_500, perSecond: 1)
        var bench = try bench(meter, model: BenchMeters.model(rollover: 1_000_000))
        // The meter shows what its six digits hold.
        bench.wire = { request, elapsed in
            let whole = (999_500 + (elapsed + 30_000) / 1_000_000) % 1_000_000
            meter.forged = whole
            return meter.answer(request, elapsed)
        }
        bench.pass(seconds: 1500)
        #expect(bench.lines() == ["10:10 300 A", "10:15 300 A", "10:20 300 A"])
        #expect(bench.intervals.first?.values[0].registerAtEnd == 69)
        #expect(bench.alarms == [])
    }

    @Test func reset_isQuarantinedAndFollowedAfterTwoReadings() throws {
        let meter = ScriptedMeter(imported: 500_000, perSecond: 1)
        var bench = try bench(meter)
        bench.pass(seconds: 700)
        meter.imported = -700
        bench.pass(seconds: 1000)
        #expect(bench.alarms == ["register_reset"])
        #expect(bench.records(.meterEvent).first?["event"] == "register_reanchored")
        #expect(
            bench.lines() == ["10:10 300 A", "10:15 - N register_reset", "10:20 300 A", "10:25 300 A"])
        // No credit and no giant charge: what stands in the journal is what was used within intervals with a value.
        #expect(bench.intervals.compactMap { $0.values[0].value }.allSatisfy { (0...301).contains($0) })
    }

    @Test func suspectReading_isShownAsMissing() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter, hasMqtt: true)
        bench.give(.mqttConnected)
        bench.pass(seconds: 100)
        meter.forged = 5
        bench.pass(seconds: 30)
        let message = try #require(bench.published.last)
        let live = try JSONReader.read(message.payload)
        #expect(live["readings"]?.array?.first?["why"] == "unconfirmed")
    }

    @Test func otherModel_atTheAddress_isAMismatch() throws {
        let meter = ScriptedMeter()
        meter.frequency = 2305
        var bench = try bench(meter)
        bench.pass(seconds: 700)
        #expect(bench.alarms == ["meter_mismatch"])
        #expect(bench.records(.meterQuarantined).count == 1)
        #expect(bench.intervals.isEmpty)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "mismatch")
        meter.frequency = 5000
        bench.pass(seconds: 1200)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "live")
        #expect(!bench.intervals.isEmpty)
    }

    @Test(arguments: [
        (BusFailure.timeout, "timeout"), (.badChecksum, "bad_checksum"), (.badFrame, "bad_checksum"),
        (.exception(2), "not_present"), (.exception(6), "refused"),
    ]) func failure_ofAnyKind_givesNullIntervalsWithItsReason(failure: BusFailure, why: String) throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 660)
        meter.failure = failure
        bench.pass(seconds: 2000)
        meter.failure = nil
        bench.pass(seconds: 1500)
        let lines = bench.lines()
        #expect(lines.first == "10:10 300 A")
        #expect(lines.contains("10:20 - N \(why)"))
        #expect(lines.last?.hasSuffix("300 A") == true)
        #expect(bench.records(.meterDown).map { $0["why"] } == [.string(why)])
        #expect(bench.alarms == ["meter_silent"])
        #expect(bench.records(.meterUp).count == 2)
    }

    /// A current transformer is exchanged and `scale` changed: the register seems to leap, up or down, and no interval
    /// reaches across.
    @Test(arguments: [40, 10]) func scaleChange_leavesOneIntervalWithoutAValue(scale: Int64) throws {
        let meter = ScriptedMeter(imported: 1_000_000, perSecond: 0.5)
        var settings = try BenchMeters.meter("M1")
        settings.scale = DecimalValue(mantissa: 20)
        var bench = Bench(BenchMeters.configuration([settings]), wire: meter.answer)
        bench.pass(seconds: 1800)
        settings.scale = DecimalValue(mantissa: scale)
        bench.give(.reconfigure(BenchMeters.configuration([settings]), keys: []))
        bench.pass(seconds: 1800)
        let values = bench.intervals.compactMap { interval in
            interval.values.first { $0.channel == .importWh }
        }
        let missing = values.filter { $0.value == nil }
        #expect((1...2).contains(missing.count))
        #expect(missing.allSatisfy { $0.quality == .null && !$0.reason.isEmpty })
        // On either side every interval is what its scale says.
        let amounts = Set(values.compactMap(\.value).map { $0 / 150 })
        #expect(amounts == [20, scale])
        #expect(bench.journal.contains { $0.kind == .meterQuarantined })
    }

    /// The same with registers that have only begun: the leap would pass for energy.
    @Test(arguments: [false, true]) func scaleChange_ofASmallRegister_isNoEnergy(swaps: Bool) throws {
        let meter = ScriptedMeter(imported: 10, perSecond: 0.01)
        meter.exported = 250
        var settings = try BenchMeters.meter("M1")
        settings.scale = DecimalValue(mantissa: 20)
        var bench = Bench(BenchMeters.configuration([settings]), wire: meter.answer)
        bench.pass(seconds: 1800)
        if swaps { settings.swapImportExport = true } else { settings.scale = DecimalValue(mantissa: 40) }
        bench.give(.reconfigure(BenchMeters.configuration([settings]), keys: []))
        bench.pass(seconds: 1800)
        let amounts = bench.intervals.flatMap(\.values).compactMap(\.value)
        #expect(amounts.allSatisfy { $0 <= 140 }, "\(amounts)")
        #expect((2...4).contains(bench.intervals.flatMap(\.values).count { $0.value == nil }))
    }
}
