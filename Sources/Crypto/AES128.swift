import COpenSSL

/// The bare AES-128 block (FIPS 197): the building stone of the HAN's hash, no mode of its own.
public enum AES128 {
    /// Encrypts one block of 16 bytes under a key of 16 bytes.
    public static func encrypt(block: [UInt8], key: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard key.count == 16 else { throw .length(what: "AES key", expected: 16, found: key.count) }
        guard block.count == 16 else { throw .length(what: "AES block", expected: 16, found: block.count) }
        guard let context = EVP_CIPHER_CTX_new() else { throw .library("EVP_CIPHER_CTX_new") }
        defer { EVP_CIPHER_CTX_free(context) }
        var output = [UInt8](repeating: 0, count: 32)
        var count: Int32 = 0
        guard EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nil, key, nil) == 1,
            EVP_CIPHER_CTX_set_padding(context, 0) == 1,
            EVP_EncryptUpdate(context, &output, &count, block, 16) == 1, count == 16
        else { throw .library("EVP_EncryptUpdate") }
        return Array(output.prefix(16))
    }
}
