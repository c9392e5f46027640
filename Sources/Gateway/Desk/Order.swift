import Credit
import Metering

/// A command whose sender is known and may send it.
struct Order: Sendable {
    /// Who sent it.
    enum Origin: Hashable, Sendable {
        case key(String)
        case local(Role, uid: UInt32)
    }

    /// What its records are called. For a part of another command, `<jti>/<unit or number>`: no sender's id has a
    /// slash, so nobody can use it up before.
    var id: String
    var claims: Claims
    /// The claims as they came, for the record of a scheduled command.
    var payload: JSONValue
    var payloadHash: String
    var spec: CommandSpec
    var origin: Origin
    /// The unit, or the box.
    var unit: String
    /// Who waits at the control socket.
    var token: UInt64?
    /// Others who have sent the same bytes while it was carried out, and wait at the control socket.
    var listeners: [UInt64] = []
    /// Set when the command's counter rose.
    var counter: Int64?

    /// The command's arguments.
    var args: JSONObject { claims.args }

    /// When it may not be begun any more, seconds since 1970. What a person at the box orders, whose command has no end
    /// of its own, lives as long as a signed one may.
    func expires(after start: Int64) -> Int64 { claims.exp ?? start + spec.kind.longestLife }

    /// The id as others know it: `<jti>.<unit>` for a part (contract §5).
    var publicID: String {
        String(decoding: id.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 }, as: UTF8.self)
    }

    /// What every record of the command says.
    var recordData: JSONObject {
        var data: JSONObject = ["jti": .string(publicID), "payload_sha256": .string(payloadHash)]
        for (name, value) in origin.recordData.members { data[name] = value }
        return data
    }

    /// The order of one unit, or of one action, that this one stands for.
    func child(_ suffix: String, unit: String, spec: CommandSpec, args: JSONObject) -> Order {
        var child = self
        child.id = "\(id)/\(suffix)"
        child.unit = unit
        child.spec = spec
        child.claims.command = spec.name
        child.claims.args = args
        child.claims.sub = unit
        child.claims.bulk = nil
        child.claims.executeAt = nil
        child.token = nil
        child.listeners = []
        child.counter = nil
        return child
    }
}

extension Order.Origin {
    var recordData: JSONObject {
        switch self {
        case .key(let kid): ["kid": .string(kid)]
        case .local(let role, let uid): ["uid": .integer(Int64(uid)), "role": .string(role.rawValue)]
        }
    }

    var kid: String? { if case .key(let kid) = self { kid } else { nil } }

    /// Reads what `recordData` has written.
    init?(_ data: JSONObject) {
        if let kid = data["kid"]?.string {
            self = .key(kid)
            return
        }
        guard let role = data["role"]?.string.flatMap(Role.init(rawValue:)),
            let uid = data["uid"]?.integer.flatMap(UInt32.init(exactly:))
        else { return nil }
        self = .local(role, uid: uid)
    }
}
