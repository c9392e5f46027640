import Metering
import Testing

@testable import Gateway

@Suite struct MeterReplaceTests {
    private func refusal(_ args: JSONObject, _ edit: (inout MeterStanding) -> Void = { _ in }) throws -> String? {
        var script = DeskScript()
        script.turn()
        var meter = try #require(DeskScript.meter)
        edit(&meter)
        script.desk.meters = [meter]
        var all = script.arguments(of: "meter_replace")
        for (name, value) in args.members { all[name] = value }
        let answer = script.send(script.claims("meter_replace", id: "r-1").with("args", .object(all)))
        #expect((answer?["state"] == "completed") == !script.desk.replacements.isEmpty)
        return answer?["code"] == "precondition" ? answer?["detail"]?.string : answer?["code"]?.string
    }

    @Test func replace_isJudgedBeforeAnythingIsDone() throws {
        #expect(try refusal([:]) == "applied")
        #expect(try refusal(["serial": "M9"]) == "unknown_meter")
        #expect(try refusal(["serial": "M 1"]) == "serial")
        #expect(try refusal(["new_serial": "M1"]) == "same_serial")
        #expect(try refusal([:]) { $0.isRetired = true } == "already_replaced")
        #expect(try refusal([:]) { $0.newest = nil } == "no_intervals")
        #expect(try refusal([:]) { $0.isBehind = true } == "intervals_behind")
        #expect(try refusal(["initial": ["import_wh": 3, "export_wh": 1]]) == "channels")
        #expect(try refusal(["final": ["export_wh": 3]]) == "channels")
        #expect(try refusal(["final": ["import_wh": 999]]) == "final_reading")
        #expect(try refusal(["final": ["import_wh": 1501]]) == "final_reading")
        #expect(try refusal(["final": ["import_wh": 999]]) { $0.rollsOver = [true] } == "applied")
        #expect(try refusal(["final": ["import_wh": 999]]) { $0.known = [nil] } == "applied")
        #expect(try refusal(["final": .object(JSONObject())]) == "format")
    }

    @Test func replace_isRecordedWithItsReadings() throws {
        var script = DeskScript()
        script.turn()
        script.send(script.claims("meter_replace", id: "r-1"), .valid(kid: "ops"))
        let record = try #require(script.records.last { $0.kind == .meterReplaced })
        #expect(record.key == "meter.replaced/r-1")
        #expect(record.data["meter"] == "M1")
        #expect(record.data["new_meter"] == "M2")
        #expect(record.data["final"] == ["import_wh": 1200])
        #expect(record.data["initial"] == ["import_wh": 3])
        #expect(script.kinds == [.commandReceived, .meterReplaced, .commandDone])
    }

    private func bench(_ meter: ScriptedMeter, _ serial: String = "M1") throws -> Bench {
        Bench(BenchMeters.configuration([try BenchMeters.meter(serial)]), wire: meter.answer)
    }

    private func command(final: Int64, initial: Int64, newSerial: String = "M2") -> Input {
        let claims: JSONObject = [
            "cmd": "meter_replace",
            "args": [
                "serial": "M1", "new_serial": .string(newSerial),
                "final": ["import_wh": .integer(final), "export_wh": 500],
                "initial": ["import_wh": .integer(initial), "export_wh": 0],
            ],
        ]
        let bytes = JSONWriter.compact(.object(claims))
        return .command(
            Envelope(
                payload: bytes, payloadHash: String(decoding: bytes, as: UTF8.self),
                signature: .local(.installer, uid: 1000)), token: 9)
    }

    /// No watt-hour is lost or counted twice: the old meter's up to its final reading, the new one's from its initial.
    @Test(arguments: [false, true]) func replace_closesTheOldMeterAndOpensTheNewOne(restarts: Bool) throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 1000)
        let final = meter.imported + bench.elapsed / 1_000_000
        bench.give(command(final: final, initial: 7))
        #expect(try bench.value(9)["code"] == "applied")
        meter.imported = 7 - bench.elapsed / 1_000_000
        meter.exported = 0
        let configuration = BenchMeters.configuration([try BenchMeters.meter("M2")])
        bench.pass(seconds: 20)
        if restarts {
            let newest = ["M1", "M2"].compactMap { serial in bench.intervals.last { $0.meter.text == serial } }
            var recovered = RecoveredState.empty
            recovered.head = Int64(bench.journal.count)
            recovered.newestAt = bench.moment.wall
            recovered.intervals = newest
            bench.agent = Agent(configuration: configuration, recovered: recovered) { _, _, _ in true }
        } else {
            bench.give(.reconfigure(configuration, keys: []))
        }
        bench.pass(seconds: 1200)

        let old = bench.intervals.filter { $0.meter.text == "M1" }
        let new = bench.intervals.filter { $0.meter.text == "M2" }
        #expect(old.allSatisfy { $0.epoch == 1 })
        #expect(new.allSatisfy { $0.epoch == 2 })
        let oldSum = old.reduce(0) { $0 + ($1.values[0].value ?? 0) }
        let first = try #require(old.first?.values[0])
        #expect(oldSum == final - (first.registerAtEnd ?? 0) + (first.value ?? 0))
        #expect(old.last?.values[0].method == "final_reading")
        #expect(old.last?.values[0].quality == .actual)
        #expect(new.first?.end == old.last.map { $0.end + -300_000 })
        #expect(new.first?.values[0].reason == "meter_replaced")
        #expect(new.count >= 4)
        let newSum = new.reduce(0) { $0 + ($1.values[0].value ?? 0) }
        #expect(newSum == (new.last?.values[0].registerAtEnd ?? 0) - 7)
        #expect(new.dropFirst().allSatisfy { $0.values[0].value != nil })
        bench.give(.request(.intervalGaps(nil), token: 3))
        #expect(try bench.value(3) == [])
    }

    /// What was not stated yet before the exchange is spread up to the final reading, and says that it is an estimate.
    @Test func replace_afterAMomentOfSilence_spreadsWhatTheMeterCounted() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 1000)
        meter.failure = .timeout
        bench.pass(seconds: 500)
        let final = meter.imported + bench.elapsed / 1_000_000
        bench.give(command(final: final, initial: 7))
        #expect(try bench.value(9)["code"] == "applied")
        let old = bench.intervals.filter { $0.meter.text == "M1" }
        let first = try #require(old.first?.values[0])
        let sum = old.dropFirst().reduce(0) { $0 + ($1.values[0].value ?? 0) }
        let known = old.filter { $0.values[0].value != nil }
        #expect(sum == final - (first.registerAtEnd ?? 0))
        #expect(known.count == old.count)
        let estimates = old.filter { $0.values[0].quality == .estimated }
        #expect(estimates.count >= 2)
        #expect(estimates.allSatisfy { $0.values[0].reason == "timeout" })
        #expect(zip(old, old.dropFirst()).allSatisfy { $1.end == $0.end + 300_000 })
    }

    @Test func replacedMeter_isLeftAloneUntilTheConfigurationChanges() throws {
        let meter = ScriptedMeter()
        var bench = try bench(meter)
        bench.pass(seconds: 1000)
        bench.give(command(final: meter.imported + 1000, initial: 7))
        let intervals = bench.intervals.count
        bench.pass(seconds: 10)
        let asked = meter.askedAt.count
        bench.pass(seconds: 3600)
        #expect(meter.askedAt.count == asked)
        #expect(bench.intervals.count == intervals)
        #expect(bench.alarms == [])
        #expect(try bench.status()["meters"]?.array?.first?["state"] == "silent")
        bench.give(.request(.meterRead(try BenchMeters.serial("M1")), token: 4))
        #expect(bench.failure(4)?.code == "refused")
        bench.give(command(final: meter.imported + 1000, initial: 7, newSerial: "M3"))
        #expect(try bench.value(9)["code"] != "applied")
    }
}
