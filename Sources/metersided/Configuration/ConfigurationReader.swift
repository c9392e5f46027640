import Bus
import Drivers
import Gateway
import Metering
import Toml
import Upstream

/// What the configuration file says, checked: everything the daemon starts with.
struct DaemonConfiguration {
    var gateway: GatewayConfiguration
    var board: String
    /// Wires of meters and switches, and GPIO lines.
    var ports: [PortEntry]
    var displays: [UnitDisplay]
    var han: HanEntry?
    var mqtt: MqttSettings?
    var upstreams: UpstreamSettings
    /// Keys of the folder `keys.d`.
    var keys: [SigningKey]
    /// Sections that were checked but that this version does not act on.
    var dormant: [String]
    /// The file as it was read, for `config show`; secrets stand in files of their own, never in it.
    var text: String

    /// The sections that are off unless present, as they were understood, in whatever form of TOML they stand.
    var sections: [String] {
        [
            ("mqtt", mqtt != nil), ("han", han != nil), ("upstream.reposit", upstreams.reposit != nil),
            ("upstream.powerbox", upstreams.powerbox != nil), ("upstream.redex", upstreams.redex != nil),
            ("upstream.ropo", upstreams.ropo != nil),
        ].filter(\.1).map(\.0)
    }
}

/// A port: the wire, and what the agent plans with.
struct PortEntry: Equatable {
    var bus: PortConfiguration
    var kind: PortProtocol

    var id: PortID { bus.id }
    /// Nil for TCP and GPIO.
    var line: LineSettings? { if case .serial(_, let line, _) = bus.wire { line } else { nil } }
}

/// Reads a configuration file whole; all its faults at once.
struct ConfigurationReader {
    var file: String
    var models: ModelLibrary
    let folder: String

    init(file: String, models: ModelLibrary) {
        self.file = file
        self.models = models
        folder = FilePath.folder(of: file)
    }

    /// The faults of a file that was refused.
    struct Refusal: Error {
        var faults: [SettingsFault]
    }

    func read() throws(Refusal) -> DaemonConfiguration {
        let tree: SettingsNode
        let text: String
        do throws(SettingsFault) {
            text = try Toml.text(of: file)
            tree = try Toml.read(text, file: file)
        } catch {
            throw Refusal(faults: [error])
        }
        return try read(tree, text: text)
    }

    private func read(_ tree: SettingsNode, text: String) throws(Refusal) -> DaemonConfiguration {
        let root = SettingsReader(tree, file: file)
        let box = root.requireTable("box").flatMap {
            BoxSection.read($0, hasMqtt: root.has("mqtt"), hasUnits: root.has("unit"))
        }
        let mqtt = root.table("mqtt").flatMap { MqttSection(folder: folder).read($0, box: box?.settings.id ?? "") }
        let ports = PortSection.read(root.tables("port"))
        let tables = root.tables("meter")
        let meters = MeterSection(models: models, folder: folder, ports: ports).read(tables)
        let known = KnownMeters(serials: meters.map(\.serial), written: tables.count)
        let supply = SupplySections(box: box?.settings, meters: known, ports: ports).read(root)
        let han = root.table("han").flatMap { HanSection(folder: folder, meters: known, ports: ports).read($0) }
        let upstreams = UpstreamSection(folder: folder, box: box?.settings.id ?? "", meters: known).read(root)
        let dormant = DormantSections().check(root)
        let keys = KeyFolder.read(folder + "/keys.d", into: root)
        let faults = root.finish() + models.faults
        guard faults.isEmpty, let box else { throw Refusal(faults: faults) }
        let gateway = GatewayConfiguration(
            box: box.settings,
            ports: (ports + supply.ports).map { PortSettings(id: $0.id, wire: $0.kind, line: $0.line) },
            meters: meters, units: supply.units, switches: supply.switches,
            han: han?.settings(hasPowerBox: upstreams.powerbox != nil), systems: upstreams.names)
        // Without a fault there is one meter a table, in the same order.
        let overfull = BusBudget.check(gateway).map { fault in
            let table = zip(meters, tables).first { $0.0.serial == fault.meter }?.1
            return SettingsFault(
                file: file, line: table?.line ?? root.line, key: (table?.path ?? "meter") + ".poll_seconds",
                message: fault.message)
        }
        guard overfull.isEmpty else { throw Refusal(faults: overfull) }
        return DaemonConfiguration(
            gateway: gateway, board: box.board, ports: ports + supply.ports, displays: supply.displays, han: han,
            mqtt: mqtt, upstreams: upstreams,
            keys: keys, dormant: dormant + supply.dormant, text: text)
    }
}
