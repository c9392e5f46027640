import Intervals
import Metering

/// A setting of a unit, one case for each resource of the catalogue that credit and supply go by. Arrears and the
/// operational mode have events of their own, because they move money or stop it.
public enum UnitSetting: Hashable, Sendable {
    case tariff(TariffSetting)
    case emergencyCredit(EmergencyCreditSettings)
    case lowCredit(LowCreditSettings)
    case regularDeduction(RegularDeduction)
    case suggestion(SuggestionSettings)
    case friendlyDays(FriendlyDays)
    case specialDays(SpecialDays)
    case daylightSaving(DaylightSaving)
    case supplyMode(SupplyModeSettings)
    case disconnection(ElectricalDisconnection)
    case currency(CurrencySymbols)
    /// A mode that takes effect later.
    case plannedMode(OperationalMode, WallTime)

    /// Names of the resources that are settings.
    public static let names = [
        "tariff", "emergency_credit", "low_credit", "regular_deduction", "suggestion", "friendly_days",
        "special_days", "daylight_saving", "supply_mode", "omnipower", "currency",
    ]

    /// Reads the value of a resource; nil when there is no such resource.
    public static func read(
        _ name: String, _ value: JSONValue, path: String = ""
    ) throws(ArgumentFault) -> UnitSetting? {
        switch name {
        case "tariff": .tariff(try TariffSetting(value, path: path))
        case "emergency_credit": .emergencyCredit(try EmergencyCreditSettings(value, path: path))
        case "low_credit": .lowCredit(try LowCreditSettings(value, path: path))
        case "regular_deduction": .regularDeduction(try RegularDeduction(value, path: path))
        case "suggestion": .suggestion(try SuggestionSettings(value, path: path))
        case "friendly_days": .friendlyDays(try FriendlyDays(value, path: path))
        case "special_days": .specialDays(try SpecialDays(value, path: path))
        case "daylight_saving": .daylightSaving(try DaylightSaving(value, path: path))
        case "supply_mode": .supplyMode(try SupplyModeSettings(value, path: path))
        case "omnipower": .disconnection(try ElectricalDisconnection(value, path: path))
        case "currency": .currency(try CurrencySymbols(value, path: path))
        default: nil
        }
    }

    /// The resource's name.
    public var name: String {
        switch self {
        case .tariff: "tariff"
        case .emergencyCredit: "emergency_credit"
        case .lowCredit: "low_credit"
        case .regularDeduction: "regular_deduction"
        case .suggestion: "suggestion"
        case .friendlyDays: "friendly_days"
        case .specialDays: "special_days"
        case .daylightSaving: "daylight_saving"
        case .supplyMode: "supply_mode"
        case .disconnection: "omnipower"
        case .currency: "currency"
        case .plannedMode: "operational_mode"
        }
    }

    /// The value as its `…_set` command takes it.
    public var json: JSONValue {
        switch self {
        case .tariff(let value): value.json
        case .emergencyCredit(let value): value.json
        case .lowCredit(let value): value.json
        case .regularDeduction(let value): value.json
        case .suggestion(let value): value.json
        case .friendlyDays(let value): value.json
        case .specialDays(let value): value.json
        case .daylightSaving(let value): value.json
        case .supplyMode(let value): value.json
        case .disconnection(let value): value.json
        case .currency(let value): value.json
        case .plannedMode(let mode, let time):
            ["mode": .string(mode.rawValue), "effective_at": .string(time.text)]
        }
    }
}

/// `tariff`: a price plan as it was sent, and what it means.
public struct TariffSetting: Hashable, Codable, Sendable {
    public var tariff: Tariff
    /// As `tariff_set` takes it.
    public var json: JSONValue

    /// Reads the arguments of `tariff_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        do throws(TariffFault) {
            tariff = try Tariff(value)
        } catch {
            // The name of an unknown member is the sender's own text.
            var name = error.field
            if error.message.hasPrefix("unknown;") { name = Self.parent(of: name) + "unknown_member" }
            let field = path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)"
            throw ArgumentFault(argument: field, message: "\(field): \(error.message)")
        }
        guard (0...8).contains(tariff.id) else {
            let field = path.isEmpty ? "tariff_id" : "\(path).tariff_id"
            throw ArgumentFault(argument: field, message: "\(field) must be a whole number from 1 to 8")
        }
        json = value
    }

    /// `bands[0].` of `bands[0].name`.
    private static func parent(of field: String) -> String {
        field.lastIndex(of: ".").map { String(field[...$0]) } ?? ""
    }
}
