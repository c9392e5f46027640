import Foundation
import Metering

/// A real mosquitto on loopback, without persistence: killed, it has forgotten everything.
final class Broker {
    let port: Int
    private let sandbox: Sandbox
    private var process: Child?

    init(_ sandbox: Sandbox, port: Int = Sandbox.freePort()) throws {
        self.sandbox = sandbox
        self.port = port
        try sandbox.write(
            "mosquitto.conf", "listener \(port) 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n")
        try start()
    }

    func start() throws {
        process = try sandbox.start(Programs.mosquitto, ["-c", sandbox.path("mosquitto.conf")], log: "mosquitto")
    }

    func kill() {
        process?.kill()
    }
}

/// The cloud application: paho, not our own client.
final class CloudPeer {
    private let sandbox: Sandbox
    private let input = InputPipe()

    init(_ sandbox: Sandbox, port: Int, box: String, receipts: Bool = true) throws {
        self.sandbox = sandbox
        let arguments =
            [Programs.support("cloud.py"), "--port", String(port), "--box", box, "--folder", sandbox.folder.path]
            + (receipts ? [] : ["--no-receipts"])
        _ = try sandbox.start(Programs.python, arguments, log: "cloud", input: input.readEnd)
    }

    func publish(_ topic: String, _ payload: String, retain: Bool = false) {
        let order: JSONValue = ["topic": .string(topic), "payload": .string(payload), "retain": .bool(retain)]
        input.write(JSONWriter.compact(order) + [10])
    }

    /// Records in the order of arrival, repeats included.
    var records: [JSONValue] { sandbox.lines("records.jsonl") }

    /// Payloads seen on a topic.
    func messages(_ topic: String) -> [JSONValue] {
        sandbox.lines("messages.jsonl").filter { $0["topic"]?.string == topic }.compactMap { $0["payload"] }
    }

    /// Waits for an answer to a command.
    func result(_ jti: String, count: Int = 1) -> JSONValue? {
        _ = sandbox.eventually { messages("result/\(jti)").count >= count }
        let all = messages("result/\(jti)")
        return all.count >= count ? all[count - 1] : nil
    }

    /// The records by sequence, and whether repeats were the same to the letter.
    func journal() -> (bySequence: [Int64: JSONValue], repeatsAgree: Bool) {
        var found: [Int64: JSONValue] = [:]
        var agree = true
        for record in records {
            guard let seq = record["seq"]?.integer else { continue }
            if let before = found[seq], before != record { agree = false }
            found[seq] = record
        }
        return (found, agree)
    }
}

/// Keys of tests: seeds that are no secret.
enum TestKey {
    static let owner = String(repeating: "11", count: 32)
    static let ops = String(repeating: "22", count: 32)
}

/// Signed commands, made by PyJWT.
struct Signer {
    let sandbox: Sandbox
    let seed: String
    let kid: String
    let box: String

    func sign(_ claims: JSONObject) throws -> String {
        let made = try sandbox.run(
            Programs.python, [Programs.support("sign.py"), seed, kid],
            input: String(decoding: JSONWriter.compact(.object(claims)), as: UTF8.self))
        guard made.code == 0 else { throw Failure(text: made.err) }
        return made.out
    }

    /// Many at once.
    func sign(_ claims: [JSONObject]) throws -> [String] {
        let made = try sandbox.run(
            Programs.python, [Programs.support("sign.py"), seed, kid],
            input: String(decoding: JSONWriter.compact(.array(claims.map { .object($0) })), as: UTF8.self))
        guard made.code == 0 else { throw Failure(text: made.err) }
        return made.out.split(separator: "\n").map { String($0) }
    }

    /// Claims that pass every check, to be changed by the test.
    func claims(_ command: String, _ arguments: JSONObject = [:], jti: String, counter: Int64? = nil) -> JSONObject {
        let now = Int64(Date().timeIntervalSince1970)
        var claims: JSONObject = [
            "jti": .string(jti), "aud": .string(box), "sub": .string(box), "iat": .integer(now),
            "nbf": .integer(now - 5),
            "exp": .integer(now + 600), "cmd": .string(command), "args": .object(arguments),
        ]
        claims["ctr"] = counter.map { .integer($0) }
        return claims
    }

    struct Failure: Error { var text: String }
}
