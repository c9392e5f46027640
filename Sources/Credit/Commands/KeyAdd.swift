import Metering

/// `key_add`: a new signing key, with the proof that its owner holds the private half.
public struct KeyAdd: Hashable, Sendable {
    public var kid: String
    public var role: Role
    /// The 32 raw bytes of the Ed25519 public key.
    public var publicKey: [UInt8]
    /// The key as it was sent: strict base64 has one text for every value.
    public var keyText: String
    /// The new key's own signature over `<box>/<kid>`, 64 bytes.
    public var proof: [UInt8]

    public static let spec = CommandSpec(
        name: "key_add", summary: "Adds a signing key that has proved itself.", kind: .other, roles: [.owner],
        arguments: [
            ArgumentSpec("kid", .name, "the new key's name"),
            ArgumentSpec("role", .oneOf(CommandSpec.keyRoles.map(\.rawValue)), "what the new key may do"),
            ArgumentSpec("key", .base64(bytes: 32), "the raw Ed25519 public key"),
            ArgumentSpec("proof", .base64(bytes: 64), "the new key's signature over the bytes of <box>/<kid>"),
        ])

    /// Reads arguments that `spec.check` accepted.
    public init?(_ args: JSONObject) {
        guard let kid = args["kid"]?.string, let role = args["role"]?.string.flatMap(Role.init(rawValue:)),
            let keyText = args["key"]?.string, let publicKey = StrictBase64.bytes(keyText),
            let proof = args["proof"]?.string.flatMap(StrictBase64.bytes)
        else { return nil }
        self.kid = kid
        self.role = role
        self.publicKey = publicKey
        self.keyText = keyText
        self.proof = proof
    }

    /// What the proof must be a signature of.
    public func proofMessage(box: String) -> [UInt8] { Array("\(box)/\(kid)".utf8) }
}
