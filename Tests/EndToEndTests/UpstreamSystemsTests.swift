import Foundation
import Metering
import Testing

/// The simulated upstream systems beside a box.
private final class UpstreamPeer {
    let sandbox: Sandbox
    private(set) var port = ""
    private let input = InputPipe()

    static let secrets = [
        "A2YWQiLCJpc3-stub", "3f1c2a58-6a50-4c8e-a2b4-stub00000001", "redex-secret", "powerbox-secret", "ropo-apicode",
        "redex-access-1", "redex-refresh-1", "ropo-jwt-1", "powerbox-access-1",
    ]

    init(_ sandbox: Sandbox) throws {
        self.sandbox = sandbox
        _ = try sandbox.start(
            Programs.simulator, ["upstreams", "--log", sandbox.path("requests")], log: "upstreams", input: input.readEnd
        )
        #expect(sandbox.eventually { sandbox.text("upstreams.log").hasSuffix("\n") })
        port = String(sandbox.text("upstreams.log").split(separator: ":").last ?? "").filter(\.isNumber)
    }

    /// Orders trouble and waits until it is taken.
    func order(_ line: String) {
        let before = sandbox.text("upstreams.log").count
        input.write(Array((line + "\n").utf8))
        #expect(sandbox.eventually { sandbox.text("upstreams.log").count > before })
        #expect(sandbox.text("upstreams.log").hasSuffix("ok\n"))
    }

    /// `POST /mdp/connected 200`
    var requests: [String] {
        sandbox.lines("requests").map { line in
            let path = line["target"]?.string?.split(separator: "?").first ?? ""
            let status = line["status"]?.integer.map(String.init) ?? "-"
            return "\(line["method"]?.string ?? "") \(path) \(status)"
        }
    }

    func bodies(_ path: String) -> [JSONValue] {
        sandbox.lines("requests").filter { $0["target"]?.string == path }
            .compactMap { try? JSONReader.read($0["body"]?.string ?? "") }
    }

    /// The four sections, with secrets in files.
    func configuration() throws -> String {
        for (name, secret) in zip(["reposit.key", "redex.key", "redex.secret", "pb.secret", "ropo.code"], Self.secrets)
        {
            try sandbox.write("etc/\(name)", secret + "\n", mode: 0o600)
        }
        return """
            [upstream.reposit]
            url = "http://127.0.0.1:\(port)"
            key_file = "reposit.key"
            timeout_seconds = 5
            [upstream.redex]
            url = "http://127.0.0.1:\(port)"
            key_file = "redex.key"
            client_id = "redex-client"
            client_secret_file = "redex.secret"
            application_id = "347847fa-68c0-4418-9119-08dc3993455a"
            [[upstream.redex.inverter]]
            remote_id = "RM1000020898439275847-T"
            serial = "HW8984392758437-T"
            brand = "HW21"
            capacity_w = 9000
            meter = "251308613"
            [upstream.powerbox]
            url = "http://127.0.0.1:\(port)/v1"
            token_url = "http://127.0.0.1:\(port)/oauth/token"
            client_id = "powerbox-client"
            client_secret_file = "pb.secret"
            hem_profile_id = "h-1"
            [upstream.ropo]
            url = "http://127.0.0.1:\(port)/rest"
            cid = "12345"
            apicode_file = "ropo.code"

            """
    }
}

/// The box's steps at upstream systems, each once whatever happens between them.
@Suite(.serialized) struct UpstreamSystemsTests {
    private static let site = [
        "reposit", "site", "--nmi", "11100290359", "--street-number", "17/2", "--street-name", "Yallourn St",
        "--suburb", "Fyshwick", "--postcode", "2609", "--state", "ACT", "--meter", "217072470",
    ]

    private func box(_ sandbox: Sandbox, _ peer: UpstreamPeer, unit: String = "") throws -> BoxUnderTest {
        let box = BoxUnderTest(sandbox, scale: 1)
        #expect(try box.startBoard())
        try box.writeBoardConfiguration(broker: nil)
        let file = sandbox.path("etc/meterside.toml")
        let text = try String(contentsOfFile: file, encoding: .utf8)
            .replacingOccurrences(of: "[box]\n", with: "[box]\nzone = \"UTC\"\n")
        try sandbox.write("etc/meterside.toml", text + unit + (try peer.configuration()))
        try box.startDaemon()
        #expect(try sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
        return box
    }

    private func run(_ box: BoxUnderTest, _ arguments: [String]) throws -> (code: Int32, out: String, err: String) {
        try box.sandbox.run(Programs.cli, arguments + ["--socket", box.sandbox.path("run/control.sock")])
    }

    private func restart(_ box: BoxUnderTest) throws {
        box.killDaemon()
        try box.startDaemon()
        #expect(try box.sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
    }

    @Test func registration_killedAfterEveryStep_sendsEachStepOnce() throws {
        let sandbox = try Sandbox()
        let peer = try UpstreamPeer(sandbox)
        let box = try box(sandbox, peer)
        let steps = [
            ["reposit", "register", "--meter", "217072470"], ["reposit", "validate", "--wait"], Self.site,
            ["reposit", "connected", "--meter", "217072470"],
        ]
        for step in steps {
            let first = try run(box, step)
            #expect(first.code == 0, "\(step): \(first.err)")
            try restart(box)
        }
        for step in steps { #expect(try run(box, step).code == 0, "\(step)") }
        #expect(try box.json("reposit", "status")?["state"]?.string == "connected")
        let posts = peer.requests.filter { $0.hasPrefix("POST /mdp/register") }
        #expect(posts == ["POST /mdp/register/meter/single-phase 200", "POST /mdp/register/site 200"])
        // A commissioned box says that it is there whenever its meter's link comes up.
        #expect(sandbox.eventually { peer.requests.filter { $0 == "POST /mdp/connected 200" }.count >= 2 })
        #expect(try box.json("ledger", "verify")?["ok"]?.bool == true)
        #expect(try box.cli("support-bundle", "--out", sandbox.path("bundle")).code == 0)
        expectNoSecrets(sandbox)
    }

    @Test func trouble_isToldInWords_andNothingIsDoneTwice() throws {
        let sandbox = try Sandbox()
        let peer = try UpstreamPeer(sandbox)
        let box = try box(sandbox, peer)
        peer.order("/mdp/register/meter 503 2")
        #expect(try box.cli("reposit", "register", "--meter", "217072470").code == 0)
        #expect(peer.requests.count == 3)
        let wrong = try box.cli("reposit", "site", "--nmi", "11100290358")
        #expect(wrong.code == 2)
        #expect(wrong.err.contains("should be 9"))
        peer.order("/mdp/register/site cut")
        let unknown = try run(box, Self.site)
        #expect(unknown.code == 6)
        #expect(unknown.err.contains("may have worked"))
        #expect(try run(box, Self.site + ["--confirm"]).code == 0)
        #expect(try run(box, Self.site).out.hasPrefix("The site is registered already"))
        peer.order("/mdp/connected 401 9")
        let before = peer.requests.count
        #expect(try box.cli("reposit", "connected", "--meter", "217072470").code == 6)
        #expect(peer.requests.count == before + 1)
        #expect(try box.cli("doctor").out.contains("reposit does not let us in"))
        #expect(try box.json("events", "--kind", "alarm")?["events"]?.array?.count == 1)
    }

    @Test func redexAndPowerBox_answerCommands_andKeepNoNames() throws {
        let sandbox = try Sandbox()
        let peer = try UpstreamPeer(sandbox)
        let box = try box(sandbox, peer)
        let devices = try run(box, ["redex", "devices", "--json"])
        // The capacity there is another than the configured one: a check that found a fault.
        #expect(devices.code == 5)
        #expect(devices.out.contains("the capacity there is 9900 W, here 9000 W"))
        #expect(try box.json("redex", "brands")?["brands"]?.array?.count == 2)
        #expect(peer.requests.filter { $0.contains("/connect/token") }.count == 1)
        let customer = try box.json("command", "send", "powerbox_customer_refresh")
        #expect(customer?["result"]?["sites"]?.array?.first?["site_id"]?.string == "S-1")
        let export = try box.cli("ledger", "export").out
        for word in ["Ada", "Lovelace", "Analytical", "Springfield"] { #expect(!export.contains(word)) }
        expectNoSecrets(sandbox)
    }

    @Test func privateAuthority_isTrusted_andNoOther() throws {
        let sandbox = try Sandbox()
        let peer = try UpstreamPeer(sandbox)
        try sandbox.write("names", "subjectAltName=DNS:localhost\n")
        for name in ["ca", "other"] {
            try openssl(
                sandbox,
                "req -x509 -newkey ed25519 -nodes -keyout \(name).key -out \(name).crt -days 2 -subj /CN=\(name)")
        }
        try openssl(sandbox, "req -newkey ed25519 -nodes -keyout server.key -out server.csr -subj /CN=localhost")
        try openssl(
            sandbox,
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt")
        let input = InputPipe()
        _ = try sandbox.start(
            "/usr/bin/python3",
            [Programs.support("tls_front.py"), sandbox.path("server.crt"), sandbox.path("server.key"), peer.port],
            log: "front", input: input.readEnd)
        #expect(sandbox.eventually { sandbox.text("front.log").hasSuffix("\n") })
        let port = sandbox.text("front.log").filter(\.isNumber)
        try sandbox.write("etc/reposit.key", UpstreamPeer.secrets[0], mode: 0o600)
        let box = BoxUnderTest(sandbox, scale: 1)
        for (authority, code) in [("ca", Int32(5)), ("other", 6)] {
            try sandbox.write(
                "etc/meterside.toml",
                BoxUnderTest.head(broker: nil) + """
                    [upstream.reposit]
                    url = "https://localhost:\(port)"
                    key_file = "reposit.key"
                    ca = "\(sandbox.path("\(authority).crt"))"
                    """)
            try box.startDaemon()
            #expect(try sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
            // Nothing is registered: answered well, and not connected.
            #expect(try box.cli("reposit", "validate").code == code, "\(authority)")
            box.killDaemon()
        }
        #expect(peer.requests == ["GET /mdp/validate 200"])
    }

    private func openssl(_ sandbox: Sandbox, _ arguments: String) throws {
        let script = "cd '\(sandbox.folder.path)' && openssl \(arguments)"
        let run = try sandbox.run("/bin/sh", ["-c", script])
        try #require(run.code == 0, "\(run.err)")
    }

    @Test func refusedDisconnection_isToldToRopoOnce() throws {
        let sandbox = try Sandbox()
        let peer = try UpstreamPeer(sandbox)
        let unit = """
            [[switch]]
            name = "relay-1"
            driver = "modbus-coil"
            port = "b"
            unit = 7
            coil = 0
            feedback_input = 0
            [[unit]]
            id = "unit-1"
            meters = ["217072470"]
            switch = "relay-1"
            usage_place = "RE12345"

            """
        let box = try box(sandbox, peer, unit: unit)
        peer.order("/rest/usageplace 503 1")
        let args = #"{"request_id":"req-77","usageplacecode":"RE12345","customernumber":"A123456"}"#
        #expect(
            try run(
                box, ["command", "send", "usage_place_disconnect", "--unit", "unit-1", "--id", "d-1", "--args", args]
            )
            .code == 5)
        #expect(sandbox.eventually { peer.requests.contains("POST /rest/usageplace/event 503") })
        // Killed while it waits for its next try.
        try restart(box)
        // Told is what the journal says was told: a box killed before that may tell it again, by the same id.
        #expect(try sandbox.eventually { try answered(box, "ropo") }, "\(box.daemonLog)")
        try restart(box)
        let event = peer.bodies("/rest/usageplace/event").last
        #expect(event?["id"]?.string == "req-77")
        #expect(event?["status"]?.string == "not_disconnected")
        #expect(event?["description"]?.string?.hasPrefix("Not disconnected: ") == true)
        #expect(event?["customernumber"]?.string == "A123456")
        #expect(peer.requests.filter { $0 == "POST /rest/usageplace/event 200" }.count == 1)
    }

    /// Whether the journal holds that a system took what it was sent.
    private func answered(_ box: BoxUnderTest, _ system: String) throws -> Bool {
        try box.cli("ledger", "export").out.split(separator: "\n")
            .compactMap { try? JSONReader.read(String($0)) }
            .contains {
                $0["kind"]?.string == "upstream.answered" && $0["data"]?["system"]?.string == system
                    && $0["data"]?["outcome"]?.string == "done"
            }
    }

    @Test(arguments: [
        ("url = \"http://127.0.0.1:1\"\nkey_file = \"k\"", "k cannot be read"),
        ("url = \"http://example.com\"\nkey_file = \"reader.password\"", "write https:// for example.com"),
        ("url = \"https://example.com/\"\nkey_file = \"reader.password\"", "must not end with a slash"),
        ("url = \"https://example.com\"\nkey_file = \"reader.password\"\nca = \"none.pem\"", "none.pem cannot be read"),
        ("url = \"https://example.com\"\nkey_file = \"reader.password\"\nkye = 1", "is not known here"),
        ("url = \"https://example.com\"\nkey_file = \"open.key\"", "chmod 600"),
    ])
    func section_whenWrong_isRefusedWithItsLine(section: String, words: String) throws {
        let sandbox = try Sandbox()
        try sandbox.write("etc/reader.password", "x\n", mode: 0o600)
        try sandbox.write("etc/open.key", "x\n", mode: 0o644)
        try sandbox.write(
            "etc/meterside.toml", BoxUnderTest.head(broker: nil) + "[upstream.reposit]\n" + section + "\n")
        let run = try sandbox.run(Programs.daemon, ["--config", sandbox.path("etc/meterside.toml"), "--check"])
        #expect(run.code == 3)
        #expect((run.out + run.err).contains(words), "\(run.out + run.err)")
    }

    /// Neither the journal nor any log or answer holds a key or a token.
    private func expectNoSecrets(_ sandbox: Sandbox) {
        guard let walker = FileManager.default.enumerator(atPath: sandbox.folder.path) else { return }
        for case let name as String in walker where !name.hasPrefix("etc/") && name != "requests" {
            guard let data = FileManager.default.contents(atPath: sandbox.path(name)) else { continue }
            for secret in UpstreamPeer.secrets {
                #expect(data.range(of: Data(secret.utf8)) == nil, "\(name) holds \(secret)")
            }
        }
    }
}
