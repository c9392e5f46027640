import Intervals
import Metering

/// What the gateway needs of a unit besides what an account's own story needs.
extension PaymentUnit {
    /// Begins the account of a new unit: nothing in it, prepayment.
    public mutating func open(at instant: SupplyInstant, into events: inout [UnitEvent]) throws(CreditError) {
        try change(at: instant, cause: .use, into: &events) { account, credit throws(CreditError) in
            try account.open(CreditRegisters(), at: instant.wall, into: &credit)
        }
    }

    /// Decides anew without charging anything: also with a clock in doubt.
    public mutating func reconsider(at instant: SupplyInstant, into events: inout [UnitEvent]) {
        // Credit that is found used up then was used up before a start.
        decide(at: instant, cause: .restart, into: &events)
    }

    /// Charges energy used in an interval that ended at `end`, learnt of and decided about at `instant`. What fell due
    /// up to `end` comes before it.
    public mutating func charge(
        wattHours: Int64, tariff: Int64, isExport: Bool, until end: WallTime, at instant: SupplyInstant,
        cause: SupplyCause, into events: inout [UnitEvent]
    ) throws(CreditError) {
        let due = min(end, instant.wall)
        if let next = account.nextDueTime, next <= due, !doubts.contains(.clockUntrusted) {
            try change(at: instant, cause: .calendar, into: &events) { account, credit throws(CreditError) in
                try account.catchUp(to: due, into: &credit)
            }
        }
        try change(at: instant, cause: cause, into: &events) { account, credit throws(CreditError) in
            try account.charge(wattHours: wattHours, tariff: tariff, isExport: isExport, until: end, into: &credit)
        }
    }

    /// What would be decided at an instant, without deciding: asked in the turn of an order, and for the time an order
    /// may still wait.
    public func preview(at instant: SupplyInstant) -> SupplyDecision {
        var supply = supply
        return SupplyDecision.decide(supply.picture(account, at: instant, doubts: doubts))
    }

    /// Takes over what the operator has changed in the configuration.
    public mutating func configure(limits: AccountLimits, zone: ZoneRules, policy: SupplyPolicy) {
        account.configure(limits: limits, zone: zone)
        supply.policy = policy
        supply.calendarChanged()
    }

    /// What the journal remembers of the switch, in this boot's uptime.
    public mutating func restore(_ history: SwitchHistory) { supply.history = history }

    /// A disconnect order came to nothing; decide after it.
    public mutating func withdrawDisconnect() { supply.isDisconnectOrdered = false }

    /// The switch was moved for a test: it counts, and supply is as before when the test is over.
    public mutating func noteTestMove(at uptime: Uptime) { supply.history.moved(at: uptime) }
}

extension CreditAccount {
    mutating func configure(limits: AccountLimits, zone: ZoneRules) {
        self.limits = limits
        guard zone != self.zone else { return }
        self.zone = zone
        // A unit's own table holds while it lasts.
        guard settings.daylightSaving?.intervals.isEmpty ?? true else { return }
        clock = zone
        tariffs.move(to: zone)
        refreshDue()
    }

    /// The tariff that charges the unit's import channels, or its export channels, at an instant: the lowest number of
    /// that kind in force whose unit is one of energy. Nil when there is none.
    public func tariffNumber(isExport: Bool, at time: WallTime) -> Int64? {
        tariffs.numbers.first { number in
            guard let tariff = tariffs.index(number, at: time).map({ tariffs.versions[$0].plan.setting.tariff }) else {
                return false
            }
            return tariff.isExport == isExport && tariff.unit.isEnergy
        }
    }

    /// Replays an event whose rating cannot be repeated any more: a zone was changed since. The money is the record's;
    /// the part of a micro-unit that was carried is lost.
    public mutating func applyAsRecorded(_ event: CreditEvent) throws(CreditError) {
        book(event, registers: try registers.moved(by: event.change.registers))
    }
}
