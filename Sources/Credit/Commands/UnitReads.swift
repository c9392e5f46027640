import Metering

/// Units as a whole: the list of them, all that is known of one, and what their meters say.
enum UnitReads {
    static let list = CommandSpec(
        name: "unit_list", summary: "Lists the box's payment units.", kind: .read, roles: CommandSpec.readers,
        arguments: [
            .optional(
                "state", .oneOf(["connected", "armed", "disconnected"]), "only units whose supply is decided so")
        ])

    static let snapshot = CommandSpec(
        name: "snapshot_get", summary: "Answers with everything last known of a unit.", kind: .read, target: .unit,
        roles: CommandSpec.readers)

    static let snapshots = CommandSpec(
        name: "snapshot_get_all", summary: "Answers with everything last known of all units.", kind: .read,
        roles: CommandSpec.readers, arguments: Resource.page)

    private static let slot = ArgumentSpec.optional("slot", .slot, "only this meter of the unit")
    private static let meterSlot = ArgumentSpec.optional("meter_slot", .slot, "only this meter of the unit")

    static let readingFetch = Resource(
        name: "meter_reading", title: "the newest readings of the unit's meters", roles: [], value: [],
        filter: [slot], bulk: false, verbs: [.fetch], bulkFetch: true)

    static let readingCached = Resource(
        name: "meter_reading", title: "the readings of the unit's meters", roles: [], value: [], filter: [meterSlot],
        bulk: false, verbs: [.cachedGet, .cachedGetAll])
}
