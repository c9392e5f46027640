import Credit
import Metering

/// How a part of a request has ended: a unit of a bulk command, or an action of a template.
struct PartEnd: Sendable {
    var order: Order
    var result: Result<Outcome, Refusal>
    /// What a template did at this unit.
    var actions: [PartEnd] = []

    var part: RequestStore.Part {
        switch result {
        case .success:
            RequestStore.Part(
                id: order.publicID, unit: order.unit, command: order.spec.name, state: .completed, code: .applied)
        case .failure(let refusal):
            RequestStore.Part(
                id: order.publicID, unit: order.unit, command: order.spec.name,
                state: refusal.isFailure ? .failed : .rejected, code: refusal.code, detail: refusal.detail)
        }
    }

    var failure: Refusal? { if case .failure(let refusal) = result { refusal } else { nil } }

    /// The part in its parent's answer.
    func json(withResult: Bool) -> JSONValue {
        var object = part.json
        if withResult, case .success(let outcome) = result, outcome.result != .null {
            object["result"] = outcome.result
        }
        if !actions.isEmpty { object["actions"] = .array(actions.map { $0.json(withResult: withResult) }) }
        return .object(object)
    }
}

/// One command for many units: a parent that is answered once, at its end.
extension Desk {
    /// Carries the command out for every unit. What is wrong with one is that one's own answer.
    mutating func completeBulk(
        _ order: Order, _ bulk: Claims.Bulk, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) throws(Refusal) {
        let names = bulk.units ?? units.ids
        let actions = actions(of: order.claims).count
        guard names.count * max(actions, 1) <= Self.mostParts else {
            throw Refusal(
                code: .limit, detail: "too_many_actions",
                message: "one command may stand for \(Self.mostParts) actions at most; send it in parts")
        }
        var ends: [PartEnd] = []
        ends.reserveCapacity(names.count)
        for name in names {
            let child = order.child(name, unit: name, spec: order.spec, args: order.args)
            let end = carryOutPart(child, clock: &clock, units: &units, turn: &turn)
            record(end, parent: order, turn: &turn)
            ends.append(end)
        }
        completeBulk(order, bulk, ends, turn: &turn)
    }

    private mutating func completeBulk(
        _ order: Order, _ bulk: Claims.Bulk, _ ends: [PartEnd], turn: inout Turn
    ) {
        let parts = ends.map(\.part)
        requests.setParts(order.id, parts)
        let failed = parts.count { $0.state != .completed }
        var result: JSONObject = ["bulk_id": .string(bulk.id)]
        result["bulk_name"] = bulk.name.map { .string($0) }
        result["counts"] = requests.request(order.id)?.counts ?? [:]
        var kept = result
        result["children"] = .array(ends.map { $0.json(withResult: true) })
        kept["children"] = .array(ends.map { $0.json(withResult: false) })
        complete(
            order,
            Outcome(
                message: failed == 0 ? "done for \(parts.count) units" : "\(failed) of \(parts.count) units failed",
                result: .object(result), kept: .object(kept)), turn: &turn)
    }

    /// One unit of a bulk command.
    private mutating func carryOutPart(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) -> PartEnd {
        guard units.contains(order.unit) else {
            let refusal = Refusal(
                code: .target, detail: "unknown_unit", message: "this box has no such unit; see meterside unit list")
            return PartEnd(order: order, result: .failure(refusal))
        }
        if order.spec.name == "template_apply" {
            return apply(order, clock: &clock, units: &units, turn: &turn)
        }
        return PartEnd(
            order: order, result: carryOutAtOnce(order, clock: &clock, units: &units, turn: &turn))
    }

    /// Carries out a command that waits for nothing.
    mutating func carryOutAtOnce(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) -> Result<Outcome, Refusal> {
        do throws(Refusal) {
            if let command = try Self.unitCommand(order) {
                try checkClock(order, clock: clock)
                let outcome = try units.carryOut(
                    command, unit: order.unit, order: order, clock: clock, turn: &turn)
                observe(order, at: turn.recordTime)
                return .success(outcome)
            }
            guard case .done(let outcome) = try carryOut(order, clock: &clock, units: &units, turn: &turn) else {
                throw Refusal(
                    code: .unsupported, detail: "takes_long", message: "\(order.spec.name) works for one unit only")
            }
            return .success(outcome)
        } catch {
            return .failure(error)
        }
    }

    /// The record that consumes a part's own id. Reads leave nothing.
    func record(_ end: PartEnd, parent: Order, turn: inout Turn) {
        guard end.order.spec.kind != .read else { return }
        let part = end.part
        var data = end.order.recordData
        data["parent"] = .string(parent.id)
        var message = ""
        var value = JSONValue.null
        switch end.result {
        case .success(let outcome):
            message = outcome.message
            value = outcome.result
        case .failure(let refusal): message = refusal.message
        }
        let result = CommandResult(
            id: end.order.publicID, command: end.order.spec.name, unit: end.order.unit,
            state: part.state == .completed ? .completed : part.state == .failed ? .failed : .rejected,
            code: part.code, detail: part.detail, message: message, result: value)
        data["result"] = .object(result.json(seq: turn.nextSequence, at: turn.recordTime))
        turn.append(end.failure == nil ? .commandDone : .commandRefused, key: .name(end.order.id), data)
    }

    /// More would make one transaction, and one answer, too large.
    private static let mostParts = 4000
}
