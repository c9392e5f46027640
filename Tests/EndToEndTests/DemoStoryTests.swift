import Foundation
import Metering
import Testing

/// The story of prepaid supply, as `meterside-sim demo --credit` tells it: real daemon, broker, relay and command line.
/// It is checked by the records that the cloud received.
@Suite(.serialized) struct DemoStoryTests {
    @Test func story_isSeenInTheJournal_onTheDisplay_andByTheCommandLine() throws {
        let sandbox = try Sandbox()
        let run = try sandbox.run(
            "/usr/bin/env",
            [
                "TMPDIR=\(sandbox.folder.path)", Programs.simulator, "demo", "--credit", "--plain", "--keep", "--speed",
                "1800", "--seconds", "400",
            ])
        try #require(run.code == 0, "\(run.out)\(run.err)")
        let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.folder.path)
        let folder = try #require(names.first { $0.hasPrefix("meterside-sim.") })
        let story = StoryRecords(sandbox.lines(folder + "/cloud.jsonl"))
        checkSupply(story)
        checkMoney(story)
        for text in [
            "|OFF SOON: top up    |", "|SUPPLY IS OFF       |", "|Press to switch on  |", "|Supply is on        |",
            "because        supply is not cut at these hours (friendly_period)",
            "because        the credit is used up (exhausted)", "The account and the journal agree: -",
            "The account and the journal agree: 1",
        ] { #expect(run.out.contains(text), "\(text)\n\(run.out)") }
        #expect(!run.out.contains("NOT agree"))
        #expect(try Self.processes(naming: folder) == [], "nothing is left behind")
    }

    private func checkSupply(_ story: StoryRecords) {
        // Held in the afternoon, whatever else was in doubt meanwhile.
        let held = story.first("supply.decided") { $0["reason"] == "friendly_period" && $0["held"] == true }
        #expect(held.map { (15 * 60..<18 * 60).contains($0.minute) } ?? false, "\(String(describing: held))")
        #expect(held?.data["decided"] == "connected")
        let orders = story.all("supply.ordered").map {
            "\($0["order"]?.string ?? "") \($0["reason"]?.string ?? "")"
        }
        #expect(orders == ["disconnect test", "connect test", "disconnect exhausted", "connect credit"])
        // Cut in the morning, after the protected time and the box's own random delay.
        let cut = story.first("supply.ordered") { $0["reason"] == "exhausted" }
        #expect(cut.map { (8 * 60..<9 * 60).contains($0.minute) } ?? false, "\(String(describing: cut))")
        let off = story.first("supply.confirmed", after: cut) { $0["observed"] == "disconnected" }
        #expect(off?.data["by"] == "feedback" && off?.data["ordered_seq"] == .integer(cut?.seq ?? 0))
        let paid = story.first("credit.topped_up", after: off) { _ in true }
        #expect(paid?.data["amount_micro"] == 20_000_000)
        let armed = story.first("supply.decided", after: paid) { $0["decided"] == "armed" }
        #expect(armed?.data["reason"] == "armed_wait")
        // The customer's hand, and no command, switches it on.
        let on = story.first("supply.decided", after: armed) { $0["decided"] == "connected" }
        #expect(on?.data["reason"] == "credit" && on?.data["by"] == nil)
        #expect(story.first("supply.confirmed", after: on) { $0["observed"] == "connected" } != nil)
        #expect(story.all("supply.contradicted").isEmpty)
        // When time runs so fast, a busy machine keeps a meter waiting and reads a boundary late; nothing else is wrong.
        let alarms = Set(story.all("alarm").compactMap { $0["alarm"]?.string })
        #expect(alarms.subtracting(["meter_silent", "sum_check"]) == [])
    }

    /// The balance is what was paid less what was charged, to the micro.
    private func checkMoney(_ story: StoryRecords) {
        let payments = story.all("credit.topped_up").compactMap { $0["amount_micro"]?.integer }
        #expect(payments.count == 2)
        let charges = story.all("credit.charged").compactMap { $0["amount_micro"]?.integer }
        #expect(charges.count > 100)
        let balances = story.records.compactMap { $0.data["balance_micro"]?.integer }
        #expect(balances.last == payments.reduce(0, +) - charges.reduce(0, +))
        #expect((balances.min() ?? 0) < -3_000_000 && (balances.last ?? 0) > 10_000_000)
    }

    /// Processes whose command line names a folder.
    private static func processes(naming folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
            guard Int32(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return nil
            }
            let line = String(decoding: bytes, as: UTF8.self)
            return line.contains("/\(folder)/") ? line : nil
        }
    }
}

/// The unit's records, in the order of the journal.
private struct StoryRecords {
    struct Record {
        var seq: Int64
        var kind: String
        /// Of the day in Brisbane.
        var minute: Int
        var data: JSONValue
    }

    let records: [Record]

    init(_ lines: [JSONValue]) {
        records = lines.compactMap { line in
            guard let seq = line["seq"]?.integer, let kind = line["kind"]?.string, let data = line["data"],
                data["unit"]?.string == "unit-1" || kind == "alarm", let text = line["at"]?.string,
                let at = WallTime(text: text)
            else { return nil }
            return Record(
                seq: seq, kind: kind, minute: Int((at.seconds + 36_000).flooredRemainder(by: 86_400) / 60), data: data)
        }
    }

    func all(_ kind: String) -> [JSONValue] { records.filter { $0.kind == kind }.map(\.data) }

    func first(_ kind: String, after: Record? = nil, where holds: (JSONValue) -> Bool) -> Record? {
        records.first { $0.kind == kind && $0.seq > after?.seq ?? 0 && holds($0.data) }
    }
}
