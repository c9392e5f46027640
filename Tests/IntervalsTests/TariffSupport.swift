import Intervals
import Metering
import Testing

/// Tariffs as people write them.
enum TariffSample {
    static let timeOfUse = #"""
        {"tariff_id": 1, "unit": "kWh", "standing_micro_per_day": 536800, "vat_bp": 500,
         "valid_from": "2026-01-01T00:00:00Z",
         "bands": [{"name": "peak", "rate_micro": 412000, "from_quantity_wh": 0},
                   {"name": "night", "rate_micro": 89500}, {"name": "day", "rate_micro": 243700}],
         "times": [{"band": "peak", "days": ["mon","tue","wed","thu","fri"], "from": "15:00", "to": "21:00",
                    "season": {"from": "--11-01", "to": "--03-31"}},
                   {"band": "night", "from": "23:30", "to": "06:30"}]}
        """#

    static let blocks = #"""
        {"tariff_id": 2, "unit": "kWh", "standing_micro_per_day": 0, "vat_bp": 0,
         "bands": [{"name": "all", "rate_micro": 215000, "from_quantity_wh": 0},
                   {"name": "all", "rate_micro": 317500, "from_quantity_wh": 8000}],
         "blocks": {"reset": "day"}}
        """#

    static let both = #"""
        {"tariff_id": 3, "unit": "kWh", "standing_micro_per_day": 333333, "vat_bp": 1999,
         "bands": [{"name": "peak", "rate_micro": 412345, "from_quantity_wh": 0},
                   {"name": "off", "rate_micro": 111111, "from_quantity_wh": 0},
                   {"name": "peak", "rate_micro": 500001, "from_quantity_wh": 1500},
                   {"name": "peak", "rate_micro": 600007, "from_quantity_wh": 40000},
                   {"name": "off", "rate_micro": 222221, "from_quantity_wh": 9000}],
         "times": [{"band": "peak", "days": ["sat", "sun"], "from": "22:00", "to": "02:00"},
                   {"band": "peak", "days": ["wed"], "season": {"from": "--02-29", "to": "--02-29"}}],
         "blocks": {"reset": "month"}}
        """#

    static func tariff(_ text: String) throws -> Tariff { try Tariff(JSONReader.read(text)) }

    static func value(_ text: String) throws -> JSONValue { try JSONReader.read(text) }

    static func instant(_ text: String) throws -> Int64 { try #require(WallTime(text: text)).seconds }

    /// London by hand: summer time from the last Sunday of March to that of October, 01:00 UTC.
    static let london: ZoneRules = {
        var transitions: [ZoneRules.Transition] = []
        for year in 2020...2035 {
            for (month, offset) in [(3, 3600), (10, 0)] {
                var day = CivilTime(year: year, month: month, day: 31).seconds / 86_400
                while (day + 4) % 7 != 0 { day -= 1 }
                transitions.append(ZoneRules.Transition(at: day * 86_400 + 3600, offset: Int64(offset)))
            }
        }
        return ZoneRules(firstOffset: 0, transitions: transitions)
    }()
}

/// The same bill by another way: interval by interval, minute arithmetic, no spans, no cache, no carrying.
struct SlowBill {
    let tariff: Tariff
    let zone: ZoneRules
    /// Micro-watt-hours for each band (by its number), priced only at the end.
    var quantities: [Int: Int128] = [:]
    private var used: [String: Int128] = [:]
    private var midnights: Set<Int64> = []

    init(_ tariff: Tariff, _ zone: ZoneRules) {
        self.tariff = tariff
        self.zone = zone
    }

    func offset(_ instant: Int64) -> Int64 {
        var offset = zone.firstOffset
        for transition in zone.transitions where transition.at <= instant { offset = transition.offset }
        return offset
    }

    mutating func add(microWh: Int64, end: Int64, minutes: Int) {
        let local = end - 1 + offset(end - 1)
        let day = (local - (local % 86_400 + 86_400) % 86_400) / 86_400
        let minute = Int(local - day * 86_400) / 60
        let name = self.name(day: day, minute: minute)
        let civil = CivilTime(seconds: day * 86_400)
        let period = tariff.blocks == .month ? "\(civil.year)-\(civil.month)" : "\(day)"
        let key = "\(name) \(period)"
        let bands = tariff.bands.indices.filter { tariff.bands[$0].name == name }
        // One micro-watt-hour after the other would be exact too, but take a while.
        var rest = Int128(microWh)
        while rest > 0 {
            let before = used[key, default: 0]
            let block = bands.last { Int128(tariff.bands[$0].fromQuantityWh) * 1_000_000 <= before } ?? bands[0]
            let next = bands.first { Int128(tariff.bands[$0].fromQuantityWh) * 1_000_000 > before }
            var part = rest
            if tariff.blocks != nil, let next {
                part = min(part, Int128(tariff.bands[next].fromQuantityWh) * 1_000_000 - before)
            }
            quantities[block, default: 0] += part
            used[key] = before + part
            rest -= part
        }
        for second in stride(from: end - Int64(minutes) * 60, to: end, by: 60) {
            let here = second + offset(second)
            let before = second - 60 + offset(second - 60)
            // A local day begins at this minute, for the first time.
            let day = (here - (here % 86_400 + 86_400) % 86_400) / 86_400
            let dayBefore = (before - (before % 86_400 + 86_400) % 86_400) / 86_400
            if day > dayBefore { midnights.insert(day) }
        }
    }

    private func name(day: Int64, minute: Int) -> String {
        func starts(_ window: Tariff.Window, _ day: Int64) -> Bool {
            let civil = CivilTime(seconds: day * 86_400)
            let date = civil.month * 100 + civil.day
            let weekday = ((day + 3) % 7 + 7) % 7
            guard (window.days >> UInt8(weekday)) & 1 == 1 else { return false }
            guard let season = window.season else { return true }
            if season.from <= season.to { return (season.from...season.to).contains(date) }
            return !(season.to + 1..<season.from).contains(date)
        }
        for window in tariff.windows {
            if window.from < window.to {
                if minute >= window.from, minute < window.to, starts(window, day) { return window.band }
            } else if minute >= window.from, starts(window, day) {
                return window.band
            } else if minute < window.to, starts(window, day - 1) {
                return window.band
            }
        }
        let timed = Set(tariff.windows.map(\.band))
        return tariff.bands.first { !timed.contains($0.name) }?.name ?? ""
    }

    var amounts: [Int64] {
        tariff.bands.indices.map {
            Int64(quantities[$0, default: 0] * Int128(tariff.bands[$0].rateMicro) / 1_000_000_000)
        }
    }

    var standing: Int64 { Int64(midnights.count) * tariff.standingMicroPerDay }

    var total: Int64 {
        let net = amounts.reduce(0, +) + standing
        return net + Int64(Int128(net) * Int128(tariff.vatBasisPoints) / 10_000)
    }
}
