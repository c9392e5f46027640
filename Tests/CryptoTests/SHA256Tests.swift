import Crypto
import Testing

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples, and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func hex_ofPublishedExamples(message: String, digest: String) {
        #expect(SHA256.hex(Array(message.utf8)) == digest)
    }

    @Test func stream_whenFedAMillionBytesInUnevenPieces() {
        var stream = SHA256Stream()
        var left = 1_000_000
        var size = 1
        while left > 0 {
            let piece = min(size, left)
            stream.update([UInt8](repeating: UInt8(ascii: "a"), count: piece))
            left -= piece
            size = size * 3 % 4099 + 1
        }
        #expect(
            Hex.text(stream.digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func stream_whenCopied_bothGoOnAlone() {
        var first = SHA256Stream()
        first.update(Array("ab".utf8))
        var second = first
        first.update(Array("c".utf8))
        second.update(Array("d".utf8))
        #expect(first.digest == SHA256.digest(Array("abc".utf8)))
        #expect(second.digest == SHA256.digest(Array("abd".utf8)))
        #expect(first.digest == first.digest)
    }

    @Test func text_writesLowerCaseWithLeadingZeros() {
        #expect(Hex.text([0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
        #expect(Hex.text([]) == "")
    }
}
