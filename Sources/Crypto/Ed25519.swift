import COpenSSL

/// Ed25519 (RFC 8032) with raw keys: a private key is its 32-byte seed, a public key its 32-byte point.
public enum Ed25519 {
    /// A fresh private key.
    public static func generate() throws(CryptoError) -> [UInt8] { try Random.bytes(32) }

    /// The public key that belongs to a private key.
    public static func publicKey(of privateKey: [UInt8]) throws(CryptoError) -> [UInt8] {
        let key = try privateHandle(privateKey)
        defer { EVP_PKEY_free(key) }
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == 32 else {
            throw .library("EVP_PKEY_get_raw_public_key")
        }
        return bytes
    }

    /// The 64 bytes of the signature over `message`.
    public static func sign(_ message: [UInt8], privateKey: [UInt8]) throws(CryptoError) -> [UInt8] {
        let key = try privateHandle(privateKey)
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { throw .library("EVP_MD_CTX_new") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == 64
        else { throw .library("EVP_DigestSign") }
        return signature
    }

    /// Whether `signature` over `message` was made by the owner of `publicKey`.
    public static func isValid(
        signature: [UInt8], of message: [UInt8], publicKey: [UInt8]
    ) throws(CryptoError) -> Bool {
        guard signature.count == 64 else { throw .length(what: "signature", expected: 64, found: signature.count) }
        try check(publicKey: publicKey)
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, publicKey, 32) else {
            throw .library("EVP_PKEY_new_raw_public_key")
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { throw .library("EVP_MD_CTX_new") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { throw .library("EVP_DigestVerifyInit") }
        return EVP_DigestVerify(context, signature, 64, message, message.count) == 1
    }

    /// Refuses what is no public key: another length, a y coordinate outside the field, or a point of small order.
    /// Under a point of small order one signature fits many messages, and libcrypto does not look.
    public static func check(publicKey: [UInt8]) throws(CryptoError) {
        guard publicKey.count == 32 else { throw .length(what: "public key", expected: 32, found: publicKey.count) }
        var y = publicKey
        y[31] &= 0x7F
        // The field's prime is 2^255 − 19: little endian ED FF … FF 7F.
        let isOutsideField = y[0] >= 0xED && y[31] == 0x7F && y[1..<31].allSatisfy { $0 == 0xFF }
        guard !isOutsideField, !smallOrder.contains(y) else { throw .weakPublicKey }
    }

    /// The y coordinates of the eight points whose order divides 8, little endian: 0, 1, −1 and the two of order 8.
    private static let smallOrder: [[UInt8]] = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F],
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
            0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
            0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ]

    private static func privateHandle(_ privateKey: [UInt8]) throws(CryptoError) -> OpaquePointer {
        guard privateKey.count == 32 else {
            throw .length(what: "private key", expected: 32, found: privateKey.count)
        }
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, privateKey, 32) else {
            throw .library("EVP_PKEY_new_raw_private_key")
        }
        return key
    }
}
