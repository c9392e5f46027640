import Metering
import Simulator
import Testing

@testable import Upstream

struct GenerationLedgerTests {
    private static func rows(_ rows: [GenerationLedger.Row]) -> [String] {
        rows.map { "\($0.day) \($0.produced) \($0.accumulated)" }
    }

    private static func upload(_ rows: [GenerationLedger.Row]) -> JSONObject {
        ["remote_id": .string(rows[0].remoteID), "rows": .array(rows.map(\.json))]
    }

    private let days = [(day: "2026-03-01", produced: Int64(1000)), (day: "2026-03-02", produced: 2000)]

    @Test func firstDays_countFromTheRegister() {
        let ledger = GenerationLedger(UpstreamHistory())
        #expect(Self.rows(ledger.due("R", days)) == ["2026-03-01 1000 1000", "2026-03-02 2000 3000"])
        #expect(
            Self.rows(ledger.due("R", days, opening: 51_000)) == ["2026-03-01 1000 51000", "2026-03-02 2000 53000"])
        #expect(ledger.due("R", []).isEmpty)
    }

    /// A day whose upload got no answer may have arrived: it waits for a person, whatever happens meanwhile.
    @Test(arguments: [StubTrouble.hang, .cut, .status(502, retryAfter: nil)])
    func upload_withoutAnAnswer_isParked_andSentAgainOnlyOnOrder(trouble: StubTrouble) throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(trouble, to: "/public/v2/generation-datas")
        let work = Self.upload(GenerationLedger(bench.runner.history).due("R", days))
        let end = bench.settle("redex", "generation_daily", work, id: "g", seconds: nil)
        guard case .parked(code: "unknown", _)? = end else { Issue.record("\(String(describing: end))"); return }
        #expect(bench.words.filter { $0.contains("generation-datas") }.count == 1)
        #expect(bench.runner.history.parked.map(\.code) == ["unknown"])
        #expect(GenerationLedger(bench.runner.history).due("R", days).isEmpty)
        #expect(
            bench.settle("redex", "generation_daily", work, id: "g", seconds: nil, again: true)?.result != nil)
        #expect(bench.runner.history.parked.isEmpty)
    }

    /// Killed between sending and the answer.
    @Test func upload_thatWasUnderWayAtAKill_isParkedAtTheNextStart() throws {
        var first = try RunnerBench()
        first.diesAfterRecords = 1
        let work = Self.upload(GenerationLedger(first.runner.history).due("R", days))
        _ = first.settle("redex", "generation_daily", work, id: "g", seconds: nil)
        var second = try RunnerBench(history: first.records, stubs: first.stubs)
        let sent = second.words.count
        guard case .parked? = second.settle("redex", "generation_daily", work, id: "g", seconds: nil) else {
            Issue.record("not parked")
            return
        }
        #expect(second.words.count == sent)
        #expect(second.runner.history.parked.map(\.id) == ["g"])
        #expect(second.records.last?.draft.kind == .alarm)
    }

    /// Days before the first one sent have holes for ever: waiting for them would hold up the second one.
    @Test func span_goesBackAFewDays_butNotBehindTheFirstOneSent() throws {
        var bench = try RunnerBench()
        #expect(GenerationLedger(bench.runner.history).span(of: "R", today: 20_514) == 20_513..<20_514)
        let day = { (number: Int64) in String(WallTime(seconds: number * 86_400).textSeconds.prefix(10)) }
        var spans: [Range<Int64>] = []
        for number in Int64(20_513)..<20_519 {
            let row = GenerationLedger.Row(remoteID: "R", day: day(number), produced: 1, accumulated: number)
            _ = bench.settle("redex", "generation_daily", Self.upload([row]), id: "g\(number)", seconds: nil)
            spans.append(GenerationLedger(bench.runner.history).span(of: "R", today: number + 2))
        }
        #expect(spans.map(\.lowerBound) == [20_513, 20_513, 20_513, 20_513, 20_514, 20_515])
        #expect(spans.map(\.upperBound) == Array(20_515..<20_521))
        // After a long time without a connection, and with a clock that went back.
        let ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.span(of: "R", today: 20_600) == 20_565..<20_600)
        #expect(ledger.span(of: "R", today: 20_000).isEmpty)
        #expect(ledger.span(of: "other", today: 20_600) == 20_599..<20_600)
    }

    @Test func days_areSentOnce_andAgainOnlyWhenChanged() throws {
        var bench = try RunnerBench()
        var ledger = GenerationLedger(bench.runner.history)
        let first = ledger.due("R", days)
        #expect(
            bench.settle("redex", "generation_daily", Self.upload(first), seconds: nil) == .done(["process_id": "1"]))
        ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.openProcesses == ["1"])
        #expect(ledger.entries.map(\.state) == [.sent, .sent])
        #expect(ledger.due("R", days).isEmpty)
        // A day more, and the second one changed.
        var later = days
        later[1].produced = 2500
        later.append((day: "2026-03-03", produced: 10))
        #expect(Self.rows(ledger.due("R", later)) == ["2026-03-02 2500 3500", "2026-03-03 10 3510"])
        // The accumulated value goes on from the last day sent.
        #expect(Self.rows(ledger.due("R", [later[2]])) == ["2026-03-03 10 3010"])
        #expect(ledger.due("other", [later[2]]).count == 1)
    }

    @Test func process_decides() throws {
        var bench = try RunnerBench()
        bench.stubs.redex.failingUploads = [1]
        let rows = GenerationLedger(bench.runner.history).due("R", days)
        _ = bench.settle("redex", "generation_daily", Self.upload(rows), id: "g1", seconds: nil)
        let began = bench.now
        #expect(bench.settle("redex", "process", ["process_id": "1"], id: "process.1", seconds: nil)?.result != nil)
        #expect(bench.now - began >= 60_000_000)
        var ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.entries.map(\.state) == [.failed, .failed])
        #expect(ledger.openProcesses.isEmpty)
        let again = ledger.due("R", days)
        #expect(again == rows)
        _ = bench.settle("redex", "generation_daily", Self.upload(again), id: "g2", seconds: nil)
        _ = bench.settle("redex", "process", ["process_id": "2"], id: "process.2", seconds: nil)
        ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.entries.map(\.state) == [.accepted, .accepted])
        #expect(ledger.due("R", days).isEmpty)
    }

    @Test func batch_countsForEachInverter() throws {
        var bench = try RunnerBench()
        let ledger = GenerationLedger(bench.runner.history)
        let devices: [JSONValue] = ["R1", "R2"].map { .object(Self.upload(ledger.due($0, days))) }
        _ = bench.settle("redex", "generation_batch", ["devices": .array(devices)], seconds: nil)
        #expect(GenerationLedger(bench.runner.history).entries.map(\.row.remoteID) == ["R1", "R1", "R2", "R2"])
    }

    @Test func refusedDays_waitForAPerson() throws {
        var bench = try RunnerBench()
        bench.stubs.script.add(.status(400, retryAfter: nil), to: "/public/v2/generation")
        let rows = GenerationLedger(bench.runner.history).due("R", days)
        _ = bench.settle("redex", "generation_daily", Self.upload(rows), seconds: nil)
        let ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.entries.map(\.state) == [.parked, .parked])
        #expect(ledger.due("R", days).isEmpty)
    }

    /// An upload whose process the server does not know is not followed for ever, and not sent again by itself.
    @Test func unknownProcess_isForAPerson() throws {
        var bench = try RunnerBench()
        let rows = GenerationLedger(bench.runner.history).due("R", days)
        bench.stubs.script.add(.wrongIDs, to: "/public/v2/generation-datas")
        _ = bench.settle("redex", "generation_daily", Self.upload(rows), seconds: nil)
        #expect(GenerationLedger(bench.runner.history).openProcesses == ["0"])
        _ = bench.settle("redex", "process", ["process_id": "0"], id: "process.0", seconds: nil)
        let ledger = GenerationLedger(bench.runner.history)
        #expect(ledger.entries.map(\.state) == [.unknown, .unknown])
        #expect(ledger.openProcesses.isEmpty)
        #expect(ledger.due("R", days).isEmpty)
    }

    @Test func ledger_isTheSameAfterARestart() throws {
        var bench = try RunnerBench()
        let rows = GenerationLedger(bench.runner.history).due("R", days)
        _ = bench.settle("redex", "generation_daily", Self.upload(rows), seconds: nil)
        let after = try RunnerBench(history: bench.records)
        #expect(GenerationLedger(after.runner.history) == GenerationLedger(bench.runner.history))
    }

    private static func intervals(_ count: Int, end: WallTime, value: Int64? = 100) -> [Interval] {
        guard let meter = MeterSerial("1") else { return [] }
        return (0..<count).map { index in
            Interval(
                meter: meter, epoch: 1, end: end + -Int64(count - 1 - index) * 300_000, minutes: 5, revision: 0,
                values: [
                    IntervalValue(
                        channel: .exportWh, value: value, quality: .actual, method: "boundary", reason: "",
                        source: .register, registerAtEnd: 50_000)
                ])
        }
    }

    @Test func day_isTheSumOfItsIntervals_inTheDevicesOwnTime() throws {
        let number = try #require(WallTime(text: "2026-03-01")).seconds / 86_400
        let end = GeneratedDay.end(number, offset: 28_800)
        #expect(end.textSeconds == "2026-03-01T16:00:00Z")
        let day = GeneratedDay(
            number: number, offset: 28_800, capacity: 9900, intervals: Self.intervals(288, end: end))
        #expect(day.day == "2026-03-01")
        #expect(day.produced == 28_800)
        #expect(day.registerAtEnd == 50_000)
        #expect(day.impossible.isEmpty)
    }

    @Test func day_withAHole_isNotWhole() {
        let end = GeneratedDay.end(20_000, offset: 0)
        #expect(
            GeneratedDay(number: 20_000, offset: 0, capacity: 9900, intervals: Self.intervals(287, end: end)).produced
                == nil)
        let empty = Self.intervals(288, end: end, value: nil)
        #expect(GeneratedDay(number: 20_000, offset: 0, capacity: 9900, intervals: empty).produced == nil)
    }

    /// 9.9 kW make 825 Wh in five minutes.
    @Test(arguments: [(Int64(825), 0), (826, 0), (827, 288)])
    func day_withMoreThanTheCapacity_isFlagged(value: Int64, count: Int) {
        let intervals = Self.intervals(288, end: GeneratedDay.end(20_000, offset: 0), value: value)
        let day = GeneratedDay(number: 20_000, offset: 0, capacity: 9900, intervals: intervals)
        #expect(day.impossible.count == count)
    }
}
