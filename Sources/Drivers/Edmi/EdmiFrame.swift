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

    /// The frame as it goes on the wire; an empty body gives the empty frame `02 03`, which has no checksum.
    public static func encode(_ body: [UInt8]) -> [UInt8] {
        guard !body.isEmpty else { return [stx, etx] }
        return body.withUnsafeBufferPointer { source in
            let crc = EdmiCRC.checksum(of: source, from: EdmiCRC.afterSTX)
            return [UInt8](unsafeUninitializedCapacity: source.count * 2 + 6) { target, count in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                to[0] = stx
                var written = 1
                var read = 0
                while true {
                    let run = copyRun(from: from + read, count: source.count - read, to: to + written)
                    read += run
                    written += run
                    guard read < source.count else { break }
                    to[written] = dle
                    to[written + 1] = from[read] | 0x40
                    written += 2
                    read += 1
                }
                for byte in [UInt8(crc >> 8), UInt8(crc & 0xFF)] {
                    if isSpecial(byte) {
                        to[written] = dle
                        to[written + 1] = byte | 0x40
                        written += 2
                    } else {
                        to[written] = byte
                        written += 1
                    }
                }
                to[written] = etx
                count = written + 1
            }
        }
    }

    /// The body of exactly one frame: nothing before its STX and nothing after its ETX.
    public static func decode(_ wire: [UInt8]) throws(EdmiFrameError) -> [UInt8] {
        guard wire.first == stx, wire.count >= 2 else { throw .notOneFrame }
        guard wire.count <= 2 * limit + 2 else { throw .tooLong }
        var failure: EdmiFrameError?
        let body = wire.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                switch unstuff(from + 1, count: source.count - 1, to: to) {
                case .success(let length): count = length
                case .failure(let error): failure = error
                }
            }
        }
        if let failure { throw failure }
        return body
    }

    /// Unescapes up to the ETX that must be the last byte, checks, and gives the body's length.
    private static func unstuff(
        _ from: UnsafePointer<UInt8>, count: Int, to: UnsafeMutablePointer<UInt8>
    ) -> Result<Int, EdmiFrameError> {
        var read = 0
        var written = 0
        while true {
            let run = copyRun(from: from + read, count: count - read, to: to + written)
            read += run
            written += run
            guard read < count else { return .failure(.truncated) }
            switch from[read] {
            case etx:
                guard read == count - 1 else { return .failure(.notOneFrame) }
                return check(UnsafeBufferPointer(start: to, count: written))
            case stx: return .failure(.truncated)
            case dle:
                guard read + 1 < count else { return .failure(.truncated) }
                guard let byte = unescaped(from[read + 1]) else { return .failure(.badEscape) }
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

    // MARK: Stuffing

    /// Whether a byte may not stand unescaped between STX and ETX: 02, 03, 10, 11, 13.
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte & 0xFE == 0x02 || byte & 0xFE == 0x10 || byte == 0x13
    }

    /// What stood escaped as `byte`; nil when nothing is escaped so.
    static func unescaped(_ byte: UInt8) -> UInt8? {
        let plain = byte & 0xBF
        return byte & 0x40 != 0 && isSpecial(plain) ? plain : nil
    }

    /// Copies up to the first byte of the escaped set, or all; says how many. Eight bytes are tested at once, which is
    /// what makes the codec fast: most bytes of a frame need no escape.
    static func copyRun(
        from source: UnsafePointer<UInt8>, count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(target)
        var index = 0
        while count - index >= 8 {
            let word = from.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard !holdsSpecial(word) else { break }
            to.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < count, !isSpecial(source[index]) {
            target[index] = source[index]
            index += 1
        }
        return index
    }

    private static func holdsSpecial(_ word: UInt64) -> Bool {
        let pairs = word & 0xFEFE_FEFE_FEFE_FEFE
        return holdsZero(pairs ^ 0x0202_0202_0202_0202) || holdsZero(pairs ^ 0x1010_1010_1010_1010)
            || holdsZero(word ^ 0x1313_1313_1313_1313)
    }

    /// Whether one of the eight bytes is zero.
    private static func holdsZero(_ word: UInt64) -> Bool {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0
    }
}
