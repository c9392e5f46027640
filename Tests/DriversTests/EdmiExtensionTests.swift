import Drivers
import Metering
import Simulator
import Testing

/// What a Genius meter lists of itself: surveys that are not where most meters have them, and its event log.
@Suite struct EdmiExtensionTests {
    private static let outage = Int64(1_772_450_000)...Int64(1_772_460_000)

    private func bench(_ edit: (inout EdmiMeterSettings) -> Void = { _ in }) -> EdmiBench {
        var meter = EdmiFixture.meter(.genius)
        meter.survey.outages = [Self.outage]
        edit(&meter)
        var bench = EdmiBench(meter)
        bench.now = WallTime(seconds: 1_772_500_000)
        return bench
    }

    @Test(arguments: [true, false]) func extensions_areListed(hasBatch: Bool) {
        var bench = bench { meter in
            meter.hasBatch = hasBatch
            meter.hasStatusBatch = hasBatch
        }
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiExtensionsTask()
        #expect(bench.run(&session, &task) == .done)
        #expect(task.extensions.map(\.name) == ["Load_Survey 1", "Event_Log 1"])
        #expect(task.extensions.map(\.base) == [0x0305, 0x0405])
        #expect(task.base(named: "Sag") == nil)
    }

    @Test func extensions_ofAnAtlas_areNone() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiExtensionsTask()
        #expect(bench.run(&session, &task) == .failed(.refused(.notImplemented)))
    }

    @Test func survey_thatIsElsewhere_isFoundByItsName() {
        var bench = bench { $0.survey.base = 0x0515 }
        var session = EdmiSession(EdmiFixture.link(.genius))
        let last = CivilTime(seconds: 1_772_440_200)
        var task = EdmiSurveyTask(survey: 1, after: CivilTime(seconds: last.seconds - 36_000), through: last)
        #expect(bench.run(&session, &task) == .done)
        #expect(!task.takeRecords().isEmpty)
        // Where it is known from elsewhere, nobody asks for the list.
        var other = EdmiBench(EdmiFixture.meter(.genius))
        var plain = EdmiSession(EdmiFixture.link(.genius))
        var known = EdmiSurveyTask(survey: 1, after: CivilTime(seconds: last.seconds - 36_000), through: last)
        _ = other.run(&plain, &known)
        #expect(!other.commands.contains { $0.starts(with: [0x4D, 0, 2]) })
    }

    @Test func survey_thatIsNowhere_isRefused() {
        var bench = bench()
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiSurveyTask(survey: 3, after: nil, through: nil)
        #expect(bench.run(&session, &task) == .failed(.refused(.registerNotFound)))
    }

    @Test func events_ofAGenius_haveTimeAndText() {
        var bench = bench()
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = GeniusEventTask()
        #expect(bench.run(&session, &task) == .done)
        #expect(task.events.map(\.text) == ["Power on", "Power off", "Power on"])
        #expect(task.events.map(\.number) == [0, 1, 2])
        #expect(task.events.suffix(2).map { $0.stamp?.seconds } == [Self.outage.lowerBound, Self.outage.upperBound])
        var newest = GeniusEventTask(after: 0, most: 1)
        #expect(bench.run(&session, &newest) == .done)
        #expect(newest.events.map(\.number) == [2])
        var none = GeniusEventTask(after: 2)
        #expect(bench.run(&session, &none) == .done)
        #expect(none.events == [])
    }

    @Test func events_whoseReplyIsCut_areNotInvented() {
        var bench = bench()
        var session = EdmiSession(EdmiFixture.link(.genius))
        bench.before = { number, meters in
            if number >= 4, number % 2 == 0 { meters[0].faults = [.truncated] }
        }
        var task = GeniusEventTask()
        for _ in 0..<8 { if bench.run(&session, &task) == .done { break } }
        #expect(task.events.count <= 3)
        #expect(task.events.allSatisfy { $0.text.hasPrefix("Power") })
    }
}
