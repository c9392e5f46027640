import Control
import Credit
import Gateway
import Journal
import Metering

/// Payment units: what the agent knows of them now, and what the journal says of them.
extension MainLoop {
    /// What of a unit is asked of the agent; nil when the method is none of these.
    func unitRequest(_ call: ControlCall) -> ControlRequest? {
        let parameters = call.parameters
        let unit = parameters.string("unit") ?? ""
        switch call.method {
        case "unit.list": return .unitList
        case "unit.show": return .unitShow(unit)
        case "unit.page": return .unitPage(unit)
        case "supply.show": return .supplyShow(unit)
        case "supply.test": return .supplyTest(unit: unit)
        case "credit.show": return .creditShow(unit)
        case "credit.report":
            return .creditReport(unit, from: parameters.time("from"), to: parameters.time("to"))
        default: return nil
        }
    }

    /// `unit.press`: a button, pressed by the installer for the customer.
    func press(_ call: ControlCall) -> Input? {
        guard let button = UnitButton(rawValue: call.parameters.string("button") ?? "") else {
            let known = UnitButton.allCases.map(\.rawValue).joined(separator: ", ")
            server.fail(
                call.token, code: "usage", message: "there is no button \"\(call.parameters.string("button") ?? "")\"",
                hint: "there are \(known)")
            return nil
        }
        return .request(.press(unit: call.parameters.string("unit") ?? "", button), token: call.token)
    }

    /// `credit.explain`: a page of the unit's records, so that the client can add them up by itself.
    func explainCredit(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        let unit = call.parameters.string("unit") ?? ""
        let page = try journal.history(
            of: unit, kinds: JournalKind.ofAccounts, after: call.parameters.integer("after") ?? 0)
        let isKnown = configuration?.gateway.units.contains { $0.id == unit } ?? false
        guard isKnown || !page.records.isEmpty || page.next != nil else {
            failUnknownUnit(call, unit)
            return
        }
        var answer: JSONObject = [
            "unit": .string(unit), "records": .array(page.records.map(explained)), "next": JSONValue(page.next),
        ]
        if page.next == nil, let account = ask(.creditShow(unit)) {
            answer["balance_micro"] = account["balance_micro"]
            answer["as_of_seq"] = account["as_of_seq"] ?? .integer(journal.head)
        }
        server.answer(call.token, .object(answer))
    }

    /// A record, and the local day on which its money fell due.
    private func explained(_ entry: JournalEntry) -> JSONValue {
        var record = entry.json.object ?? [:]
        let due = entry.draft.data["due_at"]?.string.flatMap { WallTime(text: $0) } ?? entry.draft.at
        let local = configuration?.gateway.box.zone.local(due.seconds) ?? due.seconds
        record["day"] = .integer(local.flooredQuotient(by: 86_400))
        record["hash"] = nil
        return .object(record)
    }

    func failUnknownUnit(_ call: ControlCall, _ unit: String) {
        let known = (configuration?.gateway.units ?? []).prefix(8).map(\.id).joined(separator: ", ")
        server.fail(
            call.token, code: "unknown_unit", message: "no unit \"\(unit)\" is configured",
            hint: known.isEmpty ? "add a [[unit]] to the configuration" : "configured: \(known)")
    }
}

extension JournalKind {
    /// What moves an account's money, or is told of it.
    static let ofAccounts = ofUnits.filter { !$0.rawValue.hasPrefix("supply.") }
}
