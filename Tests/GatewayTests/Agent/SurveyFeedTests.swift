import Drivers
import Intervals
import Metering
import Simulator
import Testing

@testable import Gateway

@Suite struct SurveyFeedTests {
    /// A survey as the simulated meter describes it, read over the wire.
    private func layout(minutes: Int64 = 5) throws -> EdmiSurveyLayout {
        let meter = EdmiBenchMeter()
        meter.simulator.settings.survey = EdmiMeterSurvey(intervalMinutes: minutes)
        var bench = Bench(
            BenchMeters.configuration([try EdmiBenchMeter.settings()], minutes: 30), wire: meter.answer)
        bench.pass(seconds: 5)
        var task = EdmiSurveyTask(survey: 1, after: nil, through: CivilTime(year: 2026, month: 1, day: 1))
        let settings = try EdmiBenchMeter.settings()
        var session = EdmiSession(
            EdmiLink(
                dialect: .atlas, serial: settings.serial, address: settings.address, user: "READER",
                password: settings.password, timeout: 1_000_000, turnaround: 0, line: nil))
        var id: UInt64 = 0
        while case .send(let exchange) = session.next(&task, at: Uptime(seconds: 1)) {
            id += 1
            let request = BusRequest(id: id, port: PortID("a"), operation: .edmi(exchange), line: nil)
            let outcome = try #require(meter.answer(request, 0)).outcome
            session.receive(outcome, for: &task, at: Uptime(seconds: 1))
        }
        return try #require(task.layout)
    }

    private func feed(
        _ layout: EdmiSurveyLayout, minutes: Int, _ edit: (inout MeterSettings) -> Void = { _ in }
    ) throws -> SurveyFeed? {
        var settings = try EdmiBenchMeter.settings()
        edit(&settings)
        return SurveyFeed(
            layout, settings: settings, kept: MeterRow.rows(of: settings).kept, intervalMinutes: minutes)
    }

    private func record(
        _ minute: Int64, tenths: [Int64] = [100, 200, 300, 400], status: EdmiSurveyStatus = []
    ) -> EdmiSurveyRecord {
        let stamp = CivilTime(seconds: 1_772_445_600 + 36_000 + minute * 60)
        let values = tenths.map { tenths -> Result<DecimalValue, MissingValue> in
            status.hasValues
                ? .success(DecimalValue(mantissa: tenths, exponent: -1)) : .failure(MissingValue(.invalid))
        }
        return EdmiSurveyRecord(
            number: minute, stamp: stamp, values: values + [.success(DecimalValue(mantissa: 2301, exponent: -1))],
            status: status)
    }

    private func end(_ minute: Int64) -> WallTime { WallTime(seconds: 1_772_445_600 + minute * 60) }

    private func actual(_ amounts: Int64...) -> [SurveyAmount] {
        amounts.map { .counted($0, quality: .actual, reason: "") }
    }

    @Test func take_mapsStampChannelsAndOffset() throws {
        var feed = try #require(try feed(layout(), minutes: 5))
        #expect(feed.take(record(5)) == SurveyStatement(end: end(5), amounts: actual(10, 20, 30, 40)))
    }

    @Test func take_withStampsThatMeanTheStart_endsALengthLater() throws {
        var feed = try #require(try feed(layout(), minutes: 5) { $0.surveyStampIsEnd = false })
        #expect(feed.take(record(5))?.end == end(10))
    }

    @Test func take_withSwappedDirections_swapsThem() throws {
        var feed = try #require(try feed(layout(), minutes: 5) { $0.swapImportExport = true })
        #expect(feed.take(record(5))?.amounts == actual(20, 10, 40, 30))
    }

    @Test func take_withAScale_appliesIt() throws {
        var feed = try #require(try feed(layout(), minutes: 5) { $0.scale = DecimalValue(mantissa: 40) })
        #expect(feed.take(record(5))?.amounts == actual(400, 800, 1200, 1600))
    }

    /// Seven tenths each time: the fractions add up to whole ones, never more than one behind.
    @Test func take_ofFractions_keepsTheSumWithinOneWattHour() throws {
        var feed = try #require(try feed(layout(), minutes: 5))
        var sum: Int64 = 0
        for n in 1...100 {
            let statement = feed.take(record(Int64(5 * n), tenths: [7, 3, 1, 0]))
            guard case .counted(let amount, _, _)? = statement?.amounts[0] else { continue }
            sum += amount
            #expect(Int64(n) * 7 - sum * 10 >= 0 && Int64(n) * 7 - sum * 10 < 10)
        }
        #expect(sum == 70)
    }

    @Test func take_ofShorterIntervals_addsThemUp() throws {
        var feed = try #require(try feed(layout(minutes: 5), minutes: 15))
        #expect(feed.take(record(5)) == nil)
        #expect(feed.take(record(10)) == nil)
        #expect(feed.take(record(15)) == SurveyStatement(end: end(15), amounts: actual(30, 60, 90, 120)))
        // One that is not whole is no statement.
        #expect(feed.take(record(20)) == nil)
        #expect(feed.take(record(30)) == nil)
    }

    @Test func make_withIntervalsThatDoNotDivide_isNil() throws {
        #expect(try feed(layout(minutes: 30), minutes: 5) == nil)
        #expect(try feed(layout(minutes: 10), minutes: 15) == nil)
        #expect(try feed(layout(minutes: 10), minutes: 30) != nil)
    }

    @Test(
        arguments: [
            (EdmiSurveyStatus.missing, "not_recorded"), ([.missing, .powerFailed], "power_failed"),
            (.failedRead, "invalid"), (.badRecord, "invalid"),
        ] as [(EdmiSurveyStatus, String)])
    func take_withoutValues_saysWhy(status: EdmiSurveyStatus, reason: String) throws {
        var feed = try #require(try feed(layout(), minutes: 5))
        #expect(feed.take(record(5, status: status))?.amounts[0] == .missing(reason: reason))
    }

    @Test(
        arguments: [
            ([.powerFailed, .incomplete], .actual, "power_failed"), (.incomplete, .estimated, "incomplete"),
            (.calibrationLost, .estimated, "calibration_lost"), (.flagged, .actual, ""),
        ] as [(EdmiSurveyStatus, QualityFlag, String)])
    func take_withFlags_givesTheirQuality(status: EdmiSurveyStatus, quality: QualityFlag, reason: String) throws {
        var feed = try #require(try feed(layout(), minutes: 5))
        #expect(
            feed.take(record(5, status: status))?.amounts[0] == .counted(10, quality: quality, reason: reason))
    }

    /// More than the connection can carry, or less than nothing, is no amount.
    @Test func take_ofAnImpossibleAmount_isNone() throws {
        var feed = try #require(try feed(layout(), minutes: 5))
        #expect(
            feed.take(record(5, tenths: [400_000, -10, Int64.max, 0]))?.amounts
                == [
                    .missing(reason: "invalid"), .missing(reason: "invalid"), .missing(reason: "invalid"),
                    .counted(0, quality: .actual, reason: ""),
                ])
    }
}
