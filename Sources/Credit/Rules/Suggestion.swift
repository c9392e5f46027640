import Intervals
import Metering

extension CreditAccount {
    /// The top-up that the customer is advised to make now, micro-units: what the days to cover are expected to cost
    /// (the average of the days looked at), and what the top-up loses to accumulated debt and emergency credit used,
    /// less the balance; rounded up, between the smallest and the greatest. Nil until `suggestion_set`.
    public func suggestedTopUp(at time: WallTime) -> Int64? {
        guard let settings = settings.suggestion else { return nil }
        let (used, days) = use.sum(before: clock.day(of: time), lookback: settings.lookbackDays)
        let cover = days > 0 ? Self.scaled(used, by: Int64(settings.coverDays), over: days) : 0
        var wanted = cover
        for owed in [registers.accumulated, registers.emergencyUsed, -registers.balance] {
            let (sum, overflow) = wanted.addingReportingOverflow(owed)
            guard !overflow else { return settings.maximum }
            wanted = sum
        }
        guard wanted > 0 else { return settings.minimum }
        let steps = (wanted - 1) / settings.roundUpTo + 1
        let (rounded, overflow) = steps.multipliedReportingOverflow(by: settings.roundUpTo)
        return overflow ? settings.maximum : min(max(rounded, settings.minimum), settings.maximum)
    }

    /// `amount × factor / divisor`, rounded up; the greatest number where it does not fit.
    private static func scaled(_ amount: Int64, by factor: Int64, over divisor: Int64) -> Int64 {
        let (product, overflow) = amount.multipliedReportingOverflow(by: factor)
        return overflow ? .max : (product + divisor - 1) / divisor
    }
}
