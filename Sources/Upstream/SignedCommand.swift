import Crypto
import Metering

/// A command as it arrives: a JWS compact serialization (contract §5). Here the signature is verified over the bytes as
/// received; every judgement about what they say is the agent's.
public enum SignedCommand {
    /// Bytes a command may have.
    public static let longest = 16 * 1024

    /// Takes a message on `command` apart.
    /// - Parameters:
    ///   - keys: those in force now.
    ///   - answer: looks up what was answered to an id; asked at most once, and only for a well-formed id.
    public static func envelope(
        _ bytes: [UInt8], retained: Bool, keys: [SigningKey], answer: (String) -> StoredAnswer?
    ) -> Envelope {
        guard bytes.count <= longest else {
            return Envelope(
                payload: [], payloadHash: SHA256.hex(bytes), signature: .malformed("it is longer than 16 KiB"),
                retained: retained, oversized: true)
        }
        let parts: JWS.Parts
        do throws(CryptoError) { parts = try JWS.split(bytes) } catch {
            return Envelope(
                payload: [], payloadHash: SHA256.hex(bytes), signature: .malformed(error.description),
                retained: retained)
        }
        let signature = signature(of: parts, keys: keys)
        // A retained command is dropped whatever it says, and costs no look-up.
        let stored = retained ? nil : identifier(in: parts.payload).flatMap(answer)
        return Envelope(
            payload: parts.payload, payloadHash: SHA256.hex(parts.payload), signature: signature, retained: retained,
            stored: stored)
    }

    /// A command of the control socket: the same claims without `iat`, `exp` and `ctr`, and the peer's credentials for
    /// a signature.
    public static func local(
        payload: [UInt8], role: Role, uid: UInt32, answer: (String) -> StoredAnswer?
    ) -> Envelope {
        Envelope(
            payload: payload.count <= longest ? payload : [], payloadHash: SHA256.hex(payload),
            signature: .local(role, uid: uid), oversized: payload.count > longest,
            stored: identifier(in: payload).flatMap(answer))
    }

    /// The `jti` of a payload, when it parses and the id is a valid one.
    static func identifier(in payload: [UInt8]) -> String? {
        guard payload.count <= longest, let jti = (try? JSONReader.read(payload))?["jti"]?.string,
            Identifier.isValid(jti)
        else { return nil }
        return jti
    }

    private static func signature(of parts: JWS.Parts, keys: [SigningKey]) -> SignatureState {
        let kid: String
        do throws(HeaderFault) { kid = try keyName(in: parts.header) } catch { return .malformed(error.message) }
        guard let key = keys.first(where: { $0.kid == kid }) else { return .unknownKey(kid: kid) }
        let isValid =
            (try? Ed25519.isValid(
                signature: parts.signature, of: parts.signingInput, publicKey: key.publicKey)) ?? false
        return isValid ? .valid(kid: kid) : .invalid(kid: kid)
    }

    private struct HeaderFault: Error {
        var message: String
    }

    /// The `kid` of a header that says EdDSA and nothing we would have to understand.
    private static func keyName(in header: [UInt8]) throws(HeaderFault) -> String {
        guard case .object(let members)? = try? JSONReader.read(header) else {
            throw HeaderFault(message: "the header is no strict JSON object")
        }
        guard members["crit"] == nil else { throw HeaderFault(message: "the header has crit, which is refused") }
        guard members.names.allSatisfy({ ["alg", "kid", "typ"].contains($0) }) else {
            throw HeaderFault(message: "the header may have alg, kid and typ only")
        }
        guard members["alg"]?.string == "EdDSA" else { throw HeaderFault(message: "alg must be EdDSA") }
        if let typ = members["typ"], typ.string == nil { throw HeaderFault(message: "typ must be a text") }
        guard let kid = members["kid"]?.string, Identifier.isValidName(kid) else {
            throw HeaderFault(message: "kid must name a key")
        }
        return kid
    }
}
