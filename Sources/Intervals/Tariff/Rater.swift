import Metering

/// Money for energy, exact: an integer, and the part of a micro-unit that is carried to the next charge.
public struct RatingState: Hashable, Codable, Sendable {
    /// The use of each name in one block period, micro-watt-hours.
    struct Counter: Hashable, Codable, Sendable {
        var period: Int64
        var used: [Int128]
    }

    /// One for each band of the tariff: what has been charged, and the carried remainder over 10^9.
    public internal(set) var lines: [RatingLine]
    /// Whole days of standing charge, in `quantity` days.
    public internal(set) var standing: RatingLine
    public internal(set) var vat: RatingLine
    /// In order of `period`.
    var counters: [Counter] = []
}

/// What a charge changes in a state, not done yet: so a charge that is refused after all has changed nothing, and not
/// all of the state is copied for every charge.
public enum RatingStep: Sendable {
    /// The line of one band, and VAT.
    case band(Int, RatingLine, vat: RatingLine)
    /// Anything.
    case whole(RatingState)

    /// VAT after the charge.
    public var vat: RatingLine {
        switch self {
        case .band(_, _, let vat): vat
        case .whole(let state): state.vat
        }
    }
}

extension RatingState {
    /// Does the step, which was rated from this state.
    public mutating func take(_ step: RatingStep) {
        switch step {
        case .band(let band, let line, let vat):
            lines[band] = line
            self.vat = vat
        case .whole(let state): self = state
        }
    }
}

/// What has been charged for one thing.
public struct RatingLine: Hashable, Codable, Sendable {
    /// Micro-watt-hours; days for the standing charge; charged micro-units for VAT.
    public internal(set) var quantity: Int128 = 0
    /// Micro-units of money, rounded down.
    public internal(set) var amountMicro: Int64 = 0
    /// What rounding down has left, in units of 1 / divisor micro-units.
    var remainder: Int64 = 0

    /// Adds `quantity × rate / divisor` and gives the whole micro-units that came due; nil when beyond 64 bits.
    mutating func add(_ quantity: Int64, rate: Int64, divisor: Int64) -> Int64? {
        let due: Int64
        let (product, isLarge) = quantity.multipliedReportingOverflow(by: rate)
        let (exact, isOver) = product.addingReportingOverflow(remainder)
        if isLarge || isOver {
            let wide = Int128(quantity) * Int128(rate) + Int128(remainder)
            let (whole, rest) = wide.quotientAndRemainder(dividingBy: Int128(divisor))
            guard let narrow = Int64(exactly: whole) else { return nil }
            due = narrow
            remainder = Int64(rest)
        } else {
            (due, remainder) = exact.quotientAndRemainder(dividingBy: divisor)
        }
        let (amount, overflow) = amountMicro.addingReportingOverflow(due)
        guard !overflow else { return nil }
        self.quantity += Int128(quantity)
        amountMicro = amount
        return due
    }
}

/// One energy charge.
public struct RatingCharge: Hashable, Sendable {
    /// Number of the band in `Tariff.bands`.
    public var band: Int
    /// Micro-watt-hours.
    public var quantity: Int64
    /// Micro-units of money, VAT not included.
    public var amountMicro: Int64
}

/// Why energy cannot be charged.
public enum RatingFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// A negative quantity: advances are not negative.
    case negative
    /// Money or energy beyond 64 bits.
    case tooLarge
    /// More connection points and days than fit in the memory set aside for them.
    case tooMany
    /// A tariff for something that is no energy.
    case notEnergy

    public var description: String {
        switch self {
        case .negative: "a negative quantity cannot be charged"
        case .tooLarge: "the amount is beyond what can be counted; look at the values' unit"
        case .notEnergy: "the tariff's unit is no unit of energy; allowed are kWh, Wh, MWh, MJ and GJ"
        case .tooMany: "too many connection points and days for one bill; cut the file into smaller ones"
        }
    }
}

/// Charges energy by a tariff. Remainders are carried for every line, so that however a quantity is split within its
/// name and block period, and in whatever order, the total is the same to the micro-unit.
///
/// It never changes. It is a class because an account asks it for every interval, and a copy of all its tables would
/// cost more than the answer.
public final class Rater: Sendable {
    public let schedule: TariffSchedule
    /// For each name, its bands' numbers with rising thresholds.
    private let blocks: [[Int]]
    private let price: (factor: Int64, divisor: Int64)?

    static let basisPoints: Int64 = 10_000

    public init(_ tariff: Tariff, zone: ZoneRules) {
        schedule = TariffSchedule(tariff, zone: zone)
        price = tariff.unit.price
        blocks = tariff.names.map { name in tariff.bands.indices.filter { tariff.bands[$0].name == name } }
    }

    /// Nothing charged yet.
    public var initial: RatingState {
        let lines = [RatingLine](repeating: RatingLine(), count: schedule.tariff.bands.count)
        return RatingState(lines: lines, standing: RatingLine(), vat: RatingLine())
    }

    /// Charges an advance in the name that is in force the instant before `end`.
    /// - Parameters:
    ///   - microWh: energy used, micro-watt-hours.
    ///   - end: the end of the interval it was used in, seconds since 1970 UTC.
    /// - Returns: a charge for each block that took part.
    public func charge(
        _ microWh: Int64, endingAt end: Int64, state: inout RatingState
    ) throws(RatingFault) -> [RatingCharge] {
        let span = schedule.span(at: end - 1)
        var charges: [RatingCharge] = []
        try charge(microWh, name: span.name, period: schedule.period(ofDay: span.day), state: &state) {
            charges.append($0)
        }
        return charges
    }

    /// Charges energy used in a name and a block period, split where it crosses a block's threshold.
    func charge(
        _ microWh: Int64, name: Int, period: Int64, state: inout RatingState, tell: (RatingCharge) -> Void
    ) throws(RatingFault) {
        guard microWh >= 0 else { throw .negative }
        guard microWh > 0 else { return }
        let bands = blocks[name]
        guard schedule.tariff.blocks != nil else {
            return tell(try charge(microWh, band: bands[0], line: &state.lines[bands[0]], vat: &state.vat))
        }
        let index = counter(period, &state)
        var rest = microWh
        for (place, band) in bands.enumerated() where rest > 0 {
            var part = rest
            if place + 1 < bands.count {
                let ceiling = Int128(schedule.tariff.bands[bands[place + 1]].fromQuantityWh) * 1_000_000
                let room = ceiling - state.counters[index].used[name]
                guard room > 0 else { continue }
                part = Int64(min(room, Int128(rest)))
            }
            tell(try charge(part, band: band, line: &state.lines[band], vat: &state.vat))
            state.counters[index].used[name] += Int128(part)
            rest -= part
        }
    }

    private func charge(
        _ microWh: Int64, band: Int, line: inout RatingLine, vat: inout RatingLine
    ) throws(RatingFault) -> RatingCharge {
        guard let price else { throw .notEnergy }
        let rate = schedule.tariff.bands[band].rateMicro * price.factor
        guard let due = line.add(microWh, rate: rate, divisor: price.divisor) else { throw .tooLarge }
        try addVat(due, vat: &vat)
        return RatingCharge(band: band, quantity: microWh, amountMicro: due)
    }

    /// The one band that is in force in a span; nil with blocks, where the price goes by the use.
    public func band(in span: TariffSchedule.Span) -> Int? {
        schedule.tariff.blocks == nil ? blocks[span.name][0] : nil
    }

    /// Rates an advance in a band as `charge` does, from the band's line and VAT so far.
    public func rate(
        _ microWh: Int64, band: Int, line: RatingLine, vat: RatingLine
    ) throws(RatingFault) -> (charge: RatingCharge, step: RatingStep) {
        guard microWh >= 0 else { throw .negative }
        var line = line
        var vat = vat
        let charge = try charge(microWh, band: band, line: &line, vat: &vat)
        return (charge, .band(band, line, vat: vat))
    }

    /// Rates an advance in a span as `charge` does, and leaves the state as it is.
    public func rate(
        _ microWh: Int64, in span: TariffSchedule.Span, state: RatingState
    ) throws(RatingFault) -> (charges: [RatingCharge], step: RatingStep) {
        var charges: [RatingCharge] = []
        var state = state
        try charge(microWh, name: span.name, period: schedule.period(ofDay: span.day), state: &state) {
            charges.append($0)
        }
        return (charges, .whole(state))
    }

    /// Charges the standing charge of so many local days; gives the micro-units, VAT not included.
    @discardableResult
    public func chargeStanding(days: Int64, state: inout RatingState) throws(RatingFault) -> Int64 {
        let rate = schedule.tariff.standingMicroPerDay
        guard let due = state.standing.add(days, rate: rate, divisor: 1) else { throw .tooLarge }
        try addVat(due, vat: &state.vat)
        return due
    }

    private func addVat(_ due: Int64, vat: inout RatingLine) throws(RatingFault) {
        let rate = schedule.tariff.vatBasisPoints
        guard rate > 0, due > 0 else { return }
        guard vat.add(due, rate: rate, divisor: Self.basisPoints) != nil else { throw .tooLarge }
    }

    /// Everything charged, VAT included; nil when it is beyond 64 bits.
    public func total(_ state: RatingState) -> Int64? {
        var total = Int128(state.standing.amountMicro) + Int128(state.vat.amountMicro)
        for line in state.lines { total += Int128(line.amountMicro) }
        return Int64(exactly: total)
    }

    /// Forgets the block counters of periods that no charge will fall into any more.
    public func forget(before end: Int64, state: inout RatingState) {
        let period = schedule.period(ofDay: schedule.span(at: end - 1).day)
        state.counters.removeAll { $0.period < period }
    }

    /// The place of a period's counter, made when there is none.
    private func counter(_ period: Int64, _ state: inout RatingState) -> Int {
        var low = 0
        var high = state.counters.count
        // Mostly the last one.
        if let last = state.counters.last, last.period < period { low = high }
        while low < high {
            let middle = (low + high) / 2
            if state.counters[middle].period < period { low = middle + 1 } else { high = middle }
        }
        if low == state.counters.count || state.counters[low].period != period {
            let used = [Int128](repeating: 0, count: blocks.count)
            state.counters.insert(RatingState.Counter(period: period, used: used), at: low)
        }
        return low
    }
}
