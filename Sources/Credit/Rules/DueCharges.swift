import Intervals
import Metering

/// Charges by the calendar: standing charges, time debt, deductions; and what ends or begins at a time.
extension CreditAccount {
    /// Charges everything that has fallen due up to and including `time`, in order, each once, as rows dated when they
    /// fell due. Call it before anything else that happens at `time`, and only with a trusted clock: a clock that
    /// jumped ahead would charge days that have not been.
    /// - Parameter limit: rows at most; the rest comes with the next call.
    public mutating func catchUp(
        to time: WallTime, limit: Int = 20_000, into events: inout [CreditEvent]
    ) throws(CreditError) {
        guard time >= nextDue else { return }
        var count = 0
        while count < limit, let item = firstDue, item.at <= time {
            try take(item, into: &events)
            count += 1
        }
        refreshDue()
    }

    /// When the next charge by the calendar, or end of a loan, comes; nil when nothing is to come.
    public var nextDueTime: WallTime? { nextDue.milliseconds == .max ? nil : nextDue }

    /// Something to do at a time. The order of the cases is the order at one instant.
    private struct DueItem {
        enum Kind {
            case mode(OperationalMode)
            case standing, timeDebt, deduction
            case loan(String)
        }

        var at: WallTime
        var day: Int64
        var kind: Kind
    }

    mutating func refreshDue() { nextDue = firstDue?.at ?? WallTime(milliseconds: .max) }

    private var firstDue: DueItem? {
        guard isOpen else { return nil }
        var first: DueItem?
        func consider(_ at: WallTime, _ day: Int64, _ kind: DueItem.Kind) {
            if let first, first.at <= at { return }
            first = DueItem(at: at, day: day, kind: kind)
        }
        if let planned = settings.planned { consider(planned.at, 0, .mode(planned.mode)) }
        if mode != .factory, !tariffs.versions.isEmpty {
            let day = due.standing + 1
            consider(clock.start(of: day), day, .standing)
        }
        if mode == .prepayment, registers.timeDebt > 0, let period = settings.periodRecovery?.period {
            let day = period.nextDay(after: due.timeDebt)
            consider(clock.instant(day, period.at), day, .timeDebt)
        }
        if mode == .prepayment, let deduction = settings.regularDeduction, deduction.isEnabled, deduction.amount > 0 {
            let day = deduction.period.nextDay(after: due.deduction)
            consider(clock.instant(day, deduction.period.at), day, .deduction)
        }
        for loan in loans {
            if let end = loan.expiresAt { consider(end, 0, .loan(loan.id)) }
        }
        return first
    }

    private mutating func take(_ item: DueItem, into events: inout [CreditEvent]) throws(CreditError) {
        switch item.kind {
        case .mode(let mode): try setMode(mode, at: item.at, into: &events)
        case .standing: try takeStanding(day: item.day, at: item.at, into: &events)
        case .timeDebt: try takeTimeDebt(day: item.day, at: item.at, into: &events)
        case .deduction:
            let amount = settings.regularDeduction?.amount ?? 0
            try take(
                .deduction(day: item.day), [ChargeLine(what: "deduction", amount: amount)], isSuspendable: false,
                at: item.at, into: &events)
        case .loan(let id):
            let rest = loans.first { $0.id == id }?.left ?? 0
            record(.loanExpired(id: id, rest: rest), at: item.at, into: &events)
        }
        settle(at: item.at, into: &events)
    }

    private mutating func takeStanding(
        day: Int64, at midnight: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        for number in tariffs.numbers {
            guard let rated = try tariffs.standing(tariff: number, at: midnight) else { continue }
            try take(
                .standing(tariff: number, day: day), rated.lines,
                isSuspendable: settings.emergencyCredit.suspendStandingCharge, at: midnight, into: &events)
            tariffs.note(rated)
        }
        // A day without a standing charge is done too.
        due.standing = day
    }

    private mutating func takeTimeDebt(
        day: Int64, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        let amount = min(settings.periodRecovery?.amount ?? 0, registers.timeDebt)
        guard amount > 0 else {
            due.timeDebt = day
            return
        }
        try take(
            .timeDebt(day: day), [ChargeLine(what: "time_debt", amount: amount)],
            isSuspendable: settings.emergencyCredit.suspendArrears, at: time, into: &events)
        if registers.timeDebt == 0 { record(.cleared(.time), at: time, into: &events) }
    }
}

extension ZoneRules {
    /// The first instant of a local day.
    func start(of day: Int64) -> WallTime { WallTime(seconds: start(ofDay: day)) }
}
