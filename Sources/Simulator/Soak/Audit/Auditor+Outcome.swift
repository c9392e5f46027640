import Metering

/// What an order must come to, reckoned before it is given.
extension Auditor {
    /// The outcome of a command; nil where the rule is not reckoned here.
    mutating func outcome(_ name: String, _ args: JSONValue) -> TraceOutcome? {
        // What fell due comes first; it is reckoned when its records come.
        if let due = firstDue(), due.at <= now.wall, now.isClockTrusted { return nil }
        switch name {
        case "payment_add": return payment(args)
        case "payment_reverse": return reversal(args)
        case "credit_adjust", "credit_set": return adjustment(args)
        case "loan_extend": return loan(args)
        case "operational_mode_set":
            return isPast(args["effective_at"], strictly: true) ? .refused("limit", "effective_at") : .applied
        case "tariff_set": return tariff(args)
        case "emergency_credit_set":
            return level(args["offer_below_micro"], "offer_below_micro")
        case "low_credit_set":
            return args["enabled"]?.bool == false ? .applied : level(args["threshold_micro"], "threshold_micro")
        case "supply_mode_set": return supplyMode(args)
        case "omnipower_set":
            return args["enabled"]?.bool == true && !now.isTested ? .refused("precondition", "not_tested") : .applied
        case "daylight_saving_set":
            let end = args["intervals"]?.array?.last?["end"]
            return isPast(end, strictly: true) ? .refused("limit", "intervals") : .applied
        default: return .applied
        }
    }

    private func payment(_ args: JSONValue) -> TraceOutcome {
        let id = args["payment_id"]?.string ?? ""
        if let known = payments[id] {
            return known.content == args ? .alreadyApplied : .refused("conflict", "payment_id")
        }
        if let currency = args["currency"]?.string, currency != limits.currency {
            return .refused("format", "currency")
        }
        let amount = args["amount_micro"]?.integer ?? 0
        if amount > limits.maxCredit { return .refused("limit", "max_credit") }
        var clock = clock
        let day = clock.day(AuditClock.floor(now.wall, 1000))
        let after = money.balance + parts(amount, day - Int64(AuditClock.weekday(day))).balance
        return after > limits.maxBalance ? .refused("limit", "max_balance") : .applied
    }

    private func reversal(_ args: JSONValue) -> TraceOutcome {
        let id = args["reversal_id"]?.string ?? ""
        if let known = orders["reversal/\(id)"] {
            return known == args ? .alreadyApplied : .refused("conflict", "reversal_id")
        }
        guard let payment = payments[args["payment_id"]?.string ?? ""] else {
            return .refused("precondition", "payment_unknown")
        }
        return payment.isReversed ? .refused("precondition", "payment_reversed") : .applied
    }

    private func adjustment(_ args: JSONValue) -> TraceOutcome {
        let id = args["adjustment_id"]?.string ?? ""
        if let known = orders["adjustment/\(id)"] {
            return known == args ? .alreadyApplied : .refused("conflict", "adjustment_id")
        }
        let target = args["balance_micro"]?.integer ?? money.balance + (args["delta_micro"]?.integer ?? 0)
        return target > money.balance && target > limits.maxBalance ? .refused("limit", "max_balance") : .applied
    }

    private func loan(_ args: JSONValue) -> TraceOutcome {
        let id = args["loan_id"]?.string ?? ""
        if let known = orders["loan/\(id)"] {
            return known == args ? .alreadyApplied : .refused("conflict", "loan_id")
        }
        if mode != "prepayment" { return .refused("precondition", "not_prepayment") }
        return isPast(args["expires_at"], strictly: false) ? .refused("limit", "expires_at") : .applied
    }

    private func tariff(_ args: JSONValue) -> TraceOutcome {
        guard let from = args["valid_from"] else { return .applied }
        if isPast(from, strictly: true) { return .refused("limit", "valid_from") }
        let number = args["tariff_id"]?.integer ?? 0
        let planned = tariffs.count { $0.number == number && $0.from > now.wall }
        return planned >= 7 ? .refused("limit", "valid_from") : .applied
    }

    private func level(_ value: JSONValue?, _ name: String) -> TraceOutcome {
        (value?.integer ?? 0) > limits.maxBalance ? .refused("limit", name) : .applied
    }

    private mutating func supplyMode(_ args: JSONValue) -> TraceOutcome? {
        if args["mode"] == "force_off", let refusal = disconnection() { return refusal }
        if args["mode"] == "force_off", isNearChange(now) { return nil }
        return isPast(args["expires_at"], strictly: true) ? .refused("limit", "expires_at") : .applied
    }

    /// Why a disconnect order must be refused now; nil when it may be given, or when it is not reckoned here.
    mutating func disconnection() -> TraceOutcome? {
        if limits.neverDisconnect { return .refused("policy", "never_disconnect") }
        if isNearChange(now) { return nil }
        let from = now.wall - now.uncertainty
        var isFriendly = false
        var isSpecial = false
        var time = from
        while true {
            let local = clock.local(AuditClock.floor(time, 1000))
            isFriendly = isFriendly || settings.calendar.isFriendly(local)
            isSpecial = isSpecial || settings.calendar.isSpecial(local)
            if time == now.wall + now.uncertainty { break }
            time = min(now.wall + now.uncertainty, time + 60_000)
        }
        if isFriendly { return .refused("policy", "friendly_period") }
        if isSpecial { return .refused("policy", "special_day") }
        return settings.isEnabled && now.isTested ? nil : .refused("precondition", "not_enabled")
    }

    private func isPast(_ value: JSONValue?, strictly: Bool) -> Bool {
        guard let time = value?.string.flatMap({ WallTime(text: $0) })?.milliseconds else { return false }
        return strictly ? time < now.wall : time <= now.wall
    }
}
