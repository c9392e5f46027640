/// Why bytes are not an EDMI frame.
public enum EdmiFrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before STX or after ETX where exactly one frame was to be.
    case notOneFrame
    /// No ETX, or a new STX inside the frame.
    case truncated
    /// DLE before a byte that needs no escape, or before the frame's end.
    case badEscape
    /// XON or XOFF unescaped.
    case rawControl
    /// Fewer bytes than one and a checksum.
    case tooShort
    /// More than `EdmiFrame.limit` bytes.
    case tooLong
    case badChecksum

    /// For people.
    public var description: String {
        switch self {
        case .notOneFrame: "bytes outside the frame: look for noise or a second device on the wire"
        case .truncated: "the frame breaks off: look at wiring, baud rate and termination"
        case .badEscape: "a byte is escaped that must not be: look at wiring and baud rate"
        case .rawControl: "XON or XOFF in a frame: switch software flow control off"
        case .tooShort: "the frame is too short for a checksum: look at wiring and baud rate"
        case .tooLong: "the frame does not end within \(EdmiFrame.limit) bytes: look at baud rate and format"
        case .badChecksum: "the checksum is wrong: look at wiring, baud rate and termination"
        }
    }
}

/// The frame of the EDMI command line: `STX body CRC ETX`, body and CRC stuffed (reference/edmi.md §1).
public enum EdmiFrame {
    /// Most unescaped bytes of body and checksum we take; no meter is known to send more than 2 KiB.
    public static let limit = 8192

    static let stx: UInt8 = 0x02
    static let etx: UInt8 = 0x03
    static let dle: UInt8 = 0x10
    static let xon: UInt8 = 0x11
    static let xoff: UInt8 = 0x13

    // MARK: Encoding

    /// The frame as it goes on the wire; an empty body gives the empty frame `02 03`, which has no checksum.
    public static func encode(_ body: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: encodedCapacity(body.count)) { target, count in
            count = body.withUnsafeBufferPointer { encode($0, into: target) } ?? 0
        }
    }

    /// Bytes that `encode(_:into:)` needs room for: every byte escaped, at worst.
    public static func encodedCapacity(_ bodyLength: Int) -> Int { bodyLength * 2 + 6 + EdmiStuffing.slack }

    /// The same without an array: writes the frame into `target` and gives its length. Nil when `target` has less than
    /// `encodedCapacity` bytes.
    public static func encode(
        _ body: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        guard target.count >= encodedCapacity(body.count), let to = target.baseAddress else { return nil }
        guard let from = body.baseAddress, body.count > 0 else {
            to[0] = stx
            to[1] = etx
            return 2
        }
        return stuff(from, count: body.count, to: to)
    }

    /// Writes the whole frame and gives its length.
    private static func stuff(
        _ from: UnsafePointer<UInt8>, count: Int, to: UnsafeMutablePointer<UInt8>
    ) -> Int {
        to[0] = stx
        var written = 1
        var read = 0
        while true {
            let run = EdmiStuffing.copyRun(from: from + read, count: count &- read, to: to + written)
            read &+= run
            written &+= run
            guard read < count else { break }
            to[written] = dle
            to[written &+ 1] = from[read] | 0x40
            written &+= 2
            read &+= 1
        }
        let crc = EdmiCRC.checksum(of: from, count: count, from: EdmiCRC.afterSTX)
        written &+= EdmiStuffing.put(UInt8(truncatingIfNeeded: crc >> 8), to: to + written)
        written &+= EdmiStuffing.put(UInt8(truncatingIfNeeded: crc), to: to + written)
        to[written] = etx
        return written &+ 1
    }

    // MARK: Decoding

    /// The body of exactly one frame: nothing before its STX and nothing after its ETX.
    public static func decode(_ wire: [UInt8]) throws(EdmiFrameError) -> [UInt8] {
        var failure: EdmiFrameError?
        let body = [UInt8](unsafeUninitializedCapacity: decodedCapacity(wire.count)) { target, count in
            switch wire.withUnsafeBufferPointer({ decode($0, into: target) }) {
            case .success(let length): count = length
            case .failure(let error): failure = error
            }
        }
        if let failure { throw failure }
        return body
    }

    /// Bytes that `decode(_:into:)` needs room for.
    public static func decodedCapacity(_ wireLength: Int) -> Int { wireLength + EdmiStuffing.slack }

    /// The same without an array: writes the body into `target` and gives its length. `target` must have
    /// `decodedCapacity` bytes, else the frame counts as too long.
    public static func decode(
        _ wire: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Result<Int, EdmiFrameError> {
        guard wire.count >= 2, let from = wire.baseAddress, from[0] == stx else { return .failure(.notOneFrame) }
        guard wire.count <= 2 * limit + 2, target.count >= decodedCapacity(wire.count), let to = target.baseAddress
        else { return .failure(.tooLong) }
        return unstuff(from + 1, count: wire.count - 1, to: to)
    }

    /// Unescapes up to the ETX that must be the last byte, checks, and gives the body's length.
    private static func unstuff(
        _ from: UnsafePointer<UInt8>, count: Int, to: UnsafeMutablePointer<UInt8>
    ) -> Result<Int, EdmiFrameError> {
        var read = 0
        var written = 0
        while true {
            let run = EdmiStuffing.copyRun(from: from + read, count: count &- read, to: to + written)
            read &+= run
            written &+= run
            guard read < count else { return .failure(.truncated) }
            switch from[read] {
            case etx:
                guard read == count - 1 else { return .failure(.notOneFrame) }
                return check(UnsafeBufferPointer(start: to, count: written))
            case stx: return .failure(.truncated)
            case dle:
                guard read + 1 < count else { return .failure(.truncated) }
                guard let byte = EdmiStuffing.unescaped(from[read + 1]) else { return .failure(.badEscape) }
                to[written] = byte
                written += 1
                read += 2
            default: return .failure(.rawControl)
            }
        }
    }

    /// The length of the body in `content` (body and checksum, unescaped) when the checksum is right.
    static func check(_ content: UnsafeBufferPointer<UInt8>) -> Result<Int, EdmiFrameError> {
        if content.isEmpty { return .success(0) }
        guard content.count >= 3 else { return .failure(.tooShort) }
        guard content.count <= limit else { return .failure(.tooLong) }
        guard EdmiCRC.checksum(of: content, from: EdmiCRC.afterSTX) == 0 else { return .failure(.badChecksum) }
        return .success(content.count - 2)
    }

    // MARK: Checksum and repetition

    /// CRC-16/XMODEM of the bytes alone, without an STX before them.
    public static func checksum(of bytes: [UInt8]) -> UInt16 {
        bytes.withUnsafeBufferPointer { EdmiCRC.checksum(of: $0, from: 0) }
    }

    /// The body once, where a meter put the same reply twice into one frame: `A CRC STX A`, of which the whole has a
    /// right checksum too (reference/edmi.md §6.2, quirk b). Anything else comes back unchanged.
    public static func withoutRepetition(_ body: [UInt8]) -> [UInt8] {
        let length = (body.count - 3) / 2
        guard body.count >= 5, body.count == 2 * length + 3, body[length + 2] == stx,
            body[..<length] == body[(length + 3)...]
        else { return body }
        let first = body[..<(length + 2)]
        let isWhole = first.withUnsafeBufferPointer { EdmiCRC.checksum(of: $0, from: EdmiCRC.afterSTX) == 0 }
        return isWhole ? [UInt8](body[..<length]) : body
    }
}
