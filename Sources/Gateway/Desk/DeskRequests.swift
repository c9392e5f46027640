import Credit
import Metering

/// What became of commands, and taking back those that wait.
extension Desk {
    // MARK: Cancelling

    /// The request that a command cancels, as far as it is known; nil for every other command.
    func cancelled(by claims: Claims) -> RequestStore.Request? {
        guard ["request_cancel", "schedule_cancel"].contains(claims.command) else { return nil }
        return (claims.args["request_id"] ?? claims.args["schedule_id"])?.string.flatMap { requests.request($0) }
    }

    /// The scheduled order that is to be cancelled.
    func cancellable(_ order: Order) throws(Refusal) -> ScheduledOrder {
        let id = (order.args["request_id"] ?? order.args["schedule_id"])?.string
        if let waiting = scheduled.first(where: { $0.order.id == id }) {
            guard order.unit == box || waiting.order.unit == order.unit else {
                throw .precondition("other_unit", "this request is for another unit")
            }
            return waiting
        }
        guard let request = id.flatMap({ requests.request($0) }) else {
            throw .precondition("unknown_request", "no request of this id waits; see meterside request list")
        }
        if request.state.isEnd {
            throw .precondition("already_ended", "this request is \(request.state.rawValue) already")
        }
        throw .precondition("executing", "this request is being carried out and can no longer be cancelled")
    }

    /// Ends a scheduled request; its own answer says so.
    mutating func cancel(_ order: Order, turn: inout Turn) throws(Refusal) -> Outcome {
        let waiting = try cancellable(order)
        scheduled.removeAll { $0.order.id == waiting.order.id }
        let result = CommandResult(
            id: waiting.order.id, command: waiting.order.spec.name, unit: waiting.order.unit, state: .cancelled,
            code: .precondition, detail: "cancelled", message: "it was cancelled before its time")
        finish(waiting.order, .commandRefused, result, more: ["cancelled_by": .string(order.id)], turn: &turn)
        return Outcome(
            message: "the request is cancelled",
            result: ["request_id": .string(waiting.order.id), "state": "cancelled"])
    }

    // MARK: Reading

    func readRequests(_ order: Order) throws(Refusal) -> Outcome {
        let args = narrowed(order)
        switch order.spec.name {
        case "request_list":
            let rows = requestRows(args, of: visible(to: order))
            return Outcome(message: "\(rows.count) requests", result: ["requests": .array(rows)])
        case "schedule_list":
            let bound = boundUnits(order.origin)
            let rows = scheduleRows(args, bound: bound)
            return Outcome(message: "\(rows.count) scheduled", result: ["scheduled": .array(rows)])
        default: return try readBulk(order)
        }
    }

    /// `sub` may name the unit as well as `unit_id` does.
    private func narrowed(_ order: Order) -> JSONObject {
        var args = order.args
        if order.unit != box { args["unit_id"] = .string(order.unit) }
        return args
    }

    /// Requests that the sender may see, oldest first: a key that is bound to units sees those and its own.
    func visible(to order: Order) -> [RequestStore.Request] {
        guard let bound = boundUnits(order.origin) else { return requests.requests }
        return requests.requests.filter { bound.contains($0.unit) || $0.origin == order.origin }
    }

    private func requestRows(_ filter: JSONObject, of all: [RequestStore.Request]) -> [JSONValue] {
        let since = Self.time(filter["since"])
        let limit = Int(filter["limit"]?.integer ?? 100)
        var rows: [JSONValue] = []
        for request in all.reversed() where rows.count < limit {
            if let id = filter["request_id"]?.string, request.id != id { continue }
            if let unit = filter["unit_id"]?.string, !request.concerns(unit) { continue }
            if let state = filter["state"]?.string, request.state.rawValue != state { continue }
            if let command = filter["command"]?.string, request.command != command { continue }
            if let since, request.receivedAt < since { continue }
            rows.append(request.row)
        }
        return rows
    }

    private func scheduleRows(_ filter: JSONObject, bound: [String]?) -> [JSONValue] {
        let from = Self.time(filter["from"])
        let to = Self.time(filter["to"])
        return scheduled.compactMap { waiting in
            let order = waiting.order
            let at = WallTime(seconds: waiting.at)
            guard bound?.contains(order.unit) ?? true, from.map({ $0 <= at }) ?? true, to.map({ at < $0 }) ?? true
            else { return nil }
            if let unit = filter["unit_id"]?.string, order.unit != unit,
                !(order.claims.bulk?.concerns(unit) ?? false)
            {
                return nil
            }
            var row: JSONObject = [
                "id": .string(order.id), "command": .string(order.spec.name), "unit": .string(order.unit),
                "execute_at": .string(at.textSeconds),
            ]
            for (name, value) in order.origin.recordData.members { row[name] = value }
            return .object(row)
        }
    }

    private func readBulk(_ order: Order) throws(Refusal) -> Outcome {
        let id = order.args["bulk_id"]?.string
        let name = order.args["bulk_name"]?.string
        let found = visible(to: order).last { request in
            request.bulk.map { id == nil ? $0.name == name : $0.id == id } ?? false
        }
        guard let request = found else {
            throw .precondition("unknown_bulk", "the box remembers no bulk request of this id or name")
        }
        var result: JSONObject = [
            "bulk_id": JSONValue(request.bulk?.id), "bulk_name": JSONValue(request.bulk?.name),
            "request_id": .string(request.id), "command": .string(request.command),
            "state": .string(request.state.rawValue), "counts": request.counts,
        ]
        if order.spec.name == "bulk_progress_get" {
            for (name, value) in request.row.object?.members ?? [] where result[name] == nil { result[name] = value }
            if case .object(let shown) = request.json { result["progress"] = shown["progress"] }
        }
        result["children"] = .array(request.parts.map { .object($0.json) })
        return Outcome(message: request.state.rawValue, result: .object(result))
    }

    // MARK: For the control socket

    /// `request list`: the filter has the members of `request_list`'s arguments, `unit` for `unit_id`, and `command`.
    func requestListJSON(_ filter: JSONObject) -> Result<JSONValue, ControlFailure> {
        filtered("request_list", filter) { ["requests": .array(requestRows($0, of: requests.requests))] }
    }

    /// `request show` (contract §8); `unknown_request` when it is only in the journal, or nowhere.
    func requestShowJSON(_ id: String) -> Result<JSONValue, ControlFailure> {
        guard let request = requests.request(id) else {
            if let part = requests.partJSON(id) { return .success(part) }
            return .failure(
                ControlFailure(
                    code: "unknown_request", message: "the box remembers no request of this id",
                    hint: "see meterside request list, or the journal with meterside events"))
        }
        return .success(request.json)
    }

    /// `schedule list`: the filter has the members of `schedule_list`'s arguments, and `unit` for `unit_id`.
    func scheduleListJSON(_ filter: JSONObject) -> Result<JSONValue, ControlFailure> {
        filtered("schedule_list", filter) { ["scheduled": .array(scheduleRows($0, bound: nil))] }
    }

    private func filtered(
        _ command: String, _ filter: JSONObject, _ answer: (JSONObject) -> JSONValue
    ) -> Result<JSONValue, ControlFailure> {
        var wanted = filter
        let name = wanted["command"]
        wanted["command"] = nil
        if let unit = wanted["unit"] {
            wanted["unit"] = nil
            wanted["unit_id"] = unit
        }
        do throws(ArgumentFault) {
            try Catalogue.command(command)?.check(wanted)
        } catch {
            return .failure(
                ControlFailure(
                    code: "usage", message: error.message, hint: "see `meterside command show \(command)`"))
        }
        wanted["command"] = name
        return .success(answer(wanted))
    }
}

extension RequestStore.Request {
    /// Whether it is for this unit, alone or among others.
    func concerns(_ unit: String) -> Bool {
        self.unit == unit || (bulk?.concerns(unit) ?? false) || parts.contains { $0.unit == unit }
    }
}

extension Claims.Bulk {
    func concerns(_ unit: String) -> Bool { units?.contains(unit) ?? true }
}
