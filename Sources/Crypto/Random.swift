import COpenSSL

/// Unpredictable bytes from libcrypto's generator, which the kernel seeds.
public enum Random {
    /// `count` fresh bytes.
    public static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(clamping: count)) == 1 else { throw .library("RAND_bytes") }
        return bytes
    }
}
