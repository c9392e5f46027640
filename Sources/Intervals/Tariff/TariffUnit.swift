/// What a tariff's rates are the price of (contract §9, the vendor's list).
public enum TariffUnit: String, Codable, Sendable, CaseIterable {
    case kilowattHour = "kWh"
    case wattHour = "Wh"
    case megawattHour = "MWh"
    case megajoule = "MJ"
    case gigajoule = "GJ"
    case cubicMetre = "m3"
    case litre
    case cubicFoot = "ft3"
    case kilovoltampereHour = "kVAh"
    case kilovarHour = "kvarh"
    case pulse

    /// A rate for a unit is `factor / divisor` of itself for a micro-watt-hour; nil for what is no energy, and so is
    /// nothing that an electricity meter's Wh can be charged by.
    var price: (factor: Int64, divisor: Int64)? {
        switch self {
        case .kilowattHour: (1, 1_000_000_000)
        case .wattHour: (1, 1_000_000)
        case .megawattHour: (1, 1_000_000_000_000)
        // A watt-hour is 3600 J, so a megajoule is 2500 / 9 Wh.
        case .megajoule: (9, 2_500_000_000)
        case .gigajoule: (9, 2_500_000_000_000)
        case .cubicMetre, .litre, .cubicFoot, .kilovoltampereHour, .kilovarHour, .pulse: nil
        }
    }

    /// Whether it counts energy: only such a tariff charges what an electricity meter has counted.
    public var isEnergy: Bool { price != nil }
}
