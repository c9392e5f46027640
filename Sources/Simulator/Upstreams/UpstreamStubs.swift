import Metering

/// The four upstream systems as one server: logic only, request in, answer out. Their answers are the examples of the
/// vendors' own pages; what they are told is kept, and every request is in the log.
public struct UpstreamStubs: Sendable {
    /// A request as it came, and what was answered.
    public struct LogLine: Hashable, Sendable {
        public var number: Int
        public var method: String
        /// With its query.
        public var target: String
        public var body: String
        /// `good`, `wrong` or `none`.
        public var authorisation: String
        /// Nil when nothing was answered.
        public var status: Int?

        /// One line of the log file.
        public var json: JSONValue {
            [
                "number": .integer(Int64(number)), "method": .string(method), "target": .string(target),
                "body": .string(body), "authorisation": .string(authorisation), "status": JSONValue(status),
            ]
        }

        /// `POST /mdp/connected 200`, for comparing in tests.
        public var words: String { "\(method) \(target) \(status.map(String.init) ?? "-")" }
    }

    /// What the server does with the connection.
    public struct Answer: Hashable, Sendable {
        /// All that is sent; empty for nothing.
        public var bytes: [UInt8]
        public var trouble: StubTrouble?
    }

    public private(set) var log: [LogLine] = []
    public var script = StubScript()
    public var reposit = RepositStub()
    public var redex = RedexStub()
    public var powerbox = PowerBoxStub()
    public var ropo = RopoStub()

    public init() {}

    /// Answers a request.
    public mutating func answer(_ request: StubRequest) -> Answer {
        let trouble = script.take(request.path)
        var reply = StubReply(404, ["message": "no such path"])
        var authorisation = "none"
        if trouble?.isDone ?? true { (reply, authorisation) = serve(request) }
        var answer = Answer(bytes: reply.bytes, trouble: trouble)
        var status: Int? = reply.status
        switch trouble {
        case nil, .drip?: break
        case .status(let number, let seconds)?:
            status = number
            let headers = seconds.map { ["Retry-After: \($0)"] } ?? []
            answer.bytes = StubReply(number, Self.refusal(number, request.path), headers: headers).bytes
        case .hang?, .deaf?:
            status = nil
            answer.bytes = []
        case .garbage?:
            status = 200
            answer.bytes = StubReply(200, text: "<html>It works!</html>").bytes
        case .wrongIDs?:
            answer.bytes = StubReply(reply.status, text: "{\"status\":\"FINE\",\"Data\":{\"ProcessId\":\"0\"}}").bytes
        case .redirect(let address)?:
            status = 302
            answer.bytes = StubReply(302, [], headers: ["Location: \(address)"]).bytes
        case .cut?:
            status = nil
            // A third of an answer that says it is whole.
            let whole = StubReply(reply.status, reply.body + [UInt8](repeating: 0x20, count: 40)).bytes
            answer.bytes = Array(whole.dropLast(30))
        case .flood?:
            status = 200
            answer.bytes = StubReply(200, [UInt8](repeating: 0x20, count: 3 << 20)).bytes
        }
        let query = request.query.isEmpty ? "" : "?" + request.query
        log.append(
            LogLine(
                number: log.count + 1, method: request.method, target: request.path + query,
                body: String(decoding: request.body, as: UTF8.self), authorisation: authorisation, status: status))
        return answer
    }

    private mutating func serve(_ request: StubRequest) -> (StubReply, String) {
        let path = request.path
        if path.hasPrefix("/mdp/") { return reposit.answer(request) }
        if path.hasPrefix("/public/v2/") { return redex.answer(request) }
        if path.hasPrefix("/v1/powerbox/") || path == "/oauth/token" { return powerbox.answer(request) }
        if path.hasPrefix("/rest/") { return ropo.answer(request) }
        return (StubReply(404, ["message": "no such path"]), "none")
    }

    /// The shape of an error as each system gives it.
    private static func refusal(_ status: Int, _ path: String) -> JSONValue {
        if path.hasPrefix("/mdp/") {
            return status == 401 ? RepositStub.expired : ["status": "ERROR", "message": "Missing 'repositBox' field."]
        }
        if path.hasPrefix("/public/v2/") {
            return [
                "Data": nil, "Meta": nil, "Errors": nil, "StatusCode": .integer(Int64(status)), "Message": "Not now.",
            ]
        }
        if path.hasPrefix("/rest/") {
            return ["status": .integer(Int64(status)), "type": nil, "title": "Refused", "detail": nil]
        }
        return [:]
    }
}

/// What the stubs take as good keys.
public enum StubCredentials {
    public static let repositKey = "A2YWQiLCJpc3-stub"
    public static let redexKey = "3f1c2a58-6a50-4c8e-a2b4-stub00000001"
    public static let redexClient = "redex-client"
    public static let redexSecret = "redex-secret"
    public static let powerboxClient = "powerbox-client"
    public static let powerboxSecret = "powerbox-secret"
    public static let ropoCid = "12345"
    public static let ropoCode = "ropo-apicode"
}
