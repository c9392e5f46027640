import Metering

/// `display_text_show`: a text on the unit's display for a while, a page of its own.
enum DisplayTextShow {
    static let spec = CommandSpec(
        name: "display_text_show", summary: "Shows a text on the unit's display for a while.", kind: .other,
        target: .unit, roles: CommandSpec.managers,
        arguments: [
            ArgumentSpec("text", .text(1...160), "what is shown"),
            ArgumentSpec("duration_s", .integer(1...86_400), "how long, seconds"),
            .optional("clear_on_button", .flag, "whether the page button takes it away"),
        ], bulk: true)
}

extension Resource {
    /// `firmware_version`: the version of the box, which is that of every unit on it. Read only.
    static let firmwareVersion = Resource(
        name: "firmware_version", title: "the version of the unit's software", roles: [], value: [], bulk: false,
        verbs: [.fetch, .cachedGet, .cachedGetAll])
}
