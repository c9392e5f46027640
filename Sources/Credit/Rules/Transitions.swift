import Metering

/// What follows from the registers without anybody's order: offers, warnings, and their ends. Each is an event, once
/// per crossing.
extension CreditAccount {
    /// Appends everything that follows now.
    mutating func settle(at time: WallTime, into events: inout [CreditEvent]) {
        guard mode == .prepayment else { return }
        while let change = transition { record(change, at: time, into: &events) }
    }

    /// Applies an event that moves no money.
    mutating func record(_ change: CreditChange, at time: WallTime, into events: inout [CreditEvent]) {
        let event = CreditEvent(at: time, change)
        book(event, registers: registers)
        events.append(event)
    }

    @inline(__always)  // called, it would be given a copy of the account
    private var transition: CreditChange? {
        if isEmergencySelected {
            if registers.emergencyUsed == 0, !isBelowOffer { return .emergency(.repaid) }
            if emergencyLeft == 0, !saidEmergencyExhausted { return .emergency(.exhausted) }
        } else {
            // Offered again only after it has been repaid.
            let isOffered = isBelowOffer && emergencyLeft > 0 && registers.emergencyUsed == 0
            if isOffered, !isEmergencyOffered { return .emergency(.offered) }
            if isOffered, settings.emergencyCredit.autoActivate { return .emergency(.selectedAutomatically) }
            if !isOffered, isEmergencyOffered { return .emergency(.withdrawn) }
        }
        let isBelowWarning = settings.lowCredit.isEnabled && available < settings.lowCredit.threshold
        if isBelowWarning != isLow { return .low(isBelowWarning ? .low : .recovered) }
        if isUsable == saidExhausted { return .low(isUsable ? .usable : .exhausted) }
        return nil
    }

    /// The customer selects emergency credit. It changes no balance.
    public mutating func selectEmergencyCredit(
        at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        guard mode == .prepayment, isEmergencyOffered else {
            throw .refused(
                .precondition, "emergency_not_offered",
                isEmergencySelected ? "emergency credit is selected already" : "emergency credit is not offered now")
        }
        selectEmergency(.selected, at: time, into: &events)
        settle(at: time, into: &events)
    }

    mutating func selectEmergency(_ step: EmergencyStep, at time: WallTime, into events: inout [CreditEvent]) {
        if !isEmergencyOffered { record(.emergency(.offered), at: time, into: &events) }
        record(.emergency(step), at: time, into: &events)
    }
}
