import Crypto
import Testing

@Suite struct JWSTests {
    /// RFC 8037 appendix A.4: EdDSA over "Example of Ed25519 signing".
    private let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private let compact = Array(
        ("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg").utf8)

    @Test func sign_ofThePublishedExample() throws {
        let signed = try JWS.sign(
            header: Array(#"{"alg":"EdDSA"}"#.utf8), payload: Array("Example of Ed25519 signing".utf8),
            privateKey: seed)
        #expect(signed == compact)
    }

    @Test func split_ofThePublishedExample_verifies() throws {
        let parts = try JWS.split(compact)
        #expect(parts.header == Array(#"{"alg":"EdDSA"}"#.utf8))
        #expect(parts.payload == Array("Example of Ed25519 signing".utf8))
        #expect(parts.signingInput == Array(compact.dropLast(87)))
        #expect(
            try Ed25519.isValid(
                signature: parts.signature, of: parts.signingInput, publicKey: Ed25519.publicKey(of: seed)))
    }

    @Test(arguments: ["", "a", "YQ", "YQ.YQ", "YQ.YQ.YQ.YQ", "Y.YQ.YQ", "YQ.YQ==.YQ", "YQ.YQ.YR", "YQ .YQ.YQ"])
    func split_whenNoCompactSerialization_refuses(text: String) {
        #expect(throws: CryptoError.self) { try JWS.split(Array(text.utf8)) }
    }

    @Test func split_whenPartsAreEmpty_handsThemOut() throws {
        let parts = try JWS.split(Array("..".utf8))
        #expect(parts.header.isEmpty && parts.payload.isEmpty && parts.signature.isEmpty)
        #expect(parts.signingInput == [UInt8(ascii: ".")])
    }
}
