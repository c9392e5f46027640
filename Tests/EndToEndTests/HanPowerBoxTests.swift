import Foundation
import Metering
import Testing

/// PowerBox beside a box.
private final class PowerBoxPeer {
    let sandbox: Sandbox
    let port: String

    init(_ sandbox: Sandbox, code: String, trouble: String) throws {
        self.sandbox = sandbox
        _ = try sandbox.start(
            Programs.simulator,
            [
                "upstreams", "--log", sandbox.path("requests"), "--meter", "1234567890", "--install-code", code,
                "--trouble", trouble,
            ], log: "upstreams")
        #expect(sandbox.eventually { sandbox.text("upstreams.log").hasSuffix("\n") })
        port = String(sandbox.text("upstreams.log").split(separator: ":").last ?? "").filter(\.isNumber)
    }

    /// Bodies of binds and unbinds in order, answered or not.
    var binds: [JSONValue] {
        sandbox.lines("requests").filter { $0["target"]?.string == "/v1/powerbox/bind" }
            .compactMap { try? JSONReader.read($0["body"]?.string ?? "") }
    }
}

/// Binding through PowerBox: the stub server, the simulated adapter, the real daemon, the command line.
@Suite(.serialized) struct HanPowerBoxTests {
    /// The published 16 + 2 vector, which the stub takes.
    private static let code = "83FED3407A939723A5C639B26916D505C3B5"
    private static let linkKey = "66B6900981E1EE3CA4206B6B861C02BB"

    private func configure(_ sandbox: Sandbox, _ peer: PowerBoxPeer) throws {
        try sandbox.write("etc/han.code", Self.code + "\n", mode: 0o600)
        try sandbox.write("etc/pb.secret", "powerbox-secret\n", mode: 0o600)
        try sandbox.write("etc/reader.password", "READER\n", mode: 0o600)
        // The utility's meter; nobody answers for it on a wire here.
        try sandbox.write(
            "etc/meterside.toml",
            BoxUnderTest.head(broker: nil) + """
                [[port]]
                name = "a"
                device = "\(sandbox.path("nothing"))"
                protocol = "edmi"
                [[meter]]
                serial = "1234567890"
                model = "edmi-mk10"
                port = "a"
                user = "READER"
                password_file = "reader.password"
                [han]
                device = "\(sandbox.path("han"))"
                meter = "1234567890"
                install_code_file = "han.code"
                [upstream.powerbox]
                url = "http://127.0.0.1:\(peer.port)/v1"
                token_url = "http://127.0.0.1:\(peer.port)/oauth/token"
                client_id = "powerbox-client"
                client_secret_file = "pb.secret"
                hem_profile_id = "h-1"
                timeout_seconds = 2

                """)
    }

    @Test func lostBind_isSentAgainOnlyOnOrder_andDataBinds() throws {
        let sandbox = try Sandbox()
        let peer = try PowerBoxPeer(sandbox, code: Self.code, trouble: "/v1/powerbox/bind deaf 1")
        let input = InputPipe()
        _ = try sandbox.start(
            Programs.simulator, ["han", "--device", sandbox.path("han"), "--code", Self.code, "--join-step", "50"],
            log: "han", input: input.readEnd)
        #expect(sandbox.eventually { FileManager.default.fileExists(atPath: sandbox.path("han")) })
        try configure(sandbox, peer)
        let box = BoxUnderTest(sandbox, scale: 1)
        try box.startDaemon()
        #expect(
            try sandbox.eventually { try box.json("han", "status")?["install_code"] == "matches" }, "\(box.daemonLog)")

        let lost = try box.cli("han", "bind", "--id", "b1")
        #expect(lost.code == 6 && lost.out.contains("unknown"), "\(lost)")
        let again = try box.cli("han", "bind", "--id", "b2")
        #expect(again.code == 5 && again.out.contains("outcome_unknown"), "\(again)")
        // What was under way when the process ended stays unknown, and is not sent either.
        box.killDaemon()
        try box.startDaemon()
        #expect(
            try sandbox.eventually { try box.json("han", "status")?["install_code"] == "matches" }, "\(box.daemonLog)")
        #expect(try box.json("han", "status")?["bind"]?["detail"] == "unknown")
        #expect(peer.binds.count == 1)
        let sent = try box.cli("han", "bind", "--resend", "--id", "b3")
        #expect(sent.code == 0 && sent.out.contains("accepted"), "\(sent)")
        let bodies = peer.binds
        #expect(bodies.count == 2)
        #expect(bodies.last?["installCode"]?.string == Self.code && bodies.last?["actionCode"] == 1)
        #expect(bodies.last?["macAddress"] == "D8:D5:B9:00:00:00:12:34" && bodies.last?["meterId"] == "1234567890")
        #expect(try box.json("han", "status")?["bind"]?["state"] == "accepted")

        input.write(Array("allow\n".utf8))
        #expect(
            try sandbox.eventually { try box.json("han", "status")?["bind"]?["state"] == "bound" }, "\(box.daemonLog)")
        let undone = try box.cli("han", "unbind", "--yes")
        #expect(undone.code == 0, "\(undone)")
        #expect(peer.binds.last?["actionCode"] == 0)
        box.signal(SIGTERM)
        for name in ["state/journal.db", "state/journal.db-wal", "daemon.log"] {
            let bytes = (try? Data(contentsOf: URL(filePath: sandbox.path(name)))) ?? Data()
            for secret in [Self.code, Self.linkKey, "powerbox-secret"] {
                for text in [secret, secret.lowercased()] {
                    #expect(bytes.range(of: Data(text.utf8)) == nil, "\(name) holds a secret")
                }
            }
        }
    }
}
