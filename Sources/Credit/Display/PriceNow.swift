import Intervals
import Metering

extension CreditAccount {
    /// What energy costs now.
    struct Price: Hashable, Sendable {
        var band: String
        /// Micro-units for a unit.
        var rate: Int64
        var unit: TariffUnit
        /// When another band begins; nil when that is more than a week away.
        var until: WallTime?
        /// Micro-units for a day.
        var standing: Int64
        /// Basis points.
        var vat: Int64
    }

    /// The price of the next watt-hour at an instant. Nil when no version is in force.
    func price(of number: Int64, at time: WallTime) -> Price? {
        guard let index = tariffs.index(number, at: time) else { return nil }
        let plan = tariffs.versions[index].plan
        let tariff = plan.setting.tariff
        let schedule = TariffSchedule(tariff, zone: clock)
        var span = schedule.span(at: time.seconds)
        let name = span.name
        let limit = time.seconds + 8 * 86_400
        var end = span.until
        while span.name == name, end < limit {
            end = span.until
            span = schedule.span(at: end)
        }
        // With blocks the price goes by the use so far: the next watt-hour shows which one it is.
        var state = tariffs.versions[index].state
        let next = try? plan.rater.charge(1_000_000, endingAt: time.seconds + 1, state: &state)
        guard let number = next?.first?.band else { return nil }
        let band = tariff.bands[number]
        return Price(
            band: band.name, rate: band.rateMicro, unit: tariff.unit,
            until: span.name == name ? nil : WallTime(seconds: end), standing: tariff.standingMicroPerDay,
            vat: tariff.vatBasisPoints)
    }

    /// What was charged on local days, micro-units.
    func cost(on days: ClosedRange<Int64>) -> Int64 {
        use.days.reduce(Int64(0)) { sum, entry in
            guard days.contains(entry.day) else { return sum }
            let (next, overflow) = sum.addingReportingOverflow(entry.amount)
            return overflow ? MoneyRange.ledger.upperBound : next
        }
    }
}
