import Metering

/// Counts what a file holds and keeps its first faults: what `nem12 check` tells.
public struct Nem12Summary: Nem12Handler {
    /// Most faults that are kept; the rest is counted.
    public static let mostFaults = 1000

    public private(set) var header: Nem12Header?
    /// Connection points.
    public private(set) var nmis = 0
    /// Different days, in market time.
    public private(set) var days = 0
    /// First and last of those days, days since 1970.
    public private(set) var span: ClosedRange<Int>?
    /// Interval values (NEM12) or accumulated reads (NEM13) in records without fault.
    public private(set) var readings = 0
    /// Interval values by quality, in the order of `QualityFlag.allCases`.
    public private(set) var qualities = [Int](repeating: 0, count: QualityFlag.allCases.count)
    /// The first faults, in the order in which they were found.
    public private(set) var faults: [Nem12Fault] = []
    public private(set) var faultCount = 0
    /// Bounded like the reader's own table, which reports when it is full.
    private var known = DayTable()
    private var lastNMI: NMI?
    private var calendar = DayTable()

    public init() {}

    /// Whether the file broke no rule.
    public var isGood: Bool { faultCount == 0 }

    /// Keeps the first header.
    public mutating func header(_ header: Nem12Header) { self.header = self.header ?? header }

    /// Counts a day and its values.
    public mutating func day(_ day: Nem12Day) {
        note(day.stream.nmi)
        readings += day.values.count
        if calendar.insert(key: 0, day: day.day) == .new {
            days += 1
            span = span.map { min($0.lowerBound, day.day)...max($0.upperBound, day.day) } ?? day.day...day.day
        }
        for range in day.ranges { qualities[Self.place(range.mark.quality)] += range.last - range.first + 1 }
    }

    /// Counts an accumulated read.
    public mutating func reading(_ reading: Nem13Reading) {
        note(reading.nmi)
        readings += 1
        qualities[Self.place(reading.current.mark.quality)] += 1
    }

    /// Counts a fault, and keeps it while there is room.
    public mutating func fault(_ fault: Nem12Fault) {
        faultCount += 1
        if faults.count < Self.mostFaults { faults.append(fault) }
    }

    private mutating func note(_ nmi: NMI) {
        guard nmi != lastNMI else { return }
        lastNMI = nmi
        if known.insert(key: DayTable.key(nmi), day: 0) == .new { nmis += 1 }
    }

    private static func place(_ quality: QualityFlag) -> Int {
        switch quality {
        case .actual: 0
        case .estimated: 1
        case .finalSubstitute: 2
        case .null: 3
        case .substituted: 4
        case .varies: 5
        }
    }

    /// The answer of `nem12 check --json` (contract §8). `fault_count` counts also the faults that are not listed.
    public var json: JSONValue {
        [
            "ok": .bool(isGood), "nmis": JSONValue(nmis), "days": JSONValue(days), "readings": JSONValue(readings),
            "fault_count": JSONValue(faultCount),
            "faults": .array(
                faults.map { fault in
                    [
                        "line": JSONValue(fault.line), "field": JSONValue(fault.field),
                        "rule": .string(fault.rule.rawValue), "message": .string(fault.message),
                    ]
                }),
        ]
    }
}
