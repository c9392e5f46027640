import Foundation
import Metering

/// The real daemon on a simulated board: pseudo-terminals served by `meterside-sim board`, time sped up.
final class BoxUnderTest {
    static let id = "SJKGRHDV"
    let sandbox: Sandbox
    /// How much faster than real time the board and the daemon live.
    let scale: Int
    private let anchor: Int64
    private var daemon: Child?
    private let boardInput = InputPipe()

    init(_ sandbox: Sandbox, scale: Int = 30) {
        self.sandbox = sandbox
        self.scale = scale
        anchor = Int64(Date().timeIntervalSince1970 * 1000)
    }

    private var timeArguments: [String] { ["--time-scale", String(scale), "--time-anchor", String(anchor)] }

    /// Starts the simulated board and waits until its terminals are there.
    func startBoard() throws -> Bool {
        _ = try sandbox.start(
            Programs.simulator, ["board", "--folder", sandbox.path("board")] + timeArguments, log: "board",
            input: boardInput.readEnd)
        return sandbox.eventually {
            ["port-a", "port-b"].allSatisfy { FileManager.default.fileExists(atPath: sandbox.path("board/\($0)")) }
        }
    }

    /// Types an order at the board: what is to go wrong, or a button that is pressed.
    func orderBoard(_ line: String) { boardInput.write(Array((line + "\n").utf8)) }

    /// `[box]` and `[mqtt]`.
    static func head(broker port: Int?, board: String = "simulated", clock: String = "host") -> String {
        """
        [box]
        id = "\(id)"
        board = "\(board)"
        interval_minutes = 5
        clock = "\(clock)"

        """ + (port.map { "[mqtt]\nurl = \"mqtt://127.0.0.1:\($0)\"\n" } ?? "")
    }

    /// The three meters of the simulated board. Pauses before a request are real time, so they are taken out.
    func writeBoardConfiguration(broker port: Int?) throws {
        try sandbox.write("etc/reader.password", "READER\n", mode: 0o600)
        try sandbox.write(
            "etc/meterside.toml",
            Self.head(broker: port) + """
                [[port]]
                name = "a"
                device = "\(sandbox.path("board/port-a"))"
                protocol = "edmi"
                [[port]]
                name = "b"
                device = "\(sandbox.path("board/port-b"))"
                protocol = "modbus"
                [[meter]]
                serial = "217072470"
                model = "edmi-mk10"
                port = "a"
                addressed = true
                user = "READER"
                password_file = "reader.password"
                nmi = "1110029035"
                poll_seconds = 60
                turnaround_ms = 0
                [[meter]]
                serial = "251308613"
                model = "edmi-mk6"
                port = "a"
                addressed = true
                user = "READER"
                password_file = "reader.password"
                poll_seconds = 60
                turnaround_ms = 0
                [[meter]]
                serial = "SDM-1"
                model = "eastron-sdm630"
                port = "b"
                address = 1
                poll_seconds = 30

                """)
    }

    /// A public key in `keys.d`.
    func trust(_ seed: String, as kid: String, role: String) throws {
        let made = try sandbox.run(
            Programs.python,
            [
                "-c",
                """
                import base64, sys
                from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as K
                print(base64.b64encode(K.from_private_bytes(bytes.fromhex(sys.argv[1])).public_key().public_bytes_raw()).decode(), end="")
                """, seed,
            ])
        try sandbox.write("etc/keys.d/\(kid).pub", "role = \"\(role)\"\nkey = \"\(made.out)\"\n")
    }

    func startDaemon() throws {
        daemon = try sandbox.start(
            Programs.daemon,
            [
                "--config", sandbox.path("etc/meterside.toml"), "--state", sandbox.path("state"), "--runtime",
                sandbox.path("run"),
            ] + (scale > 1 ? timeArguments : []), log: "daemon")
    }

    /// kill -9, and not a word of goodbye.
    func killDaemon() { signal(SIGKILL) }

    func signal(_ number: Int32) {
        daemon?.signal(number)
        if number != SIGHUP { daemon?.wait() }
    }

    var daemonExitCode: Int32? { daemon?.exitCode }
    var daemonLog: String { sandbox.text("daemon.log") }

    /// Runs the command line against this daemon.
    func cli(_ arguments: String...) throws -> (code: Int32, out: String, err: String) {
        try sandbox.run(Programs.cli, arguments + ["--socket", sandbox.path("run/control.sock")])
    }

    /// The JSON answer of a verb; nil when it failed.
    func json(_ arguments: String...) throws -> JSONValue? {
        let run = try sandbox.run(Programs.cli, arguments + ["--json", "--socket", sandbox.path("run/control.sock")])
        guard run.code == 0 else { return nil }
        return try? JSONReader.read(run.out)
    }

    /// Whether all meters of the configuration are live.
    func metersAreLive(_ count: Int) throws -> Bool {
        try sandbox.eventually {
            let meters = try json("status")?["meters"]?.array ?? []
            return meters.count == count && meters.allSatisfy { $0["state"]?.string == "live" }
        }
    }
}
