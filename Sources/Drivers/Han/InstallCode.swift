import Metering

/// The secret printed on a HAN device, from which meter and device derive their first common key: 6, 8, 12 or 16
/// random bytes and a CRC-16/X-25 of them, low byte first (Smart Energy profile; Zigbee 3.0 keeps only the longest).
/// It never prints itself.
public struct InstallCode: Hashable, Sendable {
    /// The code with its two CRC bytes: 8, 10, 14 or 18 bytes.
    public let secret: Secret

    /// Lengths in bytes that exist, CRC included.
    public static let lengths = [8, 10, 14, 18]

    /// The X-25 of a code together with its own CRC is always this.
    static let residue: UInt16 = 0x0F47

    /// Reads what a label or a file says: hexadecimal digits of either case, with or without `0x`, and blanks, `-` or
    /// `:` anywhere. The length is judged before the CRC, so that a lost digit is not called a wrong one.
    public init(_ text: String) throws(InstallCodeFault) {
        try self.init(text: Array(text.utf8))
    }

    /// The same from the bytes of a file.
    public init(text: [UInt8]) throws(InstallCodeFault) {
        var rest = text.filter { !Self.separators.contains($0) }[...]
        if rest.first == UInt8(ascii: "0"), rest.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x") {
            rest = rest.dropFirst(2)
        }
        var bytes: [UInt8] = []
        var high: UInt8?
        for (place, character) in rest.enumerated() {
            guard let digit = HanHexadecimal.digit(character) else { throw .digit(place: place + 1) }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil, Self.lengths.contains(bytes.count) else { throw .length(digits: rest.count) }
        try self.init(bytes: bytes)
    }

    /// A code as bytes, its CRC included.
    public init(bytes: [UInt8]) throws(InstallCodeFault) {
        guard Self.lengths.contains(bytes.count) else { throw .length(digits: bytes.count * 2) }
        guard Self.crc(bytes) == Self.residue else { throw .checksum(bytes: bytes.count) }
        secret = Secret(bytes)
    }

    private static let separators: [UInt8] = [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: "-"), UInt8(ascii: ":")]

    /// CRC-16/X-25: polynomial 0x1021 reflected, start and final XOR 0xFFFF; `123456789` gives 0x906E.
    public static func crc(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var crc: UInt16 = 0xFFFF
        for byte in bytes {
            crc ^= UInt16(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x8408 : crc >> 1 }
        }
        return ~crc
    }

    /// The link key that follows from the code: the AES-MMO hash of code and CRC, 16 bytes. `encrypt` is AES-128 of one
    /// block, which the pure layers borrow.
    public func linkKey<Failure: Error>(
        encrypt: (_ block: [UInt8], _ key: [UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Secret {
        Secret(try HanHash.mmo(secret.bytes, encrypt: encrypt))
    }
}

/// Why a text is no install code. It never holds any of the code.
public enum InstallCodeFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// A character that is no hexadecimal digit; its place is counted from 1 without separators.
    case digit(place: Int)
    /// Digits other than 16, 20, 28 or 36.
    case length(digits: Int)
    /// The last two bytes are not the CRC of the others; `bytes` counts all.
    case checksum(bytes: Int)

    /// A stable word.
    public var word: String {
        switch self {
        case .digit: "digit"
        case .length: "length"
        case .checksum: "crc"
        }
    }

    public var description: String {
        switch self {
        case .digit(let place):
            "character \(place) of the install code is no hexadecimal digit; copy it again from the label"
        case .length(let digits):
            "the length is wrong: an install code has 16, 20, 28 or 36 hexadecimal digits, this one has \(digits); "
                + "look for a lost or doubled digit"
        case .checksum:
            "the install code does not fit its own CRC (its last four digits): at least one digit is wrong or two are "
                + "exchanged; compare it with the label"
        }
    }
}

/// The hash that Zigbee makes keys with.
public enum HanHash {
    /// Matyas–Meyer–Oseas over AES-128 with a start of zeros, 16 bytes: each block is encrypted under the hash so far
    /// and added to itself. Padding is for messages under 8192 bytes: bit 1, zeros, and the length in bits in two
    /// bytes.
    public static func mmo<Failure: Error>(
        _ message: [UInt8], encrypt: (_ block: [UInt8], _ key: [UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        var padded = message + [0x80]
        while padded.count % 16 != 14 { padded.append(0) }
        let bits = UInt16(truncatingIfNeeded: message.count * 8)
        padded += [UInt8(bits >> 8), UInt8(bits & 0xFF)]
        var hash = [UInt8](repeating: 0, count: 16)
        for start in stride(from: 0, to: padded.count, by: 16) {
            let block = Array(padded[start..<start + 16])
            hash = zip(try encrypt(block, hash), block).map { $0 ^ $1 }
        }
        return hash
    }
}

/// Hexadecimal digits.
enum HanHexadecimal {
    static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - 48
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - 55
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - 87
        default: nil
        }
    }
}
