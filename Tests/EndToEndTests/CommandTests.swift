import Foundation
import Metering
import Testing

/// Signed commands from PyJWT through a real broker, through the whole check list.
@Suite(.serialized) struct CommandTests {
    private func started() throws -> (Sandbox, BoxUnderTest, CloudPeer, Signer) {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let box = BoxUnderTest(sandbox, scale: 1)
        try sandbox.write("etc/meterside.toml", BoxUnderTest.head(broker: broker.port, board: "generic-usb"))
        try box.trust(TestKey.owner, as: "owner-1", role: "owner")
        try box.startDaemon()
        _ = sandbox.eventually { cloud.messages("state").last?["state"]?.string == "online" }
        return (
            sandbox, box, cloud, Signer(sandbox: sandbox, seed: TestKey.owner, kid: "owner-1", box: BoxUnderTest.id)
        )
    }

    @Test func ping_signedByPyJWT_isAppliedOnceAndRepeated() throws {
        let (_, box, cloud, signer) = try started()
        let command = try signer.sign(signer.claims("ping", jti: "ping-1"))
        cloud.publish("command", command)
        let first = cloud.result("ping-1")
        #expect(first?["state"]?.string == "completed" && first?["code"]?.string == "applied", "\(box.daemonLog)")
        cloud.publish("command", command)
        let second = cloud.result("ping-1", count: 2)
        #expect(second?["repeat"]?.bool == true)
        #expect(second?["seq"] == first?["seq"] && second?["code"] == first?["code"])

        var other = signer.claims("ping", jti: "ping-1")
        other["exp"] = .integer((other["exp"]?.integer ?? 0) + 1)
        cloud.publish("command", try signer.sign(other))
        #expect(cloud.result("ping-1", count: 3)?["code"]?.string == "conflict")
    }

    @Test func answers_surviveKillNine() throws {
        let (sandbox, box, cloud, signer) = try started()
        let command = try signer.sign(signer.claims("ping", jti: "ping-2"))
        cloud.publish("command", command)
        let first = cloud.result("ping-2")
        #expect(first != nil)
        box.killDaemon()
        try box.startDaemon()
        _ = sandbox.eventually { cloud.messages("state").filter { $0["state"]?.string == "online" }.count >= 2 }
        cloud.publish("command", command)
        let second = cloud.result("ping-2", count: 2)
        #expect(second?["repeat"]?.bool == true && second?["seq"] == first?["seq"], "\(box.daemonLog)")
    }

    @Test func badCommands_areRefusedByTheFirstCheckThatFails() throws {
        let (_, box, cloud, signer) = try started()
        func refuse(_ name: String, _ code: String, _ change: (inout JSONObject) -> Void, with: Signer? = nil) throws {
            var claims = signer.claims("ping", jti: name)
            change(&claims)
            cloud.publish("command", try (with ?? signer).sign(claims))
            #expect(cloud.result(name)?["code"]?.string == code, "\(name): \(box.daemonLog)")
        }
        try refuse("bad-aud", "target") { $0["aud"] = "OTHERBOX" }
        try refuse("bad-cmd", "format") { $0["cmd"] = "no_such_command" }
        try refuse("bad-member", "format") { $0["surprise"] = 1 }
        try refuse("bad-exp", "expired") {
            $0["iat"] = .integer(($0["iat"]?.integer ?? 0) - 9000)
            $0["exp"] = .integer(($0["iat"]?.integer ?? 0) + 60)
        }
        let stranger = Signer(sandbox: signer.sandbox, seed: TestKey.ops, kid: "owner-1", box: BoxUnderTest.id)
        try refuse("bad-signature", "signature", { _ in }, with: stranger)
        let unknown = Signer(sandbox: signer.sandbox, seed: TestKey.ops, kid: "nobody", box: BoxUnderTest.id)
        try refuse("bad-key", "key", { _ in }, with: unknown)
        cloud.publish("command", "this is no JWS")
        cloud.publish("command", String(repeating: "A", count: 18_000))
        cloud.publish("command", try signer.sign(signer.claims("ping", jti: "retained-1")), retain: true)
        cloud.publish("command", try signer.sign(signer.claims("ping", jti: "after")))
        #expect(cloud.result("after")?["code"]?.string == "applied", "\(box.daemonLog)")
    }

    @Test func keys_areAddedWithProofUsedAndRevokedForEver() throws {
        let (sandbox, box, cloud, signer) = try started()
        let made = try sandbox.run(
            Programs.python,
            [
                "-c",
                """
                import base64, sys
                from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as K
                k = K.from_private_bytes(bytes.fromhex(sys.argv[1]))
                print(base64.b64encode(k.public_key().public_bytes_raw()).decode(), base64.b64encode(k.sign(sys.argv[2].encode())).decode())
                """, TestKey.ops, "\(BoxUnderTest.id)/ops-1",
            ])
        let parts = made.out.split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(parts.count == 2)
        let arguments: JSONObject = [
            "kid": "ops-1", "role": "ops", "key": .string(parts[0]), "proof": .string(parts[1]),
        ]
        var wrong = arguments
        wrong["proof"] = .string(parts[0] + parts[0])
        cloud.publish("command", try signer.sign(signer.claims("key_add", wrong, jti: "add-0", counter: 1)))
        #expect(["precondition", "format"].contains(cloud.result("add-0")?["code"]?.string))
        cloud.publish("command", try signer.sign(signer.claims("key_add", arguments, jti: "add-1", counter: 2)))
        #expect(cloud.result("add-1")?["code"]?.string == "applied", "\(cloud.result("add-1") as Any) \(box.daemonLog)")

        let ops = Signer(sandbox: sandbox, seed: TestKey.ops, kid: "ops-1", box: BoxUnderTest.id)
        cloud.publish("command", try ops.sign(ops.claims("ping", jti: "ops-ping")))
        #expect(cloud.result("ops-ping")?["code"]?.string == "applied")
        cloud.publish(
            "command", try ops.sign(ops.claims("key_revoke", ["kid": "owner-1"], jti: "ops-revoke", counter: 1)))
        #expect(cloud.result("ops-revoke")?["code"]?.string == "role")
        cloud.publish(
            "command", try signer.sign(signer.claims("key_revoke", ["kid": "ops-1"], jti: "revoke-stale", counter: 2)))
        #expect(cloud.result("revoke-stale")?["code"]?.string == "stale")
        cloud.publish(
            "command", try signer.sign(signer.claims("key_revoke", ["kid": "ops-1"], jti: "revoke-1", counter: 3)))
        #expect(cloud.result("revoke-1")?["code"]?.string == "applied")
        cloud.publish("command", try ops.sign(ops.claims("ping", jti: "ops-ping-2")))
        #expect(cloud.result("ops-ping-2")?["code"]?.string == "key")

        // A restart forgets nothing, whatever the folder holds.
        try box.trust(TestKey.ops, as: "ops-1", role: "ops")
        box.signal(SIGTERM)
        try box.startDaemon()
        _ = sandbox.eventually { cloud.messages("state").last?["state"]?.string == "online" }
        cloud.publish("command", try ops.sign(ops.claims("ping", jti: "ops-ping-3")))
        #expect(cloud.result("ops-ping-3")?["code"]?.string == "key", "\(box.daemonLog)")
    }
}
