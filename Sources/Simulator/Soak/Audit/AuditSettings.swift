import Metering

/// What a unit goes by, read from the JSON of its settings.
struct AuditSettings: Hashable, Sendable {
    /// When something falls due.
    struct Period: Hashable, Sendable {
        /// 0 daily, 1 weekly, 2 monthly.
        var every: Int
        /// Minutes after local midnight.
        var minute: Int64
        /// 0…6 from Monday.
        var weekday: Int
        var monthDay: Int

        init(_ value: JSONValue) {
            every = ["daily": 0, "weekly": 1, "monthly": 2][value["period"]?.string ?? ""] ?? 0
            minute = AuditCalendar.minute(value["at"]?.string ?? "00:00")
            weekday = AuditCalendar.dayNames.firstIndex(of: value["weekday"]?.string ?? "mon") ?? 0
            monthDay = Int(value["day"]?.integer ?? 1)
        }

        /// The first day after `day`.
        func next(after day: Int64) -> Int64 {
            var day = day + 1
            while !falls(on: day) { day += 1 }
            return day
        }

        private func falls(on day: Int64) -> Bool {
            switch every {
            case 0: true
            case 1: AuditClock.weekday(day) == weekday
            default: CivilTime(seconds: day * 86_400).day == monthDay
            }
        }
    }

    var emergencyLimit: Int64 = 0
    var offerBelow: Int64 = 0
    var selectsItself = false
    var suspendsStanding = false
    var suspendsArrears = false
    var warnBelow: Int64?
    /// Payment debt: basis points of a payment, and the week's cap.
    var percent: Int64?
    var weeklyCap: Int64?
    /// Time debt: how much, and when.
    var rate: Int64?
    var ratePeriod: Period?
    var deduction: Int64?
    var deductionPeriod: Period?
    var calendar = AuditCalendar()
    /// `force_on`, `force_off` or `normal`.
    var supplyMode = "normal"
    var supplyModeUntil: Int64?
    var isEnabled = false
    var reconnectsItself = false

    /// Takes a setting that is no tariff and no table.
    mutating func take(_ name: String, _ value: JSONValue) {
        switch name {
        case "emergency_credit":
            emergencyLimit = value["limit_micro"]?.integer ?? 0
            offerBelow = value["offer_below_micro"]?.integer ?? 0
            selectsItself = value["auto_activate"]?.bool ?? false
            suspendsStanding = value["suspend_standing_charge"]?.bool ?? true
            suspendsArrears = value["suspend_arrears"]?.bool ?? true
        case "low_credit":
            warnBelow = value["enabled"]?.bool == false ? nil : value["threshold_micro"]?.integer
        case "regular_deduction":
            let amount = value["amount_micro"]?.integer ?? 0
            deduction = value["enabled"]?.bool == false || amount == 0 ? nil : amount
            deductionPeriod = Period(value)
        case "friendly_days": calendar.setFriendly(value)
        case "special_days": calendar.setSpecial(value)
        case "supply_mode":
            supplyMode = value["mode"]?.string ?? "normal"
            supplyModeUntil = value["expires_at"]?.string.flatMap { WallTime(text: $0) }?.milliseconds
        case "omnipower":
            isEnabled = value["enabled"]?.bool ?? false
            reconnectsItself = value["reconnect"]?.string == "automatic"
        default: break
        }
    }

    /// Takes a recovery of arrears.
    mutating func takeRecovery(_ value: JSONValue) {
        if value["mode"] == "percent_of_payment" {
            percent = value["percent_bp"]?.integer
            weeklyCap = value["weekly_cap_micro"]?.integer
        } else {
            rate = value["amount_micro"]?.integer
            ratePeriod = Period(value)
        }
    }

    /// What is ordered at an instant, milliseconds.
    func order(at time: Int64) -> String {
        if let supplyModeUntil, supplyModeUntil <= time { return "normal" }
        return supplyMode
    }
}
