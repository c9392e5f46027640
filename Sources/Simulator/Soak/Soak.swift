import Intervals
import Metering

/// What a soak run counted.
public struct SoakCounts: Hashable, Sendable {
    public var steps: Int64 = 0
    /// Steps in which something was wrong with the box, its clock, its meter, its journal or its switch.
    public var faultySteps: Int64 = 0
    public var turns: Int64 = 0
    /// Turns that could not be made durable.
    public var lost: Int64 = 0
    public var records: Int64 = 0
    public var commands: Int64 = 0
    public var presses: Int64 = 0
    public var switchings: Int64 = 0
    public var restarts: Int64 = 0
    /// Records that were written as JSON and read back at a start.
    public var recordsByText: Int64 = 0
    var lastOutcome = TraceOutcome.applied

    public init() {}

    /// Adds another's.
    public mutating func add(_ other: SoakCounts) {
        steps += other.steps
        faultySteps += other.faultySteps
        turns += other.turns
        lost += other.lost
        records += other.records
        commands += other.commands
        presses += other.presses
        switchings += other.switchings
        restarts += other.restarts
        recordsByText += other.recordsByText
    }
}

/// An invariant that did not hold, and how to see it again.
public struct SoakViolation: Error, Hashable, Sendable, CustomStringConvertible {
    public var seed: UInt64
    public var unit: Int64
    /// Half hours since the unit was put in.
    public var step: Int64
    public var finding: AuditFinding

    public var description: String {
        """
        \(finding.rule) is violated: \(finding.what)
          seed \(seed), unit \(unit), step \(step), record \(finding.record), at \
        \(WallTime(milliseconds: finding.at).text) by the box's clock
          event: \(finding.event)
          expected: \(finding.wanted)
          found: \(finding.found)
        """
    }
}

/// Lives of payment units from one seed, with every invariant checked after every event.
public enum Soak {
    /// Days of one unit's life; then another unit begins.
    public static let lifeDays: Int64 = 100

    /// Units that so many unit-days take, the last one's life may be shorter.
    public static func units(days: Int64) -> Int64 { (days + lifeDays - 1) / lifeDays }

    /// The last things that happened to a unit, for people; it is lived again up to its violation, or its end.
    public static func trail(seed: UInt64, unit: Int64, days: Int64 = lifeDays) -> [String] {
        var mixer = mixer(seed, unit)
        guard var life = try? SoakUnit(seed: mixer.next()) else { return [] }
        life.trail = []
        while life.step < days * 48, life.auditor.violation == nil { life.live() }
        if life.auditor.violation == nil { life.restart() }
        return life.trail ?? []
    }

    private static func mixer(_ seed: UInt64, _ unit: Int64) -> SeededGenerator {
        SeededGenerator(seed: seed ^ UInt64(bitPattern: unit) &* 0xD6E8_FEB8_6659_FD93)
    }

    /// Lives one unit.
    /// - Parameters:
    ///   - seed: of the whole run.
    ///   - unit: 0 and up.
    ///   - days: at most `lifeDays`.
    /// - Returns: what was counted, and the sum over everything that happened.
    public static func live(
        seed: UInt64, unit: Int64, days: Int64 = lifeDays
    ) throws(SoakViolation) -> (counts: SoakCounts, digest: UInt64) {
        var mixer = mixer(seed, unit)
        var life: SoakUnit
        do throws(SoakFault) {
            life = try SoakUnit(seed: mixer.next())
        } catch {
            let finding = AuditFinding(
                rule: "the simulator itself", what: error.text, wanted: "", found: "", record: 0, at: 0, event: "")
            throw SoakViolation(seed: seed, unit: unit, step: 0, finding: finding)
        }
        for _ in 0..<(days * 48) {
            life.live()
            if let finding = life.auditor.violation {
                throw SoakViolation(seed: seed, unit: unit, step: life.step, finding: finding)
            }
        }
        life.restart()
        if let finding = life.auditor.violation {
            throw SoakViolation(seed: seed, unit: unit, step: life.step, finding: finding)
        }
        return (life.counts, life.digest.value)
    }
}

extension SoakZone {
    /// The table that a unit goes by.
    var rules: ZoneRules {
        guard let begin, let end else { return .fixed(standard) }
        var transitions: [ZoneRules.Transition] = []
        for year in 2020...2042 {
            transitions.append(ZoneRules.Transition(at: Self.instant(begin, year), offset: daylight))
            transitions.append(ZoneRules.Transition(at: Self.instant(end, year), offset: standard))
        }
        let isNorthern = begin.month < end.month
        return ZoneRules(firstOffset: isNorthern ? standard : daylight, transitions: transitions)
    }

    private static func instant(_ change: Change, _ year: Int) -> Int64 {
        let last = CivilTime.daysIn(month: change.month, year: year)
        var sundays: [Int64] = []
        for day in 1...last {
            let seconds = CivilTime(year: year, month: change.month, day: day).seconds
            if (seconds / 86_400 + 4) % 7 == 0 { sundays.append(seconds) }
        }
        return (change.sunday == 5 ? sundays[sundays.count - 1] : sundays[change.sunday - 1]) + change.seconds
    }
}
