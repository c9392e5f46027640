import Crypto
import Foundation
import Metering
import Testing

@testable import Upstream

struct SignedCommandTests {
    private let seed = [UInt8](repeating: 7, count: 32)
    private var keys: [SigningKey] {
        get throws { [SigningKey(kid: "k1", role: .owner, publicKey: try Ed25519.publicKey(of: seed))] }
    }
    private let payload = Array(#"{"jti":"a-1","cmd":"ping"}"#.utf8)

    private func sign(_ payload: [UInt8], header: String = #"{"alg":"EdDSA","kid":"k1"}"#) throws -> [UInt8] {
        try JWS.sign(header: Array(header.utf8), payload: payload, privateKey: seed)
    }

    private func envelope(_ bytes: [UInt8], retained: Bool = false) throws -> Envelope {
        SignedCommand.envelope(bytes, retained: retained, keys: try keys) { _ in nil }
    }

    @Test func envelope_whenSigned_isValid() throws {
        let envelope = try envelope(sign(payload))
        #expect(envelope.signature == .valid(kid: "k1"))
        #expect(envelope.payload == payload)
        #expect(envelope.payloadHash == SHA256.hex(payload))
        #expect(!envelope.retained && !envelope.oversized && envelope.stored == nil)
    }

    @Test func envelope_whenAnyByteIsAltered_isNotValid() throws {
        let good = try sign(payload)
        for index in good.indices {
            var bytes = good
            bytes[index] = bytes[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let signature = try envelope(bytes).signature
            if case .valid = signature { Issue.record("byte \(index)") }
            let cut = try envelope(Array(good[..<index])).signature
            if case .valid = cut { Issue.record("cut at \(index)") }
        }
    }

    @Test(arguments: [
        #"{"alg":"none","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#, #"{"alg":"ES256","kid":"k1"}"#,
        #"{"alg":"Ed25519","kid":"k1"}"#, #"{"alg":"eddsa","kid":"k1"}"#, #"{"kid":"k1"}"#, #"{"alg":"EdDSA"}"#,
        #"{"alg":"EdDSA","kid":7}"#, #"{"alg":"EdDSA","kid":"../k1"}"#, #"{"alg":"EdDSA","kid":"k1","kid":"k1"}"#,
        #"{"alg":"EdDSA","kid":"k1","crit":["b64"],"b64":false}"#, #"{"alg":"EdDSA","kid":"k1","jwk":{}}"#,
        #"{"alg":"EdDSA","kid":"k1","typ":1}"#, #"["alg"]"#, "", "{",
    ])
    func header_whenAnythingElse_isMalformed(header: String) throws {
        guard case .malformed = try envelope(sign(payload, header: header)).signature else {
            Issue.record("accepted: \(header)")
            return
        }
    }

    @Test func header_mayHaveTyp() throws {
        #expect(
            try envelope(sign(payload, header: #"{"typ":"JWT","kid":"k1","alg":"EdDSA"}"#)).signature
                == .valid(kid: "k1"))
    }

    @Test func key_whenNotKnown_isNamed() throws {
        let header = #"{"alg":"EdDSA","kid":"k2"}"#
        #expect(try envelope(sign(payload, header: header)).signature == .unknownKey(kid: "k2"))
        let other = try JWS.sign(
            header: Array(#"{"alg":"EdDSA","kid":"k1"}"#.utf8), payload: payload,
            privateKey: [UInt8](repeating: 8, count: 32))
        #expect(try envelope(other).signature == .invalid(kid: "k1"))
    }

    @Test func bytes_whenNoJws_areMalformed() throws {
        let good = try sign(payload)
        let texts: [[UInt8]] = [
            [], Array("a.b".utf8), Array("....".utf8), good + Array(".x".utf8), good + Array("=".utf8),
            Array(" ".utf8) + good, Array("{}".utf8), [0, 255, 46, 46],
        ]
        for bytes in texts {
            guard case .malformed = try envelope(bytes).signature else {
                Issue.record("accepted: \(bytes)")
                continue
            }
        }
    }

    @Test func bytes_whenOver16KiB_areOversized() throws {
        let limit = try envelope([UInt8](repeating: 65, count: 16 * 1024))
        #expect(!limit.oversized)
        let over = try envelope([UInt8](repeating: 65, count: 16 * 1024 + 1))
        #expect(over.oversized)
        #expect(over.payload.isEmpty)
    }

    @Test func answer_isLookedUpForAValidIdOnly() throws {
        let stored = StoredAnswer(payloadHash: "h", result: ["state": "completed"])
        func asked(_ payload: String, retained: Bool = false) throws -> [String] {
            var ids: [String] = []
            let envelope = SignedCommand.envelope(
                try sign(Array(payload.utf8)), retained: retained, keys: try keys
            ) { id in
                ids.append(id)
                return stored
            }
            #expect((envelope.stored == stored) == !ids.isEmpty)
            return ids
        }
        #expect(try asked(#"{"jti":"a-1"}"#) == ["a-1"])
        #expect(try asked(#"{"jti":"a/1"}"#) == [])
        #expect(try asked(#"{"jti":7}"#) == [])
        #expect(try asked(#"{"jti":"a","jti":"b"}"#) == [])
        #expect(try asked("nothing") == [])
        #expect(try asked(#"{"jti":"a-1"}"#, retained: true) == [])
    }

    @Test func local_carriesThePeer() {
        let envelope = SignedCommand.local(payload: payload, role: .installer, uid: 1000) { _ in nil }
        #expect(envelope.signature == .local(.installer, uid: 1000))
        #expect(envelope.payloadHash == SHA256.hex(payload))
        let large = SignedCommand.local(payload: [UInt8](repeating: 32, count: 20_000), role: .owner, uid: 0) { _ in nil
        }
        #expect(large.oversized)
    }
}

/// PyJWT signs; we verify what an independent signer made.
@Suite(.enabled(if: PyJWT.python != nil, "needs a Python with PyJWT and cryptography; set METERSIDE_PYTHON"))
struct PyJWTCommandTests {
    @Test func token_whenSignedByPyJWT_isValid() throws {
        let python = try #require(PyJWT.python)
        let (status, output) = try run(python, ["-c", PyJWT.program])
        try #require(status == 0, "\(output)")
        let lines = output.split(separator: "\n").map { Array($0.utf8) }
        try #require(lines.count == 5)
        let key = SigningKey(
            kid: "py", role: .owner, publicKey: try Base64.bytes(String(decoding: lines[0], as: UTF8.self)))
        func signature(_ index: Int) -> SignatureState {
            SignedCommand.envelope(lines[index], retained: false, keys: [key]) { _ in nil }.signature
        }
        #expect(signature(1) == .valid(kid: "py"))
        #expect(signature(2) == .invalid(kid: "py"))
        #expect(signature(3) == .malformed("alg must be EdDSA"))
        #expect(signature(4) == .unknownKey(kid: "other"))
        let envelope = SignedCommand.envelope(lines[1], retained: false, keys: [key]) { _ in nil }
        let claims = try JSONReader.read(envelope.payload)
        #expect(claims["cmd"] == "ping")
        #expect(claims["args"] == ["note": "Grüße 🙂"])
    }
}

/// Where a Python with PyJWT is.
enum PyJWT {
    static let python: String? = {
        let named = ProcessInfo.processInfo.environment["METERSIDE_PYTHON"].map { [$0] } ?? []
        return (named + ["/usr/bin/python3", "/usr/local/bin/python3"]).first { path in
            FileManager.default.isExecutableFile(atPath: path)
                && (try? run(path, ["-c", "import jwt, cryptography"]).status) == 0
        }
    }()

    /// Prints the public key and tokens: right, signed by another key, HS256, of another kid.
    static let program = """
        import base64, jwt
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        print(base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode())
        claims = {"jti": "p-1", "aud": "B", "sub": "B", "iat": 1, "exp": 2, "cmd": "ping", "args": {"note": "Grüße 🙂"}}
        print(jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "py"}))
        print(jwt.encode(claims, other, algorithm="EdDSA", headers={"kid": "py"}))
        print(jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "py"}))
        print(jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "other"}))
        """
}
