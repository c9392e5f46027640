import Metering

/// Why a command is not applied: the word of the check that failed, a stable word that says more, and a sentence.
/// The sentence never repeats text of the sender.
struct Refusal: Error, Hashable, Sendable {
    var code: CommandCode
    var detail: String
    var message: String

    static func format(_ detail: String, _ message: String) -> Refusal {
        Refusal(code: .format, detail: detail, message: message)
    }

    static func missing(_ claim: String) -> Refusal { .format(claim, "the claim \(claim) is missing") }

    static func precondition(_ detail: String, _ message: String) -> Refusal {
        Refusal(code: .precondition, detail: detail, message: message)
    }

    /// Codes that stand for something that went wrong after the checks.
    var isFailure: Bool {
        switch code {
        case .noReply, .verifyMismatch, .unsupported, .storageFull, .switchContradicted: true
        default: false
        }
    }
}

/// The end of a command: the `result` object of contract §5.
struct CommandResult: Hashable, Sendable {
    enum State: String, Sendable {
        case completed, rejected, failed, expired, cancelled, scheduled
    }

    var id: String?
    var command: String?
    var unit: String?
    var state: State
    var code: CommandCode
    var detail: String?
    var message: String
    var result: JSONValue
    /// What the journal keeps of `result`, where that is less.
    var kept: JSONValue?

    init(
        id: String?, command: String?, unit: String?, state: State, code: CommandCode, detail: String? = nil,
        message: String, result: JSONValue = .null, kept: JSONValue? = nil
    ) {
        self.id = id
        self.command = command
        self.unit = unit
        self.state = state
        self.code = code
        self.detail = detail
        self.message = message
        self.result = result
        self.kept = kept
    }

    /// The object as it is published and stored; `seq` is the record that holds it, nil when no record was written.
    func json(seq: Int64?, at: WallTime) -> JSONObject {
        [
            "id": JSONValue(id), "command": JSONValue(command), "unit": JSONValue(unit),
            "state": .string(state.rawValue), "code": .string(code.rawValue), "detail": JSONValue(detail),
            "message": .string(message), "seq": JSONValue(seq), "at": .string(at.text), "result": result,
        ]
    }
}
