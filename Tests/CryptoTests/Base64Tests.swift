import Crypto
import Testing

@Suite struct Base64Tests {
    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func text_andBytes_ofPublishedExamples(plain: String, text: String) throws {
        #expect(Base64.text(Array(plain.utf8)) == text)
        #expect(try Base64.bytes(text) == Array(plain.utf8))
        let bare = Array(text.utf8).filter { $0 != UInt8(ascii: "=") }
        #expect(Base64.urlText(Array(plain.utf8)) == bare)
        #expect(try Base64.urlBytes(bare) == Array(plain.utf8))
    }

    @Test func text_usesTheLastTwoCharactersOfItsAlphabet() throws {
        #expect(Base64.text([0xFB, 0xEF, 0xFF]) == "++//")
        #expect(Base64.urlText([0xFB, 0xEF, 0xFF]) == Array("--__".utf8))
        #expect(throws: CryptoError.base64) { try Base64.bytes("--__") }
        #expect(throws: CryptoError.base64) { try Base64.urlBytes(Array("++//".utf8)) }
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v=", "Zh==", "Zm9=", "Zm 8", "Zm8=\n", "Zm8=Zm8=", "Zm9vé",
        "Z=g=",
    ])
    func bytes_whenNotStrict_refuses(text: String) {
        #expect(throws: CryptoError.base64) { try Base64.bytes(text) }
    }

    @Test(arguments: ["Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Zm 8", "Zm8\n"])
    func urlBytes_whenNotStrict_refuses(text: String) {
        #expect(throws: CryptoError.base64) { try Base64.urlBytes(Array(text.utf8)) }
    }

    @Test func bytes_undoesText_forAllLengths() throws {
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
            #expect(try Base64.bytes(Base64.text(bytes)) == bytes)
            #expect(try Base64.urlBytes(Base64.urlText(bytes)) == bytes)
        }
    }
}
