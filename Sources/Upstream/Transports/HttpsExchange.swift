import Metering

/// One request, complete. Its headers and body may hold secrets: it has no description.
public struct HttpsRequest: Hashable, Sendable, CustomStringConvertible {
    /// What is asked of the server.
    public enum Method: String, Hashable, Sendable { case get = "GET", post = "POST" }

    public var method: Method
    /// Appended to the endpoint's base: `/mdp/validate?repositBox=…`, encoded.
    public var target: String
    /// Beside those that every request has.
    public var headers: [Header]
    public var body: [UInt8]

    /// A header; its value may be a secret.
    public struct Header: Hashable, Sendable {
        public var name: String
        public var value: Secret

        public init(_ name: String, _ value: [UInt8]) {
            self.name = name
            self.value = Secret(value)
        }

        public init(_ name: String, _ value: String) { self.init(name, Array(value.utf8)) }
    }

    public init(_ method: Method, _ target: String, headers: [Header] = [], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    public var description: String { "\(method.rawValue) •••" }
}

/// A whole answer of the server.
public struct HttpsReply: Hashable, Sendable {
    public var status: Int
    /// Seconds the server asks us to wait (`Retry-After`), at most a day; nil when it does not say.
    public var retryAfter: Int64?
    public var body: [UInt8]

    public init(status: Int, retryAfter: Int64? = nil, body: [UInt8] = []) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
    }
}

/// Why there is no answer.
public struct HttpsFailure: Error, Hashable, Sendable {
    /// What went wrong.
    public enum Kind: String, Hashable, Sendable {
        /// No name, no connection, or it was closed before anything was sent.
        case unreachable
        /// The server or we refuse the other's certificate, or there is no common version of TLS.
        case tls
        /// The deadline passed.
        case timeout
        /// The connection broke after we began to send.
        case broken
        /// The answer is larger than allowed.
        case tooLarge
        /// The server sent us elsewhere; we never follow.
        case redirected
        /// Our own settings or memory: a file that cannot be read, an address curl does not take.
        case local
        /// The transport was stopped or the request was taken back.
        case cancelled
    }

    public var kind: Kind
    /// Whether any byte of the request may have left this machine. False means that the server cannot have acted.
    public var mayHaveArrived: Bool
    /// For people; never holds a secret or a body.
    public var words: String

    public init(kind: Kind, mayHaveArrived: Bool, words: String) {
        self.kind = kind
        self.mayHaveArrived = mayHaveArrived
        self.words = words
    }
}

/// What became of a request.
public typealias HttpsResult = Result<HttpsReply, HttpsFailure>

/// The value of `Retry-After`: seconds, or a date, which is taken relative to the server's own clock.
enum RetryAfter {
    static let longest: Int64 = 86_400
    /// The same where only the box's clock is there to compare with: it may be years off.
    static let longestByOurClock: Int64 = 900

    /// Seconds to wait, nil when the text is neither form.
    /// - Parameters:
    ///   - date: the reply's `Date`; some proxies leave it out.
    ///   - ourClock: seconds since 1970 by the box.
    static func seconds(_ text: String, date: String?, ourClock: Int64) -> Int64? {
        if text.utf8.allSatisfy({ (48...57).contains($0) }), !text.isEmpty {
            return min(Int64(text) ?? longest, longest)
        }
        guard let until = HttpDate.seconds(text) else { return nil }
        guard let now = date.flatMap(HttpDate.seconds) else {
            return max(0, min(until - ourClock, longestByOurClock))
        }
        return max(0, min(until - now, longest))
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of date that servers must write (RFC 9110 §5.6.7).
enum HttpDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil when the text is no such date.
    static func seconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), let year = Int(parts[3]),
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let clock = parts[4].split(separator: ":").map { Int($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2] else { return nil }
        let time = CivilTime(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
        return time.isValid ? time.seconds : nil
    }
}
