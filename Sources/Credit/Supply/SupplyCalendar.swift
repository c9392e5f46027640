import Intervals
import Metering

/// A time in which no switch is opened.
public struct Protection: Hashable, Sendable {
    /// `friendlyPeriod` or `specialDay`.
    public var reason: SupplyReason
    /// The first instant that is certainly after it.
    public var until: WallTime

    /// Protected time.
    public init(reason: SupplyReason, until: WallTime) {
        self.reason = reason
        self.until = until
    }
}

/// Friendly periods and special days of a unit, in its local time.
public struct SupplyCalendar: Hashable, Sendable {
    /// What holds at an instant, and until when nothing changes.
    public struct Span: Hashable, Sendable {
        public var protection: Protection?
        public var until: WallTime
    }

    private let friendly: FriendlyDays
    private let special: SpecialDays
    private let clock: ZoneRules

    /// The unit's calendar; nil stands for the one of design §7, each until its own is set.
    public init(friendly: FriendlyDays?, special: SpecialDays?, clock: ZoneRules) {
        self.friendly = friendly ?? .initial
        self.special = special ?? .initial
        self.clock = clock
    }

    private struct Window {
        var start: WallTime
        var end: WallTime
        var reason: SupplyReason
    }

    /// Protected spans that follow each other are looked through so far: a year of weekends and nights.
    private static let mostSpans = 800

    /// What holds at `time` when the clock may be wrong by `uncertainty` milliseconds either way.
    public func span(at time: WallTime, uncertainty: Int64 = 0) -> Span {
        guard var hit = hit(time, uncertainty) else {
            let next = windows(around: time).map { $0.start + -uncertainty }.filter { $0 > time }.min()
            let day = time + 86_400_000
            return Span(protection: nil, until: next.map { min($0, day) } ?? day)
        }
        let reason = hit.reason
        var until = hit.end + uncertainty
        for _ in 0..<Self.mostSpans {
            guard let next = self.hit(until, uncertainty) else { break }
            hit = next
            until = hit.end + uncertainty
        }
        return Span(protection: Protection(reason: reason, until: until), until: until)
    }

    /// The window that lasts longest of those that touch the clock's uncertainty; friendly periods before special days.
    private func hit(_ time: WallTime, _ uncertainty: Int64) -> Window? {
        let hits = windows(around: time).filter { $0.start <= time + uncertainty && $0.end > time + -uncertainty }
        let friendly = hits.filter { $0.reason == .friendlyPeriod }
        guard var longest = hits.max(by: { $0.end < $1.end }) else { return nil }
        longest.reason = friendly.isEmpty ? .specialDay : .friendlyPeriod
        return longest
    }

    /// Windows that begin on the local days about an instant.
    private func windows(around time: WallTime) -> [Window] {
        let today = clock.day(of: time)
        var windows: [Window] = []
        windows.reserveCapacity(16)
        for day in (today - 2)...(today + 2) {
            let weekday = Int((day + 3).flooredRemainder(by: 7))
            for window in friendly.windows[weekday] {
                let endDay = window.crossesMidnight ? day + 1 : day
                windows.append(
                    Window(
                        start: clock.instant(day, window.from), end: clock.lastInstant(endDay, window.to),
                        reason: .friendlyPeriod))
            }
            let date = CivilTime(seconds: day * 86_400)
            for special in special.days where special.covers(date) {
                windows.append(
                    Window(
                        start: clock.instant(day, special.window.from), end: clock.lastInstant(day, special.window.to),
                        reason: .specialDay))
            }
        }
        return windows
    }
}
