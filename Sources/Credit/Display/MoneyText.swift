import Metering

/// Writes money for customers: with the unit's own characters, in whole minor units. What is left is rounded down, so
/// that a display never shows more than there is; what is still to pay is rounded up.
public struct MoneyText: Hashable, Sendable {
    private let symbol: String
    private let minorSymbol: String?
    private let stands: CurrencySymbols.Position
    private let decimals: Int

    /// - Parameters:
    ///   - symbols: set by command; nil where none were set.
    ///   - currency: the box's, ISO 4217; written behind the number where there are no symbols.
    public init(_ symbols: CurrencySymbols?, currency: String?) {
        symbol = symbols?.symbol ?? currency.map { " \($0)" } ?? ""
        minorSymbol = symbols?.minorSymbol
        stands = symbols?.position ?? .after
        decimals = symbols?.decimals ?? 2
    }

    /// An amount in micro-units, rounded down: 1239999 is `$1.23`.
    public func down(_ micro: Int64) -> String { text(minor: micro.flooredQuotient(by: step)) }

    /// An amount in micro-units, rounded up: 1230001 is `$1.24`.
    public func up(_ micro: Int64) -> String {
        let down = micro.flooredQuotient(by: step)
        return text(minor: micro.flooredRemainder(by: step) == 0 ? down : down + 1)
    }

    /// A price in micro-units for a unit of energy or a day, exact: 412000 is `41.2c`, or `$0.412` without a minor
    /// symbol.
    public func price(_ micro: Int64) -> String {
        if let minorSymbol, decimals == 2 { return Self.exact(micro, scale: 10_000, least: 0) + minorSymbol }
        return with(Self.exact(micro, scale: 1_000_000, least: decimals))
    }

    /// Micro-units of the smallest amount shown.
    private var step: Int64 {
        switch decimals {
        case 0: 1_000_000
        case 1: 100_000
        case 2: 10_000
        default: 1000
        }
    }

    private func text(minor: Int64) -> String {
        let unit = Int64(1_000_000) / step
        let sign = minor < 0 ? "-" : ""
        let whole = String(minor.magnitude / UInt64(unit))
        let fraction = String(minor.magnitude % UInt64(unit))
        let zeros = String(repeating: "0", count: max(decimals - fraction.count, 0))
        return sign + with(decimals == 0 ? whole : "\(whole).\(zeros)\(fraction)")
    }

    private func with(_ number: String) -> String { stands == .before ? symbol + number : number + symbol }

    /// A number of micro-units in units of `scale`, with as many decimals as it needs and `least` at least.
    private static func exact(_ micro: Int64, scale: Int64, least: Int) -> String {
        let digits = scale == 10_000 ? 4 : 6
        let rest = String(micro.magnitude % UInt64(scale))
        var fraction = String(repeating: "0", count: max(digits - rest.count, 0)) + rest
        while fraction.count > least, fraction.last == "0" { fraction.removeLast() }
        let whole = (micro < 0 ? "-" : "") + String(micro.magnitude / UInt64(scale))
        return fraction.isEmpty ? whole : "\(whole).\(fraction)"
    }
}
