import Metering

/// What an argument's value may be.
public indirect enum ArgumentType: Sendable {
    case integer(ClosedRange<Int64>)
    /// Micro-units of currency.
    case money(ClosedRange<Int64>)
    case flag
    /// UTF-8 text on one line, length in bytes.
    case text(ClosedRange<Int>)
    /// An id that may name a box, a unit or a key.
    case name
    /// Any id of the contract's conventions.
    case identifier
    case oneOf([String])
    /// Strict base64 with padding of exactly so many bytes.
    case base64(bytes: Int)
    /// Lower- or upper-case hexadecimal digits, so many.
    case hex(ClosedRange<Int>)
    /// An object of one or more channels, each with a whole number from 0 to 2⁵³−1.
    case channelValues
    /// An instant: RFC 3339 in UTC, or whole seconds since 1970. Years 1970…2199.
    case time
    /// `2026-12-25`, or `--12-25` for every year.
    case date
    /// `HH:MM`; `24:00` only where something may end.
    case timeOfDay(mayEndDay: Bool)
    /// Another system's number, which some write as a text: not below 0, or of 1 to so many bytes.
    case reference(Int)
    case list(ArgumentType, ClosedRange<Int>)
    case object([ArgumentSpec])
    /// Any object: what is in it is checked by the command that it names.
    case anyObject

    /// Whether a value is allowed.
    public func accepts(_ value: JSONValue) -> Bool {
        do throws(ArgumentFault) {
            try check(value, path: "value")
            return true
        } catch {
            return false
        }
    }

    /// Checks a value; the fault's path is that of the innermost value that is wrong.
    func check(_ value: JSONValue, path: String) throws(ArgumentFault) {
        switch (self, value) {
        case (.object(let specs), .object(let object)):
            try ArgumentSpec.check(object, specs, path: path)
        case (.list(let type, let count), .array(let items)) where count.contains(items.count):
            for (index, item) in items.enumerated() { try type.check(item, path: "\(path)[\(index)]") }
        default:
            guard holds(value) else {
                throw ArgumentFault(argument: path, message: "\(path) must be \(description)")
            }
        }
    }

    /// Whether a value without parts of its own is allowed.
    private func holds(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.integer(let range), .integer(let number)), (.money(let range), .integer(let number)):
            range.contains(number)
        case (.flag, .bool), (.anyObject, .object): true
        case (.reference, .integer(let number)): (0...9_007_199_254_740_991).contains(number)
        case (.reference(let most), .string(let text)):
            (1...most).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 }
        case (.text(let length), .string(let text)):
            length.contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 }
        case (.name, .string(let text)): Identifier.isValidName(text)
        case (.identifier, .string(let text)): Identifier.isValid(text)
        case (.oneOf(let words), .string(let word)): words.contains(word)
        case (.base64(let count), .string(let text)): StrictBase64.bytes(text)?.count == count
        case (.hex(let count), .string(let text)):
            count.contains(text.utf8.count) && text.utf8.allSatisfy(Self.isHexDigit)
        case (.channelValues, .object(let values)): Self.areChannelValues(values)
        case (.time, .string(let text)): WallTime(text: text).map { Self.times.contains($0.seconds) } ?? false
        case (.time, .integer(let seconds)): Self.times.contains(seconds)
        case (.date, .string(let text)): Self.isDate(text)
        case (.timeOfDay(let mayEndDay), .string(let text)):
            TimeOfDay(text: text).map { mayEndDay || $0 < .endOfDay } ?? false
        default: false
        }
    }

    private static func areChannelValues(_ values: JSONObject) -> Bool {
        !values.members.isEmpty
            && values.members.allSatisfy { name, value in
                Channel(rawValue: name) != nil
                    && value.integer.map { (0...9_007_199_254_740_991).contains($0) } ?? false
            }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private static func isDate(_ text: String) -> Bool {
        let isYearly = text.hasPrefix("--")
        return WallTime(text: isYearly ? "2000-\(text.dropFirst(2))" : text) != nil
            && text.utf8.count == (isYearly ? 7 : 10)
    }

    /// To the end of 2199, seconds since 1970.
    private static let times: Range<Int64> = 0..<7_258_118_400

    /// What is allowed, in words that complete "must be …".
    public var description: String {
        switch self {
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .money(let range): "a whole number of micro-units from \(range.lowerBound) to \(range.upperBound)"
        case .flag: "true or false"
        case .text(let length): "a text of \(length.lowerBound) to \(length.upperBound) bytes on one line"
        case .name: "a name of 1 to 64 characters A-Z a-z 0-9 _ . -"
        case .identifier: "an id of 1 to 64 characters A-Z a-z 0-9 _ . : -"
        case .oneOf(let words): "one of \(words.joined(separator: ", "))"
        case .base64(let count): "base64 of exactly \(count) bytes"
        case .hex(let count):
            count.count == 1
                ? "\(count.lowerBound) hexadecimal digits"
                : "\(count.lowerBound) to \(count.upperBound) hexadecimal digits"
        case .channelValues: "an object of channels with whole numbers, such as {\"import_wh\": 12345678}"
        case .time: "a time such as 2026-03-02T07:30:00Z"
        case .date: "a date such as 2026-12-25, or --12-25 for every year"
        case .timeOfDay(let mayEndDay): "a time of day from 00:00 to \(mayEndDay ? "24:00" : "23:59")"
        case .reference(let most): "a whole number, or a text of 1 to \(most) bytes"
        case .list(_, let count): "a list of \(count.lowerBound) to \(count.upperBound) items"
        case .object(let specs): "an object with \(specs.map(\.name).joined(separator: ", "))"
        case .anyObject: "an object"
        }
    }
}
