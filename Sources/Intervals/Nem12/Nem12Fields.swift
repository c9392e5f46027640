import Metering

/// One line, and a walk over its fields. The bytes live only while the reader works on the line.
struct Nem12Line {
    var base: UnsafePointer<UInt8>
    var count: Int

    /// Where each field starts and ends, from byte `start` on.
    func fields(from start: Int = 0) -> [Range<Int>] {
        var fields: [Range<Int>] = []
        fields.reserveCapacity(24)
        var from = start
        for index in start..<count where base[index] == 0x2C {
            fields.append(from..<index)
            from = index + 1
        }
        fields.append(from..<count)
        return fields
    }

    /// The number of fields.
    var fieldCount: Int {
        var commas = 0
        for index in 0..<count where base[index] == 0x2C { commas += 1 }
        return commas + 1
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeBufferPointer(start: base + range.lowerBound, count: range.count), as: UTF8.self)
    }

    /// The text for a message: printable, and not long.
    func shown(_ range: Range<Int>) -> String {
        let bytes = UnsafeBufferPointer(start: base + range.lowerBound, count: min(range.count, 24))
        let text = String(decoding: bytes.map { (32...126).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        return "\"\(text)\(range.count > 24 ? "…" : "")\""
    }

    /// An unsigned integer of digits only; nil for anything else.
    func integer(_ range: Range<Int>) -> Int? {
        guard (1...15).contains(range.count) else { return nil }
        if range.count == 8 {
            let word = UnsafeRawPointer(base).loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self)
            return Nem12Layout.integer(UInt64(littleEndian: word)).map { Int($0) }
        }
        var value = 0
        for index in range {
            guard (48...57).contains(base[index]) else { return nil }
            value = value * 10 + Int(base[index] - 48)
        }
        return value
    }

    /// Days since 1970 of CCYYMMDD.
    func day(_ range: Range<Int>) -> Int? {
        guard range.count == 8, let date = integer(range) else { return nil }
        let year = date / 10_000
        let month = date / 100 % 100
        let day = date % 100
        guard (1...12).contains(month), day >= 1, day <= CivilTime.daysIn(month: month, year: year) else { return nil }
        return Int(CivilTime(year: year, month: month, day: day).seconds / 86_400)
    }

    /// Seconds since 1970 in the file's own time, of CCYYMMDDhhmm (12 digits) or CCYYMMDDhhmmss (14).
    func time(_ range: Range<Int>, digits: Int) -> Int64? {
        let split = range.lowerBound + 8
        guard range.count == digits, let day = day(range.lowerBound..<split),
            let clock = integer(split..<range.upperBound)
        else { return nil }
        let time = digits == 12 ? clock * 100 : clock
        let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100)
        guard hour < 24, minute < 60, second < 60 else { return nil }
        return Int64(day) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }
}

/// Reads the fields of one record and collects what is wrong with them.
struct Nem12Record {
    let line: Nem12Line
    let number: Int
    let fields: [Range<Int>]
    /// The number of the first of `fields` in its record.
    let firstField: Int
    var faults: [Nem12Fault] = []

    init(_ line: Nem12Line, number: Int, fields: [Range<Int>], firstField: Int = 1) {
        self.line = line
        self.number = number
        self.fields = fields
        self.firstField = firstField
    }

    mutating func fail(_ field: Int, _ rule: Nem12Rule, _ message: String) {
        faults.append(Nem12Fault(line: number, field: field, rule: rule, message: message))
    }

    func range(_ field: Int) -> Range<Int> { fields[field - firstField] }
    func isEmpty(_ field: Int) -> Bool { range(field).isEmpty }

    /// The text of a field of `lengths` characters; an empty one is a fault only where 0 is not allowed.
    mutating func text(_ field: Int, _ name: String, _ lengths: ClosedRange<Int>) -> String {
        let range = range(field)
        if range.isEmpty {
            if lengths.lowerBound > 0 { fail(field, .missing, "\(name) is empty; it is mandatory") }
            return ""
        }
        let least = max(lengths.lowerBound, 1)
        guard range.count >= least, range.count <= lengths.upperBound else {
            let allowed = least == lengths.upperBound ? "\(least)" : "\(least) to \(lengths.upperBound)"
            fail(field, .width, "\(name) \(line.shown(range)) has \(range.count) characters; allowed: \(allowed)")
            return ""
        }
        return line.text(range)
    }

    /// Days since 1970; nil when the field is empty (where that is allowed) or wrong.
    mutating func day(_ field: Int, _ name: String, mandatory: Bool) -> Int? {
        let range = range(field)
        if range.isEmpty {
            if mandatory { fail(field, .missing, "\(name) is empty; it is a date CCYYMMDD") }
            return nil
        }
        if let day = line.day(range) { return day }
        fail(field, .date, "\(name) \(line.shown(range)) is no date CCYYMMDD")
        return nil
    }

    /// Seconds since 1970 in market time; nil when the field is empty (where that is allowed) or wrong.
    mutating func time(_ field: Int, _ name: String, digits: Int, mandatory: Nem12Rule?) -> Int64? {
        let range = range(field)
        let form = digits == 12 ? "CCYYMMDDhhmm" : "CCYYMMDDhhmmss"
        if range.isEmpty {
            if let mandatory { fail(field, mandatory, "\(name) is empty; it is a time \(form)") }
            return nil
        }
        if let time = line.time(range, digits: digits) { return time }
        fail(field, .dateTime, "\(name) \(line.shown(range)) is no time \(form)")
        return nil
    }

    /// Digits with at most one point, at most 15 characters.
    mutating func index(_ field: Int, _ name: String, mandatory: Bool) -> String {
        let text = text(field, name, (mandatory ? 1 : 0)...15)
        var digits = 0
        var points = 0
        for byte in text.utf8 {
            if (48...57).contains(byte) { digits += 1 } else if byte == 0x2E { points += 1 } else { points = 2 }
        }
        if !text.isEmpty, digits == 0 || points > 1 {
            fail(field, .indexRead, "\(name) \(line.shown(range(field))) is not digits with at most one point")
            return ""
        }
        return text
    }

    /// A letter of the transaction list.
    mutating func transaction(_ field: Int, _ name: String) -> String {
        let text = text(field, name, 1...1)
        if !text.isEmpty, !"ACDEGNORS".contains(text) {
            fail(field, .transaction, "\(name) \(line.shown(range(field))); allowed: A C D E G N O R S")
        }
        return text
    }

    /// Millionths of a decimal field that must be there and not negative unless that is allowed.
    mutating func value(_ field: Int, _ name: String, allowsSign: Bool = false) -> Int64? {
        let range = range(field)
        let isNegative = allowsSign && range.count > 1 && line.base[range.lowerBound] == UInt8(ascii: "-")
        switch Nem12Value.long(
            line.base, from: isNegative ? range.lowerBound + 1 : range.lowerBound, to: range.upperBound)
        {
        case .success(let result): return isNegative ? -result.value : result.value
        case .failure(let problem):
            let (rule, words) = Self.words(problem)
            fail(field, rule, "\(name) \(line.shown(range)) \(words)")
            return nil
        }
    }

    private static func words(_ problem: Nem12Value.Problem) -> (Nem12Rule, String) {
        switch problem {
        case .missing: (.missing, "is empty; every interval has a value (a null one has 0 and quality N)")
        case .sign: (.valueSign, "has a sign; values are not negative: the other direction is another suffix")
        case .exponent: (.value, "has an exponent; write all digits")
        case .character: (.value, "is not digits with at most one point")
        case .point: (.value, "has its point in a wrong place")
        case .size: (.valueSize, "is too long; at most nine digits before the point and six after it")
        }
    }

    /// The quality, method and reason fields that follow each other in 300, 400 and 250 records.
    mutating func mark(_ field: Int, name: String, allowsVaries: Bool) -> Nem12Mark? {
        let before = faults.count
        let code = line.range(of: range(field))
        guard let quality = quality(field, name, code, allowsVaries: allowsVaries) else { return nil }
        var mark = Nem12Mark(quality)
        mark.method = method(field, name, quality, code.dropFirst())
        reason(field + 1, &mark)
        return faults.count == before ? mark : nil
    }

    private mutating func quality(
        _ field: Int, _ name: String, _ code: UnsafeBufferPointer<UInt8>.SubSequence, allowsVaries: Bool
    ) -> QualityFlag? {
        guard let first = code.first else {
            fail(field, .missing, "\(name) is empty; it is a quality, with a method where it has one: A, S14")
            return nil
        }
        guard code.count <= 3, let flag = QualityFlag(rawValue: String(UnicodeScalar(first))),
            flag != .varies || allowsVaries
        else {
            let letters = allowsVaries ? "A E F N S V" : "A E F N S"
            fail(field, .quality, "\(name) \(line.shown(range(field))); allowed: \(letters), E F S with two digits")
            return nil
        }
        return flag
    }

    private mutating func method(
        _ field: Int, _ name: String, _ quality: QualityFlag, _ digits: UnsafeBufferPointer<UInt8>.SubSequence
    ) -> Int {
        switch quality {
        case .actual, .null, .varies:
            if !digits.isEmpty {
                fail(field, .method, "\(name) \(line.shown(range(field))): \(quality.rawValue) has no method")
            }
            return 0
        case .estimated, .finalSubstitute, .substituted:
            let method = digits.count == 2 ? digits.reduce(0) { $0 * 10 + (Int($1) - 48) } : 0
            guard digits.allSatisfy({ (48...57).contains($0) }), Nem12Mark.methods(method) else {
                fail(
                    field, .method,
                    "\(name) \(line.shown(range(field))): \(quality.rawValue) needs method 11-25, 51-59, 61-69 or 71-75"
                )
                return 0
            }
            return method
        }
    }

    private mutating func reason(_ field: Int, _ mark: inout Nem12Mark) {
        let code = range(field)
        mark.text = text(field + 1, "ReasonDescription", 0...240)
        if mark.quality == .varies {
            if !code.isEmpty { fail(field, .reason, "ReasonCode is blank under V: the 400 records give the reasons") }
            if !isEmpty(field + 1) { fail(field + 1, .reasonDescription, "ReasonDescription is blank under V") }
            return
        }
        if code.isEmpty {
            if mark.quality == .substituted || mark.quality == .finalSubstitute {
                fail(field, .reason, "ReasonCode is empty; quality \(mark.quality.rawValue) needs one, 0 to 99")
            }
            return
        }
        guard code.count <= 3, let number = line.integer(code), number <= 99 else {
            fail(field, .reason, "ReasonCode \(line.shown(code)); allowed: 0 to 99")
            return
        }
        mark.reason = number
        if number == 0, isEmpty(field + 1) {
            fail(field + 1, .reasonDescription, "ReasonDescription is empty; reason 0 needs words")
        }
    }
}

extension Nem12Line {
    func range(of range: Range<Int>) -> UnsafeBufferPointer<UInt8>.SubSequence {
        UnsafeBufferPointer(start: base, count: count)[range]
    }
}
