import Foundation
import Metering
import Testing

@testable import Journal

/// A directory of its own for one test, removed afterwards.
func withScratch<T>(_ body: (String) throws -> T) throws -> T {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Drafts as the agent would write them.
enum Sample {
    static let box = "SJKGRHDV"
    static let start = WallTime(milliseconds: 1_772_436_600_123)

    static func draft(_ seq: Int64, _ kind: JournalKind, key: String? = nil, _ data: JSONObject) -> JournalDraft {
        JournalDraft(
            seq: seq, at: start + seq * 1000, kind: kind, key: key ?? "\(kind.rawValue)/\(seq)", data: data)
    }

    static var created: JournalDraft { draft(1, .boxCreated, ["box": .string(box)]) }

    static func event(_ seq: Int64) -> JournalDraft {
        draft(seq, .meterUp, ["meter": "217072470", "note": .string("wire \(seq)")])
    }

    /// An interval with two channels of these qualities, and a reason that looks like a flag.
    static func flagged(
        _ seq: Int64, slot: Int64, revision: Int = 0, _ qualities: [QualityFlag]
    ) throws -> JournalDraft {
        let channels: [Channel] = [.importWh, .exportWh]
        let interval = Interval(
            meter: try #require(MeterSerial("217072470")), epoch: 1,
            end: WallTime(seconds: 1_772_436_600 + slot * 300), minutes: 5, revision: revision,
            values: zip(channels, qualities).map { channel, quality in
                IntervalValue(
                    channel: channel, value: quality == .null ? nil : 7, quality: quality, method: "boundary",
                    reason: "\"quality\":\"N\"", source: .register, registerAtEnd: slot)
            })
        return draft(seq, .interval, key: interval.key, interval.record)
    }

    static func interval(
        _ seq: Int64, meter: String = "217072470", epoch: Int = 1, slot: Int64, revision: Int = 0, value: Int64? = 500
    ) throws -> JournalDraft {
        let interval = Interval(
            meter: try #require(MeterSerial(meter)), epoch: epoch,
            end: WallTime(seconds: 1_772_436_600 + slot * 300), minutes: 5, revision: revision,
            values: [
                IntervalValue(
                    channel: .importWh, value: value, quality: value == nil ? .null : .actual, method: "boundary",
                    reason: value == nil ? "timeout" : "", source: .register, registerAtEnd: value.map { $0 * slot }),
                IntervalValue(
                    channel: .importVarh, value: 3, quality: .actual, method: "boundary", reason: "",
                    source: .register, registerAtEnd: nil),
            ])
        return draft(seq, .interval, key: interval.key, interval.record)
    }

    static func command(
        _ seq: Int64, _ kind: JournalKind, jti: String?, kid: String = "owner-1", counter: Int64? = nil,
        state: String = "completed"
    ) -> JournalDraft {
        var data: JSONObject = ["kid": .string(kid), "payload_sha256": .string("hash of \(jti ?? "nothing")")]
        data["jti"] = jti.map { .string($0) }
        data["ctr"] = counter.map { .integer($0) }
        data["result"] = ["id": JSONValue(jti), "state": .string(state), "seq": .integer(seq)]
        return draft(seq, kind, data)
    }

    /// A journal with something of everything.
    static func mixed() throws -> [JournalDraft] {
        let key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        return [
            created,
            draft(2, .configChanged, ["text": "é \"\\\u{1}\u{1F50C}\u{2028}", "none": .null, "list": [1, -2, true]]),
            try interval(3, slot: 1), try interval(4, slot: 2, value: nil),
            try interval(5, meter: "B-1", slot: 1), try interval(6, slot: 2, revision: 1, value: 480),
            command(7, .commandScheduled, jti: "job", counter: 4, state: "scheduled"),
            command(8, .commandRefused, jti: nil, counter: 9), command(9, .commandDone, jti: "job"),
            command(10, .commandRefused, jti: "other", kid: "ops-1", counter: 2),
            draft(11, .keyAdded, ["kid": "ops-1", "role": "ops", "key": .string(key), "units": ["unit-1"]]),
            draft(12, .keyAdded, ["kid": "bad-1", "role": "owner", "key": .string(key), "not_before": 1_700_000_000]),
            draft(13, .keyRevoked, ["kid": "bad-1"]), draft(14, .keyRevoked, ["kid": "never-seen"]),
            try interval(15, epoch: 2, slot: 2), try interval(16, slot: 1, revision: 2),
            command(17, .commandDone, jti: "late", counter: 3),
        ]
    }
}

extension JournalStore {
    /// A journal of this box in `folder`.
    convenience init(in folder: String) throws { try self.init(path: folder + "/journal.db", boxID: Sample.box) }

    /// The steps of a run over the whole chain, to its end.
    func verifyAll(limit: Int = 7) throws -> ChainStep {
        var walk = wholeChain()
        while true {
            let step = try verifyStep(&walk, limit: limit)
            guard case .progress = step else { return step }
        }
    }

    /// Every row of every view, as text.
    func viewRows() throws -> [String] {
        var rows: [String] = []
        for name in Views.names {
            let columns = try database.rows("SELECT name FROM pragma_table_info('\(name)')") { $0.text(0) }
            let list = columns.map { "quote(\($0))" }.joined(separator: " || ',' || ")
            rows += try database.rows("SELECT \(list) FROM \(name) ORDER BY 1") { "\(name): \($0.text(0))" }
        }
        return rows
    }

    func export() throws -> [[UInt8]] { try lines(from: 1, limit: 1_000_000, maxBytes: .max) }
}

/// Runs python3 with a script and standard input; what it printed and its exit code.
func python(_ arguments: [String], input: [UInt8] = []) throws -> (code: Int32, output: String) {
    try withScratch { folder in
        let file = URL(fileURLWithPath: folder + "/input")
        try Data(input).write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardInput = try FileHandle(forReadingFrom: file)
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

/// A file of `Tests/Support`.
func support(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Support/\(name)").path
}
