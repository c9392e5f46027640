import Metering
import Simulator
import Testing

@testable import Upstream

/// Whatever the servers do and whenever the process dies: what is said to be done is done, and done once.
struct UpstreamPropertyTests {
    private struct Dice {
        var state: UInt64
        mutating func roll(_ sides: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % sides)
        }
    }

    private static let troubles: [StubTrouble] = [
        .status(500, retryAfter: nil), .status(503, retryAfter: 5), .status(429, retryAfter: 20),
        .status(408, retryAfter: nil), .hang, .deaf, .drip(1), .garbage, .wrongIDs, .redirect("http://127.0.0.1/"),
        .cut,
    ]

    private static func bench(_ dice: inout Dice, history: [JournalEntry] = [], stubs: UpstreamStubs? = nil) throws
        -> RunnerBench
    {
        var bench = try RunnerBench(history: history, stubs: stubs)
        bench.diesAfterRecords = history.count + 1 + dice.roll(12)
        return bench
    }

    /// Runs one step as often as a stubborn person would, through deaths of the process.
    private static func persist(
        _ bench: inout RunnerBench, _ dice: inout Dice, _ system: String, _ operation: String, _ args: JSONObject,
        isThere: (UpstreamStubs) -> Bool
    ) throws -> Bool {
        for attempt in 0..<40 {
            if bench.records.count >= bench.diesAfterRecords {
                bench = try Self.bench(&dice, history: bench.records, stubs: bench.stubs)
            }
            let settlement = bench.settle(system, operation, args, id: "\(operation).\(attempt).\(bench.records.count)")
            if settlement?.result != nil { return true }
            if settlement?.fault?.code == "upstream_unknown", isThere(bench.stubs) {
                _ = bench.runner.confirm(system, UpstreamWork(operation, args))
                bench.run()
            }
            bench.now = bench.now + 60_000_000
        }
        return false
    }

    @Test(arguments: 0..<150) func commissioning_endsConnected_withEachStepOnce(seed: Int) throws {
        var dice = Dice(state: UInt64(seed) &* 7919 &+ 1)
        var stubs = UpstreamStubs()
        for _ in 0..<dice.roll(8) {
            let paths = ["/mdp/register/meter", "/mdp/validate", "/mdp/register/site", "/mdp/connected"]
            stubs.script.add(
                Self.troubles[dice.roll(UInt64(Self.troubles.count))], to: paths[dice.roll(4)],
                times: 1 + dice.roll(3), skip: dice.roll(2))
        }
        var bench = try Self.bench(&dice, stubs: stubs)
        let meter: JSONObject = ["meter": "686546516"]
        let steps: [(String, JSONObject, (UpstreamStubs) -> Bool)] = [
            ("register_single", meter, { $0.reposit.registered.count == 1 }), ("validate", [:], { _ in true }),
            ("register_site", UpstreamRunnerTests.site, { $0.reposit.sites.count == 1 }),
            ("connected", meter, { !$0.reposit.connected.isEmpty }),
        ]
        for (operation, args, isThere) in steps {
            #expect(
                try Self.persist(&bench, &dice, "reposit", operation, args, isThere: isThere), "\(seed) \(operation)")
            #expect(isThere(bench.stubs), "\(seed): \(operation) is said to be done and is not")
        }
        #expect(bench.stubs.reposit.sites.count == 1)
        // A step that is done is never sent again.
        let count = bench.words.count
        bench.diesAfterRecords = .max
        for (operation, args, _) in steps where operation != "validate" {
            #expect(bench.settle("reposit", operation, args)?.result?["already"] == true, "\(seed) \(operation)")
        }
        #expect(bench.words.count == count)
    }

    @Test(arguments: 0..<100) func events_arriveAllAndOnce_throughTroubleAndDeaths(seed: Int) throws {
        var dice = Dice(state: UInt64(seed) &* 104_729 &+ 3)
        var stubs = UpstreamStubs()
        for _ in 0..<dice.roll(10) {
            stubs.script.add(
                Self.troubles[dice.roll(UInt64(Self.troubles.count))],
                to: ["/rest/token", "/rest/usageplace"][dice.roll(2)], times: 1 + dice.roll(4), skip: dice.roll(3))
        }
        var bench = try Self.bench(&dice, stubs: stubs)
        let ids = (1...5).map { "e\($0)" }
        for _ in 0..<60 where !ids.allSatisfy({ bench.runner.history.item("ropo", id: $0)?.state == .done }) {
            if bench.records.count >= bench.diesAfterRecords {
                bench = try Self.bench(&dice, history: bench.records, stubs: bench.stubs)
            }
            // As the cursor does after a start: all that is not told yet.
            for id in ids where bench.runner.history.item("ropo", id: id)?.state != .done {
                guard !bench.runner.isRunning("ropo", id: id) else { continue }
                var event = UpstreamRunnerTests.event
                event["id"] = .string(id)
                _ = bench.submit("ropo", "event", event, id: id, seconds: nil)
            }
            bench.run(within: 7200)
        }
        #expect(bench.stubs.ropo.events.map(\.id).sorted() == ids, "\(seed)")
        #expect(ids.allSatisfy { bench.runner.history.item("ropo", id: $0)?.state == .done }, "\(seed)")
        #expect(bench.runner.history.parked.isEmpty)
    }

    /// However long a system is away, it is asked at most every few minutes, and the journal grows as little.
    @Test func longOutage_costsLittle() throws {
        var bench = try RunnerBench()
        bench.failures = Array(repeating: RunnerBench.unreachable, count: 100_000)
        _ = bench.submit("ropo", "event", UpstreamRunnerTests.event, seconds: nil)
        bench.run(within: 3 * 86_400)
        let asked = 100_000 - bench.failures.count
        #expect((250...700).contains(asked), "\(asked)")
        #expect(bench.records.count <= asked * 2)
    }
}
