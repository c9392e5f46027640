import Intervals
import Metering

/// `credit simulate` (contract §9): an account with its settings and dated events in; the journal, and the balances,
/// states and reasons at each step out. Pure: the zone's rules are handed in, and the switch obeys at once.
public struct CreditScenario: Sendable {
    /// Events in one scenario at most.
    public static let mostEvents = 100_000
    /// Time between two events at most, days: ten years.
    public static let mostDays: Int64 = 3660

    let unit: ScenarioUnit
    let events: [ScenarioEvent]
    let zone: ZoneRules

    /// Reads a scenario strictly.
    /// - Parameter zone: the rules of a named zone; nil when there is no such zone.
    public init(_ value: JSONValue, zone: (String) -> ZoneRules?) throws(ArgumentFault) {
        let fields = try FieldReader(value, allowed: ["zone", "currency", "unit", "events"])
        let name = try fields.text("zone", bytes: 1...64, default: "UTC")
        guard let rules = name == "UTC" ? .fixed(0) : zone(name) else {
            throw fields.fault("zone", "is not known; it must be the name of a time zone such as Europe/London")
        }
        self.zone = rules
        let currency = fields.has("currency") ? try fields.text("currency", bytes: 3...3) : nil
        unit = try ScenarioUnit(fields.value("unit") ?? [:], currency: currency)
        var events: [ScenarioEvent] = []
        let items = fields.has("events") ? try fields.items("events", 0...Self.mostEvents) : []
        for (index, item) in items.enumerated() {
            let event = try ScenarioEvent(item, path: "events[\(index)]")
            if let last = events.last, event.at - last.at > Self.mostDays * 86_400_000 {
                throw ArgumentFault(
                    argument: "events[\(index)].at",
                    message: "events[\(index)].at is more than \(Self.mostDays) days after the event before it")
            }
            events.append(event)
        }
        self.events = events
    }

    /// Reads and runs a scenario: `{"steps", "journal", "refused"}`.
    public static func run(_ value: JSONValue, zone: (String) -> ZoneRules?) throws(ArgumentFault) -> JSONValue {
        try CreditScenario(value, zone: zone).run()
    }

    /// Runs it: the same scenario always gives the same answer.
    public func run() throws(ArgumentFault) -> JSONValue {
        var run = try ScenarioRun(self)
        for (index, event) in events.enumerated() { try run.take(event, index) }
        return run.json
    }
}
