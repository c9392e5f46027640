import Metering

/// When supply is not to be cut, read off the local clock.
struct AuditCalendar: Hashable, Sendable {
    struct Window: Hashable, Sendable {
        var from: Int64
        var to: Int64
    }

    struct Special: Hashable, Sendable {
        /// 0 is every year.
        var year: Int
        var month: Int
        var day: Int
        var from: Int64
        var to: Int64
    }

    static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// Of each weekday from Monday.
    var windows: [[Window]]
    var specials: [Special]
    /// Supply that is off comes back for a friendly period.
    var returnsForFriendly = false

    /// Until a calendar is set: daily from 15:00 to 08:00, Friday to Sunday, and 20 to 31 December.
    init() {
        windows = Self.dayNames.map { name in
            let night = Window(from: 900, to: 480)
            return ["fri", "sat", "sun"].contains(name) ? [Window(from: 0, to: 1440), night] : [night]
        }
        specials = (20...31).map { Special(year: 0, month: 12, day: $0, from: 0, to: 1440) }
    }

    mutating func setFriendly(_ value: JSONValue) {
        windows = Self.dayNames.map { name in
            (value["days"]?[name]?.array ?? []).map {
                Window(from: Self.minute($0["from"]?.string ?? ""), to: Self.minute($0["to"]?.string ?? ""))
            }
        }
        returnsForFriendly = value["requires_credit_at_start"]?.bool == false
    }

    mutating func setSpecial(_ value: JSONValue) {
        specials = (value["days"]?.array ?? []).map { item in
            let text = item["date"]?.string ?? ""
            let isYearly = text.hasPrefix("--")
            let parts = text.split(separator: "-").compactMap { Int($0) }
            return Special(
                year: isYearly ? 0 : parts.first ?? 0, month: parts[parts.count - 2], day: parts[parts.count - 1],
                from: Self.minute(item["from"]?.string ?? "00:00"), to: Self.minute(item["to"]?.string ?? "24:00"))
        }
    }

    /// `HH:MM` in minutes.
    static func minute(_ text: String) -> Int64 {
        let digits = text.utf8.filter { $0 != 0x3A }.map { Int64($0) - 48 }
        guard digits.count == 4 else { return 0 }
        return (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
    }

    /// Whether the local clock, at this reading of it (local seconds), stands in a friendly period.
    func isFriendly(_ local: Int64) -> Bool {
        let day = AuditClock.floor(local, 86_400)
        let minute = (local - day * 86_400) / 60
        for window in windows[AuditClock.weekday(day)] {
            if window.to > window.from {
                if minute >= window.from, minute < window.to { return true }
            } else if minute >= window.from {
                return true
            }
        }
        for window in windows[AuditClock.weekday(day - 1)] where window.to <= window.from && minute < window.to {
            return true
        }
        return false
    }

    /// Whether it is a special day's protected part.
    func isSpecial(_ local: Int64) -> Bool {
        if specials.isEmpty { return false }
        let day = AuditClock.floor(local, 86_400)
        let minute = (local - day * 86_400) / 60
        let civil = CivilTime(seconds: day * 86_400)
        return specials.contains {
            $0.month == civil.month && $0.day == civil.day && ($0.year == 0 || $0.year == civil.year)
                && minute >= $0.from && minute < $0.to
        }
    }

    /// Whether some instant of `[from, to]` (milliseconds) is protected: its ends, and every minute between.
    func isProtected(_ from: Int64, _ to: Int64, clock: inout AuditClock) -> Bool {
        var time = from
        while true {
            let local = clock.local(AuditClock.floor(time, 1000))
            if isFriendly(local) || isSpecial(local) { return true }
            if time == to { return false }
            time = min(to, time + 60_000)
        }
    }
}
