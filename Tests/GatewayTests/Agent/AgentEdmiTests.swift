import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct AgentEdmiTests {
    private func bench(
        _ meter: EdmiBenchMeter, synchronised: Bool = true, logoff: Bool = false
    ) throws -> Bench {
        var bench = Bench(
            BenchMeters.configuration([try EdmiBenchMeter.settings(logoff: logoff)], hasMqtt: true),
            wire: meter.answer)
        bench.isSynchronised = synchronised
        return bench
    }

    private let serial = MeterSerial("217072470")

    @Test func poll_keepsTheSessionAndKeepsIntervals() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 1800)
        #expect(meter.logins == 1)
        #expect(bench.intervals.count == 5)
        #expect(bench.intervals.allSatisfy { $0.values.count == 4 && $0.values.allSatisfy { $0.quality == .actual } })
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "live")
    }

    @Test func clock_ofTheMeter_makesTheBoxsClockTrusted() throws {
        var bench = try bench(EdmiBenchMeter(), synchronised: false)
        bench.pass(seconds: 5)
        #expect(try bench.status()["clock"] == "trusted")
        bench.give(.request(.meterRead(try #require(serial)), token: 1))
        bench.pass(seconds: 3)
        #expect(try bench.value(1)["clock_offset_s"] == 0)
    }

    @Test func clock_thatIsWrong_isShownAndTrustsNothing() throws {
        let meter = EdmiBenchMeter()
        meter.simulator.settings.clockErrorSeconds = -300
        var bench = try bench(meter, synchronised: false)
        bench.pass(seconds: 30)
        #expect(try bench.status()["clock"] == "untrusted")
        bench.give(.request(.meterRead(try #require(serial)), token: 1))
        bench.pass(seconds: 3)
        let offset = try #require(try bench.value(1)["clock_offset_s"]?.integer)
        #expect((-301...(-299)).contains(offset))
        #expect(bench.alarms == ["clock_untrusted"])
    }

    @Test func clock_thatIsOff_isToldOnceAndWhenItIsRightAgain() throws {
        let meter = EdmiBenchMeter()
        meter.simulator.settings.clockErrorSeconds = 75
        var bench = try bench(meter)
        bench.pass(seconds: 3 * 3600)
        #expect(bench.records(.meterEvent).map { $0["event"] } == ["clock_drift"])
        #expect(bench.records(.meterEvent).first?["offset_s"] == 75)
        meter.simulator.settings.clockErrorSeconds = 20
        bench.pass(seconds: 3700)
        #expect(bench.records(.meterEvent).map { $0["event"] } == ["clock_drift", "clock_agrees"])
    }

    /// The bench asks for gaps right away, without touching a wire.
    @Test func intervalGaps_areAnsweredAtOnce() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 900)
        bench.give(.request(.intervalGaps(nil), token: 5))
        #expect(try bench.value(5) == [])
        bench.give(.request(.intervalGaps(try BenchMeters.serial("nobody")), token: 6))
        #expect(bench.failure(6)?.code == "unknown_meter")
        meter.isSilent = true
        bench.pass(seconds: 1800)
        bench.give(.request(.intervalGaps(serial), token: 7))
        let gaps = try #require(try bench.value(7).array)
        #expect(gaps.compactMap { $0["channel"]?.string } == Channel.allCases.map(\.rawValue))
        #expect(gaps.allSatisfy { $0["why"] == "timeout" && $0["from"] == gaps[0]["from"] })
        let intervals = try #require(gaps[0]["intervals"]?.integer)
        let from = try #require(gaps[0]["from"]?.string.flatMap { WallTime(text: $0) })
        let to = try #require(gaps[0]["to"]?.string.flatMap { WallTime(text: $0) })
        #expect(to - from == intervals * 300_000)
    }

    @Test func clock_isReadHourly() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 3 * 3600 + 60)
        #expect(meter.commands.filter { $0 == [0x52, 0xF0, 0x3D] }.count == 4)
    }

    @Test func otherSerial_isAMismatchAndNothingIsCharged() throws {
        let meter = EdmiBenchMeter()
        meter.simulator.settings.serial = "999999999"
        var bench = try bench(meter)
        bench.give(.request(.meterRead(try #require(serial)), token: 1))
        bench.pass(seconds: 900)
        #expect(bench.alarms == ["meter_mismatch"])
        #expect(bench.intervals.isEmpty)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "mismatch")
        let failure = try #require(bench.failure(1))
        #expect(failure.code == "wrong_meter")
        #expect(failure.message.contains("999999999"))
        // The right meter comes back by itself.
        meter.simulator.settings.serial = "217072470"
        bench.pass(seconds: 900)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "live")
    }

    @Test func refusedLogin_isTriedTwiceThenLeftAloneForAQuarterOfAnHour() throws {
        let meter = EdmiBenchMeter()
        meter.simulator.settings.refusesLogin = true
        var bench = try bench(meter)
        bench.pass(seconds: 890)
        #expect(meter.logins == 2)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "refused")
        #expect(bench.records(.meterDown).map { $0["why"] } == ["refused"])
        bench.give(.request(.meterRead(try #require(serial)), token: 1))
        bench.pass(seconds: 1)
        let failure = try #require(bench.failure(1))
        #expect(failure.code == "refused")
        #expect(meter.logins == 2)
        meter.simulator.settings.refusesLogin = false
        bench.pass(seconds: 60)
        #expect(meter.logins == 3)
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "live")
    }

    @Test func survey_isReadPolitelyWithProgress() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 60)
        let from = try #require(WallTime(text: "2026-03-01T00:00:00Z"))
        let to = try #require(WallTime(text: "2026-03-02T00:00:00Z"))
        bench.give(.request(.meterSurvey(try #require(serial), from: from, to: to), token: 5))
        bench.give(.request(.meterSurvey(try #require(serial), from: from, to: to), token: 6))
        let failure = try #require(bench.failure(6))
        #expect(failure.code == "busy")
        bench.pass(seconds: 120)
        let survey = try bench.value(5)
        #expect(survey["minutes"] == 5)
        let records = try #require(survey["records"]?.array)
        #expect(records.count == 288)
        #expect(records.first?["end"] == "2026-03-01T00:05:00Z")
        #expect(records.last?["end"] == "2026-03-02T00:00:00Z")
        #expect(survey["channels"]?.array?.count == records.first?["values"]?.array?.count)
        let news = bench.progress.filter { $0.token == 5 }
        #expect(!news.isEmpty)
        #expect(news.allSatisfy { $0.value["total"] == 288 })
    }

    @Test func survey_ofAMeterThatFallsSilent_fails() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 60)
        meter.isSilent = true
        bench.give(.request(.meterSurvey(try #require(serial), from: Bench.start, to: Bench.start), token: 5))
        bench.pass(seconds: 60)
        let failure = try #require(bench.failure(5))
        #expect(failure.code == "no_reply")
    }

    /// Nobody waits for an adapter that is not plugged in.
    @Test func survey_onAPortThatIsDown_fails() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 60)
        let from = Bench.start + -86_400_000
        bench.give(.request(.meterSurvey(try #require(serial), from: from, to: Bench.start), token: 5))
        bench.give(.portDown(PortID("a"), "the adapter is gone"))
        #expect(bench.failure(5)?.code == "port_down")
        bench.give(.request(.meterSurvey(try #require(serial), from: from, to: Bench.start), token: 6))
        #expect(bench.failure(6)?.code == "port_down")
        bench.give(.portUp(PortID("a")))
        bench.give(.request(.meterSurvey(try #require(serial), from: from, to: Bench.start), token: 7))
        bench.pass(seconds: 120)
        #expect(try bench.value(7)["records"]?.array?.isEmpty == false)
    }

    @Test func stop_isRecordedAndEndsTheSessionWhereConfigured() throws {
        let meter = EdmiBenchMeter()
        var bench = try bench(meter, logoff: true)
        bench.pass(seconds: 29)
        bench.give(.stop)
        #expect(bench.journal.last?.kind == .boxStopped)
        #expect(meter.commands.last == [0x58])
        let count = bench.journal.count
        bench.pass(seconds: 600)
        bench.give(.wake)
        #expect(bench.journal.count == count)
        #expect(bench.agent.nextWake == nil)
    }

    @Test func scan_withoutALogIn_logsInNowhere() throws {
        let meter = EdmiBenchMeter()
        var bench = Bench(BenchMeters.configuration([]), wire: meter.answer)
        let order = ScanOrder(
            port: PortID("x"), wire: .edmi, lines: [BenchMeters.line], units: nil, serials: [217_072_470], user: nil,
            password: nil, models: [])
        bench.give(.request(.meterScan(order), token: 7))
        bench.pass(seconds: 30)
        #expect(meter.logins == 0)
        let found = try #require(try bench.value(7)["found"]?.array)
        #expect(found.map { $0["serial"] } == [.null, "217072470"])
        #expect(found.allSatisfy { $0["note"]?.string?.contains("give a user") == true })
    }

    @Test func scan_withALogIn_namesTheMeter() throws {
        let meter = EdmiBenchMeter()
        var bench = Bench(BenchMeters.configuration([]), wire: meter.answer)
        let order = ScanOrder(
            port: PortID("x"), wire: .edmi, lines: [BenchMeters.line], units: nil, serials: [217_072_470],
            user: "READER", password: Secret(Array("READER".utf8)), models: [])
        bench.give(.request(.meterScan(order), token: 7))
        bench.pass(seconds: 30)
        let found = try #require(try bench.value(7)["found"]?.array)
        #expect(found.count == 1)
        #expect(found.first?["protocol"] == "edmi")
        #expect(found.first?["serial"] == "217072470")
        #expect(found.first?["address"] == 217_072_470)
    }
}
