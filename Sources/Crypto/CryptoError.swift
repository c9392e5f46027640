/// What Crypto refuses. It never says which byte was wrong: callers decide what a stranger may learn.
public enum CryptoError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A key, seed, signature or block has the wrong number of bytes.
    case length(what: String, expected: Int, found: Int)
    /// A public key of small order or outside the field: signatures under it prove nothing.
    case weakPublicKey
    /// The text is no base64 of the strict form asked for.
    case base64
    /// The bytes are no JWS compact serialization; the text says what is missing.
    case notJWS(String)
    /// libcrypto refused a call that cannot fail with correct arguments (no memory, no entropy).
    case library(String)

    public var description: String {
        switch self {
        case .length(let what, let expected, let found): "the \(what) has \(found) bytes, it must have \(expected)"
        case .weakPublicKey: "the public key is no proper Ed25519 point; make a new key"
        case .base64: "this is no strict base64"
        case .notJWS(let why): "this is no JWS compact serialization: \(why)"
        case .library(let call): "libcrypto failed in \(call); the system is out of memory or entropy"
        }
    }
}
