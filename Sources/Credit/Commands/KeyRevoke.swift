import Metering

/// `key_revoke`: a key is worth nothing from now on, whatever the key folder holds.
public struct KeyRevoke: Hashable, Sendable {
    public var kid: String

    public static let spec = CommandSpec(
        name: "key_revoke", summary: "Revokes a signing key for ever.", kind: .other, roles: [.owner],
        arguments: [ArgumentSpec("kid", .name, "the key's name")])

    /// Reads arguments that `spec.check` accepted.
    public init?(_ args: JSONObject) {
        guard let kid = args["kid"]?.string else { return nil }
        self.kid = kid
    }
}
