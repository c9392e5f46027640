import Metering

/// Why a time zone file does not read.
public enum ZoneFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// No `TZif` at its start.
    case notAZone
    /// Shorter than its own counts say, or counts that no zone has.
    case damaged
    /// The rule for the years after the table is not understood.
    case rule(String)

    public var description: String {
        switch self {
        case .notAZone: "this is no time zone file (it does not begin with TZif)"
        case .damaged: "the time zone file is damaged or cut; install the package tzdata again"
        case .rule(let text): "the time zone file ends with the rule \"\(text)\", which is not understood"
        }
    }
}

extension ZoneRules {
    /// The last year that the closing rule of a zone file is carried on to.
    static let lastYear = 2100

    /// Reads a time zone file (TZif version 1 to 4, RFC 9636), such as those under `/usr/share/zoneinfo`.
    public init(zoneFile bytes: [UInt8]) throws(ZoneFault) {
        var scanner = ZoneScanner(bytes)
        var header = try scanner.header()
        var width = 4
        if header.version >= UInt8(ascii: "2") {
            // The first block repeats the table in 32 bits for old readers.
            try scanner.skip(header.length(timeWidth: 4))
            header = try scanner.header()
            width = 8
        }
        let table = try scanner.table(header, timeWidth: width)
        var transitions = table.transitions
        var knownUntil: Int64?
        if width == 8, let text = try scanner.footer(), !text.isEmpty {
            guard let rule = PosixZone(text) else { throw .rule(text) }
            let last = transitions.last?.at
            let firstYear = last.map { CivilTime(seconds: $0).year } ?? 1970
            if rule.changes {
                for year in firstYear...max(Self.lastYear, firstYear) {
                    transitions += rule.transitions(in: year).filter { $0.at > last ?? .min }
                }
                knownUntil = CivilTime(year: Self.lastYear + 1, month: 1, day: 1).seconds
            }
        } else {
            knownUntil = transitions.last?.at
        }
        self.init(firstOffset: table.firstOffset, transitions: transitions, knownUntil: knownUntil)
    }
}

/// Walks over the big-endian fields of a TZif file.
private struct ZoneScanner {
    /// Version and counts of a block.
    struct Header {
        var version: UInt8
        var utcMarks, standardMarks, leaps, times, types, characters: Int

        func length(timeWidth: Int) -> Int {
            times * (timeWidth + 1) + types * 6 + characters + leaps * (timeWidth + 4) + standardMarks + utcMarks
        }
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func header() throws(ZoneFault) -> Header {
        guard bytes.count >= index + 44, bytes[index...].starts(with: "TZif".utf8) else { throw .notAZone }
        let version = bytes[index + 4]
        index += 20
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(Int(try integer(4))) }
        guard counts.allSatisfy({ (0...100_000).contains($0) }), counts[4] > 0 else { throw .damaged }
        return Header(
            version: version, utcMarks: counts[0], standardMarks: counts[1], leaps: counts[2], times: counts[3],
            types: counts[4], characters: counts[5])
    }

    mutating func skip(_ count: Int) throws(ZoneFault) {
        guard count <= bytes.count - index else { throw .damaged }
        index += count
    }

    mutating func integer(_ width: Int) throws(ZoneFault) -> Int64 {
        guard width <= bytes.count - index else { throw .damaged }
        var value: UInt64 = bytes[index] & 0x80 != 0 ? .max : 0
        for byte in bytes[index..<index + width] { value = value << 8 | UInt64(byte) }
        index += width
        return Int64(bitPattern: value)
    }

    mutating func table(
        _ header: Header, timeWidth: Int
    ) throws(ZoneFault) -> (firstOffset: Int64, transitions: [ZoneRules.Transition]) {
        let end = index + header.length(timeWidth: timeWidth)
        guard end <= bytes.count else { throw .damaged }
        var times: [Int64] = []
        for _ in 0..<header.times { times.append(try integer(timeWidth)) }
        var kinds: [Int] = []
        for _ in 0..<header.times { kinds.append(Int(try integer(1) & 0xFF)) }
        var offsets: [Int64] = []
        var firstStandard: Int64?
        for _ in 0..<header.types {
            let offset = try integer(4)
            let isDaylight = try integer(1) != 0
            try skip(1)
            guard (-93_600...93_600).contains(offset) else { throw .damaged }
            offsets.append(offset)
            if !isDaylight, firstStandard == nil { firstStandard = offset }
        }
        index = end
        var transitions: [ZoneRules.Transition] = []
        for (time, kind) in zip(times, kinds) {
            // Old writers put the big bang at -2^59; such times only say which offset came first.
            guard offsets.indices.contains(kind), time < 1 << 40 else { throw .damaged }
            transitions.append(ZoneRules.Transition(at: max(time, -(1 << 40)), offset: offsets[kind]))
        }
        return (firstStandard ?? offsets[0], transitions)
    }

    /// The POSIX rule between two line feeds after the 64-bit block.
    mutating func footer() throws(ZoneFault) -> String? {
        guard index < bytes.count else { return nil }
        guard bytes[index] == 0x0A, let end = bytes[(index + 1)...].firstIndex(of: 0x0A) else { throw .damaged }
        return String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
    }
}
