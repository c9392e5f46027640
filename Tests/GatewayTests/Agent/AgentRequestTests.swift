import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct AgentRequestTests {
    private let serial = MeterSerial("1001")

    private func bench(_ meter: ScriptedMeter, model: MeterModel = BenchMeters.model()) throws -> Bench {
        Bench(
            BenchMeters.configuration([try BenchMeters.meter("1001", model: model)], hasMqtt: true), wire: meter.answer)
    }

    @Test func status_hasTheContractsShape() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1)
        let status = try bench.status()
        #expect(
            status == [
                "box": "BENCH", "version": "1.2.3", "state": "ok", "clock": "trusted", "mqtt": "disconnected",
                "journal": ["head": .integer(Int64(bench.journal.count)), "acknowledged": 0],
                "meters": [
                    [
                        "serial": "1001", "model": "bench", "port": "b", "state": "live",
                        "last_reading_at": "2026-03-02T10:00:30.060Z",
                    ]
                ],
                "units": [],
            ])
    }

    @Test func status_ofABoxWithTrouble_isDegraded() throws {
        let meter = ScriptedMeter()
        meter.failure = .timeout
        var bench = try bench(meter)
        bench.pass(seconds: 1)
        #expect(try bench.status()["state"] == "degraded")
        #expect(try bench.status()["meters"]?.array?.first?["last_reading_at"] == .null)
    }

    @Test func status_withoutAConfiguration_isUnconfigured() throws {
        var configuration = BenchMeters.configuration([])
        configuration.box.unconfigured = true
        var bench = Bench(configuration) { _, _ in nil }
        bench.pass(seconds: 1)
        #expect(try bench.status()["state"] == "unconfigured")
        #expect(try bench.status()["mqtt"] == "off")
    }

    @Test func read_asksTheWireAndAnswersWithFreshReadings() throws {
        let meter = ScriptedMeter(imported: 100, perSecond: 1)
        var bench = try bench(meter)
        bench.pass(seconds: 10)
        let asked = meter.askedAt.count
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        bench.pass(seconds: 1)
        let answer = try bench.value(7)
        #expect(meter.askedAt.count == asked + 1)
        #expect(answer["serial"] == "1001")
        #expect(answer["readings"]?.array?.first?["value"] == "110")
        #expect(answer["readings"]?.array?.first?["at"] == "2026-03-02T10:00:40.030Z")
    }

    @Test func read_whileAPollRuns_joinsIt() throws {
        var bench = try bench(ScriptedMeter())
        bench.wire = { _, _ in nil }
        bench.pass(seconds: 1)
        let knock = bench.requests[0]
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        bench.give(.request(.meterRead(try #require(serial)), token: 8))
        #expect(bench.requests.count == 1)
        let words: [UInt16] = [0, 5, 0, 6, 2305, 5000]
        let reply = { (id: UInt64, at: Moment) in
            Input.reply(BusReply(id: id, port: PortID("b"), outcome: .modbus([.success(words)]), at: at))
        }
        bench.give(reply(knock.id, bench.moment))
        bench.give(reply(bench.requests[1].id, bench.moment))
        #expect(bench.requests.count == 2)
        #expect(try bench.value(7)["readings"]?.array?.first?["value"] == "5")
        #expect(try bench.value(8) == bench.value(7))
    }

    @Test func read_ofDetails_readsWhatPollsLeaveOut() throws {
        let detail = BenchMeters.row("import_rate1_wh", 100, .uint16, "Wh", isDetail: true)
        var bench = try bench(ScriptedMeter(), model: BenchMeters.model(extra: [detail]))
        bench.give(.mqttConnected)
        bench.pass(seconds: 40)
        let message = try #require(bench.published.last)
        let live = String(decoding: message.payload, as: UTF8.self)
        #expect(!live.contains("import_rate1_wh"))
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        bench.pass(seconds: 1)
        let readings = try #require(try bench.value(7)["readings"]?.array)
        #expect(readings.count == 5)
        #expect(readings.last?["value"] == "42")
    }

    @Test(arguments: [
        (BusFailure.timeout, "no_reply"), (.badChecksum, "no_reply"), (.exception(6), "no_reply"),
        (.exception(2), "refused"), (.portDown("gone"), "port_down"),
    ]) func read_thatFails_saysHowAndWhatToDo(cause: BusFailure, code: String) throws {
        let meter = ScriptedMeter()
        meter.failure = cause
        var bench = try bench(meter)
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        bench.pass(seconds: 5)
        let failure = try #require(bench.failure(7))
        #expect(failure.code == code)
        #expect(failure.message.hasPrefix("meter 1001 on port b: "))
        #expect(!failure.hint.isEmpty)
    }

    @Test func read_whileThePortIsDown_failsAtOnce() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1)
        bench.give(.portDown(PortID("b"), "the adapter is gone"))
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        #expect(bench.failure(7)?.code == "port_down")
    }

    @Test func read_thatWaits_isAnsweredWhenThePortGoesDown() throws {
        var bench = try bench(ScriptedMeter())
        bench.wire = { _, _ in nil }
        bench.give(.request(.meterRead(try #require(serial)), token: 7))
        bench.give(.portDown(PortID("b"), "the adapter is gone"))
        #expect(bench.failure(7)?.code == "port_down")
    }

    @Test func read_ofAnUnknownMeter_namesTheKnown() throws {
        var bench = try bench(ScriptedMeter())
        bench.give(.request(.meterRead(try BenchMeters.serial("9")), token: 7))
        #expect(bench.failure(7)?.code == "unknown_meter")
        #expect(bench.failure(7)?.hint == "configured: 1001")
    }

    @Test func watch_givesEveryPollUntilCancelled() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1)
        bench.give(.request(.meterWatch(try #require(serial)), token: 7))
        #expect(bench.progress.count == 1)
        bench.pass(seconds: 60)
        #expect(bench.progress.count == 3)
        #expect(bench.answer(7) == nil)
        bench.give(.cancel(token: 7))
        bench.pass(seconds: 60)
        #expect(bench.progress.count == 3)
    }

    @Test func survey_ofAModbusMeter_isUnsupported() throws {
        var bench = try bench(ScriptedMeter())
        bench.give(.request(.meterSurvey(try #require(serial), from: Bench.start, to: Bench.start), token: 7))
        #expect(bench.failure(7)?.code == "unsupported")
    }

    @Test func list_outboxAndKeys_areAnswered() throws {
        var bench = try bench(ScriptedMeter())
        bench.pass(seconds: 1)
        bench.give(.request(.meterList, token: 1))
        bench.give(.request(.outbox, token: 2))
        bench.give(.request(.keyList, token: 3))
        let list = try bench.value(1)["meters"]?.array?.first
        #expect(list?["serial"] == "1001")
        #expect(list?["address"] == 1)
        #expect(list?["state"] == "live")
        #expect(try bench.value(2)["acknowledged"] == 0)
        #expect(try bench.value(3)["keys"] == [])
    }

    // MARK: Scan

    private func order(units: [UInt8]? = nil, lines: [LineSettings]? = nil, wire: PortProtocol? = .modbus) -> ScanOrder
    {
        ScanOrder(
            port: PortID("x"), wire: wire, lines: lines, units: units, serials: [], user: nil, password: nil,
            models: [BenchMeters.model()])
    }

    @Test func scan_findsAMeterAndItsModelAndKeepsToItsLine() throws {
        let meter = ScriptedMeter()
        let right = LineSettings(baud: 19_200, format: .eightEven1)
        var bench = Bench(BenchMeters.configuration([])) { request, elapsed in
            guard case .modbus(let job) = request.operation, request.line == right, job.unit.number == 5 else {
                return (.failed(.timeout), 150_000)
            }
            return meter.answer(request, elapsed)
        }
        bench.give(.request(.meterScan(order()), token: 7))
        bench.pass(seconds: 200)
        let answer = try bench.value(7)
        #expect(
            answer["found"] == [
                [
                    "protocol": "modbus", "baud": 19_200, "format": "8E1", "address": 5, "serial": nil,
                    "model": "bench", "note": "",
                ]
            ])
        let found = try #require(bench.progress.firstIndex { $0.value["found"] != nil })
        #expect(bench.progress[found].value["total"]?.integer != nil)
        #expect(bench.requests.suffix(100).allSatisfy { $0.line == right })
        #expect(answer["tried"]?.integer ?? 0 < 400)
    }

    @Test func scan_onlyEverReads() throws {
        var bench = Bench(BenchMeters.configuration([])) { _, _ in (.failed(.timeout), 10_000) }
        bench.give(.request(.meterScan(order(units: [1, 2], wire: nil)), token: 7))
        bench.pass(seconds: 60)
        #expect(try bench.value(7)["found"] == [])
        for request in bench.requests {
            switch request.operation {
            case .modbus(let job): #expect(job.reads.allSatisfy { $0.function == 3 || $0.function == 4 })
            case .edmi(let exchange): #expect(exchange.wire == [0x1B, 0x02, 0x03])
            case .contact, .inputs: Issue.record("a scan moves nothing")
            }
        }
        #expect(bench.requests.count == 30)
    }

    @Test func scan_ofAConfiguredPort_pausesPollingAndResumesIt() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 1)
        var order = order(units: Array(2...200), lines: [BenchMeters.line])
        order.port = PortID("b")
        bench.wire = { request, elapsed in
            guard case .modbus(let job) = request.operation, job.unit.number == 1 else {
                return (.failed(.timeout), 500_000)
            }
            return meter.answer(request, elapsed)
        }
        let asked = meter.askedAt.count
        bench.give(.request(.meterScan(order), token: 7))
        bench.pass(seconds: 60)
        #expect(meter.askedAt.count == asked)
        // People do not wait for a scan.
        bench.give(.request(.meterRead(try #require(serial)), token: 8))
        bench.pass(seconds: 2)
        #expect(try bench.value(8)["serial"] == "1001")
        bench.give(.cancel(token: 7))
        let requests = bench.requests.count
        bench.pass(seconds: 29)
        #expect(meter.askedAt.count > asked + 1)
        #expect(bench.requests.count < requests + 5)
        #expect(bench.answer(7) == nil)
    }

    @Test func scan_twiceOnAPort_isBusy() throws {
        var bench = Bench(BenchMeters.configuration([])) { _, _ in (.failed(.timeout), 150_000) }
        bench.give(.request(.meterScan(order()), token: 7))
        bench.give(.request(.meterScan(order()), token: 8))
        #expect(bench.failure(8)?.code == "busy")
    }

    @Test func scan_whenThePortGoes_failsWithItsName() throws {
        var bench = Bench(BenchMeters.configuration([])) { _, _ in (.failed(.portDown("no such file")), 10) }
        bench.give(.request(.meterScan(order()), token: 7))
        bench.pass(seconds: 1)
        #expect(bench.failure(7)?.code == "port_down")
        #expect(bench.failure(7)?.message == "port x: the port is down: no such file")
    }
}
