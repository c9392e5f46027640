import Drivers
import Metering

/// One question of a scan.
struct ScanCandidate: Hashable, Sendable {
    enum Probe: Hashable, Sendable {
        case edmiPlain
        case edmiAddressed(UInt32)
        case modbus(UInt8)
    }

    /// Nil for TCP.
    var line: LineSettings?
    var probe: Probe

    /// What is tried, for people: `9600 8N1 modbus 1`.
    var text: String {
        let what =
            switch probe {
            case .edmiPlain: "edmi"
            case .edmiAddressed(let serial): "edmi \(serial)"
            case .modbus(let unit): "modbus \(unit)"
            }
        return line.map { "\($0.baud) \($0.format.rawValue) \(what)" } ?? what
    }
}

/// The questions of a scan in order of likelihood: usual line settings first, and on each the addresses that meters
/// come with, before the rest of the addresses is swept.
public struct ScanPlan: Hashable, Sendable {
    /// Line settings as they are found on meter boards, most usual first (reference/edmi.md §3, modbus-rtu.md §2).
    public static let usualLines: [LineSettings] = [
        LineSettings(baud: 9600, format: .eightNone1), LineSettings(baud: 9600, format: .eightEven1),
        LineSettings(baud: 19_200, format: .eightEven1), LineSettings(baud: 19_200, format: .eightNone1),
        LineSettings(baud: 38_400, format: .eightNone1), LineSettings(baud: 115_200, format: .eightNone1),
        LineSettings(baud: 2400, format: .eightNone1), LineSettings(baud: 4800, format: .eightNone1),
        LineSettings(baud: 9600, format: .eightNone2), LineSettings(baud: 9600, format: .eightOdd1),
    ]
    /// Unit addresses that meters are delivered with or installers count from.
    private static let usualUnits: [UInt8] = Array(1...10) + [33, 70, 100, 247]

    private let lines: [LineSettings?]
    private let first: [ScanCandidate.Probe]
    private let rest: [ScanCandidate.Probe]
    /// A wire has one setting: once something answered, only that one is tried on.
    private var settled: LineSettings?
    private var index = 0
    private(set) var tried = 0

    init(_ order: ScanOrder) {
        let chosen = order.lines ?? Self.usualLines
        lines = chosen.isEmpty ? [nil] : chosen.map { $0 }
        var first: [ScanCandidate.Probe] = []
        var rest: [ScanCandidate.Probe] = []
        if order.wire != .modbus {
            first.append(.edmiPlain)
            first += order.serials.map { .edmiAddressed($0) }
        }
        if order.wire != .edmi {
            let units = order.units ?? Array(1...247)
            // EDMI meters on Modbus answer at the last two digits of their serial (reference/edmi.md §7.1).
            let usual = Self.usualUnits + order.serials.map { UInt8($0 % 100) }
            first += units.filter { usual.contains($0) }.map { .modbus($0) }
            rest += units.filter { !usual.contains($0) }.map { .modbus($0) }
        }
        self.first = first
        self.rest = rest
    }

    /// How many questions there are, as far as is known now.
    var total: Int {
        settled == nil ? lines.count * (first.count + rest.count) : tried + remaining
    }

    private var remaining: Int {
        (index..<lines.count * (first.count + rest.count)).count { isWanted(candidate($0)) }
    }

    private func candidate(_ index: Int) -> ScanCandidate {
        let likely = lines.count * first.count
        if index < likely {
            return ScanCandidate(line: lines[index / first.count], probe: first[index % first.count])
        }
        let place = index - likely
        return ScanCandidate(line: lines[place / rest.count], probe: rest[place % rest.count])
    }

    private func isWanted(_ candidate: ScanCandidate) -> Bool { settled == nil || candidate.line == settled }

    /// The next question; nil at the end.
    mutating func next() -> ScanCandidate? {
        let count = lines.count * (first.count + rest.count)
        while index < count {
            let candidate = candidate(index)
            index += 1
            if isWanted(candidate) {
                tried += 1
                return candidate
            }
        }
        return nil
    }

    /// Something answered with this setting.
    mutating func settle(on line: LineSettings?) { settled = line }
}
