import Metering

/// A tariff as its JSON value says, and what it has charged: whole sums, never carried remainders.
struct AuditTariff: Sendable {
    struct Band: Hashable, Sendable {
        var name: String
        var rate: Int64
        var start: Int64
    }

    struct Window: Hashable, Sendable {
        var band: String
        /// Of Monday to Sunday.
        var days: [Bool]
        var from: Int64
        var to: Int64
        /// Month × 100 + day; nil all year.
        var season: ClosedSeason?
    }

    struct ClosedSeason: Hashable, Sendable {
        var from: Int64
        var to: Int64
    }

    let number: Int64
    let standing: Int64
    let vat: Int64
    let bands: [Band]
    let windows: [Window]
    /// 0 none, 1 day, 2 month.
    let reset: Int
    /// In force from, milliseconds.
    var from: Int64
    private let defaultName: String

    /// Sums of Wh × price of each band, and of money charged before and as VAT.
    private var energy: [Int64]
    private var net: Int64 = 0
    /// The use of a name in a block period, Wh.
    private var counters: [Counter] = []

    private struct Counter: Sendable {
        var period: Int64
        var name: String
        var used: Int64
    }

    /// - Parameter now: what it holds from when its value does not say, milliseconds.
    init(_ value: JSONValue, now: Int64) {
        number = value["tariff_id"]?.integer ?? 0
        standing = value["standing_micro_per_day"]?.integer ?? 0
        vat = value["vat_bp"]?.integer ?? 0
        from = value["valid_from"]?.string.flatMap { WallTime(text: $0) }?.milliseconds ?? now
        bands = (value["bands"]?.array ?? []).map {
            Band(
                name: $0["name"]?.string ?? "", rate: $0["rate_micro"]?.integer ?? 0,
                start: $0["from_quantity_wh"]?.integer ?? 0)
        }
        windows = (value["times"]?.array ?? []).map(Self.window)
        reset = ["day": 1, "month": 2][value["blocks"]?["reset"]?.string ?? ""] ?? 0
        energy = bands.map { _ in 0 }
        let timed = windows.map(\.band)
        defaultName = bands.first { !timed.contains($0.name) }?.name ?? ""
    }

    private static func window(_ value: JSONValue) -> Window {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        let days = value["days"]?.array?.compactMap(\.string) ?? names
        var season: ClosedSeason?
        if let given = value["season"] {
            season = ClosedSeason(from: date(given["from"]), to: date(given["to"]))
        }
        return Window(
            band: value["band"]?.string ?? "", days: names.map { days.contains($0) },
            from: AuditCalendar.minute(value["from"]?.string ?? "00:00"),
            to: AuditCalendar.minute(value["to"]?.string ?? "24:00"), season: season)
    }

    private static func date(_ value: JSONValue?) -> Int64 {
        let digits = (value?.string ?? "").utf8.filter { $0 != 0x2D }.map { Int64($0) - 48 }
        return digits.reduce(0) { $0 * 10 + $1 }
    }

    // MARK: - Charging

    /// The name in force at a second.
    private func name(_ local: Int64) -> String {
        if windows.isEmpty { return defaultName }
        let day = AuditClock.floor(local, 86_400)
        let minute = (local - day * 86_400) / 60
        for window in windows {
            let isToday = minute >= window.from && (minute < window.to || window.to <= window.from)
            if isToday, starts(window, day) { return window.band }
            // What began yesterday and lasts past midnight.
            if window.to <= window.from, minute < window.to, starts(window, day - 1) { return window.band }
        }
        return defaultName
    }

    private func starts(_ window: Window, _ day: Int64) -> Bool {
        guard window.days[AuditClock.weekday(day)] else { return false }
        guard let season = window.season else { return true }
        let civil = CivilTime(seconds: day * 86_400)
        let date = Int64(civil.month * 100 + civil.day)
        return season.from <= season.to
            ? date >= season.from && date <= season.to : date >= season.from || date <= season.to
    }

    private func period(_ local: Int64) -> Int64 {
        let day = AuditClock.floor(local, 86_400)
        if reset == 1 { return day }
        let civil = CivilTime(seconds: day * 86_400)
        return Int64(civil.year * 12 + civil.month)
    }

    /// Charges energy used up to `until` (milliseconds): the lines that the bill must have.
    mutating func charge(_ wattHours: Int64, until: Int64, clock: inout AuditClock, into lines: inout [TraceLine]) {
        lines.removeAll(keepingCapacity: true)
        let second = AuditClock.floor(until + 999, 1000) - 1
        let local = clock.local(second)
        let name = name(local)
        let netBefore = net
        if reset == 0 {
            for index in bands.indices where bands[index].name == name {
                line(index, wattHours, &lines)
                break
            }
        } else {
            blocks(name, wattHours, period(local), &lines)
            // What no charge will fall into any more: periods that ended more than a day before.
            let oldest = period(clock.local(second - 86_400))
            counters.removeAll { $0.period < oldest }
        }
        addVat(netBefore, &lines)
    }

    private mutating func blocks(_ name: String, _ wattHours: Int64, _ period: Int64, _ lines: inout [TraceLine]) {
        let place: Int
        if let found = counters.firstIndex(where: { $0.period == period && $0.name == name }) {
            place = found
        } else {
            place = counters.count
            counters.append(Counter(period: period, name: name, used: 0))
        }
        let own = bands.indices.filter { bands[$0].name == name }
        let before = counters[place].used
        let after = before + wattHours
        for (order, index) in own.enumerated() {
            let top = order + 1 < own.count ? bands[own[order + 1]].start : Int64.max
            let part = min(after, top) - max(before, bands[index].start)
            if part > 0 { line(index, part, &lines) }
        }
        counters[place].used = after
    }

    private mutating func line(_ index: Int, _ wattHours: Int64, _ lines: inout [TraceLine]) {
        let before = energy[index] / 1000
        energy[index] += wattHours * bands[index].rate
        let amount = energy[index] / 1000 - before
        net += amount
        lines.append(
            TraceLine(what: bands[index].name, wattHours: wattHours, rate: bands[index].rate, amount: amount))
    }

    private func addVat(_ netBefore: Int64, _ lines: inout [TraceLine]) {
        guard vat > 0 else { return }
        let amount = net * vat / 10_000 - netBefore * vat / 10_000
        lines.append(TraceLine(what: "vat", wattHours: 0, rate: vat, amount: amount))
    }

    /// One day's standing charge.
    mutating func chargeDay(into lines: inout [TraceLine]) {
        lines.removeAll(keepingCapacity: true)
        let netBefore = net
        net += standing
        lines.append(TraceLine(what: "standing", wattHours: 0, rate: standing, amount: standing))
        addVat(netBefore, &lines)
    }
}
