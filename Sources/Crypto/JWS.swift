/// JWS compact serialization (RFC 7515 §7.1): `header.payload.signature`, each base64url. What the header says is the
/// caller's to check.
public enum JWS {
    /// The decoded parts, and the bytes the signature was made over.
    public struct Parts: Equatable, Sendable {
        public var header: [UInt8]
        public var payload: [UInt8]
        /// `header.payload` as received.
        public var signingInput: [UInt8]
        public var signature: [UInt8]
    }

    /// Takes a compact serialization apart; nothing is verified.
    public static func split(_ compact: [UInt8]) throws(CryptoError) -> Parts {
        let pieces = compact.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard pieces.count == 3 else { throw .notJWS("it has \(pieces.count) parts, not 3") }
        return Parts(
            header: try part("header", pieces[0]), payload: try part("payload", pieces[1]),
            signingInput: Array(compact[..<pieces[1].endIndex]), signature: try part("signature", pieces[2]))
    }

    /// The compact serialization of `payload` under a header, signed with Ed25519.
    public static func sign(
        header: [UInt8], payload: [UInt8], privateKey: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let dot = [UInt8(ascii: ".")]
        let signingInput = Base64.urlText(header) + dot + Base64.urlText(payload)
        let signature = try Ed25519.sign(signingInput, privateKey: privateKey)
        return signingInput + dot + Base64.urlText(signature)
    }

    private static func part(_ name: String, _ characters: ArraySlice<UInt8>) throws(CryptoError) -> [UInt8] {
        guard let bytes = try? Base64.urlBytes(characters) else { throw .notJWS("its \(name) is no strict base64url") }
        return bytes
    }
}
