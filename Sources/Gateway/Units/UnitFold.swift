import Credit
import Intervals
import Metering

/// What the journal knows of payment units: a fold over their records, and all that a start keeps of them.
///
/// It is fed record by record, so that a journal of many years needs no more memory than one of a day.
public struct UnitFold: Codable, Sendable {
    /// What an account's fold is told by the configuration.
    struct Settings: Hashable, Codable, Sendable {
        var box: String
        var zone: ZoneRules
        /// In the order of the configuration; other units have the usual limits.
        var units: [Limits]
    }

    struct Limits: Hashable, Codable, Sendable {
        var id: String
        var limits: AccountLimits
    }

    let settings: Settings
    /// The newest record that was looked at; 0 before the first.
    public private(set) var through: Int64 = 0
    /// In order of id.
    private(set) var units: [UnitMemory] = []
    private(set) var desk = DeskMemory()

    /// Nothing known yet of the units of a configuration, nor of those it does not name any more.
    public init(_ configuration: GatewayConfiguration) {
        settings = Settings(
            box: configuration.box.id, zone: configuration.box.zone,
            units: configuration.units.map { Limits(id: $0.id, limits: $0.limits) })
    }

    /// Nothing taken yet, under the same configuration.
    public var begun: UnitFold {
        var fold = self
        fold.through = 0
        fold.units = []
        fold.desk = DeskMemory()
        return fold
    }

    /// Everything up to a record was looked at.
    public mutating func pass(to seq: Int64) { through = max(through, seq) }

    /// As bytes, for a later run of the same program.
    public func frozen() throws(StateFault) -> [UInt8] { try StateCoding.write(self) }

    /// A fold as `frozen` has kept it.
    public init(frozen bytes: [UInt8]) throws(StateFault) { self = try StateCoding.read(UnitFold.self, from: bytes) }

    /// Whether it says what a fold under this configuration would say.
    public func isFor(_ configuration: GatewayConfiguration) -> Bool {
        settings == UnitFold(configuration).settings
    }

    /// Takes the next record of kind `credit.*`, `unit.*` or `supply.*`.
    public mutating func take(_ entry: JournalEntry) {
        through = entry.draft.seq
        desk.take(entry, box: settings.box)
        // Under the box's own name stands what is of no unit.
        guard let id = entry.draft.data["unit"]?.string, id != settings.box else { return }
        let place = units.firstIndex { $0.account.unit >= id } ?? units.count
        if place == units.count || units[place].account.unit != id {
            let limits = settings.units.first { $0.id == id }?.limits ?? AccountLimits()
            units.insert(UnitMemory(id: id, zone: settings.zone, limits: limits), at: place)
        }
        units[place].take(entry)
    }
}

/// What the desk keeps of the records of the units: templates, values that no account goes by, and when settings were
/// last set.
struct DeskMemory: Codable, Sendable {
    /// In order of id.
    var templates: [Template] = []
    var kept = KeptValues()
    var observations = Observations()

    mutating func store(_ template: Template) {
        templates.removeAll { $0.id == template.id }
        templates.append(template)
        templates.sort { $0.id < $1.id }
    }

    mutating func take(_ entry: JournalEntry, box: String) {
        let data = entry.draft.data
        guard let unit = data["unit"]?.string else { return takeKept(data, box: box, at: entry.draft.at) }
        if let setting = data["setting"]?.string {
            observations.note(setting, unit, at: entry.draft.at)
        } else if entry.draft.kind == .unitMode {
            observations.note("operational_mode", unit, at: entry.draft.at)
        } else if entry.draft.kind.rawValue.hasPrefix("credit.") {
            observations.note("credit", unit, at: entry.draft.at)
        }
    }

    /// Takes a record of the box's own settings.
    private mutating func takeKept(_ data: JSONObject, box: String, at time: WallTime) {
        guard data["box"]?.string == box, let setting = data["setting"]?.string, let value = data["value"]?.object
        else { return }
        if setting == "template" {
            if let template = try? Template(value) { store(template) }
        } else if let unit = data["for"]?.string {
            kept.keep(setting, unit, value)
            observations.note(setting, unit, at: time)
        }
    }
}
