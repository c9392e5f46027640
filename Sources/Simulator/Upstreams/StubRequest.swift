import Metering

/// An HTTP/1.1 request as a stub server reads it.
public struct StubRequest: Hashable, Sendable {
    public var method: String
    /// Without the query.
    public var path: String
    /// As it came, encoded; empty when there is none.
    public var query: String
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    /// Bytes of a request that a stub takes.
    public static let longest = 4 << 20

    /// Reads a whole request; nil while bytes are missing, or for ever when they are none (see `isHopeless`).
    public init?(_ bytes: [UInt8]) {
        guard let end = Self.headEnd(bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let start = (lines.first ?? "").split(separator: " ")
        guard start.count == 3 else { return nil }
        method = String(start[0])
        let target = start[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(target.first ?? "/")
        query = target.count > 1 ? String(target[1]) : ""
        headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        guard length >= 0, length <= Self.longest, bytes.count >= end + 4 + length else { return nil }
        body = Array(bytes[(end + 4)..<(end + 4 + length)])
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
    }

    /// The first header of this name, in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    /// A decoded parameter of the query.
    public func parameter(_ name: String) -> String? {
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.first.map(String.init) == name { return pair.count > 1 ? Self.decoded(pair[1]) : "" }
        }
        return nil
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    var json: WireJSON? { WireJSON(body) }

    public static func == (left: StubRequest, right: StubRequest) -> Bool {
        left.method == right.method && left.path == right.path && left.query == right.query && left.body == right.body
            && left.headers.elementsEqual(right.headers) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(method)
        hasher.combine(path)
        hasher.combine(body)
    }
}

/// What a stub answers.
public struct StubReply: Hashable, Sendable {
    public var status: Int
    public var body: [UInt8]
    /// `Location`, `Retry-After` …
    public var headers: [String]

    public init(_ status: Int, _ body: [UInt8] = [], headers: [String] = []) {
        self.status = status
        self.body = body
        self.headers = headers
    }

    init(_ status: Int, _ json: JSONValue, headers: [String] = []) {
        self.init(status, JSONWriter.compact(json), headers: headers)
    }

    init(_ status: Int, text: String) { self.init(status, Array(text.utf8)) }

    /// The bytes of an HTTP/1.1 response that ends the connection.
    public var bytes: [UInt8] {
        var lines = ["HTTP/1.1 \(status) \(status < 400 ? "OK" : "Error")"]
        lines += ["Content-Type: application/json", "Content-Length: \(body.count)", "Connection: close"]
        lines += headers
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }
}
