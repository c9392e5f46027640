import Foundation
import Intervals
import Metering
import Testing

@Suite struct Nem12WriterTests {
    private static let created = CivilTime(year: 2026, month: 3, day: 1, hour: 9, minute: 30).seconds / 60
    private static let header = Nem12Header(created: created, from: "METERSIDE", to: "RET1")
    private static let updated = CivilTime(year: 2026, month: 3, day: 1, hour: 9, minute: 30).seconds
    private static let day = Int(CivilTime(year: 2026, month: 2, day: 28).seconds / 86_400)

    static func stream(_ suffix: String = "E1", unit: Nem12Unit = .kilowattHours, minutes: Int = 30) throws
        -> Nem12Stream
    {
        Nem12Stream(
            nmi: try NMI("11100290359"), configuration: "E1B1Q1", suffix: try #require(NMISuffix(suffix)),
            dataStream: suffix.hasPrefix("Q") ? "" : "N1", serial: "METER1", unit: unit, minutes: minutes)
    }

    @Test func write_goldenFile() throws {
        var writer = try Nem12Writer(Self.header)
        try writer.begin(try Self.stream())
        var values = [Int64](repeating: 250_000, count: 48)
        values[0] = 0
        values[1] = 48_000
        values[2] = 1_234_567_000
        try writer.day(
            Self.day, values: values, marks: [Nem12Mark](repeating: .actual, count: 48), updated: Self.updated)
        let substitute = Nem12Mark(.substituted, method: 17, reason: 79, text: "Power outage")
        let marks = (1...48).map { $0 <= 20 || $0 > 24 ? Nem12Mark.actual : substitute }
        try writer.day(Self.day + 1, values: values, marks: marks, updated: Self.updated, loaded: Self.updated)
        writer.finish()
        let row = "0.000,0.048,1234.567," + [String](repeating: "0.250", count: 45).joined(separator: ",")
        let expected = [
            "100,NEM12,202603010930,METERSIDE,RET1", "200,1110029035,E1B1Q1,,E1,N1,METER1,kWh,30,",
            "300,20260228,\(row),A,,,20260301093000,", "300,20260301,\(row),V,,,20260301093000,20260301093000",
            "400,1,20,A,,", "400,21,24,S17,79,Power outage", "400,25,48,A,,", "900",
        ]
        #expect(String(decoding: writer.takeBytes(), as: UTF8.self) == expected.map { $0 + "\r\n" }.joined())
        #expect(writer.takeBytes().isEmpty)
    }

    @Test func write_whenOneMarkCoversTheDay_needsNo400() throws {
        var writer = try Nem12Writer(Self.header)
        try writer.begin(try Self.stream())
        let mark = Nem12Mark(.finalSubstitute, method: 19, reason: 68)
        try writer.day(
            Self.day, values: [Int64](repeating: 0, count: 48), marks: [Nem12Mark](repeating: mark, count: 48),
            updated: Self.updated)
        let text = String(decoding: writer.takeBytes(), as: UTF8.self)
        #expect(text.hasSuffix("0.000,F19,68,,20260301093000,\r\n") && !text.contains("\n400"))
    }

    @Test func write_thenRead_givesTheSame() throws {
        var generator = SeededGenerator(99)
        for _ in 0..<60 {
            var writer = try Nem12Writer(Self.header)
            var expected: [Nem12Record.Day] = []
            var line = 1
            for suffix in ["E1", "B1", "Q1"] {
                let units: [Nem12Unit] =
                    suffix == "Q1" ? [.varHours, .kilovarHours] : [.wattHours, .kilowattHours, .megawattHours]
                let unit = units[Int.random(in: 0..<units.count, using: &generator)]
                let minutes = [5, 15, 30][Int.random(in: 0...2, using: &generator)]
                let stream = try Self.stream(suffix, unit: unit, minutes: minutes)
                try writer.begin(stream)
                line += 1
                for offset in 0..<Int.random(in: 1...3, using: &generator) {
                    let day = Self.randomDay(stream, Self.day + offset, &generator)
                    line += 1
                    try writer.day(day.day, values: day.values, marks: day.marks, updated: day.updated)
                    let ranges = Nem12Range.collapse(day.marks)
                    expected.append(
                        Nem12Record.Day(
                            line: line, stream: stream, day: day.day, values: day.values, ranges: ranges,
                            updated: day.updated))
                    line += ranges.count == 1 ? 0 : ranges.count
                }
            }
            writer.finish()
            let record = Nem12Record.read(writer.takeBytes())
            #expect(record.marks == [])
            #expect(record.days == expected)
        }
    }

    private struct RandomDay {
        var day: Int
        var values: [Int64]
        var marks: [Nem12Mark]
        var updated: Int64?
    }

    private static func randomDay(
        _ stream: Nem12Stream, _ day: Int, _ generator: inout SeededGenerator
    ) -> RandomDay {
        let count = 1440 / stream.minutes
        let choices = [
            Nem12Mark.actual, Nem12Mark(.null), Nem12Mark(.estimated, method: 52),
            Nem12Mark(.substituted, method: 14, reason: 76),
            Nem12Mark(.finalSubstitute, method: 17, reason: 0, text: "by hand"), Nem12Mark(.actual, reason: 79),
        ]
        var marks: [Nem12Mark] = []
        while marks.count < count {
            let mark = choices[Int.random(in: 0..<choices.count, using: &generator)]
            let length = Int.random(in: 1...(count + count / 2), using: &generator)
            marks += [Nem12Mark](repeating: mark, count: min(length, count - marks.count))
        }
        var unit: Int64 = 1_000_000
        for _ in 0..<stream.unit.decimals { unit /= 10 }
        let values = (0..<count).map { _ in
            let greatest = [1, 10, 1000, 999_999_999_999_999 / unit][Int.random(in: 0...3, using: &generator)]
            return Int64.random(in: 0...greatest, using: &generator) * unit
        }
        let needsUpdate = marks.contains { $0.quality != .null && $0.quality != .estimated }
        return RandomDay(day: day, values: values, marks: marks, updated: needsUpdate ? updated : nil)
    }

    @Test func write_whenSomethingIsWrong_writesNothing() throws {
        var writer = try Nem12Writer(Self.header)
        let actual = [Nem12Mark](repeating: .actual, count: 48)
        let values = [Int64](repeating: 250_000, count: 48)
        #expect(throws: Nem12WriteFault.noStream) {
            try writer.day(Self.day, values: values, marks: actual, updated: Self.updated)
        }
        try writer.begin(try Self.stream())
        let start = writer.bytes
        func refused(
            _ fault: Nem12WriteFault, _ values: [Int64], _ marks: [Nem12Mark], updated: Int64? = Self.updated,
            day: Int = Self.day
        ) {
            #expect(throws: fault) { try writer.day(day, values: values, marks: marks, updated: updated) }
        }
        refused(.count(expected: 48, found: 47), Array(values.dropLast()), Array(actual.dropLast()))
        refused(.value(48), values.dropLast() + [-1], actual)
        refused(.value(1), [1_000_000_000_000_000] + values.dropLast(), actual)
        refused(.precision(2, .kilowattHours), [0, 1] + values.dropLast(2), actual)
        refused(.updateTime, values, actual, updated: nil)
        refused(.date, values, actual, day: 3_000_000)
        for mark in [
            Nem12Mark(.varies), Nem12Mark(.actual, method: 14), Nem12Mark(.substituted, reason: 76),
            Nem12Mark(.substituted, method: 14), Nem12Mark(.actual, reason: 0), Nem12Mark(.actual, reason: 100),
        ] {
            refused(.mark(mark), values, actual.dropLast() + [mark])
        }
        refused(
            .text(field: "ReasonDescription"), values,
            actual.dropLast() + [Nem12Mark(.actual, reason: 0, text: "with, comma")])
        #expect(writer.bytes == start)
        #expect(throws: Nem12WriteFault.minutes(10)) { try writer.begin(try Self.stream(minutes: 10)) }
        #expect(throws: Nem12WriteFault.unit(.kilowattHours, try #require(NMISuffix("Q1")))) {
            try writer.begin(try Self.stream("Q1"))
        }
        #expect(throws: Nem12WriteFault.configuration) { try writer.begin(try Self.stream("E2")) }
        #expect(writer.bytes == start)
        #expect(throws: Nem12WriteFault.text(field: "ToParticipant")) {
            try Nem12Writer(Nem12Header(created: 0, from: "A", to: "ELEVENCHARS"))
        }
    }

    @Test func suffix_ofAChannel_isAsTheMarketSeesIt() throws {
        #expect(NMISuffix(channel: .importWh)?.text == "E1")
        #expect(NMISuffix(channel: .exportWh)?.text == "B1")
        #expect(NMISuffix(channel: .importVarh, place: 2)?.text == "Q2")
        #expect(NMISuffix(channel: .exportVarh)?.text == "K1")
        #expect(NMISuffix(channel: .importWh, place: 10) == nil)
        for channel in Channel.allCases { #expect(NMISuffix(channel: channel)?.channel == channel) }
        #expect(["I1", "E0", "EI", "W1", "e1", "E", "E11"].allSatisfy { NMISuffix($0) == nil })
    }

    @Test(.enabled(if: Nemreader.isThere, "nemreader is not installed: packaging/setup, or set METERSIDE_PYTHON"))
    func write_thenNemreader_readsTheSameValuesTimesAndQualities() throws {
        var generator = SeededGenerator(5)
        var writer = try Nem12Writer(Self.header)
        var expected: [String] = []
        for suffix in ["E1", "B1"] {
            let stream = try Self.stream(suffix, minutes: suffix == "E1" ? 5 : 30)
            try writer.begin(stream)
            for offset in 0..<4 {
                let day = Self.randomDay(stream, Self.day + offset, &generator)
                try writer.day(day.day, values: day.values, marks: day.marks, updated: day.updated)
                for (index, value) in day.values.enumerated() {
                    let end = Int64(day.day) * 86_400 + Int64((index + 1) * stream.minutes * 60)
                    let mark = day.marks[index]
                    let quality = mark.quality.rawValue + (mark.method > 0 ? String(mark.method) : "")
                    let time = WallTime(seconds: end).textSeconds.dropLast()
                    expected.append("\(suffix) \(time) \(value) \(quality)")
                }
            }
        }
        writer.finish()
        let lines = try Nemreader.lines(of: writer.takeBytes())
        #expect(lines == expected)
    }
}

/// Another implementation, run over our files: `nemreader` (PyPI), for values, times and qualities.
enum Nemreader {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let python: String? = {
        let own = root.appending(path: ".venv/bin/python").path
        let choices = [own, ProcessInfo.processInfo.environment["METERSIDE_PYTHON"]].compactMap { $0 }
        return choices.first { choice in
            FileManager.default.isExecutableFile(atPath: choice)
                && (try? run(choice, ["-c", "import nemreader"])) != nil
        }
    }()

    static var isThere: Bool { python != nil }

    /// `suffix end-in-market-time micro-units quality` for each value of a file.
    static func lines(of bytes: [UInt8]) throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nem12-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "file.csv")
        try Data(bytes).write(to: file)
        let script = root.appending(path: "Tests/Support/read_nem12.py").path
        return try run(python ?? "", [script, file.path]).split(separator: "\n").map(String.init)
    }

    private struct Failed: Error {}

    private static func run(_ python: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
        return String(decoding: data, as: UTF8.self)
    }
}
