import Control
import Gateway
import Journal
import Metering

/// Requests: what the desk remembers of them, and what the journal says of those it has forgotten; and the methods that
/// are commands by another name.
extension MainLoop {
    func requestList(_ call: ControlCall) -> Input? {
        .request(.requestList(filter(call, times: ["since"])), token: call.token)
    }

    func scheduleList(_ call: ControlCall) -> Input? {
        .request(.scheduleList(filter(call, times: ["from", "to"])), token: call.token)
    }

    /// The call's parameters; times as RFC 3339 texts whatever they were given as.
    private func filter(_ call: ControlCall, times: [String]) -> JSONObject {
        var filter = call.parameters.members
        for name in times { if let time = call.parameters.time(name) { filter[name] = .string(time.text) } }
        return filter
    }

    /// `request.show`: from the desk while it remembers the request, else from the journal, for ever.
    func showRequest(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        let id = call.parameters.string("id") ?? ""
        if let answer = ask(.requestShow(id)) {
            server.answer(call.token, answer)
        } else if let answer = try RequestStory(id, in: journal).json {
            server.answer(call.token, answer)
        } else {
            server.fail(
                call.token, code: "unknown_request", message: "there is no request \"\(id)\"",
                hint: "see `meterside request list`")
        }
    }

    /// The command that a method stands for; nil when it is none of these.
    func command(_ call: ControlCall) -> (name: String, unit: String?, args: JSONObject, id: String?)? {
        let parameters = call.parameters
        let id = parameters.members["id"] ?? .null
        switch call.method {
        case "credit.topup":
            var args: JSONObject = ["payment_id": id, "amount_micro": parameters.members["amount_micro"] ?? .null]
            args["reference"] = parameters.members["reference"]
            return ("payment_add", parameters.string("unit"), args, nil)
        case "request.cancel": return ("request_cancel", nil, ["request_id": id], nil)
        case "schedule.cancel": return ("schedule_cancel", nil, ["schedule_id": id], nil)
        case "template.list": return ("template_list", nil, [:], nil)
        case "template.put": return ("template_upsert", nil, parameters.object("template") ?? [:], nil)
        case "template.apply":
            var args: JSONObject = ["template_id": parameters.members["template"] ?? .null]
            args["revision"] = parameters.members["revision"]
            args["application_id"] = parameters.members["id"]
            if parameters.flag("continue_on_error") { args["continue_on_error"] = true }
            return ("template_apply", nil, args, parameters.string("id"))
        default: return nil
        }
    }
}

/// What the journal has of one request.
private struct RequestStory {
    private let id: String
    private var received: JournalEntry?
    private var scheduled: JournalEntry?
    private var ended: JournalEntry?

    init(_ id: String, in journal: JournalStore) throws(JournalError) {
        self.id = id
        received = try journal.entry(key: "\(JournalKind.commandReceived.rawValue)/\(id)")
        scheduled = try journal.entry(key: "\(JournalKind.commandScheduled.rawValue)/\(id)")
        ended = try journal.entry(key: "\(JournalKind.commandDone.rawValue)/\(id)")
        if ended == nil { ended = try journal.entry(key: "\(JournalKind.commandRefused.rawValue)/\(id)") }
    }

    /// The shape of `request show` (contract §8); nil when nothing is known.
    var json: JSONValue? {
        let known = [received, scheduled, ended].compactMap(\.self)
        guard let first = known.first else { return nil }
        let result = (ended ?? scheduled)?.draft.data["result"]
        func member(_ name: String) -> JSONValue {
            if let value = result?[name] { return value }
            return first.draft.data[name] ?? .null
        }
        var progress: [JSONValue] = []
        func step(_ entry: JournalEntry?, _ state: JSONValue?) {
            guard let entry else { return }
            progress.append([
                "state": state ?? "received", "at": .string(entry.draft.at.text),
                "note": entry.draft.data["result"]?["message"] ?? "",
            ])
        }
        step(received, "received")
        step(scheduled, "scheduled")
        step(ended, result?["state"])
        let object: JSONObject = [
            "id": .string(id), "command": member("command"), "unit": member("unit"),
            "state": result?["state"] ?? "received", "progress": .array(progress),
            "attempts": .integer(ended == nil ? 0 : 1),
            "execute_at": scheduled?.draft.data["result"]?["result"]?["execute_at"] ?? .null,
            "result": ended == nil ? .null : result ?? .null,
        ]
        return .object(object)
    }
}
