import Metering

/// What a command acts on: it decides how long a command may live, whether it counts, and what an untrusted clock
/// does to it (contract §5).
public enum CommandClass: String, Sendable, CaseIterable {
    /// Money in an account: any order, once each, good for a year.
    case credit
    /// Changes nothing on the box.
    case read
    /// May open a load switch or arm one to be opened.
    case supply
    /// Gives supply back.
    case reconnect
    /// Everything else that sets state.
    case other

    /// Longest time from `iat` (or `execute_at`) to `exp`, seconds.
    public var longestLife: Int64 {
        switch self {
        case .credit: 366 * 86_400
        case .read, .other: 7 * 86_400
        case .supply: 15 * 60
        case .reconnect: 86_400
        }
    }

    /// Whether a signed command must carry a rising `ctr`.
    public var needsCounter: Bool { self != .credit && self != .read }

    /// Whether it is carried out even when the box does not trust its clock.
    public var worksWithoutClock: Bool { self == .credit || self == .read || self == .reconnect }
}

/// What `sub` must name.
public enum CommandTarget: String, Sendable {
    case box, unit
}

/// One command of the catalogue: everything the desk, the control socket, the CLI and the schema know about it.
public struct CommandSpec: Sendable {
    /// The catalogue's name, snake_case.
    public var name: String
    /// One sentence for people.
    public var summary: String
    public var kind: CommandClass
    public var target: CommandTarget
    /// Roles that may send it, of keys and of local people. A key bound to units may send a box-wide command only
    /// when every role may.
    public var roles: [Role]
    public var arguments: [ArgumentSpec]
    /// Whether one signed command may address many units.
    public var bulk: Bool
    /// Set where the class's rule about the clock is not the command's own: `time_attest` is how trust begins.
    public var ignoresClock: Bool

    /// A command; by default it acts on the box, refuses bulk and takes no arguments.
    public init(
        name: String, summary: String, kind: CommandClass, target: CommandTarget = .box, roles: [Role],
        arguments: [ArgumentSpec] = [], bulk: Bool = false, ignoresClock: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.kind = kind
        self.target = target
        self.roles = roles
        self.arguments = arguments
        self.bulk = bulk
        self.ignoresClock = ignoresClock
    }

    /// Whether any key may send it, whatever units the key is bound to.
    public var isForEveryKey: Bool { Self.keyRoles.allSatisfy { roles.contains($0) } }

    /// Roles of signing keys.
    public static let keyRoles: [Role] = [.owner, .billing, .ops, .read]

    /// Checks `args` against the declared arguments: nothing unknown, nothing missing, every value in its range.
    public func check(_ args: JSONObject) throws(ArgumentFault) {
        for (name, _) in args.members where !arguments.contains(where: { $0.name == name }) {
            throw ArgumentFault(
                argument: "unknown_member", message: "\(self.name) takes no such argument; it takes \(argumentList)")
        }
        for argument in arguments {
            guard let value = args[argument.name] else {
                guard argument.isRequired else { continue }
                throw ArgumentFault(
                    argument: argument.name, message: "\(name) needs the argument \(argument.name)")
            }
            guard argument.type.accepts(value) else {
                throw ArgumentFault(
                    argument: argument.name, message: "\(argument.name) must be \(argument.type.description)")
            }
        }
    }

    private var argumentList: String {
        arguments.isEmpty ? "none" : arguments.map(\.name).joined(separator: ", ")
    }

    /// The row of `command list`.
    public var json: JSONValue { .object(row) }

    /// The answer of `command show`.
    public var detailJSON: JSONValue {
        var object = row
        object["target"] = .string(target.rawValue)
        object["counter_required"] = .bool(kind.needsCounter)
        object["longest_life_s"] = .integer(kind.longestLife)
        object["args"] = .array(arguments.map(\.json))
        return .object(object)
    }

    private var row: JSONObject {
        [
            "name": .string(name), "summary": .string(summary), "class": .string(kind.rawValue),
            "roles": .array(roles.map { .string($0.rawValue) }), "bulk": .bool(bulk),
        ]
    }
}
