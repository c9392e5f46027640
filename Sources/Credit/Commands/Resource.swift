import Metering

/// A value of a payment unit that can be set and read. Its verbs are generic: `<name>_set`, `<name>_fetch`,
/// `<name>_cached_get` and `<name>_cached_get_all` come from this one description.
public struct Resource: Sendable {
    /// What can be done with a resource.
    public enum Verb: String, Sendable, CaseIterable {
        case set, fetch
        case cachedGet = "cached_get"
        case cachedGetAll = "cached_get_all"
    }

    /// snake_case, the first part of its commands' names.
    public var name: String
    /// In words that complete "Sets …" and "Reads …".
    public var title: String
    /// The class of its `_set`.
    public var kind: CommandClass
    /// Who may set it.
    public var roles: [Role]
    /// The value: arguments of `_set`.
    public var value: [ArgumentSpec]
    /// What narrows reading down.
    public var filter: [ArgumentSpec]
    /// Whether bulk and templates may set it.
    public var bulk: Bool
    public var template: Bool
    /// Verbs there are.
    public var verbs: [Verb]
    /// Whether bulk may fetch it.
    public var bulkFetch: Bool
    var check: CommandSpec.Check?

    /// A resource with all four verbs; reading takes no arguments, and its class is `other`.
    public init(
        name: String, title: String, kind: CommandClass = .other, roles: [Role], value: [ArgumentSpec],
        filter: [ArgumentSpec] = [], bulk: Bool, template: Bool = true, verbs: [Verb] = Verb.allCases,
        bulkFetch: Bool = false, check: CommandSpec.Check? = nil
    ) {
        self.name = name
        self.title = title
        self.kind = kind
        self.roles = roles
        self.value = value
        self.filter = filter
        self.bulk = bulk
        self.template = template
        self.verbs = verbs
        self.bulkFetch = bulkFetch
        self.check = check
    }

    /// A resource that a unit's account and supply go by: `UnitCommand` reads its value and says what is wrong with it.
    static func ofUnit(
        _ name: String, _ title: String, kind: CommandClass = .other, roles: [Role], bulk: Bool,
        filter: [ArgumentSpec] = [], _ value: [ArgumentSpec]
    ) -> Resource {
        Resource(
            name: name, title: title, kind: kind, roles: roles, value: value, filter: filter, bulk: bulk,
            check: UnitCommand.check("\(name)_set"))
    }

    /// Its commands.
    public var commands: [CommandSpec] { verbs.map(command) }

    private func command(_ verb: Verb) -> CommandSpec {
        let name = "\(name)_\(verb.rawValue)"
        let resource = ResourceVerb(resource: self.name, verb: verb)
        switch verb {
        case .set:
            return CommandSpec(
                name: name, summary: "Sets \(title).", kind: kind, target: .unit, roles: roles, arguments: value,
                bulk: bulk, template: template, verb: resource, check: check)
        case .fetch:
            return CommandSpec(
                name: name, summary: "Reads \(title) from the unit now.", kind: .read, target: .unit,
                roles: CommandSpec.readers, arguments: filter, bulk: bulkFetch, verb: resource)
        case .cachedGet:
            return CommandSpec(
                name: name, summary: "Answers with what is last known of \(title).", kind: .read, target: .unit,
                roles: CommandSpec.readers, arguments: filter, verb: resource)
        case .cachedGetAll:
            return CommandSpec(
                name: name, summary: "Answers with what is last known of \(title), of all units.", kind: .read,
                roles: CommandSpec.readers, arguments: filter + Self.page, verb: resource)
        }
    }

    /// Which part of a long answer is wanted.
    static let page: [ArgumentSpec] = [
        .optional("page", .integer(1...1_000_000), "which page, from 1"),
        .optional("limit", .integer(1...500), "units on a page, 100 unless said otherwise"),
    ]
}

/// What a command does to which resource.
public struct ResourceVerb: Hashable, Sendable {
    public var resource: String
    public var verb: Resource.Verb
}

extension UnitCommand {
    /// The check that the command's own reader makes.
    static func check(_ name: String) -> CommandSpec.Check {
        { args throws(ArgumentFault) in _ = try read(name, .object(args)) }
    }
}

/// Argument types that several commands take.
extension ArgumentType {
    static let weekday = ArgumentType.oneOf(Weekday.allCases.map(\.rawValue))
    /// A debt or a setting: 0 to a million major units.
    static let amount = ArgumentType.money(MoneyRange.amount)
    /// Why something is done, for people.
    static let reason = ArgumentType.text(0...160)
    /// Meter slot of a unit.
    static let slot = ArgumentType.integer(1...16)

    static func words<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> ArgumentType
    where Word.RawValue == String {
        .oneOf(type.allCases.map(\.rawValue))
    }
}

extension ArgumentSpec {
    /// When something falls due: members of `RecoveryPeriod`.
    static let period: [ArgumentSpec] = [
        ArgumentSpec("period", .words(RecoveryPeriod.Every.self), "how often"),
        .optional("at", .timeOfDay(mayEndDay: false), "local time of day, 00:00 unless said otherwise"),
        .optional("weekday", .weekday, "for weekly; Monday unless said otherwise"),
        .optional("day", .integer(1...28), "day of the month for monthly; the first unless said otherwise"),
    ]
}
