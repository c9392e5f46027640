import Metering

/// Binding to the utility's meter over the home area network. Neither the install code nor the adapter's address is an
/// argument: the one is a secret that may stand in no record and on no topic, the other the adapter says itself.
enum HanCommands {
    /// What it asks for may be scheduled by nobody: an installer is waiting for the radio.
    static let bind = CommandSpec(
        name: "han_bind", summary: "Binds the box to the utility's meter.", kind: .other,
        roles: CommandSpec.installers,
        arguments: [
            .optional("rebind", .flag, "undo an earlier bind first"),
            .optional("resend", .flag, "send again although it is not known whether the last request arrived"),
        ], mayWait: false, carrier: .han)

    static let unbind = CommandSpec(
        name: "han_unbind", summary: "Leaves the utility's meter.", kind: .other, roles: CommandSpec.installers,
        carrier: .han)

    static let status = CommandSpec(
        name: "han_bind_status_get", summary: "Says how the box is bound to the utility's meter.", kind: .read,
        roles: CommandSpec.readers, carrier: .han)
}
