import Metering

/// A local time of day in minutes after midnight, 0…1440; 1440 is `24:00`, the end of the day.
public struct TimeOfDay: Hashable, Comparable, Codable, Sendable {
    public var minutes: Int

    public static let midnight = TimeOfDay(minutes: 0)
    public static let endOfDay = TimeOfDay(minutes: 1440)

    /// A time of day; the minutes are taken as they are.
    public init(minutes: Int) { self.minutes = minutes }

    /// Reads `HH:MM`, `00:00` to `24:00`.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
        func number(_ index: Int) -> Int? {
            guard (48...57).contains(bytes[index]), (48...57).contains(bytes[index + 1]) else { return nil }
            return Int(bytes[index] - 48) * 10 + Int(bytes[index + 1] - 48)
        }
        guard let hour = number(0), let minute = number(3), minute < 60, hour * 60 + minute <= 1440 else { return nil }
        minutes = hour * 60 + minute
    }

    /// `HH:MM`
    public var text: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }

    public static func < (left: TimeOfDay, right: TimeOfDay) -> Bool { left.minutes < right.minutes }
}

/// A day of the week; the raw value is the word of the commands.
public enum Weekday: String, Codable, Sendable, CaseIterable {
    case monday = "mon"
    case tuesday = "tue"
    case wednesday = "wed"
    case thursday = "thu"
    case friday = "fri"
    case saturday = "sat"
    case sunday = "sun"

    /// The weekday of a day counted from 1970-01-01, a Thursday.
    public init(day: Int64) { self = Self.allCases[Int((day + 3).flooredRemainder(by: 7))] }
}

/// A part of a day, from its first minute until before its last; past midnight when `to` is not after `from`.
public struct DayWindow: Hashable, Codable, Sendable {
    public var from: TimeOfDay
    public var to: TimeOfDay

    /// A window.
    public init(from: TimeOfDay, to: TimeOfDay) {
        self.from = from
        self.to = to
    }

    public static let wholeDay = DayWindow(from: .midnight, to: .endOfDay)

    /// Whether it ends on the next day.
    public var crossesMidnight: Bool { to <= from }

    /// `{"from": "15:00", "to": "08:00"}`
    public var json: JSONValue { ["from": .string(from.text), "to": .string(to.text)] }
}

extension FieldReader {
    /// `HH:MM`; `24:00` only where a window may end.
    func timeOfDay(
        _ name: String, default missing: TimeOfDay? = nil, mayEndDay: Bool = false
    ) throws(ArgumentFault) -> TimeOfDay {
        guard let value = value(name) else {
            guard let missing else { throw fault(name, "is missing") }
            return missing
        }
        guard let time = value.string.flatMap(TimeOfDay.init(text:)), mayEndDay || time < .endOfDay else {
            throw fault(name, "must be a time of day from 00:00 to \(mayEndDay ? "24:00" : "23:59")")
        }
        return time
    }
}

/// When something falls due.
public struct RecoveryPeriod: Hashable, Codable, Sendable {
    /// How often.
    public enum Every: String, Codable, Sendable, CaseIterable {
        case daily, weekly, monthly
    }

    public var every: Every
    /// Local time of day.
    public var at: TimeOfDay
    /// For `weekly`.
    public var weekday: Weekday
    /// Day of the month, 1…28, for `monthly`: a day that every month has.
    public var day: Int

    /// A period; weekly means Monday and monthly the first unless said otherwise.
    public init(_ every: Every, at: TimeOfDay = .midnight, weekday: Weekday = .monday, day: Int = 1) {
        self.every = every
        self.at = at
        self.weekday = weekday
        self.day = day
    }

    static let members = ["period", "at", "weekday", "day"]

    init(_ fields: FieldReader) throws(ArgumentFault) {
        every = try fields.word("period", Every.self)
        at = try fields.timeOfDay("at", default: .midnight)
        guard every == .weekly || !fields.has("weekday") else {
            throw fields.fault("weekday", "goes with the period weekly only")
        }
        guard every == .monthly || !fields.has("day") else {
            throw fields.fault("day", "goes with the period monthly only")
        }
        weekday = try fields.word("weekday", Weekday.self, default: .monday)
        day = Int(try fields.integer("day", 1...28, default: 1))
    }

    func write(into object: inout JSONObject) {
        object["period"] = .string(every.rawValue)
        object["at"] = .string(at.text)
        if every == .weekly { object["weekday"] = .string(weekday.rawValue) }
        if every == .monthly { object["day"] = .integer(Int64(day)) }
    }
}
