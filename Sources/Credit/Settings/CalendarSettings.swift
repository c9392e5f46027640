import Metering

/// `friendly_days`: the local times of a week in which supply is not cut.
public struct FriendlyDays: Hashable, Codable, Sendable {
    /// Windows of each weekday from Monday, seven lists.
    public var windows: [[DayWindow]]
    /// Whether supply that is already off stays off when a window starts. Nil and true: it stays off (design §7);
    /// false: it comes back for the window.
    public var requiresCreditAtStart: Bool?

    /// Windows of each weekday from Monday; lists that are missing are empty.
    public init(windows: [[DayWindow]], requiresCreditAtStart: Bool? = nil) {
        self.windows = Weekday.allCases.indices.map { $0 < windows.count ? windows[$0] : [] }
        self.requiresCreditAtStart = requiresCreditAtStart
    }

    /// Until a calendar is set: daily from 15:00 to 08:00, and Friday to Sunday (design §7).
    public static let initial = FriendlyDays(
        windows: Weekday.allCases.map { day in
            let night = DayWindow(from: TimeOfDay(minutes: 900), to: TimeOfDay(minutes: 480))
            switch day {
            case .friday, .saturday, .sunday: return [.wholeDay]
            // The night after Sunday.
            case .monday: return [DayWindow(from: .midnight, to: TimeOfDay(minutes: 480)), night]
            default: return [night]
            }
        })

    /// Reads the arguments of `friendly_days_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["days", "requires_credit_at_start"])
        let names = Weekday.allCases.map(\.rawValue)
        let days = try FieldReader(try fields.required("days"), path: fields.path("days"), allowed: names)
        var windows: [[DayWindow]] = []
        for name in names { windows.append(try Self.day(name, days)) }
        self.init(
            windows: windows,
            requiresCreditAtStart: fields.has("requires_credit_at_start")
                ? try fields.flag("requires_credit_at_start") : nil)
    }

    private static func day(_ name: String, _ days: FieldReader) throws(ArgumentFault) -> [DayWindow] {
        var windows: [DayWindow] = []
        for (index, item) in try days.items(name, 0...4).enumerated() {
            let fields = try FieldReader(item, path: "\(days.path(name))[\(index)]", allowed: ["from", "to"])
            let window = DayWindow(
                from: try fields.timeOfDay("from"), to: try fields.timeOfDay("to", mayEndDay: true))
            guard window.from != window.to else {
                throw fields.fault("to", "must differ from its from; a whole day is 00:00 to 24:00")
            }
            for other in windows where Self.overlap(window, other) {
                throw fields.fault("from", "lies in another window of the same day")
            }
            windows.append(window)
        }
        return windows.sorted { $0.from < $1.from }
    }

    private static func overlap(_ one: DayWindow, _ other: DayWindow) -> Bool {
        let ends = [one, other].map { $0.crossesMidnight ? TimeOfDay.endOfDay : $0.to }
        return one.from < ends[1] && other.from < ends[0]
    }

    /// As `friendly_days_set` takes it.
    public var json: JSONValue {
        var days = JSONObject()
        for (day, list) in zip(Weekday.allCases, windows) where !list.isEmpty {
            days[day.rawValue] = .array(list.map(\.json))
        }
        var object: JSONObject = ["days": .object(days)]
        object["requires_credit_at_start"] = requiresCreditAtStart.map { .bool($0) }
        return .object(object)
    }
}

/// One day of `special_days`, once or every year.
public struct SpecialDay: Hashable, Codable, Sendable {
    /// Nil means every year.
    public var year: Int?
    public var month: Int
    public var day: Int
    /// Never crosses midnight.
    public var window: DayWindow

    /// A special day.
    public init(year: Int? = nil, month: Int, day: Int, window: DayWindow = .wholeDay) {
        self.year = year
        self.month = month
        self.day = day
        self.window = window
    }

    init(_ value: JSONValue, path: String) throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["date", "from", "to"])
        let text = try fields.text("date", bytes: 7...10)
        let isYearly = text.hasPrefix("--")
        // Every year has some 29 February within four years of it; the year 2000 stands for any.
        guard let time = WallTime(text: isYearly ? "2000-\(text.dropFirst(2))" : text),
            text.utf8.count == (isYearly ? 7 : 10)
        else { throw fields.fault("date", "must be a date such as 2026-12-25, or --12-25 for every year") }
        let date = CivilTime(seconds: time.seconds)
        year = isYearly ? nil : date.year
        month = date.month
        day = date.day
        window = DayWindow(
            from: try fields.timeOfDay("from", default: .midnight),
            to: try fields.timeOfDay("to", default: .endOfDay, mayEndDay: true))
        guard window.from < window.to else { throw fields.fault("to", "must be after from, on the same day") }
    }

    /// Whether the date is this day.
    func covers(_ date: CivilTime) -> Bool {
        month == date.month && day == date.day && (year ?? date.year) == date.year
    }

    func overlaps(_ other: SpecialDay) -> Bool {
        month == other.month && day == other.day && (year == other.year || year == nil || other.year == nil)
            && window.from < other.window.to && other.window.from < window.to
    }

    /// `2026-12-25` or `--12-25`
    var dateText: String {
        let full = CivilTime(year: year ?? 2000, month: month, day: day)
        let text = WallTime(seconds: full.seconds).textSeconds.prefix(10)
        return year == nil ? "-" + text.dropFirst(4) : String(text)
    }
}

/// `special_days`: dates on which supply is not cut.
public struct SpecialDays: Hashable, Codable, Sendable {
    public var days: [SpecialDay]

    /// Special days, at most 64.
    public init(days: [SpecialDay]) { self.days = days }

    /// Until special days are set: 20 to 31 December (design §7).
    public static let initial = SpecialDays(days: (20...31).map { SpecialDay(month: 12, day: $0) })

    /// Reads the arguments of `special_days_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["days"])
        days = []
        guard fields.has("days") else { throw fields.fault("days", "is missing") }
        for (index, item) in try fields.items("days", 0...64).enumerated() {
            let place = "\(fields.path("days"))[\(index)]"
            let day = try SpecialDay(item, path: place)
            guard !days.contains(where: day.overlaps) else {
                throw ArgumentFault(argument: place, message: "\(place) repeats another special day")
            }
            days.append(day)
        }
    }

    /// As `special_days_set` takes it.
    public var json: JSONValue {
        [
            "days": .array(
                days.map { day in
                    [
                        "date": .string(day.dateText), "from": .string(day.window.from.text),
                        "to": .string(day.window.to.text),
                    ]
                })
        ]
    }
}

/// `daylight_saving`: the unit's own table, in place of the zone's rules until its last interval ends.
public struct DaylightSaving: Hashable, Codable, Sendable {
    /// Local time is the zone's standard time plus the offset from `start` until `end`.
    public struct Shift: Hashable, Codable, Sendable {
        public var start: WallTime
        public var end: WallTime
        /// −120…120
        public var offsetMinutes: Int
    }

    /// In order, apart from each other.
    public var intervals: [Shift]

    /// A table; the intervals must be in order and apart.
    public init(intervals: [Shift]) { self.intervals = intervals }

    /// Reads the arguments of `daylight_saving_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["intervals"])
        intervals = []
        for (index, item) in try fields.items("intervals", 0...20).enumerated() {
            let shift = try FieldReader(
                item, path: "\(fields.path("intervals"))[\(index)]", allowed: ["start", "end", "offset_minutes"])
            guard let start = try shift.time("start") else { throw shift.fault("start", "is missing") }
            guard let end = try shift.time("end") else { throw shift.fault("end", "is missing") }
            guard start < end else { throw shift.fault("end", "must be after start") }
            if let last = intervals.last, start < last.end {
                throw shift.fault("start", "must not be before the end of the interval above")
            }
            let offset = Int(try shift.integer("offset_minutes", -120...120))
            intervals.append(Shift(start: start, end: end, offsetMinutes: offset))
        }
    }

    /// As `daylight_saving_set` takes it.
    public var json: JSONValue {
        [
            "intervals": .array(
                intervals.map { shift in
                    [
                        "start": .string(shift.start.textSeconds), "end": .string(shift.end.textSeconds),
                        "offset_minutes": .integer(Int64(shift.offsetMinutes)),
                    ]
                })
        ]
    }
}
