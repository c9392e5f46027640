import Crypto
import Metering

/// A signed command in the making: the claims of contract §5.
struct CommandClaims {
    var id: String
    var box: String
    /// The payment unit, or the box for commands to the box itself.
    var subject: String
    var name: String
    var arguments: JSONObject
    var issuedAt: WallTime
    var expiresAt: WallTime
    var notBefore: WallTime?
    var executeAt: WallTime?
    /// Strictly rising for each key and box; not needed where `needsCounter` is false.
    var counter: Int64?

    /// Everything but credit, reads and `ping` needs `ctr`.
    static func needsCounter(_ name: String) -> Bool {
        let credit = ["payment_add", "payment_reverse", "credit_adjust", "loan_extend", "ping"]
        let reads = ["_fetch", "_get", "_get_all", "_list", "_find"]
        return !credit.contains(name) && !reads.contains { name.hasSuffix($0) }
    }

    /// Members in a fixed order; times are whole seconds.
    var json: JSONValue {
        var claims: JSONObject = [
            "jti": .string(id), "aud": .string(box), "sub": .string(subject), "iat": .integer(issuedAt.seconds),
        ]
        claims["nbf"] = notBefore.map { .integer($0.seconds) }
        claims["exp"] = .integer(expiresAt.seconds)
        claims["ctr"] = counter.map { .integer($0) }
        claims["cmd"] = .string(name)
        claims["args"] = .object(arguments)
        claims["execute_at"] = executeAt.map { .integer($0.seconds) }
        return .object(claims)
    }
}

/// Signing commands, offline.
enum Signing {
    /// Longest signed command, bytes (contract §5).
    static let limit = 16_384

    /// The compact JWS of the claims.
    static func sign(_ claims: CommandClaims, kid: String, secret: [UInt8]) throws(CommandFailure) -> String {
        let header = JSONWriter.compact(["alg": "EdDSA", "kid": .string(kid)])
        let payload = JSONWriter.compact(claims.json)
        let compact = try orFailure { () throws(CryptoError) in
            try JWS.sign(header: header, payload: payload, privateKey: secret)
        }
        guard compact.count <= limit else {
            throw .usage("the signed command has \(compact.count) bytes; at most \(limit) are taken")
        }
        return String(decoding: compact, as: UTF8.self)
    }

    /// The seed in a `NAME.key` file.
    static func secret(path: String) throws(CommandFailure) -> [UInt8] {
        let bytes = try FileAccess.read(path, limit: 4096)
        let text = String(decoding: bytes.filter { ![0x0A, 0x0D, 0x20].contains($0) }, as: UTF8.self)
        guard let secret = try? Base64.bytes(text), secret.count == 32 else {
            throw .usage(
                "\(path) is no secret key", hint: "give the NAME.key of `meterside key make`: base64 of 32 bytes")
        }
        return secret
    }

    /// 16 random bytes in hex.
    static func freshID() throws(CommandFailure) -> String {
        let bytes = try orFailure { () throws(CryptoError) in try Random.bytes(16) }
        return bytes.map { Hex.text($0) }.joined()
    }

    /// A JSON object given on the command line.
    static func arguments(_ text: String) throws(CommandFailure) -> JSONObject {
        do throws(JSONError) {
            if case .object(let members) = try JSONReader.read(text) { return members }
        } catch {
            throw .usage("--args is no JSON: \(error)", hint: "for example --args '{\"enabled\": true}'")
        }
        throw .usage("--args must be a JSON object", hint: "for example --args '{\"enabled\": true}'")
    }

    /// An error of the cryptography as one of the command line.
    static func orFailure<Value>(_ body: () throws(CryptoError) -> Value) throws(CommandFailure) -> Value {
        do throws(CryptoError) {
            return try body()
        } catch {
            throw CommandFailure(code: "internal", message: error.description)
        }
    }
}

/// Bytes as text.
enum Hex {
    /// Two lower-case digits.
    static func text(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    static func text(_ bytes: some Sequence<UInt8>, separator: String = "") -> String {
        bytes.map { text($0) }.joined(separator: separator)
    }
}
