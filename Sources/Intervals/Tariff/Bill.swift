import Metering

/// The lines of a bill as people and programs read them (contract §8).
public struct Bill: Sendable {
    /// One line.
    public struct Line: Hashable, Sendable {
        public var what: String
        /// Whole watt-hours, rounded down; nil where the line is not about energy.
        public var quantityWh: Int64?
        /// Local days of a standing charge.
        public var days: Int64?
        /// Micro-units of money for a kWh, or for a day; nil for VAT.
        public var rateMicro: Int64?
        public var amountMicro: Int64
    }

    public let nmi: NMI
    public let lines: [Line]
    public let totalMicro: Int64
    /// Intervals with quality N in the charged streams: they are not charged.
    public let nullIntervals: Int64

    /// The bill of an account; every band has a line, the standing charge and VAT when the tariff has them.
    public init(_ account: SeriesRating.Account, _ rater: Rater) throws(RatingFault) {
        nmi = account.nmi
        nullIntervals = account.nullIntervals
        let tariff = rater.schedule.tariff
        var lines: [Line] = []
        for (band, line) in zip(tariff.bands, account.state.lines) {
            let what = band.fromQuantityWh == 0 ? band.name : "\(band.name) from \(band.fromQuantityWh) Wh"
            guard let quantity = Int64(exactly: line.quantity / 1_000_000) else { throw .tooLarge }
            lines.append(
                Line(what: what, quantityWh: quantity, rateMicro: band.rateMicro, amountMicro: line.amountMicro))
        }
        for other in account.others where other.unit.quantity == .active {
            guard let quantity = Int64(exactly: other.quantity / 1_000_000) else { throw .tooLarge }
            lines.append(
                Line(what: "\(other.suffix) (not charged)", quantityWh: quantity, rateMicro: 0, amountMicro: 0))
        }
        if tariff.standingMicroPerDay > 0 {
            guard let days = Int64(exactly: account.state.standing.quantity) else { throw .tooLarge }
            lines.append(
                Line(
                    what: "standing", days: days, rateMicro: tariff.standingMicroPerDay,
                    amountMicro: account.state.standing.amountMicro))
        }
        if tariff.vatBasisPoints > 0 {
            lines.append(Line(what: "vat", amountMicro: account.state.vat.amountMicro))
        }
        self.lines = lines
        guard let total = rater.total(account.state) else { throw .tooLarge }
        totalMicro = total
    }

    /// `{nmi, lines: [{what, quantity_wh, rate_micro, amount_micro}], total_micro}`; a standing charge has `days`.
    public var json: JSONValue {
        let items = lines.map { line in
            var item: JSONObject = ["what": .string(line.what), "quantity_wh": JSONValue(line.quantityWh)]
            if let days = line.days { item["days"] = .integer(days) }
            item["rate_micro"] = JSONValue(line.rateMicro)
            item["amount_micro"] = .integer(line.amountMicro)
            return JSONValue.object(item)
        }
        return [
            "nmi": .string(nmi.text), "lines": .array(items), "total_micro": .integer(totalMicro),
            "null_intervals": .integer(nullIntervals),
        ]
    }
}
