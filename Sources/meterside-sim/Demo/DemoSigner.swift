import Crypto
import Metering

/// Signs commands with one key, as a cloud does.
struct DemoSigner {
    /// The key's id, which is its file's name on the box.
    let kid: String
    let secret: [UInt8]
    let box: String
    /// Of the newest command that needs one.
    private var counter: Int64 = 0

    init(kid: String, secret: [UInt8], box: String) {
        self.kid = kid
        self.secret = secret
        self.box = box
    }

    /// A command of at most `life` seconds; `unit` is nil for one to the box, `now` is the box's time.
    mutating func sign(
        _ name: String, _ args: JSONObject = JSONObject(), id: String, unit: String? = nil, now: WallTime, life: Int64,
        isCounted: Bool = true
    ) throws(SimulatorFailure) -> [UInt8] {
        var claims: JSONObject = [
            "jti": .string(id), "aud": .string(box), "sub": .string(unit ?? box), "iat": .integer(now.seconds),
            "exp": .integer(now.seconds + life), "cmd": .string(name), "args": .object(args),
        ]
        if isCounted {
            counter += 1
            claims["ctr"] = .integer(counter)
        }
        do throws(CryptoError) {
            return try JWS.sign(
                header: JSONWriter.compact(["alg": "EdDSA", "kid": .string(kid)]),
                payload: JSONWriter.compact(.object(claims)), privateKey: secret)
        } catch {
            throw .missing("cannot sign: \(error.description)")
        }
    }
}
