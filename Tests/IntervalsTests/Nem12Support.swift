import Intervals
import Metering

/// Keeps all that a reader tells, in a form that can be compared.
struct Nem12Record: Nem12Handler, Equatable {
    /// A day with its values copied out.
    struct Day: Equatable {
        var line: Int
        var stream: Nem12Stream
        var day: Int
        var values: [Int64]
        var ranges: [Nem12Range]
        var updated: Int64?
        var loaded: Int64?
    }

    var headers: [Nem12Header] = []
    var streams: [Nem12Stream] = []
    var days: [Day] = []
    var transactions: [Nem12Transaction] = []
    var readings: [Nem13Reading] = []
    var faults: [Nem12Fault] = []

    mutating func header(_ header: Nem12Header) { headers.append(header) }
    mutating func stream(_ stream: Nem12Stream) { streams.append(stream) }
    mutating func day(_ day: Nem12Day) {
        days.append(
            Day(
                line: day.line, stream: day.stream, day: day.day, values: Array(day.values), ranges: day.ranges,
                updated: day.updated, loaded: day.loaded))
    }
    mutating func transaction(_ transaction: Nem12Transaction) { transactions.append(transaction) }
    mutating func reading(_ reading: Nem13Reading) { readings.append(reading) }
    mutating func fault(_ fault: Nem12Fault) { faults.append(fault) }

    /// `3:5 value-sign` for each fault.
    var marks: [String] { faults.map { "\($0.line):\($0.field) \($0.rule.rawValue)" } }

    static func read(_ bytes: [UInt8], pieces: Int = .max) -> Nem12Record {
        var record = Nem12Record()
        var reader = Nem12Reader()
        var rest = bytes[...]
        while !rest.isEmpty {
            reader.feed(rest.prefix(pieces), to: &record)
            rest = rest.dropFirst(pieces)
        }
        reader.finish(to: &record)
        return record
    }

    static func read(_ text: String) -> Nem12Record { read(Array(text.utf8)) }
}

/// Files to read, and the same with one thing wrong.
enum Nem12Sample {
    static let header = "100,NEM12,202603010930,MDP1,RET1"
    static let stream = "200,1110029035,E1B1Q1,1,E1,N1,METER1,kWh,30,"
    static let updated = "20260301093000"

    /// A 300 of 48 values, `0.250` unless `values` says otherwise.
    static func day(
        _ date: String = "20260228", _ trailer: String = "A,,,20260301093000,", values: [Int: String] = [:],
        count: Int = 48
    ) -> String {
        let texts = (1...count).map { values[$0] ?? "0.250" }
        return "300,\(date),\(texts.joined(separator: ",")),\(trailer)"
    }

    static func file(_ lines: String..., end: String = "\r\n") -> String {
        ([header] + lines + ["900"]).map { $0 + end }.joined()
    }

    static let good = file(
        stream, day("20260226"), day("20260227", "V,,,20260301093000,20260301100000"), "400,1,20,A,,",
        "400,21,24,S14,76,", "400,25,48,F17,79,Outage", "500,S,S04068,20260227110000,000950.0", day(),
        "200,1110029035,E1B1Q1,2,B1,,METER1,KWH,5,20260601",
        day("20260228", "E52,77,,,", values: [1: "0", 2: ".048", 3: "1234.567891", 4: "12"], count: 288))

    static let nem13Header = "100,NEM13,202603010930,MDP1,RET1"
    static let reading =
        "250,1110029035,1141,1,11,11,METER1,E,006342.8,20251005093055,A,,,007654.9,20260107100333,S61,4,,1312.1,kWh,"
        + "20260405,20260108100333,"

    static func nem13(_ lines: String...) -> String {
        ([nem13Header] + lines + ["900"]).map { $0 + "\r\n" }.joined()
    }
}

/// Numbers from a seed, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
