import Metering

/// A household, its unit and the office behind it, all from one seed: what it pays and uses, and how it behaves.
struct SoakHousehold: Sendable {
    var limits: Auditor.Limits
    var zone: SoakZone
    /// When the unit is put in, milliseconds since 1970.
    var start: Int64
    var openingBalance: Int64
    /// Commands that set the unit up, with their arguments.
    var settings: [(name: String, args: JSONValue)] = []
    /// Average use of half an hour, Wh.
    var load: Int64
    /// What the roof gives at noon in half an hour, Wh; 0 without one.
    var sun: Int64
    /// The customer tops up below this, micro-units…
    var topUpBelow: Int64
    /// …by about this…
    var topUp: Int64
    /// …in one of so many half hours.
    var slowness: Int64

    init(_ dice: inout SeededGenerator) {
        let zones = SoakZone.all
        zone = zones[Int(dice.below(Int64(zones.count)))]
        // 2026 to 2035, at any second.
        start = (1_767_225_600 + dice.below(315_000_000)) * 1000
        limits = Auditor.Limits(
            maxBalance: [1_000_000_000, 60_000_000, 25_000_000][Int(dice.below(3))],
            maxCredit: [500_000_000, 30_000_000][Int(dice.below(2))], floorFirst: dice.below(3) == 0, currency: "AUD",
            neverDisconnect: dice.below(16) == 0, needsDebtCleared: dice.below(3) == 0)
        openingBalance = dice.below(22_000_000) - 2_000_000
        load = 20 + dice.below(900)
        sun = dice.below(3) == 0 ? 200 + dice.below(2000) : 0
        topUpBelow = dice.below(8_000_000) - 3_000_000
        topUp = 500_000 + dice.below(24_000_000)
        slowness = 1 + dice.below(60)
        for name in ["tariff_set", "omnipower_set"] { settings.append((name, Self.args(name, &dice, self, start))) }
        if sun > 0 { settings.append(("tariff_set", Self.tariff(2, &dice, from: nil))) }
        for name in [
            "emergency_credit_set", "low_credit_set", "arrears_set", "regular_deduction_set", "friendly_days_set",
            "special_days_set", "suggestion_set",
        ] where dice.below(4) > 0 { settings.append((name, Self.args(name, &dice, self, start))) }
    }

    /// Arguments of a settings command; `now` in milliseconds.
    static func args(
        _ name: String, _ dice: inout SeededGenerator, _ home: SoakHousehold, _ now: Int64
    ) -> JSONValue {
        switch name {
        case "tariff_set":
            let ahead = dice.below(3) == 0 ? now + dice.below(12) * 3_600_000 * dice.below(40) : nil
            return tariff(1, &dice, from: ahead)
        case "emergency_credit_set":
            return [
                "limit_micro": .integer(dice.below(4) * 2_000_000 + dice.below(3)),
                "offer_below_micro": .integer(dice.below(3) * 1_000_001), "auto_activate": .bool(dice.below(3) == 0),
                "suspend_standing_charge": .bool(dice.below(2) == 0), "suspend_arrears": .bool(dice.below(2) == 0),
            ]
        case "low_credit_set":
            return ["enabled": .bool(dice.below(8) > 0), "threshold_micro": .integer(dice.below(6) * 1_000_000)]
        case "arrears_set": return arrears(&dice)
        case "regular_deduction_set":
            var object: JSONObject = [
                "amount_micro": .integer(dice.below(500_000)), "enabled": .bool(dice.below(4) > 0),
            ]
            period(&dice, into: &object)
            return .object(object)
        case "friendly_days_set": return friendly(&dice)
        case "special_days_set": return special(&dice, now)
        case "suggestion_set":
            return ["lookback_days": .integer(1 + dice.below(30)), "cover_days": .integer(1 + dice.below(30))]
        case "omnipower_set":
            return [
                "enabled": .bool(dice.below(8) > 0),
                "reconnect": .string(dice.below(2) == 0 ? "automatic" : "button_release"),
            ]
        case "supply_mode_set":
            var object: JSONObject = [
                "mode": .string(["normal", "force_on", "force_off", "normal"][Int(dice.below(4))]), "reason": "test",
            ]
            if dice.below(2) == 0 { object["expires_at"] = time(now - 60_000 + dice.below(200_000_000)) }
            return .object(object)
        case "operational_mode_set":
            var object: JSONObject = [
                "mode": .string(["prepayment", "prepayment", "prepayment", "credit", "factory"][Int(dice.below(5))]),
                "confirm": true,
            ]
            if dice.below(2) == 0 { object["effective_at"] = time(now - 60_000 + dice.below(400_000_000)) }
            return .object(object)
        case "daylight_saving_set": return daylight(&dice, home, now)
        default: return ["symbol": "$"]
        }
    }

    static func time(_ milliseconds: Int64) -> JSONValue {
        .string(WallTime(seconds: milliseconds / 1000).textSeconds)
    }

    private static func clock(_ minutes: Int64) -> JSONValue {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return .string("\(two(minutes / 60)):\(two(minutes % 60))")
    }

    private static func period(_ dice: inout SeededGenerator, into object: inout JSONObject) {
        let every = dice.below(3)
        object["period"] = .string(["daily", "weekly", "monthly"][Int(every)])
        if dice.below(2) == 0 { object["at"] = clock(dice.below(1440)) }
        if every == 1, dice.below(2) == 0 { object["weekday"] = .string(AuditCalendar.dayNames[Int(dice.below(7))]) }
        if every == 2, dice.below(2) == 0 { object["day"] = .integer(1 + dice.below(28)) }
    }

    private static func arrears(_ dice: inout SeededGenerator) -> JSONValue {
        var object: JSONObject = ["balance_micro": .integer(dice.below(20_000_000))]
        var recovery = JSONObject()
        switch dice.below(5) {
        case 0, 1:
            recovery = ["mode": "percent_of_payment", "percent_bp": .integer(dice.below(10_001))]
            if dice.below(2) == 0 { recovery["weekly_cap_micro"] = .integer(dice.below(6_000_000)) }
        case 2, 3:
            recovery = ["mode": "per_period", "amount_micro": .integer(dice.below(8) * 100_003)]
            period(&dice, into: &recovery)
        default: return .object(object)
        }
        object["recovery"] = .object(recovery)
        return .object(object)
    }

    /// A tariff of one of a few kinds, in force from now or from `from` on (milliseconds).
    static func tariff(_ number: Int64, _ dice: inout SeededGenerator, from: Int64?) -> JSONValue {
        let price = 50_000 + dice.below(400_000)
        var object: JSONObject = [
            "tariff_id": .integer(number), "standing_micro_per_day": .integer(dice.below(3) * 333_333),
            "vat_bp": .integer([0, 500, 1000, 2000][Int(dice.below(4))]),
        ]
        if let from { object["valid_from"] = time(from) }
        func band(_ name: JSONValue, _ rate: Int64, _ start: Int64 = 0) -> JSONValue {
            ["name": name, "rate_micro": .integer(rate), "from_quantity_wh": .integer(start)]
        }
        let first = dice.below(12_000) + 1
        switch dice.below(5) {
        case 0: object["bands"] = [band("all", price)]
        case 1:
            object["bands"] = [band("peak", price * 2), band("off", price)]
            object["times"] = [
                [
                    "band": "peak", "days": ["mon", "tue", "wed", "thu", "fri"], "from": clock(900 + dice.below(30)),
                    "to": "21:00", "season": ["from": "--11-01", "to": "--03-31"],
                ]
            ]
        case 2:
            // A free band over midnight.
            object["bands"] = [band("free", 0), band("day", price)]
            object["times"] = [
                ["band": "free", "days": ["fri", "sat"], "from": "22:30", "to": clock(dice.below(600) + 1)]
            ]
        case 3:
            object["bands"] = [
                band("all", price), band("all", price * 3 / 2, first), band("all", price * 2, first * 2),
            ]
            object["blocks"] = ["reset": dice.below(2) == 0 ? "day" : "month"]
        default:
            object["bands"] = [band("peak", price * 2), band("peak", price * 3, first), band("off", price)]
            object["times"] = [["band": "peak", "from": "16:00", "to": "20:00"]]
            object["blocks"] = ["reset": "month"]
        }
        return .object(object)
    }

    private static func friendly(_ dice: inout SeededGenerator) -> JSONValue {
        var days = JSONObject()
        for name in AuditCalendar.dayNames where dice.below(3) > 0 {
            var windows: [JSONValue] = []
            let from = dice.below(1380)
            switch dice.below(4) {
            case 0: windows = [["from": "00:00", "to": "24:00"]]
            case 1: windows = [["from": clock(from), "to": clock(from + 1 + dice.below(1440 - from))]]
            case 2: windows = [["from": clock(960 + dice.below(300)), "to": clock(300 + dice.below(300))]]
            default:
                windows = [
                    ["from": clock(dice.below(240)), "to": clock(240 + dice.below(60))],
                    ["from": clock(600 + dice.below(60)), "to": clock(720 + dice.below(60))],
                ]
            }
            days[name] = .array(windows)
        }
        var object: JSONObject = ["days": .object(days)]
        if dice.below(2) == 0 { object["requires_credit_at_start"] = .bool(dice.below(2) == 0) }
        return .object(object)
    }

    private static func special(_ dice: inout SeededGenerator, _ now: Int64) -> JSONValue {
        var days: [JSONValue] = []
        var day = AuditClock.floor(now, 86_400_000)
        for _ in 0..<dice.below(6) {
            day += 1 + dice.below(30)
            let text = WallTime(seconds: day * 86_400).textSeconds.prefix(10)
            var item: JSONObject = ["date": .string(dice.below(4) == 0 ? "-" + text.dropFirst(4) : String(text))]
            if dice.below(2) == 0 {
                let from = dice.below(1300)
                item["from"] = clock(from)
                item["to"] = clock(from + 1 + dice.below(1440 - from))
            }
            days.append(.object(item))
        }
        return ["days": .array(days)]
    }

    /// A table of the unit's own for the next months, or none.
    private static func daylight(_ dice: inout SeededGenerator, _ home: SoakHousehold, _ now: Int64) -> JSONValue {
        var intervals: [JSONValue] = []
        var at = now - dice.below(40) * Auditor.dayMilliseconds
        for _ in 0..<dice.below(4) {
            let start = at + (1 + dice.below(50)) * 43_200_000
            at = start + (1 + dice.below(60)) * 43_200_000
            intervals.append([
                "start": time(start), "end": time(at),
                "offset_minutes": .integer([30, 60, 60, -30, 120][Int(dice.below(5))]),
            ])
        }
        return ["intervals": .array(intervals)]
    }
}
