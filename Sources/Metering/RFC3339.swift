/// Times as text: RFC 3339 in UTC with `Z`, as the outside contract writes them.
extension WallTime {
    /// `2026-03-02T07:30:00.000Z`, always three decimals.
    public var text: String { Self.text(seconds: seconds, milliseconds: milliseconds.flooredRemainder(by: 1000)) }

    /// `2026-03-02T07:30:00Z`, the fraction cut off: the form of interval ends.
    public var textSeconds: String { Self.text(seconds: seconds, milliseconds: nil) }

    private static func text(seconds: Int64, milliseconds: Int64?) -> String {
        let time = CivilTime(seconds: seconds)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            var length = 0
            func put(_ byte: UInt8) {
                buffer[length] = byte
                length += 1
            }
            func putTwo(_ value: Int) {
                put(UInt8(48 + value / 10 % 10))
                put(UInt8(48 + value % 10))
            }
            putTwo(time.year / 100)
            putTwo(time.year % 100)
            put(0x2D)
            putTwo(time.month)
            put(0x2D)
            putTwo(time.day)
            put(0x54)
            putTwo(time.hour)
            put(0x3A)
            putTwo(time.minute)
            put(0x3A)
            putTwo(time.second)
            if let milliseconds {
                put(0x2E)
                put(UInt8(48 + milliseconds / 100 % 10))
                putTwo(Int(milliseconds % 100))
            }
            put(0x5A)
            return length
        }
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS[.fff]Z` or an offset `±HH:MM`; also `YYYY-MM-DDTHH:MMZ` and a bare date
    /// (midnight UTC), which people type. Nil for anything else, second 60 included.
    public init?(text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(digits: 4), scanner.take("-"), let month = scanner.number(digits: 2),
            scanner.take("-"), let day = scanner.number(digits: 2)
        else { return nil }
        var time = CivilTime(year: year, month: month, day: day)
        var milliseconds = 0
        var offset = 0
        if !scanner.isAtEnd {
            guard scanner.take("T") || scanner.take("t") || scanner.take(" "), let hour = scanner.number(digits: 2),
                scanner.take(":"), let minute = scanner.number(digits: 2)
            else { return nil }
            time.hour = hour
            time.minute = minute
            if scanner.take(":") {
                guard let second = scanner.number(digits: 2) else { return nil }
                time.second = second
                if scanner.take(".") {
                    guard let fraction = scanner.fraction() else { return nil }
                    milliseconds = fraction
                }
            }
            guard let zone = scanner.zone() else { return nil }
            offset = zone
        }
        guard scanner.isAtEnd, time.isValid else { return nil }
        self.init(milliseconds: (time.seconds - Int64(offset) * 60) * 1000 + Int64(milliseconds))
    }
}

/// Walks over ASCII digits and marks.
private struct DigitScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == mark.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let digit = rest.first, (48...57).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 48)
            rest = rest.dropFirst()
        }
        return value
    }

    /// One to nine digits after the point, cut to milliseconds.
    mutating func fraction() -> Int? {
        var value = 0
        var count = 0
        while let digit = rest.first, (48...57).contains(digit) {
            if count < 3 { value = value * 10 + Int(digit - 48) }
            count += 1
            rest = rest.dropFirst()
        }
        guard (1...9).contains(count) else { return nil }
        for _ in min(count, 3)..<3 { value *= 10 }
        return value
    }

    /// `Z`, or minutes east of UTC.
    mutating func zone() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(digits: 2), take(":"), let minutes = number(digits: 2), hours < 24,
            minutes < 60
        else { return nil }
        return sign * (hours * 60 + minutes)
    }
}
