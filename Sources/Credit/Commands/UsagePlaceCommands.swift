import Metering

/// `usage_place_disconnect`, `usage_place_reconnect`: a billing system's order, by whoever carries it to the box.
enum UsagePlaceCommands {
    static let disconnect = CommandSpec(
        name: "usage_place_disconnect", summary: "Cuts a usage place's supply; refused in protected times.",
        kind: .supply, target: .unit, roles: CommandSpec.operators, arguments: arguments)

    static let reconnect = CommandSpec(
        name: "usage_place_reconnect", summary: "Takes a disconnection of a usage place back.", kind: .reconnect,
        target: .unit, roles: CommandSpec.operators, arguments: arguments)

    private static let arguments: [ArgumentSpec] = [
        .optional("request_id", .identifier, "the billing system's own id"),
        .optional("usageplacecode", .text(1...64), "the place; must be the unit's"),
        .optional("customernumber", .text(1...64), "goes back with the event"),
        .optional("contract_no", .text(1...64), "goes back with the event"),
        .optional("invoices", .list(.object(invoice), 0...50), "what it is about; goes back with the event"),
        .optional("not_before", .time, "refused before then"),
        .optional("expires_at", .time, "not carried out after then"),
    ]

    /// The vendor's schema says that a job is a number, its guide writes a text, and requires neither.
    private static let invoice: [ArgumentSpec] = [
        .optional("jobid", .reference(64), "the job"), .optional("invoicenumber", .text(1...64), "the invoice"),
    ]
}
