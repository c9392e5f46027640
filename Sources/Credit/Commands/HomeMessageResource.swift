import Metering

extension Resource {
    /// `home_message`: a text on the unit's display, a page of its own.
    static let homeMessage = Resource(
        name: "home_message", title: "the message on the display", roles: CommandSpec.managers,
        value: [
            ArgumentSpec("text", .text(0...64), "the message; an empty one takes it away"),
            .optional("expires_at", .time, "it is taken away then; it stays when missing"),
        ], bulk: false)
}
