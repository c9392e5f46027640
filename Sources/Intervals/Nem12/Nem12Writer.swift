import Metering

/// Why something cannot be written as NEM12. Nothing of it has been written then.
public enum Nem12WriteFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// A text is longer than its field, empty where it may not be, or not plain ASCII without comma and quotes.
    case text(field: String)
    /// 5, 15 and 30 minutes only.
    case minutes(Int)
    /// The NMI configuration is not suffixes joined, or lacks the stream's own.
    case configuration
    /// The unit is of another quantity than the suffix.
    case unit(Nem12Unit, NMISuffix)
    /// A day before any stream.
    case noStream
    case count(expected: Int, found: Int)
    /// Interval number (from 1) with a negative value, or one of over nine digits before the point.
    case value(Int)
    /// Interval number (from 1) with a value finer than the unit is written in.
    case precision(Int, Nem12Unit)
    /// The ranges do not cover each interval once and in order.
    case ranges
    /// Quality, method, reason and words do not go together.
    case mark(Nem12Mark)
    case updateTime
    case date

    public var description: String {
        switch self {
        case .text(let field): "\(field) is empty, too long, or holds a comma, a quote or a character beyond ASCII"
        case .minutes(let minutes): "intervals of \(minutes) minutes; NEM12 has 5, 15 and 30"
        case .configuration: "NMIConfiguration must be suffixes joined, such as E1B1, with the stream's own among them"
        case .unit(let unit, let suffix): "\(unit.rawValue) does not go with the suffix \(suffix)"
        case .noStream: "a day needs a stream before it"
        case .count(let expected, let found): "a day has \(expected) values; \(found) were given"
        case .value(let number): "interval \(number) is negative or too large; values are 0 to 999999999.999999"
        case .precision(let number, let unit):
            "interval \(number) has more than \(unit.decimals) decimals in \(unit.rawValue); choose a smaller unit"
        case .ranges: "the qualities do not cover each interval once"
        case .mark(let mark): "quality \(mark.quality.rawValue), method \(mark.method) and reason do not go together"
        case .updateTime: "actual and substituted values need an update time"
        case .date: "a date outside the years 0 to 9999"
        }
    }
}

/// Writes a NEM12 file piece by piece: take the bytes out as often as memory should be freed. What it writes,
/// `Nem12Reader` reads without a fault, unless it is given a day twice, or a stream without days.
public struct Nem12Writer {
    /// What has been written since the last `takeBytes`.
    public private(set) var bytes: [UInt8] = []
    private var stream: Nem12Stream?

    /// Begins with the 100 record.
    public init(_ header: Nem12Header) throws(Nem12WriteFault) {
        let from = try Self.text(header.from, 1...10, "FromParticipant")
        let to = try Self.text(header.to, 1...10, "ToParticipant")
        put("100,NEM12,")
        try putTime(header.created * 60, digits: 12)
        put(",\(from),\(to)\r\n")
    }

    /// Forgets the bytes written so far and keeps their room: for callers that have taken them by `bytes`.
    public mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// The bytes written so far; they are forgotten here.
    public mutating func takeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Writes a 200 record; the days that follow belong to it.
    public mutating func begin(_ stream: Nem12Stream) throws(Nem12WriteFault) {
        guard [5, 15, 30].contains(stream.minutes) else { throw .minutes(stream.minutes) }
        let configuration = try Self.text(stream.configuration, 2...240, "NMIConfiguration")
        let register = try Self.text(stream.register, 0...10, "RegisterID")
        let dataStream = try Self.text(stream.dataStream, 0...2, "MDMDataStreamIdentifier")
        let serial = try Self.text(stream.serial, 0...12, "MeterSerialNumber")
        guard dataStream.utf8.count != 1 else { throw .text(field: "MDMDataStreamIdentifier") }
        guard NMISuffix.list(configuration)?.contains(stream.suffix) == true else { throw .configuration }
        guard stream.suffix.allows(stream.unit) else { throw .unit(stream.unit, stream.suffix) }
        let start = bytes.count
        put("200,\(stream.nmi),\(configuration),\(register),\(stream.suffix),\(dataStream),\(serial),")
        put("\(stream.unit.rawValue),\(stream.minutes),")
        if let nextRead = stream.nextRead {
            do { try putDay(nextRead) } catch {
                bytes.removeSubrange(start...)
                throw error
            }
        }
        put("\r\n")
        self.stream = stream
    }

    /// Writes a 300 record, and 400 records where the quality changes within the day.
    /// - Parameters:
    ///   - day: days since 1970 in market time.
    ///   - values: millionths of the stream's unit.
    ///   - ranges: the marks of all intervals; equal neighbours are written as one.
    ///   - updated: seconds since 1970 in market time; needed unless all values are estimates or null.
    ///   - loaded: seconds since 1970 in market time.
    public mutating func day(
        _ day: Int, values: UnsafeBufferPointer<Int64>, ranges: [Nem12Range], updated: Int64?, loaded: Int64? = nil
    ) throws(Nem12WriteFault) {
        guard let stream else { throw .noStream }
        let count = 1440 / stream.minutes
        guard values.count == count else { throw .count(expected: count, found: values.count) }
        let ranges = ranges.count == 1 ? ranges : Nem12Range.collapse(ranges)
        try Self.check(ranges, count: count, hasUpdate: updated != nil)
        let start = bytes.count
        do {
            put("300,")
            try putDay(day)
            try putValues(values, stream.unit)
            putMark(ranges.count == 1 ? ranges[0].mark : Nem12Mark(.varies))
            put(",")
            if let updated { try putTime(updated, digits: 14) }
            put(",")
            if let loaded { try putTime(loaded, digits: 14) }
            put("\r\n")
        } catch {
            bytes.removeSubrange(start...)
            throw error
        }
        guard ranges.count > 1 else { return }
        for range in ranges {
            put("400,\(range.first),\(range.last)")
            putMark(range.mark)
            put("\r\n")
        }
    }

    /// Writes a 300 record, and 400 records where the quality changes within the day.
    public mutating func day(
        _ day: Int, values: [Int64], marks: [Nem12Mark], updated: Int64?, loaded: Int64? = nil
    ) throws(Nem12WriteFault) {
        guard marks.count == values.count else { throw .count(expected: values.count, found: marks.count) }
        let ranges = Nem12Range.collapse(marks)
        var fault: Nem12WriteFault?
        values.withUnsafeBufferPointer { values in
            do throws(Nem12WriteFault) {
                try self.day(day, values: values, ranges: ranges, updated: updated, loaded: loaded)
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
    }

    /// Writes the 900 record.
    public mutating func finish() {
        put("900\r\n")
        stream = nil
    }
}

extension Nem12Writer {
    private static func text(
        _ text: String, _ lengths: ClosedRange<Int>, _ field: String
    ) throws(Nem12WriteFault) -> String {
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x2C && $0 != 0x22 }
        guard isPlain, lengths.contains(text.utf8.count) else { throw .text(field: field) }
        return text
    }

    private static func check(
        _ ranges: [Nem12Range], count: Int, hasUpdate: Bool
    ) throws(Nem12WriteFault) {
        var next = 1
        for range in ranges {
            guard range.first == next, range.last >= range.first, range.last <= count else { throw .ranges }
            next = range.last + 1
            let mark = range.mark
            let hasMethod = [.estimated, .finalSubstitute, .substituted].contains(mark.quality)
            let needsReason = [.finalSubstitute, .substituted].contains(mark.quality)
            guard mark.quality != .varies, Nem12Mark.methods(mark.method) == hasMethod,
                hasMethod || mark.method == 0, !needsReason || mark.reason != nil,
                mark.reason.map({ (0...99).contains($0) }) ?? true, mark.reason != 0 || !mark.text.isEmpty
            else { throw .mark(mark) }
            if !mark.text.isEmpty { _ = try text(mark.text, 1...240, "ReasonDescription") }
            if !hasUpdate, mark.quality != .estimated, mark.quality != .null { throw .updateTime }
        }
        guard next == count + 1 else { throw .ranges }
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// A comma, then quality, reason and words.
    private mutating func putMark(_ mark: Nem12Mark) {
        put(",")
        put(mark.quality.rawValue)
        if mark.method > 0 { put(String(mark.method)) }
        put(",")
        if let reason = mark.reason { put(String(reason)) }
        put(",")
        if !mark.text.isEmpty { put(mark.text) }
    }

    private mutating func putDigits(_ value: Int, _ digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(48 + value / divisor % 10))
            divisor /= 10
        }
    }

    private mutating func putDay(_ day: Int) throws(Nem12WriteFault) {
        // 0000-03-01 and 9999-12-31.
        guard (-719_468...2_932_896).contains(day) else { throw .date }
        let date = CivilTime(seconds: Int64(day) * 86_400)
        putDigits(date.year * 10_000 + date.month * 100 + date.day, 8)
    }

    private mutating func putTime(_ seconds: Int64, digits: Int) throws(Nem12WriteFault) {
        try putDay(Int(seconds.flooredQuotient(by: 86_400)))
        let second = Int(seconds.flooredRemainder(by: 86_400))
        putDigits(second / 3600 * 100 + second / 60 % 60, 4)
        if digits == 14 { putDigits(second % 60, 2) }
    }

    /// A comma before each value.
    private mutating func putValues(_ values: UnsafeBufferPointer<Int64>, _ unit: Nem12Unit) throws(Nem12WriteFault) {
        // A comma, nine digits, a point and six digits at most.
        let room = values.count * 17
        var result: (length: Int, bad: Int?) = (0, nil)
        let text = [UInt8](unsafeUninitializedCapacity: room) { buffer, length in
            result = Nem12Digits.write(values, decimals: unit.decimals, to: buffer)
            length = result.length
        }
        if let bad = result.bad {
            let isValue = (0...999_999_999_999_999).contains(values[bad])
            throw isValue ? .precision(bad + 1, unit) : .value(bad + 1)
        }
        bytes.append(contentsOf: text)
    }
}

extension Nem12Mark {
    /// Whether a number is a method of the market's procedures for metering types 1 to 7.
    static func methods(_ number: Int) -> Bool {
        switch number {
        case 11...25, 51...59, 61...69, 71...75: true
        default: false
        }
    }
}
