import Credit
import Metering

/// Templates: kept in the journal as settings of the box, applied to units.
extension Desk {
    /// Stored templates, by id; those that come with the box come after.
    var allTemplates: [Template] {
        templates + Template.base.filter { base in !templates.contains { $0.id == base.id } }
    }

    /// What a template's application would do; empty for every other command, and for a template there is not.
    func actions(of claims: Claims) -> [CommandSpec] {
        guard claims.command == "template_apply", let id = claims.args["template_id"]?.string,
            let template = allTemplates.first(where: { $0.id == id })
        else { return [] }
        return template.actions.compactMap { Catalogue.command($0.command) }
    }

    /// Commands of a template that is to be stored; empty for every other command.
    func storedActions(of claims: Claims) -> [CommandSpec] {
        guard claims.command == "template_upsert" else { return [] }
        return (claims.args["actions"]?.array ?? []).compactMap { action in
            action["command"]?.string.flatMap(Catalogue.command)
        }
    }

    /// The template that an application names.
    func template(of args: JSONObject) throws(Refusal) -> Template {
        guard let template = allTemplates.first(where: { $0.id == args["template_id"]?.string }) else {
            throw .precondition("unknown_template", "there is no such template; see template_list")
        }
        if let revision = args["revision"]?.integer, revision != template.revision {
            throw .precondition("revision", "the template has revision \(template.revision)")
        }
        return template
    }

    /// The template that is to be stored.
    func newTemplate(_ args: JSONObject) throws(Refusal) -> Template {
        let template: Template
        do throws(ArgumentFault) { template = try Template(args) } catch {
            throw .format(error.argument, error.message)
        }
        if let old = templates.first(where: { $0.id == template.id }) {
            guard template.revision > old.revision || template == old else {
                throw .precondition("revision", "revision must be above \(old.revision), that of the stored template")
            }
        } else if templates.count >= Self.mostTemplates {
            throw Refusal(
                code: .limit, detail: "too_many_templates", message: "the box holds \(Self.mostTemplates) already")
        }
        return template
    }

    mutating func upsert(_ order: Order, turn: inout Turn) throws(Refusal) -> Outcome {
        let template = try newTemplate(order.args)
        var result: JSONObject = [
            "template_id": .string(template.id), "revision": .integer(template.revision),
            "actions": JSONValue(template.actions.count),
        ]
        guard !templates.contains(template) else {
            result["already_applied"] = true
            return Outcome(message: "the template was stored already", result: .object(result))
        }
        turn.append(
            .unitSetting, key: .name(order.id),
            ["box": .string(box), "setting": "template", "value": template.json])
        store(template)
        return Outcome(message: "the template is stored", result: .object(result))
    }

    mutating func store(_ template: Template) {
        templates.removeAll { $0.id == template.id }
        templates.append(template)
        templates.sort { $0.id < $1.id }
    }

    // MARK: Applying

    /// Carries out a template's actions in order; the first that fails ends it, unless told otherwise.
    mutating func apply(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) -> PartEnd {
        var ends: [PartEnd] = []
        var failure: Refusal?
        let goesOn = order.args["continue_on_error"]?.bool ?? false
        do throws(Refusal) {
            let template = try template(of: order.args)
            for (index, action) in template.actions.enumerated() {
                guard let spec = Catalogue.command(action.command) else { continue }
                let child = order.child("\(index + 1)", unit: order.unit, spec: spec, args: action.payload)
                let end = PartEnd(
                    order: child, result: carryOutAtOnce(child, clock: &clock, units: &units, turn: &turn))
                record(end, parent: order, turn: &turn)
                ends.append(end)
                guard let refusal = end.failure, !goesOn else { continue }
                failure = refusal
                break
            }
        } catch {
            failure = error
        }
        let result: Result<Outcome, Refusal> =
            if let failure { .failure(failure) } else {
                .success(Outcome(message: "applied", result: applicationJSON(order)))
            }
        return PartEnd(order: order, result: result, actions: ends)
    }

    private func applicationJSON(_ order: Order) -> JSONValue {
        [
            "application_id": order.args["application_id"] ?? .null,
            "template_id": order.args["template_id"] ?? .null,
            "revision": JSONValue((try? template(of: order.args))?.revision),
        ]
    }

    /// Applies a template to one unit, and answers.
    mutating func completeApplication(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) throws(Refusal) {
        try check(order, clock: clock, units: units, turn: turn)
        let end = apply(order, clock: &clock, units: &units, turn: &turn)
        requests.setParts(order.id, end.actions.map(\.part))
        var value = applicationJSON(order).object ?? JSONObject()
        value["actions"] = .array(end.actions.map { $0.json(withResult: false) })
        guard let failure = end.failure else {
            complete(order, Outcome(message: "the template is applied", result: .object(value)), turn: &turn)
            return
        }
        let result = CommandResult(
            id: order.id, command: order.spec.name, unit: order.unit, state: .failed, code: failure.code,
            detail: failure.detail, message: failure.message, result: .object(value))
        finish(order, .commandRefused, result, turn: &turn)
    }

    // MARK: Reading

    func readTemplates(_ order: Order) throws(Refusal) -> Outcome {
        switch order.spec.name {
        case "template_list":
            return Outcome(
                message: "\(templates.count) templates", result: ["templates": .array(templates.map(\.json))])
        case "template_base_list":
            return Outcome(
                message: "templates that come with the box",
                result: ["templates": .array(Template.base.map(\.json))])
        case "template_available_action_list":
            return Outcome(
                message: "commands that templates may hold", result: ["actions": Catalogue.templateActionsJSON])
        case "template_application_get":
            guard let request = applications(order).last else {
                throw .precondition("unknown_application", "the box remembers no application of this id")
            }
            return Outcome(message: request.state.rawValue, result: request.json)
        case "template_action_list": return templateActions(order)
        default:
            throw Refusal(
                code: .unsupported, detail: "not_implemented",
                message: "this box cannot carry out \(order.spec.name)")
        }
    }

    /// Applications that the sender may see and asks for, oldest first.
    private func applications(_ order: Order) -> [RequestStore.Request] {
        let wanted = order.args["application_id"]?.string
        return visible(to: order).filter { request in
            request.application != nil && (wanted == nil || request.application == wanted)
        }
    }

    private func templateActions(_ order: Order) -> Outcome {
        let state = order.args["state"]?.string
        let limit = Int(order.args["limit"]?.integer ?? 100)
        var rows: [JSONValue] = []
        for request in applications(order).reversed() {
            for part in request.parts where state == nil || part.state.rawValue == state {
                guard rows.count < limit else { break }
                var row = part.json
                row["application_id"] = JSONValue(request.application)
                row["template_id"] = JSONValue(request.template)
                row["at"] = .string((request.steps.last?.at ?? request.receivedAt).text)
                rows.append(.object(row))
            }
        }
        return Outcome(message: "\(rows.count) actions", result: ["actions": .array(rows)])
    }

    private static let mostTemplates = 64
}
