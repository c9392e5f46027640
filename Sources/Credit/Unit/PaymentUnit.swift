import Intervals
import Metering

/// What happened to a unit: money, settings and warnings, or its supply.
public enum UnitEvent: Hashable, Sendable {
    /// With the balance after it, micro-units.
    case credit(CreditEvent, balance: Int64)
    case supply(SupplyNews)
}

/// A button of a unit.
public enum UnitButton: String, Sendable, CaseIterable {
    case emergencyCredit = "emergency_credit"
    case arm
    case nextPage = "next_page"
}

/// A payment unit: an account and the supply that goes by it. Every function ends with a new supply decision, in the
/// same turn (design §7), and gives the events in order; when it throws, only what had fallen due has happened.
public struct PaymentUnit: Sendable {
    public internal(set) var account: CreditAccount
    public internal(set) var supply: UnitSupply
    /// What makes the box doubt; set before the function that goes by it.
    public var doubts: SupplyDoubts = []
    /// Empty between two calls.
    private var pending: [CreditEvent] = []

    /// A unit.
    public init(account: CreditAccount, supply: UnitSupply) {
        self.account = account
        self.supply = supply
    }

    /// When something falls due or supply may change although nothing happens.
    public func nextWake(after instant: SupplyInstant) -> WallTime {
        let wake = supply.nextWake(account, after: instant)
        return account.nextDueTime.map { min($0, wake) } ?? wake
    }

    /// Charges what has fallen due and decides. Not to be called with a clock in doubt.
    /// - Parameter cause: `restart` or `staleData` when this catches up.
    public mutating func wake(
        at instant: SupplyInstant, cause: SupplyCause = .calendar, into events: inout [UnitEvent]
    ) throws(CreditError) {
        try change(at: instant, cause: cause, into: &events) { account, credit throws(CreditError) in
            try account.catchUp(to: instant.wall, into: &credit)
        }
    }

    /// What has fallen due comes before anything else at an instant; with a clock in doubt nothing falls due.
    private mutating func takeDue(at instant: SupplyInstant, into events: inout [UnitEvent]) throws(CreditError) {
        guard let due = account.nextDueTime, due <= instant.wall, !doubts.contains(.clockUntrusted) else { return }
        try wake(at: instant, into: &events)
    }

    /// Charges energy used in the interval that ends at `instant`.
    public mutating func charge(
        wattHours: Int64, tariff: Int64, isExport: Bool = false, at instant: SupplyInstant,
        cause: SupplyCause = .use, into events: inout [UnitEvent]
    ) throws(CreditError) {
        try takeDue(at: instant, into: &events)
        try change(at: instant, cause: cause, into: &events) { account, credit throws(CreditError) in
            try account.charge(
                wattHours: wattHours, tariff: tariff, isExport: isExport, until: instant.wall, into: &credit)
        }
    }

    /// Carries out a command.
    public mutating func carryOut(
        _ command: UnitCommand, at instant: SupplyInstant, into events: inout [UnitEvent]
    ) throws(CreditError) -> OrderOutcome {
        try takeDue(at: instant, into: &events)
        try check(command, at: instant)
        var outcome = OrderOutcome.applied
        var cause = SupplyCause.use
        // A unit that becomes prepaid with nothing on it is told before it is cut.
        if case .setMode = command { cause = .calendar }
        try change(at: instant, cause: cause, into: &events) { account, credit throws(CreditError) in
            let time = instant.wall
            switch command {
            case .pay(let order): outcome = try account.pay(order, at: time, into: &credit)
            case .reverse(let order): outcome = try account.reverse(order, at: time, into: &credit)
            case .adjust(let order): outcome = try account.adjust(order, at: time, into: &credit)
            case .lend(let order): outcome = try account.lend(order, at: time, into: &credit)
            case .setArrears(let value): try account.set(value, at: time, into: &credit)
            case .setMode(let value): try account.set(value, at: time, into: &credit)
            case .set(let value): try account.set(value, at: time, into: &credit)
            }
        }
        return outcome
    }

    private func check(_ command: UnitCommand, at instant: SupplyInstant) throws(CreditError) {
        switch command {
        case .set(.supplyMode(let value)) where value.mode == .forceOff:
            try supply.checkDisconnectOrder(account, at: instant)
        case .set(.disconnection(let value)) where value.isEnabled: try supply.checkEnabling()
        default: break
        }
    }

    /// A button is pressed.
    public mutating func press(
        _ button: UnitButton, at instant: SupplyInstant, into events: inout [UnitEvent]
    ) throws(CreditError) {
        try takeDue(at: instant, into: &events)
        if button == .arm { try supply.customerIsReady(at: instant.uptime) }
        try change(at: instant, cause: .use, into: &events) { account, credit throws(CreditError) in
            if button == .emergencyCredit { try account.selectEmergencyCredit(at: instant.wall, into: &credit) }
        }
    }

    /// A signed disconnect order is given; it stands until `allowSupply`.
    public mutating func disconnect(
        at instant: SupplyInstant, into events: inout [UnitEvent]
    ) throws(CreditError) {
        try supply.checkDisconnectOrder(account, at: instant)
        supply.isDisconnectOrdered = true
        decide(at: instant, cause: .use, into: &events)
    }

    /// A disconnect order is taken back.
    public mutating func allowSupply(at instant: SupplyInstant, into events: inout [UnitEvent]) {
        supply.isDisconnectOrdered = false
        decide(at: instant, cause: .use, into: &events)
    }

    /// The switch has moved.
    public mutating func follow(_ state: SupplyState, at uptime: Uptime) { supply.follow(state, at: uptime) }

    /// The installer's test has passed, or no longer counts because the switch or the meter has changed.
    public mutating func setTested(_ isTested: Bool) { supply.isTested = isTested }

    mutating func change(
        at instant: SupplyInstant, cause: SupplyCause, into events: inout [UnitEvent],
        _ body: (inout CreditAccount, inout [CreditEvent]) throws(CreditError) -> Void
    ) throws(CreditError) {
        // The array of the last time, so that a charge allocates none.
        var credit: [CreditEvent] = []
        swap(&credit, &pending)
        var balance = account.balance
        var failure: CreditError?
        do throws(CreditError) {
            try body(&account, &credit)
        } catch {
            failure = error
        }
        // What was applied before a failure has happened: rows that fell due before the one that does not fit.
        credit.reverse()
        while let event = credit.popLast() {
            balance &+= event.change.registers.balance
            if case .setting = event.change { supply.calendarChanged() }
            events.append(.credit(event, balance: balance))
        }
        swap(&credit, &pending)
        decide(at: instant, cause: cause, into: &events)
        if let failure { throw failure }
    }

    mutating func decide(at instant: SupplyInstant, cause: SupplyCause, into events: inout [UnitEvent]) {
        for news in supply.evaluate(account, at: instant, doubts: doubts, cause: cause) {
            events.append(.supply(news))
        }
    }
}
