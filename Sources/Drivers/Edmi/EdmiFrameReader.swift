/// What a frame reader found on the wire.
public enum EdmiFrameEvent: Hashable, Sendable {
    /// A frame's body, unescaped, its checksum right and removed; empty for the empty frame.
    case frame([UInt8])
    /// Something began like a frame and was none. Its bytes are dropped.
    case damaged(EdmiFrameError)
}

/// Finds frames in a stream of bytes that comes in pieces. Bytes outside frames are skipped, a raw STX starts afresh, and
/// never more than `limit` bytes are held, whatever comes.
public struct EdmiFrameReader: Sendable {
    private enum State {
        case outside, inside, escaped
    }

    private var state = State.outside
    private var content: [UInt8]
    private var length = 0

    /// `limit`: most unescaped bytes of body and checksum.
    public init(limit: Int = EdmiFrame.limit) {
        content = [UInt8](repeating: 0, count: max(limit, 8))
    }

    /// Whether a frame has begun and not yet ended: silence now is a break inside a reply.
    public var isInsideFrame: Bool { state != .outside }

    /// Forgets a frame that has begun, as before sending.
    public mutating func reset() {
        state = .outside
        length = 0
    }

    /// Takes the next bytes and gives what they complete, in order.
    public mutating func feed(_ bytes: [UInt8]) -> [EdmiFrameEvent] {
        var events: [EdmiFrameEvent] = []
        bytes.withUnsafeBufferPointer { feed($0) { events.append($0) } }
        return events
    }

    /// The same without an array between: `deliver` is called for each frame or damage, in order.
    public mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, _ deliver: (EdmiFrameEvent) -> Void) {
        guard let base = bytes.baseAddress else { return }
        var index = 0
        while index < bytes.count {
            switch state {
            case .outside:
                while index < bytes.count, base[index] != EdmiFrame.stx { index += 1 }
                guard index < bytes.count else { return }
                index += 1
                begin()
            case .inside:
                index += takeRun(base + index, count: bytes.count - index, deliver)
            case .escaped:
                if takeEscaped(base[index], deliver) { index += 1 }
            }
        }
    }

    private mutating func begin() {
        state = .inside
        length = 0
    }

    private mutating func drop(_ error: EdmiFrameError, _ deliver: (EdmiFrameEvent) -> Void) {
        state = .outside
        length = 0
        deliver(.damaged(error))
    }

    /// Takes plain bytes and the special byte that ends them; gives how many bytes were used up.
    private mutating func takeRun(
        _ next: UnsafePointer<UInt8>, count: Int, _ deliver: (EdmiFrameEvent) -> Void
    ) -> Int {
        let room = content.count - length
        let most = min(count, room)
        let run = content.withUnsafeMutableBufferPointer { target in
            target.baseAddress.map { EdmiFrame.copyRun(from: next, count: most, to: $0 + length) } ?? 0
        }
        length += run
        guard run < count else { return run }
        switch next[run] {
        case EdmiFrame.stx:
            if length > 0 { deliver(.damaged(.truncated)) }
            begin()
        case EdmiFrame.etx: finish(deliver)
        case EdmiFrame.dle where run < room: state = .escaped
        case EdmiFrame.xon, EdmiFrame.xoff: drop(.rawControl, deliver)
        default: drop(.tooLong, deliver)
        }
        return run + 1
    }

    /// Takes the byte after a DLE; false when it must be looked at again, as a raw STX that starts the next frame.
    private mutating func takeEscaped(_ byte: UInt8, _ deliver: (EdmiFrameEvent) -> Void) -> Bool {
        guard let plain = EdmiFrame.unescaped(byte) else {
            drop(.badEscape, deliver)
            return byte != EdmiFrame.stx
        }
        content[length] = plain
        length += 1
        state = .inside
        return true
    }

    private mutating func finish(_ deliver: (EdmiFrameEvent) -> Void) {
        let checked = content.withUnsafeBufferPointer {
            EdmiFrame.check(UnsafeBufferPointer(rebasing: $0[..<length]))
        }
        switch checked {
        case .success(let count):
            state = .outside
            let body = [UInt8](content[..<count])
            length = 0
            deliver(.frame(body))
        case .failure(let error): drop(error, deliver)
        }
    }
}
