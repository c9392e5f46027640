import Intervals
import Metering

/// Local days of a unit. A day is counted from 1970-01-01.
extension ZoneRules {
    /// The local day of an instant.
    func day(of time: WallTime) -> Int64 { local(time.seconds).flooredQuotient(by: 86_400) }

    /// The first instant at which the local clock shows a time of day or later: where the clock jumps over it that is
    /// the jump; where it comes twice, the first.
    func instant(_ day: Int64, _ time: TimeOfDay) -> WallTime {
        let wanted = day * 86_400 + Int64(time.minutes) * 60
        var from = wanted - 93_600
        while true {
            let (offset, until) = offset(at: from)
            let instant = wanted - offset
            if instant < until { return WallTime(seconds: max(instant, from)) }
            from = until
        }
    }

    /// The last instant at which the local clock shows a time of day: windows end there, so that an hour that comes
    /// twice is inside both times.
    func lastInstant(_ day: Int64, _ time: TimeOfDay) -> WallTime {
        let wanted = day * 86_400 + Int64(time.minutes) * 60
        var from = wanted - 93_600
        var last = instant(day, time)
        while from <= wanted + 93_600 {
            let (offset, until) = offset(at: from)
            let instant = wanted - offset
            if instant >= from, instant < until { last = max(last, WallTime(seconds: instant)) }
            guard until < .max else { break }
            from = until
        }
        return last
    }

    /// The last local day whose time of day has come.
    func lastDay(atOrBefore time: WallTime, _ timeOfDay: TimeOfDay) -> Int64 {
        let day = day(of: time)
        // A clock that is set back over midnight: tomorrow has begun already.
        if instant(day + 1, timeOfDay) <= time { return day + 1 }
        return instant(day, timeOfDay) <= time ? day : day - 1
    }

    /// The zone with a unit's own daylight-saving table in place of its rules; the table counts from the standard time
    /// of the year that begins at `time`, and holds until its last interval ends.
    func overridden(by table: DaylightSaving, at time: WallTime) -> ZoneRules {
        guard let end = table.intervals.last?.end else { return self }
        // Standard time is the lower one; a zone that changes has both within a year.
        var standard = offset(at: time.seconds).offset
        var from = time.seconds
        while from < time.seconds + 366 * 86_400 {
            let (offset, until) = offset(at: from)
            standard = min(standard, offset)
            from = until
        }
        var transitions: [Transition] = []
        for shift in table.intervals {
            transitions.append(
                Transition(at: shift.start.seconds, offset: standard + Int64(shift.offsetMinutes) * 60))
            if transitions.count > 1, transitions[transitions.count - 2].at == shift.start.seconds {
                transitions.remove(at: transitions.count - 2)
            }
            transitions.append(Transition(at: shift.end.seconds, offset: standard))
        }
        return ZoneRules(firstOffset: standard, transitions: transitions, knownUntil: end.seconds)
    }
}

extension RecoveryPeriod {
    /// The first day after `day` on which it falls due.
    func nextDay(after day: Int64) -> Int64 {
        switch every {
        case .daily: return day + 1
        case .weekly:
            let wanted = Int64(Weekday.allCases.firstIndex(of: weekday) ?? 0)
            let next = day + 1
            return next + (wanted - (next + 3)).flooredRemainder(by: 7)
        case .monthly:
            var date = CivilTime(seconds: (day + 1) * 86_400)
            if date.day > self.day {
                date.month += 1
                if date.month > 12 {
                    date.month = 1
                    date.year += 1
                }
            }
            date.day = self.day
            return date.seconds.flooredQuotient(by: 86_400)
        }
    }
}

/// `YYYY-MM-DD` of a day counted from 1970.
func dayText(_ day: Int64) -> String { String(WallTime(seconds: day * 86_400).textSeconds.prefix(10)) }

/// The Monday on or before a day.
func monday(of day: Int64) -> Int64 { day - (day + 3).flooredRemainder(by: 7) }
