/// Base64 (RFC 4648), strict: one text for every value, no white space, nothing tolerated.
public enum Base64 {
    /// The usual alphabet with padding.
    public static func text(_ bytes: [UInt8]) -> String {
        let digits = encode(bytes, alphabet: standard)
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        return String(decoding: digits + padding, as: UTF8.self)
    }

    /// Reads the usual alphabet; the padding must be there.
    public static func bytes(_ text: String) throws(CryptoError) -> [UInt8] {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { throw .base64 }
        let padding = characters.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return try decode(characters.dropLast(padding), alphabet: standard)
    }

    /// The alphabet of URLs without padding, as JWS uses it.
    public static func urlText(_ bytes: [UInt8]) -> [UInt8] { encode(bytes, alphabet: url) }

    /// Reads the alphabet of URLs; padding is refused.
    public static func urlBytes(_ characters: some Collection<UInt8>) throws(CryptoError) -> [UInt8] {
        try decode(characters, alphabet: url)
    }

    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func encode(_ bytes: [UInt8], alphabet: [UInt8]) -> [UInt8] {
        var characters: [UInt8] = []
        characters.reserveCapacity(bytes.count * 4 / 3 + 3)
        var bits: UInt32 = 0
        var held = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            held += 8
            while held >= 6 {
                held -= 6
                characters.append(alphabet[Int(bits >> held & 63)])
            }
        }
        if held > 0 { characters.append(alphabet[Int(bits << (6 - held) & 63)]) }
        return characters
    }

    private static func decode(
        _ characters: some Collection<UInt8>, alphabet: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        // A rest of one character holds six bits: no byte at all.
        guard characters.count % 4 != 1 else { throw .base64 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count * 3 / 4)
        var bits: UInt32 = 0
        var held = 0
        for character in characters {
            guard let digit = value(of: character, last: alphabet[62], alphabet[63]) else { throw .base64 }
            bits = bits << 6 | digit
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> held))
            }
        }
        // Bits left over must be zero, or two texts would mean the same bytes.
        guard bits & (1 << held - 1) == 0 else { throw .base64 }
        return bytes
    }

    private static func value(of character: UInt8, last plus: UInt8, _ slash: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - 65)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - 97 + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - 48 + 52)
        case plus: 62
        case slash: 63
        default: nil
        }
    }
}
