import Metering

/// Every command there is. MQTT, the control socket, the CLI and the schema know nothing but this list: one line here
/// and a file in `Commands/` make a command or a resource.
public enum Catalogue {
    /// Values that can be set and read.
    public static let resources: [Resource] = [
        .arrears, .currency, .daylightSaving, .emergencyCredit, .firmwareVersion, .friendlyDays, .homeMessage,
        .lowCredit, .omnipower,
        .operationalMode, .regularDeduction, .specialDays, .suggestion, .supplyMode, .tariff,
        CreditCommands.resource, CreditCommands.report, CreditCommands.lastReport, UnitReads.readingFetch,
        UnitReads.readingCached,
    ]

    private static let actions: [CommandSpec] = [
        KeyAdd.spec, KeyRevoke.spec, MeterReplace.spec, Ping.spec, TimeAttest.spec,
        PaymentCommands.add, PaymentCommands.reverse, PaymentCommands.pendingFind,
        CreditCommands.adjust, CreditCommands.set, CreditCommands.lastAdditions, CreditCommands.loanExtend,
        OmnipowerRelayFetch.spec, DisplayTextShow.spec, TariffUnitList.spec, UsagePlaceCommands.disconnect,
        UsagePlaceCommands.reconnect,
        UnitReads.list, UnitReads.snapshot, UnitReads.snapshots,
        RequestCommands.cancel, RequestCommands.list, RequestCommands.scheduleCancel, RequestCommands.scheduleList,
        RequestCommands.bulkResult,
        RequestCommands.bulkProgress,
        TemplateCommands.upsert, TemplateCommands.apply, TemplateCommands.list, TemplateCommands.baseList,
        TemplateCommands.availableActions,
        TemplateCommands.applicationGet, TemplateCommands.actionList,
        HanCommands.bind, HanCommands.unbind, HanCommands.status, UpstreamCommands.commissioningStatus,
    ]

    /// All commands, by name.
    public static let commands: [CommandSpec] =
        (actions + resources.flatMap(\.commands) + UpstreamCommands.reposit + UpstreamCommands.redex
        + UpstreamCommands.powerbox)
        .sorted { $0.name < $1.name }

    /// Places of the names in `commands`. Looked up, never iterated.
    private static let places: [String: Int] = {
        var places: [String: Int] = [:]
        for (index, spec) in commands.enumerated() { places[spec.name] = index }
        return places
    }()

    /// The command of this name.
    public static func command(_ name: String) -> CommandSpec? { places[name].map { commands[$0] } }

    /// `command list`.
    public static var listJSON: JSONValue { .array(commands.map(\.json)) }

    /// Commands that templates may hold, with the schema of their arguments.
    public static var templateActionsJSON: JSONValue {
        .array(
            commands.filter(\.template).map {
                ["command": .string($0.name), "summary": .string($0.summary), "schema": .object($0.schema)]
            })
    }
}
