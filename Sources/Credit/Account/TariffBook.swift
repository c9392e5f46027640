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
    }

    /// A version with what it has charged so far.
    struct Version: Sendable {
        var plan: Plan
        var state: RatingState
    }

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
            versions[index].plan = Plan(plan.setting, from: plan.from, zone: zone)
        }
    }

    /// Energy by the version in force the instant before `end`: the bill's lines and the state afterwards. Nil when no
    /// tariff is in force.
    func charge(
        wattHours: Int64, tariff number: Int64, until end: WallTime
    ) throws(CreditError) -> (index: Int, state: RatingState, lines: [ChargeLine])? {
        // The kernel counts seconds and looks at the second before the end.
        let seconds = (end + 999).seconds
        guard let index = index(number, at: end + -1) else { return nil }
        let plan = versions[index].plan
        var state = versions[index].state
        let charges: [RatingCharge]
        do throws(RatingFault) {
            charges = try plan.rater.charge(wattHours * 1_000_000, endingAt: seconds, state: &state)
        } catch {
            throw .overflow
        }
        var lines: [ChargeLine] = []
        lines.reserveCapacity(charges.count + 1)
        for charge in charges {
            let band = plan.setting.tariff.bands[charge.band]
            lines.append(
                ChargeLine(
                    what: band.name, wattHours: charge.quantity / 1_000_000, rate: band.rateMicro,
                    amount: charge.amountMicro))
        }
        Self.addVat(from: versions[index].state, to: state, tariff: plan.setting.tariff, &lines)
        if plan.setting.tariff.blocks != nil { plan.rater.forget(before: seconds - 86_400, state: &state) }
        return (index, state, lines)
    }

    /// One day's standing charge by the version in force at `midnight`; nil when there is none.
    func standing(
        tariff number: Int64, at midnight: WallTime
    ) throws(CreditError) -> (index: Int, state: RatingState, lines: [ChargeLine])? {
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
        var lines = [ChargeLine(what: "standing", rate: tariff.standingMicroPerDay, amount: amount)]
        Self.addVat(from: versions[index].state, to: state, tariff: tariff, &lines)
        return (index, state, lines)
    }

    /// Notes what a version has charged.
    mutating func note(_ state: RatingState, at index: Int) { versions[index].state = state }

    /// VAT is a line of its own, with a remainder of its own.
    private static func addVat(
        from old: RatingState, to new: RatingState, tariff: Tariff, _ lines: inout [ChargeLine]
    ) {
        guard tariff.vatBasisPoints > 0 else { return }
        lines.append(
            ChargeLine(what: "vat", rate: tariff.vatBasisPoints, amount: new.vat.amountMicro - old.vat.amountMicro))
    }
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
