import Intervals
import Metering

extension Resource {
    /// `tariff`: a price plan (contract §9). A unit holds up to eight; reading gives those in force.
    static let tariff = Resource.ofUnit(
        "tariff", "a price plan", roles: CommandSpec.billers, bulk: true,
        filter: [.optional("tariff_id", .integer(1...8), "only this plan")],
        [
            .optional("tariff_id", .integer(0...8), "number of the plan, 1 to 8; 0 or none is the first"),
            .optional("unit", .oneOf(TariffUnit.allCases.map(\.rawValue)), "what a rate is the price of"),
            .optional("standing_micro_per_day", .amount, "standing charge a local day, micro-units"),
            .optional("vat_bp", .integer(0...10_000), "tax on every charge, basis points"),
            .optional("valid_from", .time, "when it takes effect; now unless said otherwise"),
            .optional("channel", .oneOf(["import_wh", "export_wh"]), "what is charged; export is paid for"),
            ArgumentSpec("bands", .list(.object(band), 1...64), "prices, and the blocks of a band"),
            .optional(
                "times", .list(.object(time), 0...128), "when a band applies; the one without times is the default"),
            .optional("blocks", .object(blocks), "when the quantity of blocks begins anew"),
        ])

    private static let band = [
        ArgumentSpec("name", .identifier, "the band's name"),
        ArgumentSpec("rate_micro", .amount, "micro-units for a unit"),
        ArgumentSpec.optional("from_quantity_wh", .integer(0...1_000_000_000_000), "where the block begins, Wh"),
    ]

    private static let time = [
        ArgumentSpec("band", .identifier, "the band that applies"),
        ArgumentSpec.optional("days", .list(.weekday, 1...7), "weekdays; all unless said otherwise"),
        ArgumentSpec.optional("from", .timeOfDay(mayEndDay: false), "local time"),
        ArgumentSpec.optional("to", .timeOfDay(mayEndDay: true), "local time; past midnight when not after from"),
        ArgumentSpec.optional("season", .object(season), "days of the year"),
    ]

    private static let season = [
        ArgumentSpec("from", .date, "first day, --MM-DD"), ArgumentSpec("to", .date, "last day, --MM-DD"),
    ]

    private static let blocks = [ArgumentSpec("reset", .oneOf(["day", "month"]), "each local day or month")]
}

/// `tariff_unit_list`: units in which tariffs may count. Charged is what the meters count: energy.
enum TariffUnitList {
    static let spec = CommandSpec(
        name: "tariff_unit_list", summary: "Lists the units a tariff may count in.", kind: .read,
        roles: CommandSpec.readers)
}
