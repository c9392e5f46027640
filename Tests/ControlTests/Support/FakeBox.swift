import Control
import Foundation
import Glibc
import Metering

/// A daemon as commissioning sees it: unconfigured at first, with one meter on a port, and a journal.
final class FakeBox: @unchecked Sendable {
    private let lock = NSLock()
    private var records: [JSONValue] = []
    private var isConfigured = false
    private var called: [String] = []
    private var notes = 0
    private var victim: pid_t = 0
    private var killAt: (method: String, count: Int)?
    private var troubles: [(method: String, code: String, message: String)] = []
    let home: TemporaryFolder
    private var server: ThreadedServer?
    /// More of the meter's readings, or other ones.
    var reading: [String: String] = [:]

    init() throws {
        home = try TemporaryFolder()
        server = try ThreadedServer { [unowned self] server, event in
            if case .call(let call) = event { self.serve(server, call) }
        }
    }

    /// Where it listens.
    var socket: String { server?.folder.file("control.sock") ?? "" }

    var configuration: String { home.file("meterside.toml") }

    /// Methods that were called, in order, without those that only look.
    var acts: [String] {
        lock.withLock {
            called.filter { name in ["reposit.", "supply.", "config.reload"].contains { name.hasPrefix($0) } }
        }
    }

    /// `step state` of each record.
    var story: [String] {
        lock.withLock { records.map { "\($0["data"]?["step"]?.string ?? "") \($0["data"]?["state"]?.string ?? "")" } }
    }

    func fail(_ method: String, code: String, message: String) {
        lock.withLock { troubles.append((method, code, message)) }
    }

    /// Ends the program, as kill -9 does, when a method is called for the nth time: before anything of it is done.
    func kill(at method: String, count: Int) { lock.withLock { killAt = (method, count) } }

    func run(_ arguments: String...) throws -> Program.Outcome {
        guard let server else { throw CocoaError(.featureUnsupported) }
        let process = Process()
        process.executableURL = URL(filePath: Program.meterside)
        process.arguments = ["commission"] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["METERSIDE_SOCKET": server.folder.file("control.sock")]
        ) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        lock.withLock { victim = process.processIdentifier }
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Program.Outcome(
            status: process.terminationReason == .uncaughtSignal ? -9 : process.terminationStatus,
            output: String(decoding: said, as: UTF8.self), errors: String(decoding: complained, as: UTF8.self))
    }

    private func serve(_ server: ControlServer, _ call: ControlCall) {
        lock.lock()
        defer { lock.unlock() }
        called.append(call.method)
        if let aim = killAt, aim.method == call.method, called.count(where: { $0 == call.method }) >= aim.count {
            killAt = nil
            Glibc.kill(victim, SIGKILL)
            return
        }
        if let index = troubles.firstIndex(where: { $0.method == call.method }) {
            let trouble = troubles.remove(at: index)
            server.fail(call.token, code: trouble.code, message: trouble.message, hint: "look")
            return
        }
        server.answer(call.token, answer(call))
    }

    private func answer(_ call: ControlCall) -> JSONValue {
        switch call.method {
        case "version":
            return [
                "version": "1", "at": "2026-03-02T08:00:00.000Z", "configuration": .string(configuration),
                "state": .string(home.file("state")),
            ]
        case "status":
            return [
                "box": isConfigured ? "SJKGRHDV" : "", "version": "1", "state": isConfigured ? "ok" : "unconfigured",
            ]
        case "config.check": return ["ok": true, "faults": []]
        case "config.reload":
            isConfigured = true
            return ["ok": true]
        case "config.show":
            let text = (try? String(contentsOfFile: configuration, encoding: .utf8)) ?? ""
            // The daemon reads TOML in any form.
            let sections = ["han", "upstream.reposit"].filter { name in
                text.contains("[\(name)]") || text.contains("\n\(name.split(separator: ".").last ?? "") = {")
            }
            return ["text": .string(text), "sections": .array(sections.map { .string($0) })]
        case "commission.show": return ["box": "SJKGRHDV", "records": .array(records)]
        case "commission.note": return note(call.parameters)
        case "ledger.export":
            let from = call.parameters.integer("from") ?? 0
            return ["records": .array(records.filter { $0["seq"]?.integer == from }), "next": nil]
        case "meter.list":
            return [
                "meters": [
                    ["serial": "217072470", "model": "edmi-mk10", "port": "a", "role": "grid", "nmi": "1110029035"]
                ]
            ]
        case "meter.scan":
            return [
                "found": [
                    [
                        "protocol": "edmi", "baud": 9600, "format": "8N1", "address": 217_072_470,
                        "serial": "217072470", "model": "edmi-mk10", "note": "",
                    ]
                ], "tried": 4,
            ]
        case "meter.read": return meterReading
        case "reposit.validate": return ["connected": true]
        case "unit.show": return ["id": "unit-1", "meters": ["217072470"]]
        case "unit.list":
            let text = (try? String(contentsOfFile: configuration, encoding: .utf8)) ?? ""
            return ["units": text.contains("[[unit]]") ? [["id": "unit-1", "switch": "relay-1"]] : []]
        case "supply.test":
            return ["unit": "unit-1", "passed": true, "steps": [["step": "open", "ok": true, "note": ""]]]
        default: return ["status": "OK"]
        }
    }

    private var meterReading: JSONValue {
        var values = [
            "import_wh": "20330000", "voltage_l1_v": "230.5", "voltage_l2_v": "231", "voltage_l3_v": "229.9",
            "current_l1_a": "5", "current_l2_a": "4", "current_l3_a": "6", "power_l1_w": "1150", "power_l2_w": "920",
            "power_l3_w": "1370", "reactive_l1_var": "90", "reactive_l2_var": "-20", "reactive_l3_var": "100",
            "power_w": "3440", "frequency_hz": "50.01",
        ]
        for (name, value) in reading { values[name] = value }
        let rows = values.keys.sorted().map { name -> JSONValue in
            ["channel": .string(name), "value": .string(values[name] ?? ""), "unit": "u", "quality": "A"]
        }
        return ["serial": "217072470", "model": "edmi-mk10", "clock_offset_s": -3, "readings": .array(rows)]
    }

    private func note(_ parameters: ControlParameters) -> JSONValue {
        var data = parameters.object("data") ?? [:]
        data["step"] = .string(parameters.string("step") ?? "")
        data["state"] = .string(parameters.string("state") ?? "")
        let seq = Int64(records.count + 10)
        let at = WallTime(seconds: 1_772_438_400 + seq).text
        records.append([
            "seq": .integer(seq), "at": .string(at), "kind": "commissioning", "data": .object(data),
            "hash": .string(String(repeating: "a", count: 64)),
        ])
        return ["seq": .integer(seq), "at": .string(at)]
    }
}
