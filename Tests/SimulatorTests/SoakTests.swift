import Foundation
import Metering
import Testing

@testable import Simulator

/// Short soaks, lives that found something once, and the auditor's own eyes.
@Suite struct SoakTests {
    @Test(arguments: [UInt64(1), 3, 5, 7])
    func lives_holdEveryInvariant(seed: UInt64) throws {
        var counts = SoakCounts()
        for unit in 0..<3 { counts.add(try Soak.live(seed: seed, unit: Int64(unit), days: 30).counts) }
        #expect(counts.steps == 3 * 30 * 48)
        #expect(counts.faultySteps * 20 >= counts.steps, "faults in at least 5 % of steps")
        #expect(counts.records > 0 && counts.restarts > 0 && counts.commands > 0)
    }

    /// Lives that broke an invariant once: a button forgotten while the switch was slow, a warning where supply was off
    /// already, a notice by a clock that was wrong, a standing charge of the past after a new local time and a restart.
    @Test(arguments: [(UInt64(1), Int64(2), Int64(3)), (1, 348, 9), (4, 271, 16), (2026, 9565, 26)])
    func lives_thatFoundSomethingOnce_holdNow(seed: UInt64, unit: Int64, days: Int64) throws {
        _ = try Soak.live(seed: seed, unit: unit, days: days)
    }

    @Test func life_isTheSameForTheSameSeed() throws {
        let one = try Soak.live(seed: 11, unit: 3, days: 20)
        let again = try Soak.live(seed: 11, unit: 3, days: 20)
        let other = try Soak.live(seed: 12, unit: 3, days: 20)
        let neighbour = try Soak.live(seed: 11, unit: 4, days: 20)
        #expect(one.digest == again.digest && one.counts == again.counts)
        #expect(one.digest != other.digest && one.digest != neighbour.digest)
        #expect(Soak.trail(seed: 11, unit: 3, days: 20) == Soak.trail(seed: 11, unit: 3, days: 20))
        #expect(Soak.trail(seed: 11, unit: 3, days: 20).count == 60)
    }

    @Test func days_areSharedOutAmongUnits() {
        #expect(Soak.units(days: 1) == 1)
        #expect(Soak.units(days: 100) == 1)
        #expect(Soak.units(days: 101) == 2)
        #expect(Soak.units(days: 1_000_000) == 10_000)
    }

    /// What the auditor is worth: it shares no code with what it looks at.
    @Test func auditor_importsNothingOfCredit() throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let folder = root.appending(path: "Sources/Simulator/Soak/Audit")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count >= 8)
        for name in names {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            let imports = text.split(separator: "\n").filter { $0.hasPrefix("import ") }
            #expect(imports.allSatisfy { $0 == "import Metering" }, "\(name)")
        }
    }
}

/// The auditor sees what must not be.
@Suite struct AuditorTests {
    private static let start: Int64 = 1_772_442_000_000  // Monday 2026-03-02 09:00 UTC

    private func auditor(balance: Int64 = 1_000_000) -> Auditor {
        let limits = Auditor.Limits(
            maxBalance: 100_000_000, maxCredit: 50_000_000, floorFirst: false, currency: "AUD", neverDisconnect: false,
            needsDebtCleared: false)
        var auditor = Auditor(limits: limits, clock: AuditClock(SoakZone.all[0]))
        var opened = TraceRecord(.opened, at: Self.start)
        opened.change = TraceMoney(balance: balance)
        opened.word = "prepayment"
        auditor.begin(AuditInstant(wall: Self.start, truth: Self.start, uptime: 0))
        auditor.take(opened, [])
        for (name, value) in [
            ("tariff", ["tariff_id": 1, "bands": [["name": "all", "rate_micro": 300_001]]] as JSONValue),
            ("omnipower", ["enabled": true]), ("friendly_days", ["days": ["mon": [["from": "16:00", "to": "20:00"]]]]),
            ("special_days", ["days": []]),
        ] {
            var setting = TraceRecord(.setting, at: Self.start)
            setting.word = name
            setting.value = value
            auditor.take(setting, [])
        }
        if balance <= 0 { auditor.take(TraceRecord(.exhausted, at: Self.start), []) }
        auditor.end(found: TraceMoney(balance: balance), isDecided: false)
        return auditor
    }

    private func instant(_ hours: Double, _ act: TraceAct = .wake, doubt: Bool = false) -> AuditInstant {
        let time = Self.start + Int64(hours * 3_600_000)
        return AuditInstant(
            act: act, wall: time, truth: time, uptime: time - Self.start, isInDoubt: doubt, isUse: true)
    }

    private func charge(_ auditor: inout Auditor, _ wattHours: Int64, takes amount: Int64, at hours: Double) {
        auditor.begin(instant(hours, .charge(wattHours: wattHours, tariff: 1, isExport: false)))
        var record = TraceRecord(.energy, at: auditor.now.wall)
        record.tariff = 1
        record.wattHours = wattHours
        record.until = auditor.now.wall
        record.change = TraceMoney(balance: -amount)
        auditor.take(record, [TraceLine(what: "all", wattHours: wattHours, rate: 300_001, amount: amount)])
    }

    private func decide(_ auditor: inout Auditor, _ state: Int, _ reason: String, held: Bool = false) {
        var record = TraceRecord(.decided, at: auditor.now.wall)
        record.decision = TraceDecision(state: state, reason: reason, isHeld: held, noticeUntil: nil)
        auditor.take(record, [])
        auditor.end(found: auditor.money)
    }

    @Test func rightCharges_areAccepted_andOneMicroMoreIsSeen() {
        var auditor = auditor()
        charge(&auditor, 1, takes: 300, at: 1)
        charge(&auditor, 999, takes: 299_701, at: 2)
        #expect(auditor.violation == nil, "the rest of a micro-unit is carried: \(auditor.violation as Any)")
        charge(&auditor, 1, takes: 301, at: 3)
        #expect(auditor.violation?.rule == "INV-1")
    }

    @Test func registers_thatAreNotTheSumOfTheRecords_areSeen() {
        var auditor = auditor()
        charge(&auditor, 1000, takes: 300_001, at: 1)
        auditor.end(found: TraceMoney(balance: 700_000), isDecided: false)
        #expect(auditor.violation?.rule == "INV-1")
    }

    @Test func payment_withTwoEffects_isSeen() {
        var auditor = auditor()
        let args: JSONValue = ["payment_id": "p", "amount_micro": 1_000_000, "currency": "AUD"]
        for hour in 1...2 {
            auditor.begin(instant(Double(hour), .command("payment_add", args)))
            var record = TraceRecord(.toppedUp, at: auditor.now.wall)
            record.word = "p"
            record.amount = 1_000_000
            record.value = args
            record.day = 20_514
            record.change = TraceMoney(balance: 1_000_000)
            auditor.take(record, [])
            #expect(auditor.violation?.rule == (hour == 1 ? nil : "INV-3"))
        }
    }

    @Test func cut_withoutReasonOrInDoubtOrInProtectedTime_isSeen() {
        // With credit.
        var credited = auditor()
        credited.begin(instant(1))
        decide(&credited, 0, "exhausted")
        #expect(credited.violation?.rule == "INV-5")
        // Without credit: right at ten, wrong in doubt and in the friendly period.
        for (hours, doubt, rule) in [(1.0, false, nil), (1.0, true, "INV-11"), (8.0, false, "INV-6")] {
            var auditor = auditor(balance: 0)
            auditor.begin(instant(hours, doubt: doubt))
            decide(&auditor, 0, "exhausted")
            #expect(auditor.violation?.rule == rule)
        }
    }

    @Test func cut_thatIsDueAndDoesNotCome_isSeen() {
        var auditor = auditor(balance: 0)
        auditor.begin(instant(1))
        decide(&auditor, 2, "credit")
        #expect(auditor.violation?.rule == "INV-12")
    }

    @Test func cut_withinTheDwellTimeOrTooOften_isSeen() {
        var auditor = auditor(balance: 0)
        auditor.supply.moves = [0]
        auditor.begin(instant(0.01))
        decide(&auditor, 0, "exhausted")
        #expect(auditor.violation?.rule == "INV-5")
        auditor = self.auditor(balance: 0)
        auditor.supply.moves = (1...6).map { Int64($0) * 100_000 }
        auditor.begin(instant(0.5))
        decide(&auditor, 0, "exhausted")
        #expect(auditor.violation?.rule == "INV-5")
    }

    @Test func standingCharge_left_twice_orEarly_isSeen() {
        for (days, rule) in [([Int64](), "INV-1"), ([20_515], nil), ([20_515, 20_515], "INV-1"), ([20_516], "INV-1")] {
            var auditor = auditor()
            auditor.begin(instant(0))
            var setting = TraceRecord(.setting, at: Self.start)
            setting.word = "tariff"
            setting.value = [
                "tariff_id": 2, "standing_micro_per_day": 1000, "bands": [["name": "all", "rate_micro": 1]],
            ]
            auditor.take(setting, [])
            auditor.end(found: TraceMoney(balance: 1_000_000), isDecided: false)
            auditor.begin(instant(24))
            for day in days {
                var record = TraceRecord(.standing, at: day * 86_400_000)
                record.tariff = 2
                record.day = day
                record.change = TraceMoney(balance: -1000)
                auditor.take(record, [TraceLine(what: "standing", wattHours: 0, rate: 1000, amount: 1000)])
            }
            auditor.end(found: auditor.money, isDecided: false)
            #expect(auditor.violation?.rule == rule, "\(days)")
        }
    }

    @Test func start_thatMovesTheSwitch_isSeen() {
        var auditor = auditor()
        auditor.restarted(state: 0, knowsExhaustion: false, at: 1)
        #expect(auditor.violation?.rule == "INV-11")
    }
}
