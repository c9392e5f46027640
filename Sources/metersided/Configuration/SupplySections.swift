import Gateway
import Metering

/// `[[switch]]` and `[[unit]]`, which name each other.
struct SupplySections {
    let box: BoxSettings?
    let meters: KnownMeters
    let ports: [PortEntry]

    /// What they say.
    struct Found {
        var units: [UnitSettings]
        var switches: [SwitchSettings]
        var displays: [UnitDisplay]
        /// GPIO lines of switches and buttons.
        var ports: [PortEntry]

        /// Switches that are checked but not moved yet.
        var dormant: [String] { SupplySections.unmoved(switches).map { "switch \($0)" } }
    }

    func read(_ root: SettingsReader) -> Found {
        let section = SwitchSection(meters: meters, ports: ports)
        let tables = root.tables("switch")
        let switches = section.read(tables)
        let units = UnitSection(
            box: box, meters: meters, switches: section, switchNames: switches.switches.map(\.name),
            unmovedNames: Self.unmoved(switches.switches), writtenSwitches: tables.count
        ).read(root.tables("unit"))
        return Found(
            units: units.units, switches: switches.switches, displays: units.displays,
            ports: switches.ports + units.ports)
    }

    /// Names of switches whose driver moves nothing.
    private static func unmoved(_ switches: [SwitchSettings]) -> [String] {
        switches.compactMap { loadSwitch in
            if case .meterRegister = loadSwitch.driver { loadSwitch.name } else { nil }
        }
    }
}
