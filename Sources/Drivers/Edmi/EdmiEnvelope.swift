/// An addressed ('E') body: `45 destination32 source32 sequence16 inner` (reference/edmi.md §2.2).
public struct EdmiEnvelope: Hashable, Sendable {
    public var destination: UInt32
    public var source: UInt32
    public var sequence: UInt16
    /// The same bytes as in plain mode.
    public var inner: [UInt8]

    static let mark: UInt8 = 0x45
    static let headerLength = 11

    public init(destination: UInt32, source: UInt32, sequence: UInt16, inner: [UInt8]) {
        self.destination = destination
        self.source = source
        self.sequence = sequence
        self.inner = inner
    }

    /// Nil unless `body` begins with 'E' and holds at least one inner byte.
    public init?(body: [UInt8]) {
        guard body.first == Self.mark, body.count > Self.headerLength else { return nil }
        destination = body.bigEndian(at: 1)
        source = body.bigEndian(at: 5)
        sequence = body.bigEndian(at: 9)
        inner = [UInt8](body[Self.headerLength...])
    }

    /// The frame body.
    public var body: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerLength + inner.count)
        bytes.append(Self.mark)
        bytes.appendBigEndian(destination)
        bytes.appendBigEndian(source)
        bytes.appendBigEndian(sequence)
        bytes.append(contentsOf: inner)
        return bytes
    }

    /// The envelope a meter answers this one with: ends exchanged, sequence echoed.
    public func reply(_ inner: [UInt8]) -> EdmiEnvelope {
        EdmiEnvelope(destination: source, source: destination, sequence: sequence, inner: inner)
    }
}

/// Whether a frame on the wire is the reply waited for.
public enum EdmiMatch: Hashable, Sendable {
    /// It is; the inner reply, without the envelope.
    case mine(inner: [UInt8])
    /// It belongs to an earlier command, to another meter, or is an echo: go on waiting.
    case foreign
}

extension EdmiExpectation {
    /// Whether `body` is the reply. An empty frame and, for a plain command, an addressed body never are.
    public func accepts(_ body: [UInt8]) -> EdmiMatch {
        let body = EdmiFrame.withoutRepetition(body)
        guard !body.isEmpty else { return .foreign }
        switch self {
        case .plain:
            return EdmiEnvelope(body: body) == nil ? .mine(inner: body) : .foreign
        case .addressed(let meter, let master, let sequence):
            guard let envelope = EdmiEnvelope(body: body), envelope.destination == master, envelope.source == meter,
                envelope.sequence == sequence
            else { return .foreign }
            return .mine(inner: envelope.inner)
        }
    }
}

extension EdmiExchange {
    /// As `EdmiExpectation.accepts`; the echo of our own frame (a half-duplex adapter that hears itself) is foreign.
    public func match(_ body: [UInt8]) -> EdmiMatch {
        if let first = body.first, first != EdmiReply.acknowledged, first != EdmiReply.cancelled,
            EdmiFrame.encode(body) == wire
        {
            return .foreign
        }
        return expectation.accepts(body)
    }
}
