import ArgumentParser
import CLinux
import Glibc
import Metering
import Simulator
import Synchronization

/// `meterside-sim soak`
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Lives through unit-days of prepayment and checks every invariant.",
        discussion: """
            Households top up late, walk away and press buttons; offices change tariffs, modes and orders; boxes \
            restart, clocks jump, meters fall silent, switches stick, journals fill up. After every event an auditor \
            that shares no code with the account reckons balances and permissions anew. Exit code 5 on a violation, \
            with the seed and the unit that show it again, and what happened before it.
            """)

    @Option(help: "Days of one unit, in all: 1000000 is ten thousand lives of a hundred days.")
    var unitDays: Int64 = 100_000

    @Option(help: "Everything depends on this number.")
    var seed: UInt64 = 1

    @Option(help: "Only this unit of the seed, with what happened last.")
    var unit: Int64?

    @Option(help: "Threads; the sum over everything does not depend on them.")
    var jobs = 2

    @Flag(help: "As one JSON object.")
    var json = false

    func validate() throws {
        guard (1...1_000_000_000).contains(unitDays) else {
            throw ValidationError("--unit-days must be from 1 to 1000000000")
        }
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 64") }
        if let unit, !(0..<Soak.units(days: unitDays)).contains(unit) {
            throw ValidationError(
                "--unit must be from 0 to \(Soak.units(days: unitDays) - 1); --unit-days has no more of them")
        }
    }

    func run() throws {
        let stop = try StopSignal()
        let run = SoakRun(seed: seed, days: unitDays, only: unit)
        let start = Self.uptime()
        try run.start(threads: unit == nil ? jobs : 1)
        var shown = 0.0
        while !run.isOver {
            if stop.came { run.isStopped.store(true, ordering: .relaxed) }
            usleep(20_000)
            let passed = Self.uptime() - start
            guard isatty(2) == 1 || passed - shown > 10, passed - shown > 0.5 else { continue }
            shown = passed
            progress(run, passed)
        }
        if isatty(2) == 1 { Console.error("") }
        try report(run, Self.uptime() - start)
    }

    private func progress(_ run: SoakRun, _ passed: Double) {
        let days = run.result.withLock { $0.counts.steps } / 48
        let text = "soak: \(days) of \(unitDays) unit-days, \(Int64(Double(days) / max(passed, 0.001))) a second"
        if isatty(2) == 1 { Console.progress(text) } else { Console.error(text) }
    }

    private func report(_ run: SoakRun, _ seconds: Double) throws {
        let result = run.result.withLock { $0 }
        if unit != nil {
            for line in Soak.trail(seed: seed, unit: unit ?? 0) { Console.line(line) }
        }
        if let violation = result.violation {
            if unit == nil {
                for line in Soak.trail(seed: seed, unit: violation.unit).suffix(20) { Console.error(line) }
            }
            throw SimulatorFailure.unseen(
                "\(violation)\n  again: meterside-sim soak --unit-days \(unitDays) --seed \(seed) "
                    + "--unit \(violation.unit)")
        }
        Console.line(json ? SoakText.json(result, seed, seconds) : SoakText.lines(result, seed, seconds))
        if run.isStopped.load(ordering: .relaxed) { throw SimulatorFailure.unseen("stopped before the end") }
    }

    private static func uptime() -> Double { Double(BoardClock.uptime().microseconds) / 1e6 }
}

/// What a run came to.
struct SoakResult: Sendable {
    var counts = SoakCounts()
    /// A sum that does not depend on the order of the units.
    var digest: UInt64 = 0
    /// Of the lowest unit that has one.
    var violation: SoakViolation?
}

/// The units of a run, shared out among threads.
final class SoakRun: Sendable {
    let seed: UInt64
    let days: Int64
    let result = Mutex(SoakResult())
    let isStopped = Atomic(false)
    private let next: Atomic<Int64>
    private let end: Int64
    private let threads = Atomic(0)

    init(seed: UInt64, days: Int64, only: Int64?) {
        self.seed = seed
        self.days = days
        next = Atomic(only ?? 0)
        end = only.map { $0 + 1 } ?? Soak.units(days: days)
    }

    var isOver: Bool { threads.load(ordering: .acquiring) == 0 }

    func start(threads count: Int) throws(SimulatorFailure) {
        for _ in 0..<count {
            threads.add(1, ordering: .relaxed)
            try DetachedThread.start(stackBytes: 1 << 20) {
                self.work()
                self.threads.subtract(1, ordering: .releasing)
            }
        }
    }

    private func work() {
        while !isStopped.load(ordering: .relaxed) {
            let unit = next.add(1, ordering: .relaxed).oldValue
            guard unit < end else { return }
            do throws(SoakViolation) {
                let rest = min(Soak.lifeDays, days - unit * Soak.lifeDays)
                let (counts, digest) = try Soak.live(seed: seed, unit: unit, days: rest)
                result.withLock {
                    $0.counts.add(counts)
                    $0.digest &+= digest
                }
            } catch {
                // Units below this one are under way; the lowest is told.
                result.withLock {
                    if let known = $0.violation, known.unit < unit { return }
                    $0.violation = error
                }
                return next.store(end, ordering: .relaxed)
            }
        }
    }
}

/// The result, for people and for programs.
enum SoakText {
    static func lines(_ result: SoakResult, _ seed: UInt64, _ seconds: Double) -> String {
        let counts = result.counts
        let percent = counts.faultySteps * 100 / max(1, counts.steps)
        return """
            soak: \(counts.steps / 48) unit-days of seed \(seed) in \(tenths(seconds)) s, no violation
              half hours     \(counts.steps), in \(percent) % of them something was wrong
              turns          \(counts.turns), \(counts.lost) more were lost before their commit
              records        \(counts.records), \(counts.recordsByText) of them read back from their text
              commands       \(counts.commands), button presses \(counts.presses)
              switchings     \(counts.switchings)
              restarts       \(counts.restarts), each gave the account that was
              digest         \(hex(result.digest))
            """
    }

    static func json(_ result: SoakResult, _ seed: UInt64, _ seconds: Double) -> String {
        let counts = result.counts
        let value: JSONValue = [
            "unit_days": .integer(counts.steps / 48), "seed": .string("\(seed)"),
            "milliseconds": .integer(Int64(seconds * 1000)), "steps": .integer(counts.steps),
            "faulty_steps": .integer(counts.faultySteps), "turns": .integer(counts.turns),
            "lost_turns": .integer(counts.lost), "records": .integer(counts.records),
            "records_by_text": .integer(counts.recordsByText), "commands": .integer(counts.commands),
            "presses": .integer(counts.presses), "switchings": .integer(counts.switchings),
            "restarts": .integer(counts.restarts), "digest": .string(hex(result.digest)), "violations": 0,
        ]
        return String(decoding: JSONWriter.canonical(value), as: UTF8.self)
    }

    private static func hex(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private static func tenths(_ seconds: Double) -> String {
        let tenths = Int64(seconds * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
