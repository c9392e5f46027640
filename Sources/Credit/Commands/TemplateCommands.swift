import Metering

/// Templates: settings that are kept under a name and applied together.
public enum TemplateCommands {
    static let upsert = CommandSpec(
        name: "template_upsert", summary: "Stores a template whole, or not at all.", kind: .other,
        roles: CommandSpec.managers,
        arguments: [
            ArgumentSpec("template_id", .name, "the template's id"),
            ArgumentSpec("name", .text(1...64), "its name for people"),
            ArgumentSpec("revision", .integer(1...1_000_000_000), "must rise with every change"),
            ArgumentSpec("actions", .list(.object(action), 1...64), "commands, in order"),
        ],
        check: { args throws(ArgumentFault) in _ = try Template(args) })

    private static let action = [
        ArgumentSpec("command", .name, "a command that templates may hold"),
        ArgumentSpec("payload", .anyObject, "its arguments"),
    ]

    static let apply = CommandSpec(
        name: "template_apply", summary: "Carries out a template's actions in order.", kind: .other, target: .unit,
        roles: CommandSpec.managers,
        arguments: [
            ArgumentSpec("application_id", .identifier, "names this application"),
            ArgumentSpec("template_id", .name, "the template"),
            .optional("revision", .integer(1...1_000_000_000), "refused when the template has another one"),
            .optional("continue_on_error", .flag, "whether an action that fails does not stop the others"),
        ], bulk: true)

    static let list = CommandSpec(
        name: "template_list", summary: "Lists the stored templates.", kind: .read, roles: CommandSpec.readers)

    static let baseList = CommandSpec(
        name: "template_base_list", summary: "Lists the templates that come with the box.", kind: .read,
        roles: CommandSpec.readers)

    static let availableActions = CommandSpec(
        name: "template_available_action_list", summary: "Lists the commands that templates may hold.", kind: .read,
        roles: CommandSpec.readers)

    static let applicationGet = CommandSpec(
        name: "template_application_get", summary: "Shows what became of a template's application.", kind: .read,
        roles: CommandSpec.readers, arguments: [ArgumentSpec("application_id", .identifier, "the application")])

    static let actionList = CommandSpec(
        name: "template_action_list", summary: "Lists the actions of applications, newest first.", kind: .read,
        roles: CommandSpec.readers,
        arguments: [
            .optional("application_id", .identifier, "only of this application"),
            .optional("state", .oneOf(RequestCommands.states), "only in this state"),
            .optional("limit", .integer(1...500), "at most so many, 100 unless said otherwise"),
        ])
}
