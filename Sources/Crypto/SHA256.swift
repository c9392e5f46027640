import COpenSSL

/// SHA-256 (FIPS 180-4), all at once.
public enum SHA256 {
    /// The 32 bytes of the digest.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var stream = SHA256Stream()
        stream.update(bytes)
        return stream.digest
    }

    /// Lower-case hex of the digest, 64 characters.
    public static func hex(_ bytes: [UInt8]) -> String { Hex.text(digest(bytes)) }
}

/// SHA-256 fed piece by piece. A value: a copy goes on from where the original was.
public struct SHA256Stream {
    private var context = SHA256_CTX()

    public init() { SHA256_Init(&context) }

    /// Takes more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { _ = SHA256_Update(&context, $0.baseAddress, $0.count) }
    }

    /// The 32 bytes over everything taken so far; more may follow.
    public var digest: [UInt8] {
        var copy = context
        return [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            SHA256_Final(buffer.baseAddress, &copy)
            count = 32
        }
    }
}

/// Lower-case hexadecimal.
public enum Hex {
    /// Two characters a byte.
    public static func text(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[2 * index] = digit(byte >> 4)
                buffer[2 * index + 1] = digit(byte & 15)
            }
            return bytes.count * 2
        }
    }

    private static func digit(_ half: UInt8) -> UInt8 { half < 10 ? 48 + half : 87 + half }
}
