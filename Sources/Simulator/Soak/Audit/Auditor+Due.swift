import Metering

/// What falls due at a local time.
struct AuditDue: Hashable, Sendable {
    /// Milliseconds since 1970.
    var at: Int64
    var kind: TraceRecord.Kind
    var day: Int64 = 0
    /// The loan, or the mode.
    var word = ""
}

/// Charges by the calendar: each once, at its instant, none left out.
extension Auditor {
    /// What must come next; the order at one instant is mode, standing charge, time debt, deduction, loans.
    mutating func firstDue() -> AuditDue? {
        if isDueKnown { return nextDue }
        isDueKnown = true
        nextDue = nil
        guard isOpen else { return nil }
        var first: AuditDue?
        func consider(_ due: AuditDue) {
            if let known = first, known.at <= due.at { return }
            first = due
        }
        if let planned { consider(AuditDue(at: planned.at, kind: .mode, word: planned.mode)) }
        if mode != "factory", !tariffs.isEmpty {
            consider(AuditDue(at: clock.first(standingDone + 1, 0) * 1000, kind: .standing, day: standingDone + 1))
        }
        if mode == "prepayment", money.timeDebt > 0, settings.rate != nil, let period = settings.ratePeriod {
            let day = period.next(after: rateDone)
            consider(AuditDue(at: clock.first(day, period.minute) * 1000, kind: .timeDebt, day: day))
        }
        if mode == "prepayment", settings.deduction != nil, let period = settings.deductionPeriod {
            let day = period.next(after: deductionDone)
            consider(AuditDue(at: clock.first(day, period.minute) * 1000, kind: .deduction, day: day))
        }
        for loan in loans {
            if let until = loan.until { consider(AuditDue(at: until, kind: .loanExpired, word: loan.id)) }
        }
        nextDue = first
        return first
    }

    /// Days without a standing charge, and debts of nothing a period, leave no record; they are done all the same.
    mutating func passEmptyDues(to time: Int64) {
        while let due = firstDue(), due.at <= time {
            switch due.kind {
            case .standing where standingNumbers(at: due.at).isEmpty: standingDone = due.day
            case .timeDebt where settings.rate == 0: rateDone = due.day
            default: return
            }
            isDueKnown = false
        }
    }

    /// Tariffs that have a standing charge then, by number.
    func standingNumbers(at time: Int64) -> [Int64] {
        var numbers: [Int64] = []
        for tariff in tariffs where !numbers.contains(tariff.number) {
            let version = tariffs.lastIndex { $0.number == tariff.number && $0.from <= time }
            if let version, tariffs[version].standing > 0 { numbers.append(tariff.number) }
        }
        return numbers
    }

    mutating func takeDue(_ record: TraceRecord, _ lines: [TraceLine]) {
        check(now.isClockTrusted, "INV-11", "nothing falls due by a clock in doubt")
        noteDueUse()
        passEmptyDues(to: record.at)
        // Of several tariffs only the first row of a day comes from the list of what is due.
        let isMore =
            record.kind == .standing && record.day == supply.standingDay && record.tariff > supply.standingTariff
        if !isMore {
            if !owesCharge { checkSettled("before a charge by the calendar") }
            let due = firstDue()
            if due?.kind != record.kind || due?.at != record.at || due?.day != record.day || record.at > now.wall {
                find(
                    "INV-1", "what falls due, once and in order", due.map { "\($0)" } ?? "nothing",
                    "\(record.kind) of day \(record.day) at \(record.at)")
            }
        }
        switch record.kind {
        case .standing: takeStanding(record, lines)
        case .timeDebt:
            let amount = min(settings.rate ?? 0, money.timeDebt)
            checkLine(lines, "time_debt", amount)
            takeAmount(amount, record, isSuspended: settings.suspendsArrears, isTimeDebt: true)
            rateDone = record.day
            if money.timeDebt == 0 { owesCleared = .clearedTime }
        default:
            let amount = settings.deduction ?? 0
            checkLine(lines, "deduction", amount)
            takeAmount(amount, record, isSuspended: false, isTimeDebt: false)
            deductionDone = record.day
        }
    }

    private mutating func checkLine(_ lines: [TraceLine], _ what: String, _ amount: Int64) {
        if lines != [TraceLine(what: what, wattHours: 0, rate: 0, amount: amount)] {
            find("INV-1", "the line of \(what)", "\(amount)", "\(lines)")
        }
    }

    private mutating func takeStanding(_ record: TraceRecord, _ lines: [TraceLine]) {
        let numbers = standingNumbers(at: record.at)
        let isFirst = record.day != supply.standingDay
        let wanted = isFirst ? numbers.first : numbers.first { $0 > supply.standingTariff }
        equal(record.tariff, wanted ?? -1, "INV-1", "the tariff of a standing charge")
        supply.standingDay = record.day
        supply.standingTariff = record.tariff
        guard let index = tariffs.lastIndex(where: { $0.number == record.tariff && $0.from <= record.at }) else {
            return find("INV-1", "a tariff in force", "no standing charge", "standing charge")
        }
        tariffs[index].chargeDay(into: &expected)
        var amount: Int64 = 0
        for line in expected { amount += line.amount }
        if lines != expected { find("INV-1", "lines of a standing charge", "\(expected)", "\(lines)") }
        takeAmount(amount, record, isSuspended: settings.suspendsStanding, isTimeDebt: false)
        standingDone = record.day
        supply.owesStanding = record.tariff != numbers.last
    }

    // MARK: - Settings

    mutating func takeSetting(_ record: TraceRecord) {
        switch record.kind {
        case .opened:
            book(record.change, record.change)
            isSelected = record.isSelected
            mode = record.word
            isOpen = true
            restartCalendar(record.at)
        case .mode: takeMode(record)
        case .loan:
            endDue()
            checkSettled("before a loan")
            check(orders["loan/\(record.word)"] == nil, "INV-3", "loan \(record.word) has one effect")
            orders["loan/\(record.word)"] = record.value
            let until = record.value["expires_at"]?.string.flatMap { WallTime(text: $0) }?.milliseconds
            let place = loans.firstIndex { ($0.until ?? .max) > (until ?? .max) } ?? loans.count
            loans.insert(Loan(id: record.word, left: record.amount, until: until), at: place)
        case .loanExpired:
            noteDueUse()
            passEmptyDues(to: record.at)
            let due = firstDue()
            check(
                due?.kind == .loanExpired && due?.word == record.word && due?.at == record.at && record.at <= now.wall,
                "INV-1", "loan \(record.word) expires when it is due, not instead of \(String(describing: due))")
            let loan = loans.first { $0.id == record.word }
            equal(record.amount, loan?.left ?? -1, "INV-1", "the rest of a loan")
            loans.removeAll { $0.id == record.word }
        case .arrears: takeArrears(record)
        default: takeValue(record)
        }
    }

    private mutating func takeMode(_ record: TraceRecord) {
        if case .command("operational_mode_set", let args) = now.act, args["mode"]?.string == record.word,
            record.at == now.wall
        {
            endDue()
        } else {
            noteDueUse()
            passEmptyDues(to: record.at)
            let due = firstDue()
            check(
                due?.kind == .mode && due?.at == record.at && due?.word == record.word && record.at <= now.wall,
                "INV-1",
                "the mode changes when it is planned, not instead of \(String(describing: due))")
        }
        mode = record.word
        planned = nil
        restartCalendar(record.at)
    }

    /// A mode that does not charge leaves nothing behind.
    private mutating func restartCalendar(_ time: Int64) {
        let second = AuditClock.floor(time, 1000)
        standingDone = clock.lastDay(atOrBefore: second, 0)
        rateDone = clock.lastDay(atOrBefore: second, settings.ratePeriod?.minute ?? 0)
        deductionDone = clock.lastDay(atOrBefore: second, settings.deductionPeriod?.minute ?? 0)
    }

    private mutating func takeArrears(_ record: TraceRecord) {
        endDue()
        checkSettled("before arrears")
        let recovery = record.value["recovery"]
        let isTime: Bool
        if let recovery {
            isTime = recovery["mode"] == "per_period"
        } else {
            isTime = settings.rate != nil && settings.percent == nil
        }
        var wanted = TraceMoney()
        if let balance = record.value["balance_micro"]?.integer {
            if isTime {
                wanted.timeDebt = balance - money.timeDebt
            } else {
                wanted.paymentDebt = balance - money.paymentDebt
            }
        }
        book(record.change, wanted)
        if let recovery { settings.takeRecovery(recovery) }
        if isTime, let period = settings.ratePeriod {
            rateDone = clock.lastDay(atOrBefore: AuditClock.floor(record.at, 1000), period.minute)
        }
    }

    private mutating func takeValue(_ record: TraceRecord) {
        endDue()
        if record.word == "tariff" || record.word == "daylight_saving" { passEmptyDues(to: record.at) }
        isDueKnown = false
        let second = AuditClock.floor(record.at, 1000)
        switch record.word {
        case "tariff":
            let tariff = AuditTariff(record.value, now: record.at)
            tariffs.removeAll { $0.number == tariff.number && $0.from == tariff.from }
            let place =
                tariffs.firstIndex { $0.number > tariff.number || $0.number == tariff.number && $0.from > tariff.from }
                ?? tariffs.count
            tariffs.insert(tariff, at: place)
            let own = tariffs.indices.filter { tariffs[$0].number == tariff.number }
            // A few years of versions are kept, and always the one in force.
            if own.count > 8, tariffs[own[1]].from <= record.at { tariffs.remove(at: own[0]) }
        case "daylight_saving":
            clock.use(
                (record.value["intervals"]?.array ?? []).map {
                    AuditClock.Shift(
                        from: ($0["start"]?.string.flatMap { WallTime(text: $0) })?.seconds ?? 0,
                        until: ($0["end"]?.string.flatMap { WallTime(text: $0) })?.seconds ?? 0,
                        shift: ($0["offset_minutes"]?.integer ?? 0) * 60)
                })
        case "operational_mode":
            planned = (
                record.value["mode"]?.string ?? "",
                record.value["effective_at"]?.string.flatMap { WallTime(text: $0) }?.milliseconds ?? 0
            )
        default:
            settings.take(record.word, record.value)
            if record.word == "regular_deduction", let period = settings.deductionPeriod {
                deductionDone = clock.lastDay(atOrBefore: second, period.minute)
            }
        }
    }
}
