import Credit
import Intervals
import Metering

/// Commands that change nothing. A `fetch` asks the unit now, a `cached_get` answers with what is last known and how
/// old that is.
extension Desk {
    mutating func read(
        _ order: Order, clock: ClockTrust, units: some DeskUnits, turn: Turn
    ) throws(Refusal) -> Outcome {
        if let verb = order.spec.verb { return try read(verb, order, units: units, turn: turn) }
        let now = turn.moment.wall
        switch order.spec.name {
        case Ping.spec.name: return pong(clock: clock, turn: turn)
        case "credit_last_additions_fetch":
            return try one(units.additionsJSON(unit: order.unit).map { ["additions": $0] }, at: now)
        case "omnipower_relay_fetch": return try relay(order, units: units, at: now)
        case "payment_pending_find": return pendingPayments(order)
        case "tariff_unit_list": return Outcome(message: "units of tariffs", result: Self.tariffUnits)
        case "unit_list": return unitList(order, units: units, at: now)
        case "snapshot_get":
            return Outcome(message: "last known", result: snapshot(order.unit, units: units, at: now))
        case "snapshot_get_all":
            return page(order, units: units) { snapshot($0, units: units, at: now) }
        case "request_list", "schedule_list", "bulk_result_get", "bulk_progress_get":
            return try readRequests(order)
        default: return try readTemplates(order)
        }
    }

    private mutating func read(
        _ verb: ResourceVerb, _ order: Order, units: some DeskUnits, turn: Turn
    ) throws(Refusal) -> Outcome {
        let now = turn.moment.wall
        switch verb.verb {
        case .set: throw .format("cmd", "this command sets")
        case .fetch:
            var value = try fetched(verb.resource, order.unit, args: order.args, units: units, at: now)
            if verb.resource == "credit" { value["as_of_seq"] = .integer(turn.head) }
            observe(verb.resource, order.unit, value, at: now)
            return Outcome(message: "read now", result: .object(value))
        case .cachedGet:
            return Outcome(
                message: "last known",
                result: .object(
                    try lastKnown(verb.resource, order.unit, args: order.args, units: units, at: now)))
        case .cachedGetAll:
            return page(order, units: units) { unit in
                var row: JSONObject = ["unit": .string(unit)]
                let value = try? lastKnown(verb.resource, unit, args: order.args, units: units, at: now)
                for (name, value) in (value ?? ["known": false]).members { row[name] = value }
                return .object(row)
            }
        }
    }

    // MARK: Values

    /// A resource's value now, as an object with `observed_at`.
    private func fetched(
        _ resource: String, _ unit: String, args: JSONObject, units: some DeskUnits, at now: WallTime
    ) throws(Refusal) -> JSONObject {
        var value = try current(resource, unit, args: args, units: units, at: now)
        value["observed_at"] = .string(now.text)
        return value
    }

    private func current(
        _ resource: String, _ unit: String, args: JSONObject, units: some DeskUnits, at now: WallTime
    ) throws(Refusal) -> JSONObject {
        switch resource {
        case "credit": return try Self.object(units.creditJSON(unit: unit, at: now), "credit")
        case "credit_report":
            let from = Self.time(args["from"])
            let to = Self.time(args["to"])
            if let from, let to, from >= to { throw .precondition("from", "from must be before to") }
            return try Self.object(units.creditReportJSON(unit: unit, from: from, to: to, at: now), "report")
        case "meter_reading":
            return Self.narrowed(
                try Self.object(units.meterReadingsJSON(unit: unit), "meters"), "meters", by: "slot",
                args["slot"] ?? args["meter_slot"])
        case "tariff":
            return Self.tariffs(units.settingJSON(resource, unit: unit, at: now), args["tariff_id"])
        case "firmware_version": return ["version": .string(version)]
        case _ where Self.keeps(resource): return kept[resource, unit] ?? ["configured": false]
        default:
            guard let value = units.settingJSON(resource, unit: unit, at: now) else {
                throw Refusal(
                    code: .unsupported, detail: "no_such_resource", message: "this unit has no \(resource)")
            }
            var object = value == .null ? ["configured": false] : try Self.object(value, "value")
            if resource == "emergency_credit", let state = units.creditJSON(unit: unit, at: now)?["emergency"] {
                object["remaining_micro"] = state["left_micro"]
                object["state"] = state["state"]
            }
            return object
        }
    }

    /// What is last known: the account's own state is always known, with the age of the newest news of it.
    private func lastKnown(
        _ resource: String, _ unit: String, args: JSONObject, units: some DeskUnits, at now: WallTime
    ) throws(Refusal) -> JSONObject {
        let observation = observations.newest(resource, unit)
        var value: JSONObject
        if resource == "credit_report" {
            guard let kept = observation?.value else {
                throw .precondition("nothing_known", "no credit report was fetched since the box was started")
            }
            value = kept
        } else {
            value = try current(resource, unit, args: args, units: units, at: now)
        }
        let at = observation?.at ?? observations.since ?? now
        value["observed_at"] = .string(at.text)
        value["age_s"] = .integer(max(0, now - at) / 1000)
        return value
    }

    /// Everything that is known of a unit, block by block.
    private func snapshot(_ unit: String, units: some DeskUnits, at now: WallTime) -> JSONValue {
        var blocks = JSONObject()
        for resource in Catalogue.resources where resource.verbs.contains(.cachedGet) {
            blocks[resource.name] =
                (try? lastKnown(resource.name, unit, args: JSONObject(), units: units, at: now)).map { .object($0) }
        }
        blocks["supply"] = units.supplyJSON(unit: unit)
        return ["unit": .string(unit), "blocks": .object(blocks)]
    }

    private func relay(_ order: Order, units: some DeskUnits, at now: WallTime) throws(Refusal) -> Outcome {
        guard let relay = units.relayJSON(unit: order.unit), relay != .null else {
            throw Refusal(
                code: .unsupported, detail: "no_switch", message: "\(order.unit) has no switch in the configuration")
        }
        return Outcome(message: "read now", result: relay)
    }

    // MARK: Lists

    private func unitList(_ order: Order, units: some DeskUnits, at now: WallTime) -> Outcome {
        let bound = boundUnits(order.origin)
        let wanted = order.args["state"]?.string
        let rows = (units.listJSON(at: now).array ?? []).filter { row in
            let unit = (row["unit"] ?? row["id"])?.string ?? ""
            guard bound?.contains(unit) ?? true else { return false }
            return wanted == nil || units.supplyJSON(unit: unit)?["decided"]?.string == wanted
        }
        return Outcome(message: "\(rows.count) units", result: ["units": .array(rows)])
    }

    /// A page of rows, one for each unit that the sender may see.
    private func page(
        _ order: Order, units: some DeskUnits, _ row: (String) -> JSONValue
    ) -> Outcome {
        let bound = boundUnits(order.origin)
        let visible = bound.map { bound in units.ids.filter { bound.contains($0) } } ?? units.ids
        let limit = Int(order.args["limit"]?.integer ?? 100)
        let page = Int(order.args["page"]?.integer ?? 1)
        let first = min((page - 1) * limit, visible.count)
        let rows = visible[first..<min(first + limit, visible.count)].map(row)
        return Outcome(
            message: "\(rows.count) of \(visible.count) units",
            result: [
                "units": .array(rows), "page": JSONValue(page), "pages": JSONValue((visible.count + limit - 1) / limit),
                "total": JSONValue(visible.count),
            ])
    }

    /// Payments that wait for their `execute_at`: every other one is applied or refused at once.
    private func pendingPayments(_ order: Order) -> Outcome {
        let since = Self.time(order.args["since"])
        let rows = scheduled.filter { $0.order.spec.name == "payment_add" && $0.order.unit == order.unit }
            .compactMap { waiting -> JSONValue? in
                let request = requests.request(waiting.order.id)
                if let since, let request, request.receivedAt < since { return nil }
                return [
                    "request_id": .string(waiting.order.id),
                    "payment_id": waiting.order.args["payment_id"] ?? .null,
                    "amount_micro": waiting.order.args["amount_micro"] ?? .null,
                    "execute_at": .string(WallTime(seconds: waiting.at).textSeconds),
                ]
            }
        return Outcome(message: "\(rows.count) payments", result: ["payments": .array(rows)])
    }

    // MARK: Helpers

    private func one(_ value: JSONValue?, at now: WallTime) throws(Refusal) -> Outcome {
        var object = try Self.object(value, "value")
        object["observed_at"] = .string(now.text)
        return Outcome(message: "read now", result: .object(object))
    }

    /// The value as an object: a list stands in a member.
    private static func object(_ value: JSONValue?, _ name: String) throws(Refusal) -> JSONObject {
        switch value {
        case .object(let object)?: return object
        case .null?, nil:
            throw Refusal(
                code: .unsupported, detail: "nothing_known", message: "the box knows no \(name) of this unit")
        case let value?: return [name: value]
        }
    }

    /// Only the rows of a list member whose `key` is the wanted one.
    private static func narrowed(
        _ object: JSONObject, _ list: String, by key: String, _ wanted: JSONValue?
    ) -> JSONObject {
        guard let wanted, let rows = object[list]?.array else { return object }
        var narrowed = object
        narrowed[list] = .array(rows.filter { $0[key] == wanted })
        return narrowed
    }

    private static func tariffs(_ value: JSONValue?, _ wanted: JSONValue?) -> JSONObject {
        let all = (value?.array ?? []).filter { $0 != .null }
        guard let wanted else { return ["tariffs": .array(all)] }
        // A plan without a number, or with 0, is the first.
        let one = all.first { plan in
            let number = plan["tariff_id"]?.integer ?? 0
            return max(number, 1) == wanted.integer
        }
        return one?.object ?? ["configured": false]
    }

    private static let tariffUnits: JSONValue = [
        "units": .array(TariffUnit.allCases.map { .string($0.rawValue) }),
        "charged": .array(TariffUnit.allCases.filter(\.isEnergy).map { .string($0.rawValue) }),
    ]
}

/// When a unit's values were last set or read, and what a report said.
struct Observations: Codable, Sendable {
    struct Observation: Codable, Sendable {
        var at: WallTime
        /// Only of what cannot be asked again.
        var value: JSONObject?
    }

    /// What was never observed is known since then: the configuration gave it.
    var since: WallTime?
    /// By `resource/unit`. Looked up, never iterated.
    private var newest: [String: Observation] = [:]

    func newest(_ resource: String, _ unit: String) -> Observation? { newest["\(resource)/\(unit)"] }

    mutating func note(_ resource: String, _ unit: String, at time: WallTime, value: JSONObject? = nil) {
        newest["\(resource)/\(unit)"] = Observation(at: time, value: value)
    }
}

extension Desk {
    /// A value was read.
    mutating func observe(_ resource: String, _ unit: String, _ value: JSONObject, at time: WallTime) {
        observations.note(resource, unit, at: time, value: resource == "credit_report" ? value : nil)
    }

    /// Accounts changed in a turn, by a command or by what was used.
    mutating func observe(_ effects: [Effect]) {
        for case .append(let draft) in effects where draft.kind.rawValue.hasPrefix("credit.") {
            guard let unit = draft.data["unit"]?.string else { continue }
            observations.note("credit", unit, at: draft.at)
        }
    }

    /// A value was set.
    mutating func observe(_ order: Order, at time: WallTime) {
        if let verb = order.spec.verb, verb.verb == .set {
            observations.note(verb.resource, order.unit, at: time)
        }
    }
}
