/// Who may do what. The first four are roles of signing keys, the others of local people (contract §5).
public enum Role: String, Sendable, CaseIterable {
    case owner, billing, ops, read
    case installer, viewer, customer
}

/// A key that may sign commands.
public struct SigningKey: Hashable, Sendable {
    public var kid: String
    public var role: Role
    /// The 32 raw bytes of the Ed25519 public key.
    public var publicKey: [UInt8]
    public var notBefore: WallTime?
    public var notAfter: WallTime?
    /// Units the key may command; nil for all.
    public var units: [String]?

    public init(
        kid: String, role: Role, publicKey: [UInt8], notBefore: WallTime? = nil, notAfter: WallTime? = nil,
        units: [String]? = nil
    ) {
        self.kid = kid
        self.role = role
        self.publicKey = publicKey
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.units = units
    }
}

/// The words a command's answer may carry as `code`; the order of the checks is the order of precedence (contract §5).
public enum CommandCode: String, Sendable, CaseIterable {
    case size, format, key, signature, target, role, conflict, expired, stale, policy, limit, precondition
    case applied, scheduled
    case noReply = "no_reply"
    case verifyMismatch = "verify_mismatch"
    case unsupported
    case storageFull = "storage_full"
    case switchContradicted = "switch_contradicted"
}

/// What the edge found out about a signature; every further check is the agent's.
public enum SignatureState: Hashable, Sendable {
    case valid(kid: String)
    case invalid(kid: String)
    case unknownKey(kid: String)
    /// No JWS, not EdDSA, not base64url, or too long; the text says which.
    case malformed(String)
    /// A local request on the control socket: no signature, the peer's credentials decide.
    case local(Role, uid: UInt32)
}

/// The stored first answer to a command id.
public struct StoredAnswer: Hashable, Sendable {
    /// Lower-case hex SHA-256 of the payload bytes of the command that consumed the id.
    public var payloadHash: String
    /// The result object of that answer.
    public var result: JSONObject

    public init(payloadHash: String, result: JSONObject) {
        self.payloadHash = payloadHash
        self.result = result
    }
}

/// A command with its origin and authority, on its way to the agent.
public struct Envelope: Hashable, Sendable {
    /// The claims exactly as signed: JSON bytes.
    public var payload: [UInt8]
    /// Lower-case hex SHA-256 of `payload`.
    public var payloadHash: String
    public var signature: SignatureState
    /// The broker said it was retained: an old command, dropped with an audit record.
    public var retained: Bool
    /// Over 16 KiB; `payload` is then empty.
    public var oversized: Bool
    /// The answer already given to this command's `jti`, looked up in the journal.
    public var stored: StoredAnswer?

    public init(
        payload: [UInt8], payloadHash: String, signature: SignatureState, retained: Bool = false,
        oversized: Bool = false, stored: StoredAnswer? = nil
    ) {
        self.payload = payload
        self.payloadHash = payloadHash
        self.signature = signature
        self.retained = retained
        self.oversized = oversized
        self.stored = stored
    }
}
