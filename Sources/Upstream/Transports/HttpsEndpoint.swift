/// Where an upstream system is: `https://host[:port][/path]`, or `http://` to this machine only.
public struct HttpsAddress: Hashable, Sendable {
    /// The base, without a slash at its end: a path is appended to it.
    public let base: String
    public let isEncrypted: Bool

    /// Reads the `url` of `[upstream.…]`.
    public init(url: String) throws(HttpsAddressError) {
        let bytes = Array(url.utf8)
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .characters }
        let rest: Substring
        if url.hasPrefix("https://") {
            isEncrypted = true
            rest = url.dropFirst(8)
        } else if url.hasPrefix("http://") {
            isEncrypted = false
            rest = url.dropFirst(7)
        } else {
            throw .scheme
        }
        guard !rest.utf8.contains(where: { "@?#\\\"<>".utf8.contains($0) }) else { throw .more }
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        guard path.last != "/", !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
            throw .path
        }
        let host = try Self.host(of: authority)
        guard isEncrypted || MqttEndpoint.isLoopback(host) else { throw .plain(host: host) }
        base = url
    }

    private static func host(of authority: Substring) throws(HttpsAddressError) -> String {
        let end: Substring.Index
        var host: Substring
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw .host }
            host = authority[..<bracket].dropFirst()
            end = authority.index(after: bracket)
        } else {
            end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<end]
        }
        let port = authority[end...]
        if !port.isEmpty {
            guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0 else { throw .port }
        }
        if host.last == "." { host = host.dropLast() }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(isHostByte) else { throw .host }
        return String(host)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// Why a text is no address of an upstream system; the description says what to write.
public enum HttpsAddressError: Error, Hashable, Sendable, CustomStringConvertible {
    case scheme, host, port, path, more, characters
    case plain(host: String)

    public var description: String {
        switch self {
        case .scheme: "write https://host/path, or http://localhost:port for a server on this machine"
        case .host: "no host name or address; write https://host/path, an IPv6 address in brackets"
        case .port: "the port must be a number from 1 to 65535"
        case .path: "the path must not end with a slash, and has no . or .. in it"
        case .more: "only a host, a port and a path are allowed: no user, query or fragment"
        case .characters: "only printable characters without spaces are allowed"
        case .plain(let host):
            "http:// is not encrypted and allowed only to this machine (localhost, 127.0.0.0/8, ::1); "
                + "write https:// for \(host)"
        }
    }
}

/// How a system is reached: whom we trust, who we are, and how long we wait.
public struct HttpsEndpoint: Hashable, Sendable {
    public var address: HttpsAddress
    /// PEM file of the authorities that may sign the server's certificate; nil for those of the system. With a file
    /// those of the system are not trusted.
    public var ca: String?
    /// PEM files of our own certificate and key: both or none.
    public var certificate: String?
    public var key: String?
    /// `http://host:port` of a proxy; nil for none: the environment is never asked.
    public var proxy: String?
    /// Milliseconds for the name, TCP and TLS.
    public var connectTime: Int = 15_000
    /// Milliseconds for a whole exchange, the connection included.
    public var totalTime: Int = 60_000
    /// Bytes of a reply's body.
    public var longestReply: Int = 1 << 20

    public init(
        address: HttpsAddress, ca: String? = nil, certificate: String? = nil, key: String? = nil, proxy: String? = nil
    ) {
        self.address = address
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.proxy = proxy
    }
}
