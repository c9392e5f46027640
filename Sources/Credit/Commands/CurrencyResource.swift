import Metering

extension Resource {
    /// `currency`: the characters that money is shown with.
    static let currency = Resource.ofUnit(
        "currency", "the characters of the currency", roles: CommandSpec.billers, bulk: false,
        [
            ArgumentSpec("symbol", .text(1...12), "1 to 3 characters"),
            .optional("minor_symbol", .text(1...8), "1 or 2 characters"),
            .optional("symbol_position", .words(CurrencySymbols.Position.self), "where the symbol stands"),
            .optional("decimals", .integer(0...3), "digits after the point, 2 unless said otherwise"),
        ])
}
