import Metering

/// Local time of a unit, reckoned from its zone's rule or its own daylight-saving table. Everything in seconds.
struct AuditClock: Hashable, Sendable {
    /// Local time is standard time plus `shift` in `[from, until)`.
    struct Shift: Hashable, Sendable {
        var from: Int64
        var until: Int64
        var shift: Int64
    }

    let zone: SoakZone
    /// The unit's own table; empty where the zone's rule holds.
    var table: [Shift] = []
    /// A span of constant offset that was worked out last.
    private var known = (from: Int64.max, until: Int64.max, offset: Int64(0))

    init(_ zone: SoakZone) { self.zone = zone }

    static func == (left: AuditClock, right: AuditClock) -> Bool {
        left.zone == right.zone && left.table == right.table
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(zone)
        hasher.combine(table)
    }

    /// Past this nobody knows the local time.
    var knownUntil: Int64 { table.last?.until ?? .max }

    mutating func use(_ table: [Shift]) {
        self.table = table
        known = (.max, .max, 0)
    }

    mutating func offset(_ time: Int64) -> Int64 {
        if time >= known.from, time < known.until { return known.offset }
        var from = Int64.min
        var until = Int64.max
        for change in changes(about: time) {
            if change <= time { from = max(from, change) } else { until = min(until, change) }
        }
        // A year is looked at; further away somebody asks again.
        from = max(from, time - 15_000_000)
        until = min(until, time + 15_000_000)
        known = (from, until, plainOffset(time))
        return known.offset
    }

    private func plainOffset(_ time: Int64) -> Int64 {
        guard table.isEmpty else {
            return zone.standard + (table.first { $0.from <= time && time < $0.until }?.shift ?? 0)
        }
        guard let begin = zone.begin, let end = zone.end else { return zone.standard }
        let year = CivilTime(seconds: time).year
        let starts = Self.instant(begin, year)
        let ends = Self.instant(end, year)
        let isSummer = starts < ends ? time >= starts && time < ends : time >= starts || time < ends
        return isSummer ? zone.daylight : zone.standard
    }

    /// Instants near `time` at which the offset may change.
    func changes(about time: Int64) -> [Int64] {
        guard table.isEmpty else { return table.flatMap { [$0.from, $0.until] } }
        guard let begin = zone.begin, let end = zone.end else { return [] }
        let year = CivilTime(seconds: time).year
        return [year - 1, year, year + 1].flatMap { [Self.instant(begin, $0), Self.instant(end, $0)] }
    }

    private static func instant(_ change: SoakZone.Change, _ year: Int) -> Int64 {
        var day: Int64
        if change.sunday == 5 {
            let next = change.month == 12 ? (year + 1, 1) : (year, change.month + 1)
            day = CivilTime(year: next.0, month: next.1, day: 1).seconds / 86_400 - 1
            while (day + 4) % 7 != 0 { day -= 1 }
        } else {
            day = CivilTime(year: year, month: change.month, day: 1).seconds / 86_400
            while (day + 4) % 7 != 0 { day += 1 }
            day += Int64(change.sunday - 1) * 7
        }
        return day * 86_400 + change.seconds
    }

    mutating func local(_ time: Int64) -> Int64 { time + offset(time) }

    mutating func day(_ time: Int64) -> Int64 { Self.floor(local(time), 86_400) }

    /// The first instant at which the local clock shows this minute of this day, or a later one.
    mutating func first(_ day: Int64, _ minute: Int64) -> Int64 {
        let wanted = day * 86_400 + minute * 60
        var shifts: [Int64] = [zone.standard, zone.daylight]
        for shift in table { shifts.append(zone.standard + shift.shift) }
        var best = Int64.max
        for shift in shifts {
            let time = wanted - shift
            if offset(time) == shift { best = min(best, time) }
        }
        // The clock jumps over it: the instant of the jump.
        if best == .max {
            for change in changes(about: wanted) where abs(change - wanted) < 100_000 {
                if change + offset(change) >= wanted, change - 1 + offset(change - 1) < wanted {
                    best = min(best, change)
                }
            }
        }
        return best
    }

    /// The last local day whose minute has come.
    mutating func lastDay(atOrBefore time: Int64, _ minute: Int64) -> Int64 {
        var last = day(time) + 1
        while first(last, minute) > time { last -= 1 }
        return last
    }

    /// Whether the local clock jumped, or will, within so many seconds.
    func isNearChange(_ time: Int64, within seconds: Int64) -> Bool {
        changes(about: time).contains { abs($0 - time) <= seconds }
    }

    static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        let quotient = number / divisor
        return number % divisor < 0 ? quotient - 1 : quotient
    }

    /// 0…6 from Monday.
    static func weekday(_ day: Int64) -> Int { Int(((day + 3) % 7 + 7) % 7) }
}
