/// A unit of measure of the meter data file format (MDFF), in its canonical spelling.
public enum Nem12Unit: String, Sendable, CaseIterable {
    case megawattHours = "MWh"
    case kilowattHours = "kWh"
    case wattHours = "Wh"
    case megawatts = "MW"
    case kilowatts = "kW"
    case watts = "W"
    case megavarHours = "MVArh"
    case kilovarHours = "kVArh"
    case varHours = "VArh"
    case megavars = "MVAr"
    case kilovars = "kVAr"
    case vars = "VAr"
    case megavoltAmpereHours = "MVAh"
    case kilovoltAmpereHours = "kVAh"
    case voltAmpereHours = "VAh"
    case megavoltAmperes = "MVA"
    case kilovoltAmperes = "kVA"
    case voltAmperes = "VA"
    case kilovolts = "kV"
    case volts = "V"
    case kiloamperes = "kA"
    case amperes = "A"
    case powerFactor = "pf"

    /// What is measured.
    public enum Quantity: Sendable {
        case active, reactive, apparent, voltage, current, powerFactor
    }

    /// Reads any case: `KWH` and `kvarh` stand in the market's own example files.
    public init?(anyCase text: String) {
        let wanted = text.lowercased()
        guard let unit = Self.allCases.first(where: { $0.rawValue.lowercased() == wanted }) else { return nil }
        self = unit
    }

    /// The unit in units without prefix, as a power of ten: 6, 3 or 0.
    public var prefix: Int {
        switch self {
        case .megawattHours, .megawatts, .megavarHours, .megavars, .megavoltAmpereHours, .megavoltAmperes: 6
        case .kilowattHours, .kilowatts, .kilovarHours, .kilovars, .kilovoltAmpereHours, .kilovoltAmperes, .kilovolts,
            .kiloamperes:
            3
        default: 0
        }
    }

    /// Decimals that the writer gives: so many that a whole base unit is exact.
    public var decimals: Int { self == .powerFactor ? 2 : prefix }

    /// Whether values are energies, which may be added up; the others are levels.
    public var isEnergy: Bool {
        switch self {
        case .megawattHours, .kilowattHours, .wattHours, .megavarHours, .kilovarHours, .varHours,
            .megavoltAmpereHours, .kilovoltAmpereHours, .voltAmpereHours:
            true
        default: false
        }
    }

    /// What is measured.
    public var quantity: Quantity {
        switch self {
        case .megawattHours, .kilowattHours, .wattHours, .megawatts, .kilowatts, .watts: .active
        case .megavarHours, .kilovarHours, .varHours, .megavars, .kilovars, .vars: .reactive
        case .megavoltAmpereHours, .kilovoltAmpereHours, .voltAmpereHours, .megavoltAmperes, .kilovoltAmperes,
            .voltAmperes:
            .apparent
        case .kilovolts, .volts: .voltage
        case .kiloamperes, .amperes: .current
        case .powerFactor: .powerFactor
        }
    }

    /// Micro-watt-hours (micro-var-hours) of `value` micro-units of this unit; nil when beyond 64 bits.
    public func microBase(_ value: Int64) -> Int64? {
        let factor: Int64 =
            switch prefix {
            case 6: 1_000_000
            case 3: 1000
            default: 1
            }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}
