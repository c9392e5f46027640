import Crypto
import Foundation
import Metering
import Testing

/// A start with a long journal: the checkpoint of the units makes it quick, and never says anything of its own.
@Suite(.serialized) struct CheckpointTests {
    /// Leaves a journal and its configuration in the folder that METERSIDE_LONG_JOURNAL names, as `folder units meters
    /// days`: for measuring a start.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["METERSIDE_LONG_JOURNAL"] != nil))
    func longJournal_isMadeForMeasuring() throws {
        let words = (ProcessInfo.processInfo.environment["METERSIDE_LONG_JOURNAL"] ?? "").split(separator: " ")
        let numbers = words.dropFirst().compactMap { Int($0) }
        try #require(numbers.count == 3)
        let long = LongJournal(units: numbers[0], metersPerUnit: numbers[1], days: numbers[2])
        _ = try long.write(to: String(words[0]))
        try Data(long.configuration.utf8).write(to: URL(filePath: words[0] + "/meterside.toml"))
    }

    /// What can be asked of a unit, without what changes by a start alone.
    private struct Answers: Equatable {
        var credit: JSONValue?
        var report: JSONValue?
        var supply: JSONValue?
        var additions: JSONValue?

        init(_ box: BoxUnderTest) throws {
            var object = try box.json("credit", "show", "unit-1")?.object
            object?["as_of_seq"] = nil
            credit = object.map { .object($0) }
            var lines = try box.json("credit", "report", "unit-1")?.object
            lines?["to"] = nil
            report = lines.map { .object($0) }
            supply = try box.json("supply", "show", "unit-1")?["enabled"]
            let run = try box.json(
                "command", "send", "credit_last_additions_fetch", "--unit", "unit-1", "--args", "{}")
            additions = run?["result"]?["additions"]
        }
    }

    private let sandbox: Sandbox
    private let box: BoxUnderTest

    init() throws {
        sandbox = try Sandbox()
        box = BoxUnderTest(sandbox, scale: 1)
    }

    private var checkpoint: URL { sandbox.folder.appending(path: "state/units.fold") }
    private var journal: URL { sandbox.folder.appending(path: "state/journal.db") }

    /// The daemon's answers in one run.
    private func run(_ body: () throws -> Void = {}) throws -> Answers {
        try box.startDaemon()
        #expect(try sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
        let answers = try Answers(box)
        try body()
        box.signal(SIGTERM)
        return answers
    }

    private func verify() throws -> (code: Int32, checkpoint: String?) {
        let run = try sandbox.run(
            Programs.daemon,
            ["--config", sandbox.path("etc/meterside.toml"), "--state", sandbox.path("state"), "--verify"])
        return (run.code, (try? JSONReader.read(run.out))?["unit_checkpoint"]?.string)
    }

    private func pay(_ id: String) throws {
        let run = try box.cli(
            "command", "send", "payment_add", "--unit", "unit-1", "--args",
            "{\"payment_id\":\"\(id)\",\"amount_micro\":5000000}", "--json")
        #expect((try? JSONReader.read(run.out))?["code"]?.string == "applied", "\(run.out) \(run.err)")
    }

    @Test func start_givesTheSameUnits_whateverBecameOfTheCheckpoint() throws {
        let long = LongJournal()
        let balances = try long.write(to: sandbox.path("state"))
        try sandbox.write("etc/meterside.toml", long.configuration)
        let whole = try run()
        #expect(whole.credit?["balance_micro"]?.integer == balances[0], "\(box.daemonLog)")
        #expect(whole.additions?.array?.count == 2)
        let kept = try Data(contentsOf: checkpoint)
        #expect(try verify() == (0, "sound"))
        #expect(try run() == whole, "from the checkpoint")

        // Cut short, changed, emptied, another program's: as if it were not there.
        var changed = kept
        changed[kept.count / 2] ^= 1
        let otherVersion = Data("meterside-units 1 0.0.0-other ".utf8) + kept.dropFirst(40)
        for damaged in [changed, kept.prefix(kept.count / 2), Data(), otherVersion, Data("no line".utf8)] {
            try damaged.write(to: checkpoint)
            #expect(try verify().code == 0)
            #expect(try run() == whole)
        }
        try FileManager.default.removeItem(at: checkpoint)
        #expect(try verify() == (0, "absent"))

        // One that is older than the newest records.
        let before = try Data(contentsOf: journal)
        try kept.write(to: checkpoint)
        _ = try run { try pay("late") }
        try kept.write(to: checkpoint)
        let paid = try run()
        #expect(paid.credit?["balance_micro"]?.integer == balances[0] + 5_000_000)
        #expect(paid.additions?.array?.count == 3)

        // One that is newer than a journal restored from an old copy.
        try FileManager.default.removeItem(at: journal)
        try FileManager.default.removeItem(at: checkpoint)
        let newer = LongJournal(days: 12, end: long.end + 2 * 86_400_000)
        _ = try newer.write(to: sandbox.path("state"))
        _ = try run()
        #expect(FileManager.default.fileExists(atPath: checkpoint.path))
        try before.write(to: journal)
        #expect(try verify() == (0, "not of this journal"))
        #expect(try run() == whole)
    }

    @Test func checkpointThatSaysSomethingElse_isFoundOut_andDropped() throws {
        let long = LongJournal()
        let balances = try long.write(to: sandbox.path("state"))
        try sandbox.write("etc/meterside.toml", long.configuration)
        _ = try run()
        // Somebody changes a payment's id and makes the file look whole again.
        let kept = try Data(contentsOf: checkpoint)
        let end = try #require(kept.firstIndex(of: 0x0A))
        var words = String(decoding: kept[..<end], as: UTF8.self).split(separator: " ").map { String($0) }
        var body = kept[(end + 1)...]
        let place = try #require(body.range(of: Data("pay-1-1".utf8)))
        body.replaceSubrange(place, with: Data("pay-1-9".utf8))
        words[5] = SHA256.hex(Array(body))
        try (Data((words.joined(separator: " ") + "\n").utf8) + body).write(to: checkpoint)
        #expect(try verify() == (5, "false"))

        try box.startDaemon()
        #expect(sandbox.eventually { box.daemonExitCode != nil })
        #expect(box.daemonExitCode == 1)
        #expect(box.daemonLog.contains("the checkpoint of the units is not what the journal says"))
        #expect(!FileManager.default.fileExists(atPath: checkpoint.path))
        #expect(try run().credit?["balance_micro"]?.integer == balances[0])
    }
}
