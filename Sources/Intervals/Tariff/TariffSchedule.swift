import Metering

/// Which name of a tariff applies when.
public struct TariffSchedule: Sendable {
    /// A span of constant name.
    public struct Span: Hashable, Sendable {
        /// Seconds since 1970 UTC, not inclusive.
        public var until: Int64
        /// Number of the name in `Tariff.names`.
        public var name: Int
        /// The local date, days since 1970: what block resets and the standing charge go by.
        public var day: Int64
    }

    public let tariff: Tariff
    public let zone: ZoneRules
    private let defaultName: Int
    private let windowNames: [Int]
    /// Minutes of a local day at which the name may change, midnight first.
    let boundaries: [Int]

    /// - Parameter zone: whose local time the tariff's times are in.
    public init(_ tariff: Tariff, zone: ZoneRules) {
        self.tariff = tariff
        self.zone = zone
        let names = tariff.names
        let timed = tariff.windows.map(\.band)
        defaultName = names.firstIndex { !timed.contains($0) } ?? 0
        windowNames = tariff.windows.map { window in names.firstIndex(of: window.band) ?? 0 }
        var minutes = [0]
        for window in tariff.windows {
            for minute in [window.from, window.to % 1440] where !minutes.contains(minute) { minutes.append(minute) }
        }
        boundaries = minutes.sorted()
    }

    /// The span that holds an instant (seconds since 1970 UTC).
    public func span(at instant: Int64) -> Span {
        let (offset, offsetUntil) = zone.offset(at: instant)
        let local = instant + offset
        let day = local.flooredQuotient(by: 86_400)
        let second = Int(local - day * 86_400)
        let minute = second / 60
        let next = boundaries.first { $0 > minute } ?? 1440
        let until = min(offsetUntil, day * 86_400 + Int64(next) * 60 - offset)
        return Span(until: until, name: name(day, minute), day: day)
    }

    /// The name at a local minute.
    private func name(_ day: Int64, _ minute: Int) -> Int {
        guard !tariff.windows.isEmpty else { return defaultName }
        let today = TariffDay(day)
        let yesterday = TariffDay(day - 1)
        for index in tariff.windows.indices where tariff.windows[index].holds(today, yesterday, minute: minute) {
            return windowNames[index]
        }
        return defaultName
    }

    /// The numbers of the windows that hold a local minute.
    func windows(_ today: TariffDay, _ yesterday: TariffDay, minute: Int) -> [Int] {
        tariff.windows.indices.filter { tariff.windows[$0].holds(today, yesterday, minute: minute) }
    }

    /// The block period of a local day: the day itself, or its month; 0 without blocks.
    public func period(ofDay day: Int64) -> Int64 {
        switch tariff.blocks {
        case nil: return 0
        case .day: return day
        case .month:
            let date = CivilTime(seconds: day * 86_400)
            return Int64(date.year * 12 + date.month)
        }
    }
}

/// What a tariff sees of a local day.
struct TariffDay {
    /// 0…6 from Monday.
    var weekday: Int
    /// Month × 100 + day.
    var date: Int

    init(weekday: Int, date: Int) {
        self.weekday = weekday
        self.date = date
    }

    /// - Parameter day: days since 1970, a Thursday.
    init(_ day: Int64) {
        weekday = Int((day + 3).flooredRemainder(by: 7))
        let civil = CivilTime(seconds: day * 86_400)
        date = civil.month * 100 + civil.day
    }
}

extension Tariff.Window {
    func isIn(_ day: TariffDay) -> Bool { season?.contains(day.date) ?? true }
    /// Whether it holds a local minute of `today`.
    func holds(_ today: TariffDay, _ yesterday: TariffDay, minute: Int) -> Bool {
        if from < to { return minute >= from && minute < to && starts(on: today) }
        return (minute >= from && starts(on: today)) || (minute < to && starts(on: yesterday))
    }

    func starts(on day: TariffDay) -> Bool { days & (1 << UInt8(day.weekday)) != 0 && isIn(day) }
}
