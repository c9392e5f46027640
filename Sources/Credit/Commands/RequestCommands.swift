import Metering

/// Commands about commands: what became of them, and taking back those that wait.
enum RequestCommands {
    static let cancel = CommandSpec(
        name: "request_cancel", summary: "Cancels a request that has not begun.", kind: .other, target: .either,
        roles: CommandSpec.managers, arguments: [ArgumentSpec("request_id", .identifier, "the request's id")])

    static let list = CommandSpec(
        name: "request_list", summary: "Lists requests and how far they are, newest first.", kind: .read,
        target: .either, roles: CommandSpec.readers,
        arguments: [
            .optional("request_id", .identifier, "only this one"), .optional("unit_id", .name, "only of this unit"),
            .optional("state", .oneOf(states), "only in this state"),
            .optional("since", .time, "only those received since"),
            .optional("limit", .integer(1...500), "at most so many, 100 unless said otherwise"),
        ])

    static let scheduleCancel = CommandSpec(
        name: "schedule_cancel", summary: "Cancels a scheduled request.", kind: .other, target: .either,
        roles: CommandSpec.managers,
        arguments: [
            .optional("schedule_id", .identifier, "the request's id"),
            .optional("request_id", .identifier, "the same"),
        ], check: { args throws(ArgumentFault) in try checkOneOf("schedule_id", "request_id", args) })

    static let scheduleList = CommandSpec(
        name: "schedule_list", summary: "Lists scheduled requests, soonest first.", kind: .read, target: .either,
        roles: CommandSpec.readers,
        arguments: [
            .optional("unit_id", .name, "only of this unit"), .optional("from", .time, "only from then"),
            .optional("to", .time, "only before then"),
        ])

    private static let bulk: [ArgumentSpec] = [
        .optional("bulk_id", .identifier, "the bulk request's id"),
        .optional("bulk_name", .text(1...64), "or its name"),
    ]

    static let bulkResult = CommandSpec(
        name: "bulk_result_get", summary: "Says what became of a bulk request.", kind: .read,
        roles: CommandSpec.readers, arguments: bulk,
        check: { args throws(ArgumentFault) in try checkOneOf("bulk_id", "bulk_name", args) })

    static let bulkProgress = CommandSpec(
        name: "bulk_progress_get", summary: "Shows how far a bulk request is, unit by unit.", kind: .read,
        roles: CommandSpec.readers, arguments: bulk,
        check: { args throws(ArgumentFault) in try checkOneOf("bulk_id", "bulk_name", args) })

    /// Exactly one of two arguments, each as its spec says.
    private static func checkOneOf(_ one: String, _ other: String, _ args: JSONObject) throws(ArgumentFault) {
        let type: ArgumentType = other == "bulk_name" ? .text(1...64) : .identifier
        try ArgumentSpec.check(
            args, [.optional(one, .identifier, ""), .optional(other, type, "")])
        guard (args[one] == nil) != (args[other] == nil) else {
            throw ArgumentFault(argument: one, message: "give either \(one) or \(other)")
        }
    }

    /// States of a request (payment-unit commands §5.3).
    public static let states = [
        "received", "validated", "scheduled", "queued", "executing", "verifying", "completed", "rejected", "failed",
        "expired", "cancelled",
    ]
}
