import Metering

/// `ping`: is the box there, and does the way there and back work?
public enum Ping {
    /// Any key may send it; it carries no counter.
    public static let spec = CommandSpec(
        name: "ping", summary: "Answers with the box's time, uptime and newest record.", kind: .read,
        roles: CommandSpec.keyRoles + [.installer, .viewer])
}
