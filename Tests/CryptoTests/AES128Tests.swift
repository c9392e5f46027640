import Crypto
import Testing

@Suite struct AES128Tests {
    /// FIPS 197 appendix B and C.1.
    @Test(arguments: [
        (
            "2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
            "3925841d02dc09fbdc118597196a0b32"
        ),
        (
            "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a"
        ),
    ])
    func encrypt_ofPublishedExamples(key: String, block: String, result: String) throws {
        #expect(try AES128.encrypt(block: hex(block), key: hex(key)) == hex(result))
    }

    @Test func encrypt_whenALengthIsWrong_refuses() {
        let bytes = [UInt8](repeating: 0, count: 16)
        #expect(throws: CryptoError.length(what: "AES key", expected: 16, found: 32)) {
            try AES128.encrypt(block: bytes, key: bytes + bytes)
        }
        #expect(throws: CryptoError.length(what: "AES block", expected: 16, found: 0)) {
            try AES128.encrypt(block: [], key: bytes)
        }
    }
}
