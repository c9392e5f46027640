import Crypto
import Testing

@Suite struct Ed25519Tests {
    struct Vector: Sendable {
        var seed: String
        var publicKey: String
        var message: String
        var signature: String
    }

    /// RFC 8032 §7.1, tests 1, 2, 3 and SHA(abc).
    static let vectors = [
        Vector(
            seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: "",
            signature: """
                e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b
                d25bf5f0595bbe24655141438e7a100b
                """),
        Vector(
            seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: "72",
            signature: """
                92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c
                387b2eaeb4302aeeb00d291612bb0c00
                """),
        Vector(
            seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: "af82",
            signature: """
                6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659
                4a7c15e9716ed28dc027beceea1ec40a
                """),
        Vector(
            seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            publicKey: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            message: """
                ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd
                454d4423643ce80e2a9ac94fa54ca49f
                """,
            signature: """
                dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030
                3dca179c138ac17ad9bef1177331a704
                """),
    ]

    @Test(arguments: vectors)
    func sign_andVerify_asPublished(vector: Vector) throws {
        let seed = hex(vector.seed)
        let message = hex(vector.message)
        #expect(try Ed25519.publicKey(of: seed) == hex(vector.publicKey))
        #expect(try Ed25519.sign(message, privateKey: seed) == hex(vector.signature))
        #expect(
            try Ed25519.isValid(
                signature: hex(vector.signature), of: message, publicKey: hex(vector.publicKey)))
    }

    @Test func isValid_whenAnyBitIsFlipped_isFalse() throws {
        let vector = Self.vectors[2]
        let signature = hex(vector.signature)
        for bit in 0..<512 {
            var bad = signature
            bad[bit / 8] ^= 1 << (bit % 8)
            #expect(
                try !Ed25519.isValid(signature: bad, of: hex(vector.message), publicKey: hex(vector.publicKey)),
                "bit \(bit)")
        }
        #expect(try !Ed25519.isValid(signature: signature, of: [0xAF, 0x83], publicKey: hex(vector.publicKey)))
        #expect(
            try !Ed25519.isValid(
                signature: signature, of: hex(vector.message), publicKey: hex(Self.vectors[0].publicKey)))
    }

    @Test func generate_givesAKeyThatSigns_andNeverTheSame() throws {
        let key = try Ed25519.generate()
        let message = Array("box-1/kid-2".utf8)
        let signature = try Ed25519.sign(message, privateKey: key)
        #expect(
            try Ed25519.isValid(signature: signature, of: message, publicKey: Ed25519.publicKey(of: key)))
        #expect(try Ed25519.generate() != key)
    }

    @Test(arguments: [0, 1, 31, 33, 64])
    func calls_whenALengthIsWrong_areRefused(count: Int) throws {
        let bytes = [UInt8](repeating: 7, count: count)
        let good = hex(Self.vectors[0].publicKey)
        #expect(throws: CryptoError.length(what: "private key", expected: 32, found: count)) {
            try Ed25519.sign([], privateKey: bytes)
        }
        #expect(throws: CryptoError.length(what: "private key", expected: 32, found: count)) {
            try Ed25519.publicKey(of: bytes)
        }
        #expect(throws: CryptoError.length(what: "public key", expected: 32, found: count)) {
            try Ed25519.check(publicKey: bytes)
        }
        let signature = [UInt8](repeating: 7, count: 63)
        #expect(throws: CryptoError.length(what: "signature", expected: 64, found: 63)) {
            try Ed25519.isValid(signature: signature, of: [], publicKey: good)
        }
    }

    /// All encodings of the eight points of small order, with either sign bit, and y outside the field.
    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ])
    func check_whenThePointIsOfSmallOrder_refuses(key: String) {
        var bytes = hex(key)
        #expect(throws: CryptoError.weakPublicKey) { try Ed25519.check(publicKey: bytes) }
        bytes[31] |= 0x80
        #expect(throws: CryptoError.weakPublicKey) { try Ed25519.check(publicKey: bytes) }
        #expect(throws: CryptoError.weakPublicKey) {
            try Ed25519.isValid(signature: [UInt8](repeating: 0, count: 64), of: [], publicKey: bytes)
        }
    }
}
