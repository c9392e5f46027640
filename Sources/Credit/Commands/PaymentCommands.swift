import Metering

/// `payment_add`, `payment_reverse`, `payment_pending_find`.
enum PaymentCommands {
    static let add = CommandSpec(
        name: "payment_add", summary: "Adds a payment, once.", kind: .credit, target: .unit,
        roles: CommandSpec.billers,
        arguments: [
            ArgumentSpec("payment_id", .identifier, "the payment's own id, unique for the unit for ever"),
            ArgumentSpec("amount_micro", .money(MoneyRange.payment), "the amount, micro-units"),
            .optional("currency", .text(3...3), "three capital letters; must be the box's"),
            .optional("paid_at", .time, "when it was paid"),
            .optional("channel", .text(1...64), "how it was paid"),
            .optional("reference", .text(0...160), "the payer's reference"),
        ], check: UnitCommand.check("payment_add"))

    static let reverse = CommandSpec(
        name: "payment_reverse", summary: "Takes a whole payment back, once.", kind: .credit, target: .unit,
        roles: CommandSpec.billers,
        arguments: [
            ArgumentSpec("payment_id", .identifier, "the payment to take back"),
            ArgumentSpec("reversal_id", .identifier, "the reversal's own id, unique for the unit for ever"),
            .optional("reason", .reason, "why, for people"),
        ], check: UnitCommand.check("payment_reverse"))

    static let pendingFind = CommandSpec(
        name: "payment_pending_find", summary: "Finds payments that were accepted and are not applied yet.",
        kind: .read, target: .unit, roles: CommandSpec.readers,
        arguments: [.optional("since", .time, "only those accepted since")])
}
