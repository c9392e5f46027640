import Metering

/// What a command wants of an upstream system; the daemon's runner carries it out and answers with
/// `Input.upstream(id:_:)`.
public struct UpstreamOrder: Hashable, Sendable {
    /// The command's id (`jti`): the answer comes back under it.
    public var id: String
    /// `reposit`, `redex`, `powerbox` or `ropo`.
    public var system: String
    /// The command's name without its system: `register_single`, `validate`, `devices_refresh`, `bind` …
    public var operation: String
    /// The command's arguments as they came.
    public var args: JSONObject

    public init(id: String, system: String, operation: String, args: JSONObject) {
        self.id = id
        self.system = system
        self.operation = operation
        self.args = args
    }
}

/// A record that the upstream runner wants in the journal, in the agent's numbering. The agent appends it and says
/// `Effect.upstreamRecorded(token)`, which comes only after the record is durable: nothing is sent before that.
public struct UpstreamRecord: Hashable, Sendable {
    /// The runner's own name for this record.
    public var token: UInt64
    /// `upstream.sent`, `upstream.answered`, `upstream.parked` or `alarm`.
    public var kind: JournalKind
    /// What the record is called in its key, `<kind>/<name>`; nil for `<kind>/<seq>`.
    public var name: String?
    public var data: JSONObject

    public init(token: UInt64, kind: JournalKind, name: String?, data: JSONObject) {
        self.token = token
        self.kind = kind
        self.name = name
        self.data = data
    }
}
