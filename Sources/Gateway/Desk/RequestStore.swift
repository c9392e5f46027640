import Credit
import Metering

/// Requests and how far they are (payment-unit commands §5.3): the newest, and whatever has not ended. What is older
/// stands in the journal.
struct RequestStore: Sendable {
    /// States of a request, in the order in which it may go through them.
    enum State: String, Sendable {
        case received, validated, scheduled, queued, executing, verifying
        case completed, rejected, failed, expired, cancelled

        /// Whether nothing follows.
        var isEnd: Bool {
            switch self {
            case .completed, .rejected, .failed, .expired, .cancelled: true
            default: false
            }
        }
    }

    /// A state that was reached.
    struct Step: Hashable, Sendable {
        var state: State
        var at: WallTime
        var note: String?
    }

    /// What became of a unit of a bulk request, or of an action of a template.
    struct Part: Hashable, Sendable {
        var id: String
        var unit: String
        var command: String
        var state: State
        var code: CommandCode
        var detail: String?

        var json: JSONObject {
            var object: JSONObject = ["id": .string(id), "unit": .string(unit)]
            if !command.isEmpty { object["command"] = .string(command) }
            object["state"] = .string(state.rawValue)
            object["code"] = .string(code.rawValue)
            object["detail"] = detail.map { .string($0) }
            return object
        }
    }

    struct Request: Sendable {
        var id: String
        var command: String
        /// The unit, or the box.
        var unit: String
        var origin: Order.Origin
        /// The steps so far, never empty.
        var steps: [Step]
        var attempts = 0
        var executeAt: WallTime?
        var bulk: Claims.Bulk?
        /// What names a template's application.
        var application: String?
        var template: String?
        /// What it stands for, unit by unit or action by action.
        var parts: [Part] = []
        /// The answer's JSON, and its code; nil until there is one.
        var answer: [UInt8]?
        var code: String?

        var state: State { steps.last?.state ?? .received }
        var receivedAt: WallTime { steps.first?.at ?? WallTime(milliseconds: 0) }
    }

    /// By arrival, newest last.
    private(set) var requests: [Request] = []
    /// Requests and their parts.
    private var rows = 0

    /// The newest of this id.
    func request(_ id: String) -> Request? { index(id).map { requests[$0] } }

    /// The answer that ended a request; nil while it has not ended.
    func ended(_ id: String) -> JSONObject? {
        guard let request = request(id), request.state.isEnd, let answer = request.answer else { return nil }
        return (try? JSONReader.read(answer))?.object
    }

    /// `request show` of a unit of a bulk request, or of an action of a template.
    func partJSON(_ id: String) -> JSONValue? {
        guard let request = requests.last(where: { $0.parts.contains { $0.id == id } }),
            let part = request.parts.first(where: { $0.id == id })
        else { return nil }
        return request.json(of: part)
    }

    private func index(_ id: String) -> Int? { requests.lastIndex { $0.id == id } }

    /// A command was received.
    mutating func open(_ order: Order, at time: WallTime) {
        var request = Request(
            id: order.id, command: order.spec.name, unit: order.unit, origin: order.origin,
            steps: [Step(state: .received, at: time)],
            executeAt: order.claims.executeAt.map { WallTime(seconds: $0) }, bulk: order.claims.bulk)
        if order.spec.name == "template_apply" {
            request.application = order.args["application_id"]?.string
            request.template = order.args["template_id"]?.string
        }
        requests.append(request)
        rows += 1
        if requests.count > Self.most + Self.slack || rows > Self.mostRows { forget() }
    }

    /// A request has come to a state.
    mutating func step(_ id: String, _ state: State, at time: WallTime, note: String? = nil) {
        guard let index = index(id) else { return }
        if state == .executing { requests[index].attempts += 1 }
        requests[index].steps.append(Step(state: state, at: time, note: note))
    }

    /// A request has come to its end, or is scheduled.
    mutating func end(_ id: String, _ state: State, answer: JSONObject, at time: WallTime) {
        guard let index = index(id) else { return }
        let note = answer["detail"]?.string
        requests[index].steps.append(Step(state: state, at: time, note: note))
        requests[index].answer = JSONWriter.compact(.object(answer))
        requests[index].code = answer["code"]?.string
    }

    /// What a request stands for.
    mutating func setParts(_ id: String, _ parts: [Part]) {
        guard let index = index(id) else { return }
        rows += parts.count - requests[index].parts.count
        requests[index].parts = parts
    }

    /// Forgets the oldest that have ended.
    private mutating func forget() {
        var surplus = max(requests.count - Self.most, 0)
        var keep: [Request] = []
        keep.reserveCapacity(requests.count)
        for (place, request) in requests.enumerated() {
            // The newest stays, however many units it has.
            let isSpare = request.state.isEnd && place < requests.count - 1
            if isSpare, surplus > 0 || rows > Self.mostRows {
                surplus -= 1
                rows -= 1 + request.parts.count
            } else {
                keep.append(request)
            }
        }
        requests = keep
    }

    /// Ended requests kept.
    static let most = 1000
    private static let slack = 64
    /// A row is some hundred bytes.
    private static let mostRows = 4000
}

extension RequestStore.Request {
    /// `request show` (contract §8).
    var json: JSONValue {
        let progress = steps.map { step -> JSONValue in
            ["state": .string(step.state.rawValue), "at": .string(step.at.text), "note": JSONValue(step.note)]
        }
        var object: JSONObject = [
            "id": .string(id), "command": .string(command), "unit": .string(unit),
            "state": .string(state.rawValue), "progress": .array(progress), "attempts": JSONValue(attempts),
            "execute_at": JSONValue(executeAt?.textSeconds),
            "result": answer.flatMap { try? JSONReader.read($0) } ?? .null,
        ]
        object["bulk_id"] = bulk.map { .string($0.id) }
        if !parts.isEmpty { object["parts"] = .array(parts.map { .object($0.json) }) }
        return .object(object)
    }

    /// `request show` of one of its parts.
    fileprivate func json(of part: RequestStore.Part) -> JSONValue {
        let end = (steps.last?.at ?? receivedAt).text
        let command = part.command.isEmpty ? command : part.command
        var result = part.json
        result["command"] = .string(command)
        return [
            "id": .string(part.id), "command": .string(command), "unit": .string(part.unit),
            "state": .string(part.state.rawValue),
            "progress": [
                ["state": "received", "at": .string(receivedAt.text), "note": .null],
                ["state": .string(part.state.rawValue), "at": .string(end), "note": JSONValue(part.detail)],
            ],
            "attempts": 1, "execute_at": JSONValue(executeAt?.textSeconds), "result": .object(result),
            "parent": .string(id),
        ]
    }

    /// The row of `request list`.
    var row: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "command": .string(command), "unit": .string(unit),
            "state": .string(state.rawValue), "received_at": .string(receivedAt.text),
            "changed_at": .string((steps.last?.at ?? receivedAt).text), "attempts": JSONValue(attempts),
            "execute_at": JSONValue(executeAt?.textSeconds), "code": JSONValue(code),
            "detail": JSONValue(steps.last?.note),
        ]
        for (name, value) in origin.recordData.members { object[name] = value }
        object["bulk_id"] = bulk.map { .string($0.id) }
        return .object(object)
    }

    /// Counts of the parts' states, in order of the states' words.
    var counts: JSONValue {
        var counts = JSONObject()
        for state in parts.map(\.state.rawValue).sorted() {
            counts[state] = .integer((counts[state]?.integer ?? 0) + 1)
        }
        return .object(counts)
    }
}

extension CommandResult.State {
    /// The request's state that goes with it.
    var requestState: RequestStore.State {
        switch self {
        case .completed: .completed
        case .rejected: .rejected
        case .failed: .failed
        case .expired: .expired
        case .cancelled: .cancelled
        case .scheduled: .scheduled
        }
    }
}
