import Intervals
import Metering

/// Charges: energy as it is used, and how money is taken.
extension CreditAccount {
    /// Most energy of one interval, Wh: a thousand GWh.
    public static let mostWattHours: Int64 = 1_000_000_000_000

    /// Charges energy used in the interval that ends at `end`, in the band in force the instant before it. Without a
    /// tariff in force then, and in factory mode, nothing is charged and nothing happens.
    /// - Parameters:
    ///   - wattHours: whole Wh, 0…10¹².
    ///   - number: the tariff of the meter slot, 1…8.
    ///   - isExport: energy fed in, which gives money.
    public mutating func charge(
        wattHours: Int64, tariff number: Int64, isExport: Bool = false, until end: WallTime,
        into events: inout [CreditEvent]
    ) throws(CreditError) {
        guard (0...Self.mostWattHours).contains(wattHours) else {
            throw .refused(.format, "advance_wh", "advance_wh must be a whole number from 0 to \(Self.mostWattHours)")
        }
        guard mode != .factory, wattHours > 0 else { return }
        guard let rated = try tariffs.charge(wattHours: wattHours, tariff: number, until: end) else { return }
        let cause: Charge.Cause =
            isExport
            ? .export(tariff: number, wattHours: wattHours, until: end)
            : .energy(tariff: number, wattHours: wattHours, until: end)
        if isExport {
            let amount = try Self.sum(rated.lines)
            let change = CreditRegisters(balance: amount)
            let moved = try registers.moved(by: change)
            book(Charge(cause: cause, lines: rated.lines, change: change), registers: moved, at: end, &events)
        } else {
            try take(cause, rated.lines, isSuspendable: false, at: end, into: &events)
        }
        tariffs.note(rated)
        settle(at: end, into: &events)
    }

    /// The numbers of the tariffs that are set.
    public var tariffNumbers: [Int64] { tariffs.numbers }

    /// Takes the sum of lines from the account in the order of `spent`.
    mutating func take(
        _ cause: Charge.Cause, _ lines: [ChargeLine], isSuspendable: Bool, at time: WallTime,
        into events: inout [CreditEvent]
    ) throws(CreditError) {
        let amount = try Self.sum(lines)
        // Selected in the middle of this charge: the part below the offer level is emergency credit's already.
        let mustSelect = selectsAutomatically(after: amount)
        var change = spent(amount, isSuspendable: isSuspendable, isSelected: isEmergencySelected || mustSelect)
        if case .timeDebt = cause { change.timeDebt = -amount }
        let moved = try registers.moved(by: change)
        // Selecting moves no money.
        if mustSelect { selectEmergency(.selectedAutomatically, at: time, into: &events) }
        book(Charge(cause: cause, lines: lines, change: change), registers: moved, at: time, &events)
    }

    private static func sum(_ lines: [ChargeLine]) throws(CreditError) -> Int64 {
        var sum: Int64 = 0
        for line in lines {
            let (next, overflow) = sum.addingReportingOverflow(line.amount)
            guard !overflow, MoneyRange.ledger.contains(next) else { throw .overflow }
            sum = next
        }
        return sum
    }

    private mutating func book(
        _ charge: consuming Charge, registers moved: CreditRegisters, at time: WallTime, _ events: inout [CreditEvent]
    ) {
        book(charge, registers: moved, at: time)
        events.append(CreditEvent(at: time, .charged(charge)))
    }

    /// How an amount is taken (prepayment model, rules 1 and 3): the balance down to the cut-off value; then emergency
    /// credit; then the balance below the cut-off value. A suspended kind of charge never touches emergency credit:
    /// what the balance does not cover is added to the accumulated debt. In credit mode it all goes to the balance.
    @inline(__always)  // called, it would be given a copy of the account
    private func spent(_ amount: Int64, isSuspendable: Bool, isSelected: Bool) -> CreditRegisters {
        guard mode == .prepayment else { return CreditRegisters(balance: -amount) }
        let fromBalance = min(amount, max(0, registers.balance))
        var rest = amount - fromBalance
        if isSuspendable { return CreditRegisters(balance: -fromBalance, accumulated: rest) }
        let fromEmergency = isSelected ? min(rest, emergencyLeft) : 0
        let fromLoans = min(fromEmergency, loanLeft)
        rest -= fromEmergency
        return CreditRegisters(balance: -fromBalance - rest, emergencyUsed: fromEmergency, loanUsed: fromLoans)
    }

    /// Whether the box selects emergency credit by itself on the way down by an amount.
    @inline(__always)  // called, it would be given a copy of the account
    private func selectsAutomatically(after amount: Int64) -> Bool {
        guard mode == .prepayment, settings.emergencyCredit.autoActivate, !isEmergencySelected,
            registers.emergencyUsed == 0, emergencyLeft > 0, amount > 0
        else { return false }
        let after = registers.balance - min(amount, MoneyRange.ledger.upperBound)
        return after < settings.emergencyCredit.offerBelow || after <= 0
    }
}
