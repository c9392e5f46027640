import Metering

/// Charges the days of interval files: the same rater as for single advances, fed with the sums of each span of
/// constant price. Streams with the letter E (energy from the network) are charged, all of a connection point
/// together; of the others only the quantity is kept.
public struct SeriesRating: Sendable {
    /// The bill of one connection point.
    public struct Account: Sendable {
        public let nmi: NMI
        public internal(set) var state: RatingState
        /// Energy streams that are not charged, with their micro-watt-hours (micro-var-hours), in order of appearance.
        public internal(set) var others: [(suffix: NMISuffix, unit: Nem12Unit, quantity: Int128)] = []
        /// Intervals of the charged streams with quality N: they have no value.
        public internal(set) var nullIntervals: Int64 = 0
    }

    /// Spans of a market day, as intervals: cut where price, local day or block period change.
    private struct Plan {
        var day = Int.min
        var minutes = 0
        var cuts: [Cut] = []
        /// Local midnights inside the day.
        var midnights: Int64 = 0
    }

    private struct Cut {
        /// Number of the first interval after it.
        var end: Int
        var name: Int
        var period: Int64
    }

    public let rater: Rater
    /// In order of appearance.
    public private(set) var accounts: [Account] = []
    private var places: [UInt64: Int] = [:]
    private var lastNMI: NMI?
    private var lastKey: UInt64 = .max
    private var lastPlace = 0
    private var days = DayTable()
    /// Plans of days by day number: the streams of a file mostly share their days.
    private var plans = [Plan](repeating: Plan(), count: 512)

    public init(_ tariff: Tariff, zone: ZoneRules) { rater = Rater(tariff, zone: zone) }

    /// Charges a day of a stream.
    public mutating func add(_ day: Nem12Day) throws(RatingFault) {
        let place = account(day.stream.nmi)
        guard day.stream.suffix.channel == .importWh, day.stream.unit.isEnergy else {
            return try addOther(day, place)
        }
        let slot = day.day & 511
        if plans[slot].day != day.day || plans[slot].minutes != day.stream.minutes {
            plans[slot] = plan(day.day, minutes: day.stream.minutes)
        }
        switch days.insert(key: lastKey, day: day.day) {
        case .new: try rater.chargeStanding(days: plans[slot].midnights, state: &accounts[place].state)
        case .seen: break
        case .full: throw .tooMany
        }
        let nulls = Self.nulls(day)
        accounts[place].nullIntervals += Int64(nulls.reduce(0) { $0 + $1.count })
        var from = 0
        for cut in plans[slot].cuts {
            var sum = Self.sum(day.values, from..<cut.end)
            for range in nulls { sum -= Self.sum(day.values, range.clamped(to: from..<cut.end)) }
            guard let microWh = day.stream.unit.microBase(sum) else { throw .tooLarge }
            try rater.charge(microWh, name: cut.name, period: cut.period, state: &accounts[place].state) { _ in }
            from = cut.end
        }
    }

    private mutating func account(_ nmi: NMI) -> Int {
        if nmi == lastNMI { return lastPlace }
        let key = DayTable.key(nmi)
        lastNMI = nmi
        lastKey = key
        if let place = places[key] {
            lastPlace = place
        } else {
            lastPlace = accounts.count
            places[key] = lastPlace
            accounts.append(Account(nmi: nmi, state: rater.initial))
        }
        return lastPlace
    }

    private mutating func addOther(_ day: Nem12Day, _ place: Int) throws(RatingFault) {
        guard day.stream.unit.isEnergy else { return }
        var sum = Self.sum(day.values, 0..<day.values.count)
        for range in Self.nulls(day) { sum -= Self.sum(day.values, range) }
        guard let micro = day.stream.unit.microBase(sum) else { throw .tooLarge }
        let suffix = day.stream.suffix
        if let index = accounts[place].others.firstIndex(where: { $0.suffix == suffix }) {
            accounts[place].others[index].quantity += Int128(micro)
        } else {
            accounts[place].others.append((suffix, day.stream.unit, Int128(micro)))
        }
    }

    /// Intervals without a value, as numbers from 0.
    private static func nulls(_ day: Nem12Day) -> [Range<Int>] {
        guard day.ranges.contains(where: { $0.mark.quality == .null }) else { return [] }
        return day.ranges.filter { $0.mark.quality == .null }.map { $0.first - 1..<$0.last }
    }

    /// No overflow: 288 values below 10^15.
    @inline(__always)
    private static func sum(_ values: UnsafeBufferPointer<Int64>, _ range: Range<Int>) -> Int64 {
        var sum: Int64 = 0
        for index in range { sum &+= values[index] }
        return sum
    }

    /// The spans of a market day. An interval belongs to the price in force the instant before its end.
    private func plan(_ day: Int, minutes: Int) -> Plan {
        let start = Int64(day) * 86_400 - MarketTime.offset
        let length = Int64(minutes) * 60
        let count = 1440 / minutes
        var plan = Plan(day: day, minutes: minutes)
        var interval = 0
        while interval < count {
            let span = rater.schedule.span(at: start + Int64(interval + 1) * length - 1)
            // The intervals that end at `until` or before.
            let last = span.until >= start + 86_400 ? count : Int((span.until - start) / length)
            let end = min(max(last, interval + 1), count)
            let period = rater.schedule.period(ofDay: span.day)
            if let cut = plan.cuts.last, cut.name == span.name, cut.period == period {
                plan.cuts[plan.cuts.count - 1].end = end
            } else {
                plan.cuts.append(Cut(end: end, name: span.name, period: period))
            }
            interval = end
        }
        let zone = rater.schedule.zone
        let firstDay = zone.local(start).flooredQuotient(by: 86_400)
        for local in firstDay...(firstDay + 2) {
            let midnight = zone.start(ofDay: local)
            if midnight >= start, midnight < start + 86_400 { plan.midnights += 1 }
        }
        return plan
    }
}
