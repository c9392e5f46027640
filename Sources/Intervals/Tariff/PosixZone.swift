import Metering

/// A POSIX `TZ` rule such as `GMT0BST,M3.5.0/1,M10.5.0`: what a zone does in the years after its table
/// (POSIX.1-2017 §8.3, with the extended hours of RFC 9636).
struct PosixZone: Hashable {
    /// A day of the year, and the local time of the change in seconds.
    struct Change: Hashable {
        /// The three ways to name a day.
        enum Day: Hashable {
            /// Week 1…5 (5 is the last) of a month, weekday 0…6 from Sunday.
            case week(month: Int, week: Int, weekday: Int)
            /// 1…365, 29 February never counted.
            case julian(Int)
            /// 0…365, 29 February counted.
            case zeroBased(Int)
        }

        var day: Day
        var time: Int64
    }

    var standard: Int64
    var daylight: Int64
    var start: Change?
    var end: Change?

    /// Whether there is daylight saving.
    var changes: Bool { start != nil }

    init?(_ text: String) {
        var scanner = PosixScanner(text)
        guard scanner.name(), let west = scanner.time() else { return nil }
        standard = -west
        daylight = standard
        if scanner.isAtEnd { return }
        guard scanner.name() else { return nil }
        daylight = standard + 3600
        if !scanner.take(",") {
            guard let west = scanner.time(), scanner.take(",") else { return nil }
            daylight = -west
        }
        guard let start = scanner.change(), scanner.take(","), let end = scanner.change(), scanner.isAtEnd else {
            return nil
        }
        self.start = start
        self.end = end
    }

    /// The two changes of a year; the start counts in standard time, the end in daylight time.
    func transitions(in year: Int) -> [ZoneRules.Transition] {
        guard let start, let end else { return [] }
        return [
            ZoneRules.Transition(at: start.seconds(in: year) - standard, offset: daylight),
            ZoneRules.Transition(at: end.seconds(in: year) - daylight, offset: standard),
        ]
    }
}

extension PosixZone.Change {
    /// Seconds since 1970 in local time.
    func seconds(in year: Int) -> Int64 {
        let newYear = CivilTime(year: year, month: 1, day: 1).seconds
        switch day {
        case .julian(let number):
            let afterFebruary = number > 59 && CivilTime.daysIn(month: 2, year: year) == 29
            return newYear + Int64(number - 1 + (afterFebruary ? 1 : 0)) * 86_400 + time
        case .zeroBased(let number): return newYear + Int64(number) * 86_400 + time
        case .week(let month, let week, let weekday):
            let first = CivilTime(year: year, month: month, day: 1).seconds
            // 1970-01-01 was a Thursday.
            let firstWeekday = Int((first.flooredQuotient(by: 86_400) + 4).flooredRemainder(by: 7))
            var day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            if day >= CivilTime.daysIn(month: month, year: year) { day -= 7 }
            return first + Int64(day) * 86_400 + time
        }
    }
}

/// Walks over the text of a rule.
private struct PosixScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == mark.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Three letters or more, or `<…>`.
    mutating func name() -> Bool {
        if take("<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        let letters = rest.prefix { (65...90).contains($0 & 0xDF) }
        rest = rest.dropFirst(letters.count)
        return letters.count >= 3
    }

    mutating func number(upTo limit: Int) -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...3).contains(digits.count) else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        rest = rest.dropFirst(digits.count)
        return value <= limit ? value : nil
    }

    /// `[+-]hh[:mm[:ss]]` in seconds; hours up to 167.
    mutating func time() -> Int64? {
        let sign: Int64 = take("-") ? -1 : 1
        if sign == 1 { _ = take("+") }
        guard let hours = number(upTo: 167) else { return nil }
        var seconds = hours * 3600
        if take(":") {
            guard let minutes = number(upTo: 59) else { return nil }
            seconds += minutes * 60
            if take(":") {
                guard let rest = number(upTo: 59) else { return nil }
                seconds += rest
            }
        }
        return sign * Int64(seconds)
    }

    mutating func change() -> PosixZone.Change? {
        let day: PosixZone.Change.Day
        if take("M") {
            guard let month = number(upTo: 12), month >= 1, take("."), let week = number(upTo: 5), week >= 1,
                take("."), let weekday = number(upTo: 6)
            else { return nil }
            day = .week(month: month, week: week, weekday: weekday)
        } else if take("J") {
            guard let number = number(upTo: 365), number >= 1 else { return nil }
            day = .julian(number)
        } else {
            guard let number = number(upTo: 365) else { return nil }
            day = .zeroBased(number)
        }
        guard take("/") else { return PosixZone.Change(day: day, time: 7200) }
        return time().map { PosixZone.Change(day: day, time: $0) }
    }
}
