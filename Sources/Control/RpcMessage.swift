import Metering

/// One request as it came: JSON-RPC 2.0 with named parameters.
struct RpcRequest: Hashable, Sendable {
    /// A string or an integer; nil for a notification, which is never answered (JSON-RPC 2.0 §4.1).
    var id: JSONValue?
    var method: String
    var parameters: JSONObject

    /// Why a line is no request, with its id as far as it could be read.
    struct Refusal: Error, Equatable {
        var id: JSONValue
        var problem: ControlProblem
    }

    static func read(_ line: [UInt8]) throws(Refusal) -> RpcRequest {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONReader.read(line)
        } catch {
            throw Refusal(id: .null, problem: .parse(error))
        }
        if case .array = value {
            throw Refusal(id: .null, problem: .invalid("batches are not taken: send the requests one a line"))
        }
        guard case .object(let members) = value else {
            throw Refusal(id: .null, problem: .invalid("a request is a JSON object"))
        }
        var id: JSONValue?
        switch members["id"] {
        case nil: break
        case .integer(let number)?: id = .integer(number)
        case .string(let text)? where (1...64).contains(text.utf8.count): id = .string(text)
        default: throw Refusal(id: .null, problem: .invalid("\"id\" must be an integer or a text of 1 to 64 bytes"))
        }
        func refuse(_ text: String) -> Refusal { Refusal(id: id ?? .null, problem: .invalid(text)) }
        for name in members.names where !["jsonrpc", "id", "method", "params"].contains(name) {
            throw refuse("a request has no member \"\(name)\"")
        }
        guard members["jsonrpc"] == "2.0" else { throw refuse("\"jsonrpc\" must be \"2.0\"") }
        guard let method = members["method"]?.string else { throw refuse("\"method\" must be a text") }
        switch members["params"] {
        case nil: return RpcRequest(id: id, method: method, parameters: JSONObject())
        case .object(let parameters)?: return RpcRequest(id: id, method: method, parameters: parameters)
        default:
            throw Refusal(
                id: id ?? .null,
                problem: .parameters("\"params\" must be an object", hint: "give the parameters by name"))
        }
    }

    /// The line, with its end.
    var line: [UInt8] {
        var message: JSONObject = ["jsonrpc": "2.0"]
        message["id"] = id
        message["method"] = .string(method)
        message["params"] = .object(parameters)
        return JSONWriter.compact(.object(message)) + [0x0A]
    }
}

/// What a server sends, and a client reads.
enum RpcReply: Hashable, Sendable {
    case result(id: JSONValue, JSONValue)
    case problem(id: JSONValue, ControlProblem)
    /// The members beside `request`.
    case progress(request: JSONValue, JSONObject)

    /// The line, with its end.
    var line: [UInt8] {
        var message: JSONObject = ["jsonrpc": "2.0"]
        switch self {
        case .result(let id, let value):
            message["id"] = id
            message["result"] = value
        case .problem(let id, let problem):
            message["id"] = id
            message["error"] = problem.json
        case .progress(let request, let members):
            message["method"] = "progress"
            var parameters: JSONObject = ["request": request]
            for (name, value) in members.members { parameters[name] = value }
            message["params"] = .object(parameters)
        }
        return JSONWriter.compact(.object(message)) + [0x0A]
    }

    /// Reads a line; nil when it is none of ours.
    static func read(_ line: [UInt8]) -> RpcReply? {
        guard let value = try? JSONReader.read(line), let members = value.object else { return nil }
        if let problem = members["error"] {
            return .problem(id: members["id"] ?? .null, ControlProblem(json: problem))
        }
        if let result = members["result"], let id = members["id"] { return .result(id: id, result) }
        guard members["method"] == "progress", var parameters = members["params"]?.object,
            let request = parameters["request"]
        else { return nil }
        parameters["request"] = nil
        return .progress(request: request, parameters)
    }
}
