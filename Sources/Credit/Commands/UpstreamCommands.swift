import Metering

/// Commands that an upstream system carries out, when it is configured.
enum UpstreamCommands {
    private static let meter = ArgumentSpec.optional("meter", .text(1...32), "serial of the meter")

    static let reposit: [CommandSpec] = [
        call("reposit", "register_single", "Registers a single-phase meter with Reposit.", [meter]),
        call(
            "reposit", "register_three", "Registers the two meters of a three-phase board with Reposit.",
            [
                .optional("grid_meter", .text(1...32), "serial of the grid meter"),
                .optional("sga_meter", .text(1...32), "serial of the generation meter"),
            ]),
        call("reposit", "validate", "Asks Reposit whether it sees the box and its meter.", [meter]),
        call("reposit", "register_site", "Registers the site with Reposit.", site),
        call("reposit", "connected", "Tells Reposit that the box is installed.", [meter]),
    ]

    private static let site: [ArgumentSpec] = [
        meter, .optional("nmi", .text(10...11), "the connection point"),
        .optional("street_number", .text(1...16), "address"), .optional("street_name", .text(1...64), "address"),
        .optional("suburb", .text(1...64), "address"), .optional("postcode", .text(1...8), "address"),
        .optional("state", .text(1...16), "address"),
    ]

    static let redex: [CommandSpec] = [
        call("redex", "devices_refresh", "Fetches the devices from REDEX.", []),
        read("redex", "devices_get", "Answers with the devices last fetched from REDEX."),
        call("redex", "brands_refresh", "Fetches the inverter brands from REDEX.", []),
        read("redex", "brands_get", "Answers with the brands last fetched from REDEX."),
        call("redex", "generation_submit", "Submits generation to REDEX now.", []),
    ]

    static let powerbox: [CommandSpec] = [
        call("powerbox", "customer_refresh", "Fetches the customer's sites from PowerBox.", []),
        read("powerbox", "customer_get", "Answers with the sites last fetched from PowerBox."),
    ]

    static let commissioningStatus = CommandSpec(
        name: "commissioning_status_get", summary: "Says how far commissioning is.", kind: .read,
        roles: CommandSpec.readers, carrier: .upstream("reposit"))

    private static func call(
        _ system: String, _ operation: String, _ summary: String, _ arguments: [ArgumentSpec]
    ) -> CommandSpec {
        CommandSpec(
            name: "\(system)_\(operation)", summary: summary, kind: .other, roles: CommandSpec.installers,
            arguments: arguments, carrier: .upstream(system))
    }

    private static func read(_ system: String, _ operation: String, _ summary: String) -> CommandSpec {
        CommandSpec(
            name: "\(system)_\(operation)", summary: summary, kind: .read, roles: CommandSpec.readers,
            carrier: .upstream(system))
    }
}
