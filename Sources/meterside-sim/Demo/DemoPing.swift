import Crypto
import Metering

/// Signs `ping` commands as a cloud does: the box checks the signature and every rule, and answers.
struct DemoPing {
    /// The key's id, which is its file's name on the box.
    let kid: String
    let secret: [UInt8]
    let box: String
    private(set) var count = 0

    init(kid: String, secret: [UInt8], box: String) {
        self.kid = kid
        self.secret = secret
        self.box = box
    }

    /// The next command and its id; `now` is the box's time.
    mutating func next(now: WallTime) throws(SimulatorFailure) -> (id: String, command: [UInt8]) {
        count += 1
        let id = "demo-ping-\(count)"
        let claims: JSONValue = [
            "jti": .string(id), "aud": .string(box), "sub": .string(box), "iat": .integer(now.seconds),
            "exp": .integer(now.seconds + 86_400), "cmd": "ping", "args": .object(JSONObject()),
        ]
        do throws(CryptoError) {
            let command = try JWS.sign(
                header: JSONWriter.compact(["alg": "EdDSA", "kid": .string(kid)]),
                payload: JSONWriter.compact(claims), privateKey: secret)
            return (id, command)
        } catch {
            throw .missing("cannot sign: \(error.description)")
        }
    }
}
