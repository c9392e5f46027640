import Metering

/// Every command there is. MQTT, the control socket, the CLI and the schema know nothing but this list: one line here
/// and a file in `Commands/` make a command.
public enum Catalogue {
    /// All commands, by name.
    public static let commands: [CommandSpec] = [
        KeyAdd.spec,
        KeyRevoke.spec,
        MeterReplace.spec,
        Ping.spec,
        TimeAttest.spec,
    ]

    /// The command of this name.
    public static func command(_ name: String) -> CommandSpec? { commands.first { $0.name == name } }

    /// `command list`.
    public static var listJSON: JSONValue { .array(commands.map(\.json)) }
}
