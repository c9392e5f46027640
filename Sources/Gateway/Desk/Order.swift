import Credit
import Metering

/// A command whose sender is known and may send it.
struct Order: Sendable {
    /// Who sent it.
    enum Origin: Hashable, Sendable {
        case key(String)
        case local(Role, uid: UInt32)
    }

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
    /// Set when the command's counter rose.
    var counter: Int64?

    /// What every record of the command says.
    var recordData: JSONObject {
        var data: JSONObject = ["jti": .string(id), "payload_sha256": .string(payloadHash)]
        for (name, value) in origin.recordData.members { data[name] = value }
        return data
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
}
