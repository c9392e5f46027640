import Foundation
import Metering
import Testing

/// A box without a configuration beside a three-phase board with a relay and a HAN adapter, and the four upstream
/// systems behind TLS with an authority of their own.
final class CommissionStage {
    static let installCode = "83FED3407A939723A5C639B26916D505C3B5"
    static let linkKey = "66B6900981E1EE3CA4206B6B861C02BB"
    /// What may stand in no log, report, record or answer.
    static let secrets = [
        installCode, linkKey, "A2YWQiLCJpc3-stub", "powerbox-secret", "3f1c2a58-6a50-4c8e-a2b4-stub00000001",
        "redex-secret", "ropo-apicode", "powerbox-access-1",
    ]
    /// What the contracts ask of Reposit on the way to connected.
    static let reposit = [
        "POST /mdp/register/meter/three-phase", "GET /mdp/validate?repositBox=SJKGRHDV", "POST /mdp/register/site",
        "POST /mdp/connected",
    ]
    /// And of PowerBox for a binding.
    static let powerbox = ["POST /oauth/token", "POST /v1/powerbox/customer", "POST /v1/powerbox/bind"]

    let sandbox: Sandbox
    let box: BoxUnderTest
    private let stubs = InputPipe()
    private let front = InputPipe()
    private let radio = InputPipe()
    private(set) var port = ""

    /// - Parameter scale: how much faster than real time the board and the box live; pauses between tries are shorter
    ///   then.
    init(scale: Int = 1) throws {
        sandbox = try Sandbox()
        box = BoxUnderTest(sandbox, scale: scale)
        try startSystems()
        try #require(try box.startBoard())
        _ = try sandbox.start(
            Programs.simulator,
            [
                "han", "--device", sandbox.path("han"), "--code", Self.installCode, "--serial", "217072470",
                "--join-step", "20", "--report", "1",
            ], log: "radio", input: radio.readEnd)
        try sandbox.write("etc/.keep", "")
        try box.startDaemon()
        let sandbox = sandbox
        try #require(sandbox.eventually { sandbox.text("daemon.log").contains("runs unconfigured") })
        try writeSecrets()
        try write(answers())
    }

    // MARK: The systems

    private func startSystems() throws {
        let made = try sandbox.run(
            Programs.python, [Programs.support("make_certificates.py"), sandbox.path("certificates")])
        try #require(made.code == 0, "\(made.err)")
        _ = try sandbox.start(
            Programs.simulator,
            [
                "upstreams", "--meter", "217072470", "--install-code", Self.installCode, "--log",
                sandbox.path("requests"),
            ], log: "stubs", input: stubs.readEnd)
        let sandbox = sandbox
        #expect(sandbox.eventually { sandbox.text("stubs.log").hasSuffix("\n") })
        let plain = String(sandbox.text("stubs.log").split(separator: ":").last ?? "").filter(\.isNumber)
        _ = try sandbox.start(
            "/usr/bin/python3",
            [Programs.support("tls_front.py"), certificate("good", "pem"), certificate("good", "key"), plain],
            log: "front", input: front.readEnd)
        #expect(sandbox.eventually { sandbox.text("front.log").hasSuffix("\n") })
        port = sandbox.text("front.log").filter(\.isNumber)
    }

    private func certificate(_ name: String, _ suffix: String) -> String {
        sandbox.path("certificates/\(name).\(suffix)")
    }

    /// Orders trouble of the systems: `/mdp/connected 503 2`, `well`.
    func order(_ line: String) { type(line, into: stubs, log: "stubs.log") }

    /// Shows another certificate from now on.
    func show(_ name: String) {
        type("\(certificate(name, "pem")) \(certificate(name, "key"))", into: front, log: "front.log")
    }

    private func type(_ line: String, into pipe: InputPipe, log: String) {
        let before = sandbox.text(log).count
        pipe.write(Array((line + "\n").utf8))
        #expect(sandbox.eventually { sandbox.text(log).count > before })
        #expect(sandbox.text(log).hasSuffix("ok\n"), "\(line)")
    }

    /// The utility lets the box's adapter join.
    func allowJoin() { radio.write(Array("allow\n".utf8)) }

    /// Method and target of every request, in order.
    var requests: [String] {
        sandbox.lines("requests").map { "\($0["method"]?.string ?? "") \($0["target"]?.string ?? "")" }
    }

    /// Those of a system.
    func requests(_ prefix: String) -> [String] { requests.filter { $0.split(separator: " ")[1].hasPrefix(prefix) } }

    func body(_ target: String) -> JSONValue? {
        sandbox.lines("requests").last { $0["target"]?.string == target }
            .flatMap { try? JSONReader.read($0["body"]?.string ?? "") }
    }

    // MARK: Answers

    private func writeSecrets() throws {
        for (name, text) in [
            ("reader.password", "READER"), ("reposit.key", "A2YWQiLCJpc3-stub"), ("powerbox.secret", "powerbox-secret"),
            ("redex.key", "3f1c2a58-6a50-4c8e-a2b4-stub00000001"), ("redex.secret", "redex-secret"),
            ("ropo.apicode", "ropo-apicode"), ("han.code", Self.installCode),
        ] { try sandbox.write("site/\(name)", text + "\n", mode: 0o600) }
        try sandbox.write(
            "site/ca.pem", try String(contentsOfFile: certificate("ca", "pem"), encoding: .utf8))
    }

    /// A complete answers file.
    func answers(timeout: Int64 = 5) -> JSONObject {
        func system(_ path: String, _ more: JSONObject) -> JSONValue {
            var system: JSONObject = [
                "url": .string("https://localhost:\(port)\(path)"), "ca": "ca.pem",
                "timeout_seconds": .integer(timeout),
            ]
            for (name, value) in more.members { system[name] = value }
            return .object(system)
        }
        let powerbox: JSONObject = [
            "token_url": .string("https://localhost:\(port)/oauth/token"), "client_id": "powerbox-client",
            "client_secret_file": "powerbox.secret", "hem_profile_id": "h-1",
        ]
        let redex: JSONObject = [
            "key_file": "redex.key", "client_id": "redex-client", "client_secret_file": "redex.secret",
            "application_id": "347847fa-68c0-4418-9119-08dc3993455a",
        ]
        let device = { (name: String) in JSONValue.string(self.sandbox.path("board/port-\(name)")) }
        return [
            "box": ["id": .string(BoxUnderTest.id), "board": "simulated", "zone": "Australia/Sydney", "clock": "host"],
            "ports": [
                ["name": "a", "device": device("a"), "protocol": "edmi", "baud": 9600],
                ["name": "b", "device": device("b"), "protocol": "modbus", "baud": 9600],
            ],
            "login": ["user": "READER", "password_file": "reader.password"],
            "meters": [
                ["serial": "217072470", "model": "edmi-mk10", "port": "a", "addressed": true, "role": "grid"],
                ["serial": "251308613", "model": "edmi-mk6", "port": "a", "addressed": true, "role": "sga"],
            ],
            "configuration": [
                "switch": [
                    [
                        "name": "relay-1", "driver": "modbus-coil", "port": "b", "unit": 7, "coil": 0,
                        "feedback_input": 0,
                    ]
                ],
                "unit": [["id": "unit-1", "meters": ["217072470"], "switch": "relay-1", "usage_place": "RE12345"]],
                "han": [
                    "device": .string(sandbox.path("han")), "meter": "217072470", "install_code_file": "han.code",
                ],
                "upstream": [
                    "reposit": system("", ["key_file": "reposit.key"]), "powerbox": system("/v1", powerbox),
                    "redex": system("", redex),
                    "ropo": system("/rest", ["cid": "12345", "apicode_file": "ropo.apicode"]),
                ],
            ],
            "site": [
                "nmi": "2001985732", "street_number": "17/2", "street_name": "Childers St", "suburb": "Acton",
                "postcode": "2601", "state": "ACT",
            ],
            "poll_seconds": 1, "han_seconds": 60, "supply_test": true,
        ]
    }

    func write(_ answers: JSONObject) throws {
        try sandbox.write("site/answers.json", String(decoding: JSONWriter.compact(.object(answers)), as: UTF8.self))
    }

    // MARK: Commission

    func arguments(_ more: [String] = []) -> [String] {
        ["commission", "--answers", sandbox.path("site/answers.json"), "--socket", sandbox.path("run/control.sock")]
            + more
    }

    func commission(_ more: String...) throws -> (code: Int32, out: String, err: String) {
        let run = try sandbox.run(Programs.cli, arguments(more))
        transcript += run.out + run.err
        return run
    }

    /// All that commission said, for the search for secrets.
    private(set) var transcript = ""

    /// Lets no calendar stand in the way of a supply test.
    func openCalendar() throws {
        for (name, args) in [
            ("friendly_days_set", "{\"days\":{}}"), ("special_days_set", "{\"days\":[]}"),
        ] {
            let run = try box.cli("command", "send", name, "--unit", "unit-1", "--args", args)
            #expect(run.code == 0, "\(run)")
        }
    }

    /// Waits until a step is over in the journal.
    func isDone(_ step: String) throws -> Bool {
        try sandbox.eventually {
            let events = try box.json("events", "--kind", "commissioning", "--limit", "500")?["events"]?.array ?? []
            return events.contains { $0["data"]?["step"]?.string == step && $0["data"]?["state"] == "done" }
        }
    }

    /// Whether every request that changes something has its answer.
    func isQuiet() throws -> Bool {
        func count(_ kind: String) throws -> Int {
            let events = try box.json("events", "--kind", kind, "--limit", "500")?["events"]?.array ?? []
            return events.count { $0["data"]?["operation"] != "validate" }
        }
        return try count("upstream.sent") == count("upstream.answered")
    }

    func restartBox() throws {
        box.killDaemon()
        try box.startDaemon()
        #expect(try sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
    }

    /// The steps and how they ended, from the journal: `register done`.
    func steps() throws -> [String] {
        let events = try box.json("events", "--kind", "commissioning", "--limit", "500")?["events"]?.array ?? []
        return events.map { "\($0["data"]?["step"]?.string ?? "") \($0["data"]?["state"]?.string ?? "")" }
    }

    /// Neither the journal nor any log, report or answer holds a secret.
    func expectNoSecrets() throws {
        let folder = sandbox.folder.path
        let files = try #require(FileManager.default.enumerator(atPath: folder))
        var searched = 0
        // The systems' own log and what the installer and the box keep on purpose are no leaks.
        let kept = ["site/", "etc/secrets/", "certificates/"]
        for case let name as String in files where name != "requests" && !kept.contains(where: name.hasPrefix) {
            guard let data = FileManager.default.contents(atPath: sandbox.path(name)) else { continue }
            searched += 1
            for secret in Self.secrets {
                for text in [secret, secret.lowercased()] {
                    #expect(data.range(of: Data(text.utf8)) == nil, "\(name) holds \(secret.prefix(4))…")
                }
            }
        }
        #expect(searched > 8)
        for secret in Self.secrets { #expect(!transcript.contains(secret)) }
    }
}
