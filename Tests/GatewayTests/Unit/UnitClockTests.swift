import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

/// A clock that is wrong, above all at a start: nobody is cut off by it, nothing is charged twice, and nothing is stuck
/// when it is right again.
@Suite("Units: wrong clocks")
struct UnitClockTests {
    private static let hour: Int64 = 3600
    private static let day: Int64 = 86_400
    private static let year: Int64 = 31_536_000
    private static let standing: Int64 = 240_000

    /// A commissioned home at a time of day, with a standing charge.
    private func bench(at time: String = "2026-03-02T10:00:30Z", credit: Int64 = 90_000_000) throws -> UnitBench {
        var bench = UnitBench(try UnitBench.configuration())
        bench.begin = try #require(WallTime(text: time))
        bench.pass(minutes: 2)
        try bench.setFlatTariff(1_000_000, standing: Self.standing)
        try bench.pay("first", credit)
        // The calendar of a new unit would protect most of these times.
        let calendars: [(String, JSONValue)] = [
            ("friendly_days_set", ["days": [:]]), ("special_days_set", ["days": []]),
        ]
        for (name, args) in calendars { #expect(try bench.command(name, args)["code"] == "applied") }
        try bench.enable()
        bench.pass(minutes: 10)
        return bench
    }

    /// The process ends, and starts with another clock that nothing vouches for.
    private func restart(_ bench: inout UnitBench, ahead seconds: Int64) {
        bench.step = seconds * 1000
        bench.isSynchronised = false
        bench.restart()
    }

    /// Network time is there: the clock is right and vouched for.
    private func correct(_ bench: inout UnitBench) {
        bench.step = 0
        bench.isSynchronised = true
    }

    private func standings(_ bench: UnitBench) -> Int {
        bench.records(.creditCharged).count { $0["charge"] == "standing" }
    }

    /// Nothing is lost, doubled, in the future or stuck.
    private func expectSound(_ bench: inout UnitBench, _ comment: Comment) throws {
        #expect(bench.faults == [], comment)
        let now = bench.moment.wall
        #expect(bench.journal.allSatisfy { $0.at <= now }, comment)
        #expect(bench.intervals.allSatisfy { $0.end <= now }, comment)
        #expect(Set(bench.intervals.map(\.key)).count == bench.intervals.count, comment)
        // Placed again, and no hole.
        let last = try #require(bench.intervals.last, comment)
        #expect(now - last.end < 600_000, comment)
        let first = bench.intervals.map(\.end).min() ?? now
        #expect(Int64(bench.intervals.count { $0.revision == 0 }) == (last.end - first) / 300_000 + 1, comment)
        let used = bench.home.register(at: bench.elapsed) - 1_000_000
        #expect(used - bench.charged < 900, "\(comment): \(used) used, \(bench.charged) charged")
        #expect(bench.agent.clock.isTrusted, comment)
    }

    @Test(arguments: [hour, 10 * hour, day, 30 * day, year, 40 * year])
    func startWithAClockAhead_thatIsSetRight_leavesNoTrace(_ seconds: Int64) throws {
        var bench = try bench()
        restart(&bench, ahead: seconds)
        bench.pass(minutes: 8)
        #expect(try bench.command("payment_add", ["payment_id": "x", "amount_micro": 1_000_000])["code"] == "applied")
        let orders = bench.home.orders.count
        correct(&bench)
        bench.pass(minutes: 40)
        try expectSound(&bench, "\(seconds) s ahead")
        #expect(bench.home.orders.count == orders)
        #expect(standings(bench) == 0)
        #expect(bench.balance == 91_000_000 - bench.charged * 1000)
        // Supply goes by it again.
        try bench.setFlatTariff(500_000_000)
        #expect(bench.pass(atMost: 60) { !$0.home.isClosed })
        #expect(bench.orders.last == "disconnect exhausted")
    }

    @Test(arguments: [hour, 5 * hour])
    func startWithAClockAhead_believedAfterAWhile_healsWhenTimeHasCaughtUp(_ seconds: Int64) throws {
        var bench = try bench()
        restart(&bench, ahead: seconds)
        bench.pass(minutes: 30)
        correct(&bench)
        bench.pass(minutes: Double(seconds / 60) + 40)
        try expectSound(&bench, "\(seconds) s ahead")
        #expect(bench.home.isClosed)
        #expect(standings(bench) == 0)
    }

    @Test func boxThatNobodyVouchesFor_placesIntervalsAgainAfterALongPowerCut() throws {
        var bench = try bench()
        bench.isSynchronised = false
        bench.pass(minutes: 10)
        bench.elapsed += 3 * Self.hour * 1_000_000
        bench.restart()
        bench.pass(minutes: 40)
        let last = try #require(bench.intervals.last)
        #expect(bench.moment.wall - last.end < 600_000)
        #expect(Set(bench.intervals.map(\.key)).count == bench.intervals.count)
        #expect(bench.faults == [])
    }

    @Test(arguments: [-60, -hour, -day, -year, -1_772_000_000])
    func startWithAClockBehind_thatIsSetRight_leavesNoTrace(_ seconds: Int64) throws {
        var bench = try bench()
        restart(&bench, ahead: seconds)
        bench.pass(minutes: 30)
        #expect(bench.home.isClosed)
        correct(&bench)
        bench.pass(minutes: 40)
        try expectSound(&bench, "\(seconds) s behind")
        #expect(bench.home.isClosed)
        #expect(standings(bench) == 0)
        #expect(bench.balance == 90_000_000 - bench.charged * 1000)
    }

    @Test(arguments: [hour, -hour, day, -day, year, -year], [true, false])
    func midnight_isChargedOnce_whateverTheClockSays(_ seconds: Int64, _ isRestarted: Bool) throws {
        // Before midnight for clocks that are ahead, after it for those that are behind.
        var bench = try bench(at: seconds > 0 ? "2026-03-02T23:30:30Z" : "2026-03-02T23:50:30Z")
        bench.pass(minutes: 3)
        let before = standings(bench)
        #expect(before == (seconds > 0 ? 0 : 1))
        bench.step = seconds * 1000
        bench.isSynchronised = false
        if isRestarted { bench.restart() }
        bench.pass(minutes: 5)
        #expect(standings(bench) == before)
        correct(&bench)
        bench.pass(minutes: 60)
        #expect(standings(bench) == 1)
        #expect(bench.balance == 90_000_000 - bench.charged * 1000 - Self.standing)
        bench.restart()
        bench.pass(minutes: 10)
        #expect(standings(bench) == 1)
        #expect(bench.faults == [])
    }

    @Test(arguments: [hour, -hour, day, -day])
    func clockThatIsVouchedForAndWrong_chargesNoDayTwice(_ seconds: Int64) throws {
        var bench = try bench(at: "2026-03-02T23:40:30Z", credit: 450_000_000)
        bench.pass(minutes: 15)
        bench.step = seconds * 1000
        bench.restart()
        bench.pass(minutes: 15)
        bench.step = 0
        bench.restart()
        bench.pass(minutes: 26 * 60)
        bench.restart()
        bench.pass(minutes: 10)
        let days = bench.records(.creditCharged).filter { $0["charge"] == "standing" }.map { $0["due_at"] }
        #expect(Set(days).count == days.count)
        // Two midnights have passed.
        #expect(days.count == 2, "\(seconds): \(days)")
        #expect(bench.faults == [])
        #expect(bench.home.isClosed)
    }

    /// The network's time was wrong by a year, for a while, and everything went by it.
    @Test func journalOfTheFuture_holdsNobodyForAYear() throws {
        var bench = try bench(credit: 450_000_000)
        bench.step = Self.year * 1000
        bench.pass(minutes: 20)
        bench.step = 0
        bench.restart()
        bench.pass(minutes: 20)
        #expect(!bench.agent.clock.isTrusted)
        #expect(bench.home.isClosed)
        let time = bench.moment.wall.seconds
        #expect(try bench.command("time_attest", ["time": .integer(time)], unit: "BENCH")["code"] == "applied")
        bench.pass(minutes: 5)
        #expect(bench.agent.clock.isTrusted)
        #expect(bench.home.isClosed)
        // What is recorded keeps the date of the newest record: dates never decrease. So after a start the witnesses
        // are asked for again.
        #expect(zip(bench.journal, bench.journal.dropFirst()).allSatisfy { $0.at <= $1.at })
        bench.restart()
        bench.pass(minutes: 5)
        #expect(!bench.agent.clock.isTrusted)
        let again = bench.moment.wall.seconds
        #expect(try bench.command("time_attest", ["time": .integer(again)], unit: "BENCH")["code"] == "applied")
        bench.pass(minutes: 5)
        #expect(bench.agent.clock.isTrusted)
        #expect(bench.faults == [])
        // Supply goes by it again.
        try bench.setFlatTariff(500_000_000)
        #expect(bench.pass(atMost: 27 * 60) { !$0.home.isClosed })
        #expect(bench.orders.last == "disconnect exhausted")
    }

    @Test(arguments: [3 * hour, -3 * hour, 12 * hour, -12 * hour, day, year, -year], [true, false])
    func friendlyPeriod_isKept_whateverTheClockSays(_ seconds: Int64, _ isRestarted: Bool) throws {
        var bench = try bench(at: "2026-03-02T10:00:30Z", credit: 900_000)
        let windows: JSONValue = ["days": ["mon": [["from": "10:00", "to": "12:00"]]]]
        #expect(try bench.command("friendly_days_set", windows)["code"] == "applied")
        bench.step = seconds * 1000
        bench.isSynchronised = false
        if isRestarted { bench.restart() }
        // Used up long before the friendly period ends; by the wrong clock it is over.
        bench.pass(minutes: 40)
        #expect(bench.home.isClosed)
        correct(&bench)
        bench.pass(minutes: 40)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        #expect(!bench.orders.contains("disconnect exhausted"))
        // When it is over by a clock that is right, supply ends: what was learnt after a restart with its notice.
        #expect(bench.pass(atMost: 27 * 60) { !$0.home.isClosed })
    }
}
