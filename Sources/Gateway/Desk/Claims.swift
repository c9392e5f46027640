import Metering

/// The claims of a command (contract §5), strictly read: nothing unknown, integers only, every value in its range.
///
/// A local command has the same form, but only `cmd` must be there: the peer's credentials stand for `iat`, `exp` and
/// `ctr`, and the desk makes a `jti` when there is none.
struct Claims: Hashable, Sendable {
    var jti: String?
    var aud: String?
    var sub: String?
    /// Seconds since 1970.
    var iat: Int64?
    var nbf: Int64?
    var exp: Int64?
    var executeAt: Int64?
    var counter: Int64?
    var command: String
    var args: JSONObject
    var bulk: Bulk?

    /// One command for many units.
    struct Bulk: Hashable, Sendable {
        var id: String
        var name: String?
        /// Nil for all units of the box.
        var units: [String]?
    }

    /// Reads the claims; a refusal is `format` and its detail names the member.
    init(_ value: JSONValue, isLocal: Bool) throws(Refusal) {
        guard case .object(let object) = value else {
            throw .format("payload", "the payload must be a JSON object of claims")
        }
        for (name, _) in object.members where !Self.names.contains(name) {
            throw .format("unknown_member", "the payload has a member that is no claim of a command")
        }
        let reader = ClaimReader(object)
        jti = try reader.identifier("jti", isRequired: !isLocal)
        aud = try reader.identifier("aud", isRequired: !isLocal)
        sub = try reader.identifier("sub", isRequired: !isLocal)
        iat = try reader.integer("iat", Self.times, isRequired: !isLocal)
        nbf = try reader.integer("nbf", Self.times, isRequired: false)
        exp = try reader.integer("exp", Self.times, isRequired: !isLocal)
        executeAt = try reader.integer("execute_at", Self.times, isRequired: false)
        counter = try reader.integer("ctr", 1...9_007_199_254_740_991, isRequired: false)
        guard let command = try reader.identifier("cmd", isRequired: true) else { throw .missing("cmd") }
        self.command = command
        args = try reader.object("args")
        bulk = nil
        if let value = object["bulk"] { bulk = try Bulk(value) }
    }

    /// The `jti` of a payload whose other members may be anything; nil unless it may be used as an id.
    static func identifier(in value: JSONValue?) -> String? {
        guard let text = value?["jti"]?.string, Identifier.isValid(text) else { return nil }
        return text
    }

    private static let names = [
        "jti", "aud", "sub", "iat", "nbf", "exp", "ctr", "cmd", "args", "execute_at", "bulk",
    ]
    /// To the end of the year 9999.
    private static let times: ClosedRange<Int64> = 0...253_402_300_799
}

extension Claims.Bulk {
    init(_ bulk: JSONValue) throws(Refusal) {
        guard case .object(let object) = bulk,
            object.members.allSatisfy({ ["id", "name", "units"].contains($0.name) }),
            let id = object["id"]?.string, Identifier.isValid(id),
            object["name"].map({ (1...64).contains($0.string?.utf8.count ?? 0) }) ?? true
        else { throw .format("bulk", "bulk must be {\"id\", \"name\"?, \"units\"}") }
        self.id = id
        name = object["name"]?.string
        units = nil
        if object["units"]?.string == "all" { return }
        guard let items = object["units"]?.array, (1...1000).contains(items.count) else {
            throw .format("bulk", "bulk.units must be \"all\" or 1 to 1000 unit ids")
        }
        let names = items.compactMap { $0.string.flatMap { Identifier.isValidName($0) ? $0 : nil } }
        guard names.count == items.count, Set(names).count == names.count else {
            throw .format("bulk", "bulk.units must be unit ids, each of them once")
        }
        units = names
    }
}

/// Takes claims out of an object.
private struct ClaimReader {
    private let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    func identifier(_ name: String, isRequired: Bool) throws(Refusal) -> String? {
        guard let value = object[name] else {
            if isRequired { throw .missing(name) }
            return nil
        }
        guard let text = value.string, Identifier.isValid(text) else {
            throw .format(name, "\(name) must be a text of 1 to 64 characters A-Z a-z 0-9 _ . : -")
        }
        return text
    }

    func integer(_ name: String, _ range: ClosedRange<Int64>, isRequired: Bool) throws(Refusal) -> Int64? {
        guard let value = object[name] else {
            if isRequired { throw .missing(name) }
            return nil
        }
        guard let number = value.integer, range.contains(number) else {
            throw .format(name, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func object(_ name: String) throws(Refusal) -> JSONObject {
        guard let value = object[name] else { return JSONObject() }
        guard case .object(let members) = value else { throw .format(name, "\(name) must be a JSON object") }
        return members
    }
}
