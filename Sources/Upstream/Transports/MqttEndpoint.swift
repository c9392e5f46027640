/// Where the broker is: `mqtts://host[:8883]`, or `mqtt://host[:1883]` to this machine only.
public struct MqttEndpoint: Hashable, Sendable {
    /// A name or an address, IPv6 without its brackets.
    public let host: String
    public let port: UInt16
    public let isEncrypted: Bool

    /// Reads the `url` of `[mqtt]`.
    public init(url: String) throws(MqttAddressError) {
        let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "mqtts" || parts[0] == "mqtt" else { throw .scheme }
        isEncrypted = parts[0] == "mqtts"
        var rest = parts[1]
        if rest.last == "/" { rest = rest.dropLast() }
        guard !rest.contains(where: { "/@?# ".contains($0) }) else { throw .more }
        let (host, portText) = try Self.split(rest)
        guard Self.isHost(host) else { throw .host }
        self.host = host
        if let portText {
            guard portText.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(portText), port > 0 else {
                throw .port
            }
            self.port = port
        } else {
            port = isEncrypted ? 8883 : 1883
        }
        guard isEncrypted || Self.isLoopback(host) else { throw .plain(host: host) }
    }

    /// Whether a host can only be this machine.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127"
            && octets.allSatisfy { octet in
                octet.allSatisfy { $0.isASCII && $0.isNumber } && octet.count <= 3 && UInt8(octet) != nil
            }
    }

    private static func split(_ text: Substring) throws(MqttAddressError) -> (String, Substring?) {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .host }
            let after = text[text.index(after: end)...]
            guard after.isEmpty || after.first == ":" else { throw .host }
            return (String(text[text.index(after: text.startIndex)..<end]), after.isEmpty ? nil : after.dropFirst())
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first else { throw .host }
        return (String(host), parts.count == 2 ? parts[1] : nil)
    }

    private static func isHost(_ host: String) -> Bool {
        (1...253).contains(host.utf8.count)
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// Why a text is no broker's address; the description says what to write.
public enum MqttAddressError: Error, Hashable, Sendable, CustomStringConvertible {
    case scheme, host, port, more
    case plain(host: String)

    public var description: String {
        switch self {
        case .scheme: "write mqtts://host:port, or mqtt://localhost:port for a broker on this machine"
        case .host: "no host name or address; write mqtts://host:port, an IPv6 address in brackets"
        case .port: "the port must be a number from 1 to 65535"
        case .more: "only a host and a port are allowed, no user, path or query"
        case .plain(let host):
            "mqtt:// is not encrypted and allowed only to this machine (localhost, 127.0.0.0/8, ::1); "
                + "write mqtts:// for \(host)"
        }
    }
}
