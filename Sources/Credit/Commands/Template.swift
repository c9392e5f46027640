import Metering

/// A template: commands with their arguments, checked whole.
public struct Template: Hashable, Codable, Sendable {
    /// One command of it.
    public struct Action: Hashable, Codable, Sendable {
        public var command: String
        public var payload: JSONObject
    }

    public var id: String
    public var name: String
    public var revision: Int64
    public var actions: [Action]

    /// A template that comes with the box.
    init(id: String, name: String, _ actions: [(String, JSONObject)]) {
        self.id = id
        self.name = name
        revision = 1
        self.actions = actions.map { Action(command: $0.0, payload: $0.1) }
    }

    /// Reads the arguments of `template_upsert`; a fault names the action and its field.
    public init(_ args: JSONObject) throws(ArgumentFault) {
        try ArgumentSpec.check(args, TemplateCommands.upsert.arguments)
        id = args["template_id"]?.string ?? ""
        name = args["name"]?.string ?? ""
        revision = args["revision"]?.integer ?? 1
        actions = []
        for (index, item) in (args["actions"]?.array ?? []).enumerated() {
            let action = Action(
                command: item["command"]?.string ?? "", payload: item["payload"]?.object ?? JSONObject())
            try Self.check(action, path: "actions[\(index)]")
            actions.append(action)
        }
    }

    private static func check(_ action: Action, path: String) throws(ArgumentFault) {
        guard let spec = Catalogue.command(action.command), spec.template else {
            throw ArgumentFault(
                argument: "\(path).command",
                message: "\(path).command is none that a template may hold; see template_available_action_list")
        }
        do throws(ArgumentFault) {
            try spec.check(action.payload)
        } catch {
            throw ArgumentFault(
                argument: "\(path).payload.\(error.argument)", message: "\(path).payload: \(error.message)")
        }
    }

    /// As `template_upsert` takes it.
    public var json: JSONValue {
        [
            "template_id": .string(id), "name": .string(name), "revision": .integer(revision),
            "actions": .array(
                actions.map { ["command": .string($0.command), "payload": .object($0.payload)] }),
        ]
    }

    /// Templates that come with the box; stored ones of the same id take their place.
    public static let base: [Template] = [prepaymentDefault, creditDefault, vulnerableCustomer, voidProperty]

    private static let prepaymentDefault = Template(
        id: "prepayment_default", name: "Prepayment with emergency credit",
        [
            ("operational_mode_set", ["mode": "prepayment"]),
            (
                "emergency_credit_set",
                ["limit_micro": 10_000_000, "offer_below_micro": 2_000_000, "auto_activate": false]
            ),
            ("low_credit_set", ["enabled": true, "threshold_micro": 5_000_000, "audible": true]),
            ("friendly_days_set", FriendlyDays.initial.json.object ?? JSONObject()),
            ("special_days_set", SpecialDays.initial.json.object ?? JSONObject()),
        ])

    private static let creditDefault = Template(
        id: "credit_default", name: "Billed later: supply is never cut for lack of credit",
        [
            ("operational_mode_set", ["mode": "credit"]),
            ("low_credit_set", ["enabled": false, "threshold_micro": 0]),
            ("emergency_credit_set", ["limit_micro": 0]),
        ])

    /// Every minute of the week is friendly: nothing but a change of this calendar can cut the supply.
    private static let vulnerableCustomer = Template(
        id: "vulnerable_customer", name: "Supply is never cut, warnings come early",
        [
            ("friendly_days_set", everyMinute),
            (
                "emergency_credit_set",
                ["limit_micro": 20_000_000, "offer_below_micro": 5_000_000, "auto_activate": true]
            ),
            ("low_credit_set", ["enabled": true, "threshold_micro": 10_000_000, "audible": false]),
        ])

    private static let everyMinute =
        FriendlyDays(windows: Weekday.allCases.map { _ in [.wholeDay] }).json.object ?? JSONObject()

    private static let voidProperty = Template(
        id: "void_property", name: "Nobody lives there: no loans, no deductions, no warnings",
        [
            ("emergency_credit_set", ["limit_micro": 0]),
            ("low_credit_set", ["enabled": false, "threshold_micro": 0]),
            ("regular_deduction_set", ["amount_micro": 0, "period": "daily", "enabled": false]),
        ])
}
