import Metering

/// One thing to do at an upstream system.
public struct UpstreamWork: Hashable, Sendable {
    /// A name of the system's `operations`.
    public var operation: String
    public var args: JSONObject

    public init(_ operation: String, _ args: JSONObject = JSONObject()) {
        self.operation = operation
        self.args = args
    }
}

/// What an operation is to the runner.
public struct UpstreamOperation: Hashable, Sendable {
    /// What to do when it was sent and no full answer came.
    public enum WhenUnknown: Hashable, Sendable {
        /// Doing it twice is the same as once: send it again.
        case again
        /// Send it again, but a refusal then may mean that the first one arrived: a person decides.
        case againThenAsk
        /// Never send it again by itself.
        case hold
    }

    public var name: String
    /// Whether it changes something upstream: then it is journalled before it is sent.
    public var changes: Bool
    public var whenUnknown: WhenUnknown
    /// Whether the answer to a question is journalled when it is another than the last.
    public var isKept: Bool

    public init(_ name: String, changes: Bool, whenUnknown: WhenUnknown = .again, isKept: Bool = false) {
        self.name = name
        self.changes = changes
        self.whenUnknown = whenUnknown
        self.isKept = isKept
    }
}

/// What a reply means.
public enum UpstreamOutcome: Hashable, Sendable {
    /// Done; what the system said, without secrets and without what the box has no business to keep.
    case done(JSONObject)
    /// A page of a list; the next one is asked for with `args["page"]`.
    case more([JSONValue], page: Int64)
    /// Answered well: not so yet. Worth asking again soon.
    case notYet(String)
    /// For good: the same request will be refused again.
    case refused(code: String, String)
    /// The key or token is not accepted.
    case unauthorised(String)
    /// The key or account may not do this, or is locked.
    case forbidden(String)
    /// Too many requests, or the server has trouble.
    case later(String)
    /// A good status with an answer that makes no sense: no receipt.
    case garbled(String)
}

/// A token, held in memory only.
public struct UpstreamToken: Hashable, Sendable {
    public var access: Secret
    public var refresh: Secret?
    /// Seconds.
    public var lifetime: Int64

    public init(access: Secret, refresh: Secret? = nil, lifetime: Int64) {
        self.access = access
        self.refresh = refresh
        self.lifetime = lifetime
    }
}

/// Why no request can be made of some work: something in it, or in the configuration, is missing or wrong.
public struct UpstreamFault: Error, Hashable, Sendable {
    public var code: String
    public var message: String
    public var hint: String
    /// The system's own reason as a stable word, where it gave one: `meter_already_bound`, `http_400`.
    public var reason: String?

    public init(_ code: String, _ message: String, hint: String = "", reason: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.reason = reason
    }
}

/// Requests that may go out in a span of time.
public struct UpstreamPace: Hashable, Sendable {
    public var requests: Int
    /// Microseconds.
    public var span: Int64
}

/// An upstream system over HTTPS: two pure functions and where to find it. Queue, journal, retries, tokens and pace
/// are the runner's, the same for all.
public protocol UpstreamSystem: Sendable {
    /// As in the configuration: `reposit`.
    var name: String { get }
    /// The declared transport.
    var endpoint: HttpsEndpoint { get }
    var pace: UpstreamPace? { get }
    var operations: [UpstreamOperation] { get }

    /// Work → request.
    func request(for work: UpstreamWork, token: Secret?) throws(UpstreamFault) -> HttpsRequest
    /// Reply → outcome.
    func outcome(of reply: HttpsReply, to work: UpstreamWork) -> UpstreamOutcome
    /// What of the work may stand in the journal: no secret.
    func summary(of work: UpstreamWork) -> JSONObject

    /// Where and how to get a token; nil when the system takes none. With `refresh` by the refresh token.
    func tokenRequest(refresh: Secret?) -> (endpoint: HttpsEndpoint, request: HttpsRequest)?
    /// Reads a token, or says why there is none.
    func token(of reply: HttpsReply) -> Result<UpstreamToken, UpstreamRejection>
}

/// A reply that gave no token.
public struct UpstreamRejection: Error, Hashable, Sendable {
    public var outcome: UpstreamOutcome
    public init(_ outcome: UpstreamOutcome) { self.outcome = outcome }
}

extension UpstreamSystem {
    public var pace: UpstreamPace? { nil }
    /// What of the work may stand in the journal.
    public func summary(of work: UpstreamWork) -> JSONObject { work.args }
    /// Where and how a token is asked for.
    public func tokenRequest(refresh: Secret?) -> (endpoint: HttpsEndpoint, request: HttpsRequest)? { nil }
    /// The token of a reply, or why there is none.
    public func token(of reply: HttpsReply) -> Result<UpstreamToken, UpstreamRejection> {
        .failure(UpstreamRejection(.garbled("no token was asked for")))
    }

    /// The operation of this name.
    public func operation(_ name: String) -> UpstreamOperation? { operations.first { $0.name == name } }
}

/// The list of systems. A new one is its file and its line here.
public enum Upstreams {
    /// Their names, as sections `[upstream.<name>]` of the configuration.
    public static let all = [RepositSystem.name, PowerBoxSystem.name, RedexSystem.name, RopoSystem.name]
}

extension UpstreamOutcome {
    /// What a status that is no success means, the same for every system; `words` are the server's own.
    static func failure(_ status: Int, _ words: String) -> UpstreamOutcome {
        let said = words.isEmpty ? "HTTP \(status)" : "HTTP \(status): \(words)"
        return switch status {
        case 401: .unauthorised(said)
        case 403: .forbidden(said)
        case 408, 425, 429, 500...599: .later(said)
        case 400...499: .refused(code: "http_\(status)", said)
        default: .garbled(said)
        }
    }
}

/// Words of other people's servers, made fit for a log: one line, no control characters, at most 200 characters.
enum ServerWords {
    static func clean(_ text: String?) -> String {
        let plain = (text ?? "").unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        return String(String(plain).prefix(200))
    }
}

/// Percent encoding (RFC 3986 §2).
enum Encoded {
    /// For a query's name or value, a form's value, or one segment of a path.
    static func text(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HttpsRequest {
    /// A request with a JSON body.
    static func json(_ target: String, _ members: [WireMember], headers: [Header] = []) -> HttpsRequest {
        HttpsRequest(
            .post, target, headers: headers + [Header("Content-Type", "application/json")],
            body: WireJSON.object(members).bytes)
    }
}

extension HttpsRequest.Header {
    static func bearer(_ token: Secret) -> HttpsRequest.Header {
        HttpsRequest.Header("Authorization", Array("Bearer ".utf8) + token.bytes)
    }
}

extension UpstreamWork {
    /// An argument that must be there.
    func text(_ name: String) throws(UpstreamFault) -> String {
        guard let text = args[name]?.string, !text.isEmpty, text.utf8.count <= 256 else {
            throw UpstreamFault("usage", "\(name) is missing", hint: "give a text of 1 to 256 characters")
        }
        return text
    }
}
