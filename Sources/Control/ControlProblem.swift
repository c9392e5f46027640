import Metering

/// Why a request was not carried out: JSON-RPC's number, our stable word, and words for people that say what to do.
public struct ControlProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// −32000 for everything a method itself says; −32700…−32600 as JSON-RPC 2.0 §5.1.
    public var number: Int64
    /// A stable snake_case word: `no_reply`, `permission`, `usage` …
    public var code: String
    public var message: String
    /// What to do next; may be empty.
    public var hint: String

    public init(number: Int64 = -32000, code: String, message: String, hint: String) {
        self.number = number
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.isEmpty ? message : "\(message) (\(hint))" }

    /// The `error` member of an answer.
    public var json: JSONValue {
        [
            "code": .integer(number), "message": .string(message),
            "data": ["code": .string(code), "hint": .string(hint)],
        ]
    }

    /// Reads the `error` member of an answer; members that are missing get a harmless value.
    public init(json: JSONValue) {
        let data = json["data"] ?? .null
        self.init(
            number: json["code"]?.integer ?? -32000, code: data["code"]?.string ?? "internal",
            message: json["message"]?.string ?? "the daemon reported an error without words",
            hint: data["hint"]?.string ?? "")
    }

    static func parse(_ error: JSONError) -> ControlProblem {
        ControlProblem(
            number: -32700, code: "parse", message: "the line is no JSON: \(error)",
            hint: "send one JSON object a line, numbers as integers")
    }

    static func invalid(_ message: String) -> ControlProblem {
        ControlProblem(
            number: -32600, code: "invalid_request", message: message,
            hint: "a request is {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}} on one line")
    }

    static func unknownMethod(_ name: String) -> ControlProblem {
        ControlProblem(
            number: -32601, code: "unknown_method", message: "there is no method \"\(name)\"",
            hint: "the daemon and the program that asks may be of different versions: compare `meterside version`")
    }

    static func parameters(_ message: String, hint: String) -> ControlProblem {
        ControlProblem(number: -32602, code: "usage", message: message, hint: hint)
    }
}
