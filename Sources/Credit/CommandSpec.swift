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

/// What `sub` must name; a bulk command always names the box.
public enum CommandTarget: String, Sendable {
    case box, unit
    /// The box, or a unit that narrows the command down.
    case either
}

/// Who carries a command out when it has passed every check.
public enum CommandCarrier: Hashable, Sendable {
    /// The desk itself, or the unit.
    case desk
    /// The home area network.
    case han
    /// An upstream system, when it is configured.
    case upstream(String)
}

/// One command of the catalogue: everything the desk, the control socket, the CLI and the schema know about it.
public struct CommandSpec: Sendable {
    /// Checks arguments as a whole, more deeply than their specs can say.
    public typealias Check = @Sendable (JSONObject) throws(ArgumentFault) -> Void

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
    /// Whether a template may hold it.
    public var template: Bool
    /// Set where the class's rule about the clock is not the command's own: `time_attest` is how trust begins.
    public var ignoresClock: Bool
    /// Whether it may wait for `execute_at`: what waits is journalled with its arguments, secrets may not be.
    public var mayWait: Bool
    public var carrier: CommandCarrier
    /// The resource and verb that the command stands for; nil for an action.
    public var verb: ResourceVerb?
    /// In place of the arguments' own checks.
    var deepCheck: Check?

    /// A command; by default it acts on the box, refuses bulk and takes no arguments.
    public init(
        name: String, summary: String, kind: CommandClass, target: CommandTarget = .box, roles: [Role],
        arguments: [ArgumentSpec] = [], bulk: Bool = false, template: Bool = false, ignoresClock: Bool = false,
        mayWait: Bool = true, carrier: CommandCarrier = .desk, verb: ResourceVerb? = nil, check: Check? = nil
    ) {
        self.name = name
        self.summary = summary
        self.kind = kind
        self.target = target
        self.roles = roles
        self.arguments = arguments
        self.bulk = bulk
        self.template = template
        self.ignoresClock = ignoresClock
        self.mayWait = mayWait
        self.carrier = carrier
        self.verb = verb
        deepCheck = check
    }

    /// Whether any key may send it, whatever units the key is bound to.
    public var isForEveryKey: Bool { Self.keyRoles.allSatisfy { roles.contains($0) } }

    /// Roles of signing keys.
    public static let keyRoles: [Role] = [.owner, .billing, .ops, .read]
    /// Everyone who may read.
    public static let readers: [Role] = keyRoles + [.installer, .viewer]
    /// Money, tariffs and settings of the account.
    public static let billers: [Role] = [.owner, .billing]
    /// Supply, meters and the box.
    public static let operators: [Role] = [.owner, .ops]
    /// Settings that belong to the account and to the supply.
    public static let managers: [Role] = [.owner, .billing, .ops]
    /// What happens at the board.
    public static let installers: [Role] = [.owner, .ops, .installer]

    /// Checks `args`: nothing unknown, nothing missing, every value in its range.
    public func check(_ args: JSONObject) throws(ArgumentFault) {
        if let deepCheck {
            try deepCheck(args)
        } else {
            try ArgumentSpec.check(args, arguments)
        }
    }

    /// The row of `command list`.
    public var json: JSONValue { .object(row) }

    /// The answer of `command show`.
    public var detailJSON: JSONValue {
        var object = row
        object["target"] = .string(target.rawValue)
        object["template"] = .bool(template)
        object["counter_required"] = .bool(kind.needsCounter)
        object["longest_life_s"] = .integer(kind.longestLife)
        object["args"] = .array(arguments.map(\.json))
        return .object(object)
    }

    /// The JSON Schema of the arguments.
    public var schema: JSONObject { ArgumentSpec.schema(of: arguments) }

    private var row: JSONObject {
        [
            "name": .string(name), "summary": .string(summary), "class": .string(kind.rawValue),
            "roles": .array(roles.map { .string($0.rawValue) }), "bulk": .bool(bulk),
        ]
    }
}
