import Intervals
import Metering

/// The tariffs of a unit: of each number the versions that were, are and will be in force.
struct TariffBook: Sendable {
    /// What a version says. It never changes and is shared: an account is copied often.
    final class Plan: Sendable {
        let setting: TariffSetting
        let from: WallTime
        let zone: ZoneRules
        let rater: Rater

        init(_ setting: TariffSetting, from: WallTime, zone: ZoneRules) {
            self.setting = setting
            self.from = from
            self.zone = zone
            rater = Rater(setting.tariff, zone: zone)
        }

        var number: Int64 { setting.tariff.id }

        func line(_ charge: RatingCharge) -> ChargeLine {
            let band = setting.tariff.bands[charge.band]
            return ChargeLine(
                what: band.name, wattHours: charge.quantity / 1_000_000, rate: band.rateMicro,
                amount: charge.amountMicro)
        }

        /// VAT is a line of its own, with a remainder of its own; nil without VAT.
        func vatLine(from old: RatingLine, to new: RatingLine) -> ChargeLine? {
            let rate = setting.tariff.vatBasisPoints
            guard rate > 0 else { return nil }
            return ChargeLine(what: "vat", rate: rate, amount: new.amountMicro - old.amountMicro)
        }
    }

    /// A version with what it has charged so far.
    struct Version: Sendable {
        let plan: Plan
        var state: RatingState
        /// Where the newest charge fell, and from when on: the next mostly falls there too.
        private var last: (from: Int64, span: TariffSchedule.Span)?

        init(plan: Plan, state: RatingState) {
            self.plan = plan
            self.state = state
        }

        /// The step and the bill's lines of energy used in the interval that ends at `end`, seconds since 1970.
        mutating func rate(
            _ microWh: Int64, until end: Int64
        ) throws(RatingFault) -> (step: RatingStep, lines: [ChargeLine]) {
            let span = span(at: end - 1)
            let rater = plan.rater
            guard let band = rater.band(in: span) else { return try rateBlocks(microWh, in: span, until: end) }
            let (charge, step) = try rater.rate(microWh, band: band, line: state.lines[band], vat: state.vat)
            let line = plan.line(charge)
            return (step, plan.vatLine(from: state.vat, to: step.vat).map { [line, $0] } ?? [line])
        }

        private func rateBlocks(
            _ microWh: Int64, in span: TariffSchedule.Span, until end: Int64
        ) throws(RatingFault) -> (step: RatingStep, lines: [ChargeLine]) {
            var (charges, step) = try plan.rater.rate(microWh, in: span, state: state)
            var lines = charges.map(plan.line)
            if let line = plan.vatLine(from: state.vat, to: step.vat) { lines.append(line) }
            if case .whole(var state) = step {
                plan.rater.forget(before: end - 86_400, state: &state)
                step = .whole(state)
            }
            return (step, lines)
        }

        private mutating func span(at instant: Int64) -> TariffSchedule.Span {
            if let last, last.from <= instant, instant < last.span.until { return last.span }
            let span = plan.rater.schedule.span(at: instant)
            last = (instant, span)
            return span
        }
    }

    /// A charge that is rated, but not noted yet.
    typealias Rated = (index: Int, step: RatingStep, lines: [ChargeLine])

    /// Versions of one number kept at most: a few years of yearly prices, and what is planned.
    static let mostVersions = 8

    /// In order of number, then of `from`.
    private(set) var versions: [Version] = []

    /// The numbers in use, ascending.
    var numbers: [Int64] {
        var numbers: [Int64] = []
        for version in versions where numbers.last != version.plan.number { numbers.append(version.plan.number) }
        return numbers
    }

    /// The version of a number in force at an instant.
    func index(_ number: Int64, at time: WallTime) -> Int? {
        versions.lastIndex { $0.plan.number == number && $0.plan.from <= time }
    }

    /// How many versions of a number begin after an instant.
    func planned(_ number: Int64, after time: WallTime) -> Int {
        versions.count { $0.plan.number == number && $0.plan.from > time }
    }

    /// Adds a version; one that starts at the same instant is replaced, and the oldest fall out, but never the one in
    /// force at `now`.
    mutating func add(_ setting: TariffSetting, from: WallTime, now: WallTime, zone: ZoneRules) {
        let plan = Plan(setting, from: from, zone: zone)
        let version = Version(plan: plan, state: plan.rater.initial)
        versions.removeAll { $0.plan.number == plan.number && $0.plan.from == from }
        let place = versions.firstIndex { ($0.plan.number, $0.plan.from) > (plan.number, from) } ?? versions.count
        versions.insert(version, at: place)
        let own = versions.indices.filter { versions[$0].plan.number == plan.number }
        if own.count > Self.mostVersions, versions[own[1]].plan.from <= now { versions.remove(at: own[0]) }
    }

    /// The local time of the unit has changed.
    mutating func move(to zone: ZoneRules) {
        for index in versions.indices {
            let plan = versions[index].plan
            versions[index] = Version(
                plan: Plan(plan.setting, from: plan.from, zone: zone), state: versions[index].state)
        }
    }

    /// Energy by the version in force the instant before `end`. Nil when no tariff for energy is in force.
    mutating func charge(
        wattHours: Int64, tariff number: Int64, until end: WallTime
    ) throws(CreditError) -> Rated? {
        guard let index = index(number, at: end + -1), versions[index].plan.setting.tariff.unit.isEnergy else {
            return nil
        }
        do throws(RatingFault) {
            // The kernel counts seconds and looks at the second before the end.
            let (step, lines) = try versions[index].rate(wattHours * 1_000_000, until: (end + 999).seconds)
            return (index, step, lines)
        } catch {
            throw .overflow
        }
    }

    /// One day's standing charge by the version in force at `midnight`; nil when there is none.
    func standing(
        tariff number: Int64, at midnight: WallTime
    ) throws(CreditError) -> Rated? {
        guard let index = index(number, at: midnight) else { return nil }
        let tariff = versions[index].plan.setting.tariff
        guard tariff.standingMicroPerDay > 0 else { return nil }
        var state = versions[index].state
        let amount: Int64
        do throws(RatingFault) {
            amount = try versions[index].plan.rater.chargeStanding(days: 1, state: &state)
        } catch {
            throw .overflow
        }
        let plan = versions[index].plan
        let line = ChargeLine(what: "standing", rate: tariff.standingMicroPerDay, amount: amount)
        let vatLine = plan.vatLine(from: versions[index].state.vat, to: state.vat)
        return (index, .whole(state), vatLine.map { [line, $0] } ?? [line])
    }

    /// Notes what was rated.
    mutating func note(_ rated: Rated) { versions[rated.index].state.take(rated.step) }
}

/// A book is kept without what follows from its tariffs and the unit's local time, which all of them share.
extension TariffBook: Codable {
    private struct Kept: Codable {
        var setting: TariffSetting
        var from: WallTime
        var state: RatingState
    }

    private enum CodingKeys: CodingKey { case zone, versions }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(versions.first?.plan.zone, forKey: .zone)
        try container.encode(
            versions.map { Kept(setting: $0.plan.setting, from: $0.plan.from, state: $0.state) }, forKey: .versions)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let zone = try container.decodeIfPresent(ZoneRules.self, forKey: .zone) ?? .market
        versions = try container.decode([Kept].self, forKey: .versions).map { kept in
            Version(plan: Plan(kept.setting, from: kept.from, zone: zone), state: kept.state)
        }
    }
}
