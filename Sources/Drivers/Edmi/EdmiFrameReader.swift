/// What a frame reader found on the wire.
public enum EdmiFrameEvent: Hashable, Sendable {
    /// A frame's body, unescaped, its checksum right and removed; empty for the empty frame.
    case frame([UInt8])
    /// Something began like a frame and was none. Its bytes are dropped.
    case damaged(EdmiFrameError)
}

/// Finds frames in a stream of bytes that comes in pieces. Bytes outside frames are skipped, a raw STX starts afresh,
/// and never more than `limit` bytes are held, whatever comes.
public struct EdmiFrameReader: Sendable {
    fileprivate enum State {
        case outside, inside, escaped
    }

    /// The scan apart from its buffer, so that the buffer can be written to meanwhile.
    fileprivate struct Scan {
        var state = State.outside
        var length = 0
    }

    private var scan = Scan()
    private var content: [UInt8]

    /// `limit`: most unescaped bytes of body and checksum.
    public init(limit: Int = EdmiFrame.limit) {
        content = [UInt8](repeating: 0, count: max(limit, 8) + EdmiStuffing.slack)
    }

    /// Whether a frame has begun and not yet ended: silence now is a break inside a reply.
    public var isInsideFrame: Bool { scan.state != .outside }

    /// Forgets a frame that has begun, as before sending.
    public mutating func reset() { scan = Scan() }

    /// Takes the next bytes and gives what they complete, in order.
    public mutating func feed(_ bytes: [UInt8]) -> [EdmiFrameEvent] {
        var events: [EdmiFrameEvent] = []
        bytes.withUnsafeBufferPointer { feed($0) { events.append($0) } }
        return events
    }

    /// The same without an array between: `deliver` is called for each frame or damage, in order.
    public mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, _ deliver: (EdmiFrameEvent) -> Void) {
        guard let base = bytes.baseAddress else { return }
        var scan = self.scan
        content.withUnsafeMutableBufferPointer { target in
            guard let to = target.baseAddress else { return }
            var index = 0
            while index < bytes.count {
                let (used, event) = scan.take(
                    base + index, count: bytes.count - index, to: to, limit: target.count - EdmiStuffing.slack)
                index += used
                if let event { deliver(event) }
            }
        }
        self.scan = scan
    }
}

extension EdmiFrameReader.Scan {
    /// Takes bytes up to the next event, or all of them.
    mutating func take(
        _ next: UnsafePointer<UInt8>, count: Int, to: UnsafeMutablePointer<UInt8>, limit: Int
    ) -> (used: Int, event: EdmiFrameEvent?) {
        var used = 0
        while used < count {
            switch state {
            case .outside:
                if next[used] == EdmiFrame.stx { begin() }
                used &+= 1
            case .escaped:
                guard let plain = EdmiStuffing.unescaped(next[used]) else {
                    // A raw STX is looked at again: it starts the next frame.
                    return (next[used] == EdmiFrame.stx ? used : used &+ 1, drop(.badEscape))
                }
                to[length] = plain
                length &+= 1
                used &+= 1
                state = .inside
            case .inside:
                let run = EdmiStuffing.copyRun(
                    from: next + used, count: min(count &- used, limit &- length), to: to + length)
                length &+= run
                used &+= run
                guard used < count else { break }
                used &+= 1
                if let event = end(next[used &- 1], to: to, limit: limit) { return (used, event) }
            }
        }
        return (used, nil)
    }

    /// Takes the byte that ended a run: one of the escaped set, or any where there is no more room.
    private mutating func end(_ byte: UInt8, to: UnsafeMutablePointer<UInt8>, limit: Int) -> EdmiFrameEvent? {
        switch byte {
        case EdmiFrame.dle where length < limit:
            state = .escaped
            return nil
        case EdmiFrame.etx:
            let content = UnsafeBufferPointer(start: to, count: length)
            switch EdmiFrame.check(content) {
            case .success(let count):
                state = .outside
                return .frame([UInt8](content[..<count]))
            case .failure(let error): return drop(error)
            }
        case EdmiFrame.stx:
            let isBroken = length > 0
            begin()
            return isBroken ? .damaged(.truncated) : nil
        case EdmiFrame.xon, EdmiFrame.xoff: return drop(.rawControl)
        default: return drop(.tooLong)
        }
    }

    private mutating func begin() {
        state = .inside
        length = 0
    }

    private mutating func drop(_ error: EdmiFrameError) -> EdmiFrameEvent {
        state = .outside
        return .damaged(error)
    }
}
