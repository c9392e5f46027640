import Metering

/// The balance: changed by hand, and read.
enum CreditCommands {
    private static let adjustmentID = ArgumentSpec(
        "adjustment_id", .identifier, "the adjustment's own id, unique for the unit for ever")
    private static let balance = -MoneyRange.amount.upperBound...MoneyRange.amount.upperBound

    static let adjust = CommandSpec(
        name: "credit_adjust", summary: "Changes the credit balance by a value, once.", kind: .credit, target: .unit,
        roles: CommandSpec.billers,
        arguments: [
            adjustmentID, ArgumentSpec("delta_micro", .money(balance), "by how much, not zero, micro-units"),
            .optional("reason", .reason, "why, for people"),
        ], bulk: true, check: UnitCommand.check("credit_adjust"))

    static let set = CommandSpec(
        name: "credit_set", summary: "Sets the credit balance, once.", kind: .other, target: .unit,
        roles: CommandSpec.billers,
        arguments: [
            adjustmentID, ArgumentSpec("balance_micro", .money(balance), "the balance after it, micro-units"),
            .optional("reason", .reason, "why, for people"),
        ], bulk: true, check: UnitCommand.check("credit_set"))

    /// Read only: `credit_set` is an action, because it is done once.
    static let resource = Resource(
        name: "credit", title: "the credit balance", roles: [], value: [], bulk: false,
        verbs: [.fetch, .cachedGet, .cachedGetAll], bulkFetch: true)

    static let lastAdditions = CommandSpec(
        name: "credit_last_additions_fetch", summary: "Reads the newest nine credits.", kind: .read, target: .unit,
        roles: CommandSpec.readers)

    /// Read only.
    static let report = Resource(
        name: "credit_report", title: "a credit report", roles: [], value: [],
        filter: [
            .optional("from", .time, "begin of the period"), .optional("to", .time, "its end, not in it"),
        ], bulk: false, verbs: [.fetch])

    /// The report that was last fetched.
    static let lastReport = Resource(
        name: "credit_report", title: "the credit report", roles: [], value: [], bulk: false,
        verbs: [.cachedGet, .cachedGetAll])

    static let loanExtend = CommandSpec(
        name: "loan_extend", summary: "Makes more emergency credit available, once.", kind: .credit, target: .unit,
        roles: CommandSpec.billers,
        arguments: [
            ArgumentSpec("loan_id", .identifier, "the loan's own id, unique for the unit for ever"),
            ArgumentSpec("amount_micro", .money(1...10_000_000_000), "how much, micro-units"),
            .optional("expires_at", .time, "what is not used by then is gone"),
        ], bulk: true, check: UnitCommand.check("loan_extend"))
}
