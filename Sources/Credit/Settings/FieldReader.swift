import Metering

/// Reads the members of one JSON object strictly: nothing unknown, every value in its range, and every fault names
/// the field by its path (`recovery.percent_bp`).
struct FieldReader {
    private let object: JSONObject
    private let path: String

    /// The reader of `value`, which must be an object of only these members. `path` is empty at the top.
    init(_ value: JSONValue, path: String = "", allowed: [String]) throws(ArgumentFault) {
        guard let object = value.object else {
            let place = path.isEmpty ? "args" : path
            throw ArgumentFault(
                argument: place, message: "\(place) must be an object with \(allowed.joined(separator: ", "))")
        }
        try self.init(object, path: path, allowed: allowed)
    }

    /// The reader of an object of only these members.
    init(_ object: JSONObject, path: String = "", allowed: [String]) throws(ArgumentFault) {
        for (name, _) in object.members where !allowed.contains(name) {
            let place = path.isEmpty ? "unknown_member" : "\(path).unknown_member"
            throw ArgumentFault(
                argument: place, message: "\(place): allowed are \(allowed.joined(separator: ", "))")
        }
        self.object = object
        self.path = path
    }

    /// The path of a member.
    func path(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A fault of a member.
    func fault(_ name: String, _ message: String) -> ArgumentFault {
        ArgumentFault(argument: path(name), message: "\(path(name)) \(message)")
    }

    /// Whether the member is there.
    func has(_ name: String) -> Bool { object[name] != nil }

    /// The member as it is.
    func value(_ name: String) -> JSONValue? { object[name] }

    /// A member that must be there.
    func required(_ name: String) throws(ArgumentFault) -> JSONValue {
        guard let value = object[name] else { throw fault(name, "is missing") }
        return value
    }

    /// An integer in a range.
    func integer(
        _ name: String, _ range: ClosedRange<Int64>, default missing: Int64? = nil
    ) throws(ArgumentFault) -> Int64 {
        guard let value = object[name] else {
            guard let missing else { throw fault(name, "is missing") }
            return missing
        }
        guard let number = value.integer, range.contains(number) else {
            throw fault(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// An integer that may be left out.
    func optionalInteger(_ name: String, _ range: ClosedRange<Int64>) throws(ArgumentFault) -> Int64? {
        has(name) ? try integer(name, range) : nil
    }

    /// True or false.
    func flag(_ name: String, default missing: Bool? = nil) throws(ArgumentFault) -> Bool {
        guard let value = object[name] else {
            guard let missing else { throw fault(name, "is missing") }
            return missing
        }
        guard let flag = value.bool else { throw fault(name, "must be true or false") }
        return flag
    }

    /// A text of so many bytes, without control characters.
    func text(_ name: String, bytes: ClosedRange<Int>, default missing: String? = nil) throws(ArgumentFault) -> String {
        guard let value = object[name] else {
            guard let missing else { throw fault(name, "is missing") }
            return missing
        }
        guard let text = value.string, bytes.contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 }) else {
            throw fault(name, "must be a text of \(bytes.lowerBound) to \(bytes.upperBound) bytes on one line")
        }
        return text
    }

    /// An id of the contract's conventions.
    func identifier(_ name: String) throws(ArgumentFault) -> String {
        guard let text = try required(name).string, Identifier.isValid(text) else {
            throw fault(name, "must be an id of 1 to 64 characters A-Z a-z 0-9 _ . : -")
        }
        return text
    }

    /// A word of a closed list.
    func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Word.Type, default missing: Word? = nil
    ) throws(ArgumentFault) -> Word where Word.RawValue == String {
        guard let value = object[name] else {
            guard let missing else { throw fault(name, "is missing") }
            return missing
        }
        guard let word = value.string.flatMap(Word.init(rawValue:)) else {
            let words = Word.allCases.map(\.rawValue)
            throw fault(name, "must be one of \(words.joined(separator: ", "))")
        }
        return word
    }

    /// An instant: RFC 3339 text, or whole seconds since 1970 as in the claims of a signed command. Years 1970…2199.
    func time(_ name: String) throws(ArgumentFault) -> WallTime? {
        guard let value = object[name] else { return nil }
        let time = value.string.flatMap { WallTime(text: $0) } ?? value.integer.flatMap(Self.time(seconds:))
        guard let time, (0..<Self.endOfTime).contains(time.seconds) else {
            throw fault(name, "must be a time such as 2026-03-02T07:30:00Z")
        }
        return time
    }

    private static func time(seconds: Int64) -> WallTime? {
        (0..<endOfTime).contains(seconds) ? WallTime(seconds: seconds) : nil
    }

    /// 2200-01-01, seconds since 1970.
    private static let endOfTime: Int64 = 7_258_118_400

    /// A list of at most so many items; empty when it is missing.
    func items(_ name: String, _ count: ClosedRange<Int>) throws(ArgumentFault) -> [JSONValue] {
        let value = object[name] ?? []
        guard let items = value.array, count.contains(items.count) else {
            throw fault(name, "must be a list of \(count.lowerBound) to \(count.upperBound) items")
        }
        return items
    }
}

/// Ranges of money, in micro-units of currency.
enum MoneyRange {
    /// What the journal's numbers can hold: ±(2⁵³ − 1).
    static let ledger: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991
    /// Amounts of settings and debts: 0 to a million major units.
    static let amount: ClosedRange<Int64> = 0...1_000_000_000_000
    /// One payment: a hundredth to 999,999 major units.
    static let payment: ClosedRange<Int64> = 10_000...999_999_000_000
}
