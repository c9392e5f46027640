import ArgumentParser
import CLinux
import Glibc
import Metering
import Simulator

/// `meterside-sim upstreams`
struct UpstreamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upstreams", abstract: "The upstream systems (Reposit, REDEX, PowerBox, Ropo One) on one port.",
        discussion: """
            Plain HTTP on 127.0.0.1; in the configuration: url = "http://127.0.0.1:PORT" for Reposit and REDEX, with \
            /v1 for PowerBox and /rest for Ropo One, token_url = "http://127.0.0.1:PORT/oauth/token".
            Trouble is ordered by --trouble or by a line on standard input: PATH TROUBLE [TIMES [AFTER]], TROUBLE one \
            of a status (429, 429:30 with Retry-After), hang, deaf, drip[:MS], garbage, wrong-ids, redirect[:URL], \
            cut, flood. "well" ends all trouble. "not-connected N" lets the next N validations fail.
            """)

    @Option(help: "The port; a free one is taken when left out.")
    var port: UInt16 = 0

    @Option(help: "Write a line of JSON for each request into this file.")
    var log: String?

    @Option(help: "Trouble from the start, such as \"/mdp/connected 503 2\"; may be given several times.")
    var trouble: [String] = []

    @Option(help: "PowerBox: the meter of the utility's customer; 1234567890 when left out.")
    var meter: String?

    @Option(help: "PowerBox: the install code of the device that may be bound.")
    var installCode: String?

    @Flag(help: "Show the keys and secrets that the systems accept, and end.")
    var keys = false

    @Option(help: "End by itself after so many seconds.")
    var seconds: Int64?

    func run() throws {
        if keys { return Console.line(Self.keyLines.joined(separator: "\n")) }
        let stop = try StopSignal()
        let service = try StubService(port: port, log: log.map { Folder.absolute($0) })
        service.change {
            $0.powerbox.meter = meter ?? $0.powerbox.meter
            $0.powerbox.installCode = installCode ?? $0.powerbox.installCode
        }
        for line in trouble {
            guard service.change({ $0.script.add(line) }) else {
                throw ValidationError("\"\(line)\" is no trouble; see --help.")
            }
        }
        try service.start()
        defer { service.stop() }
        Console.line("upstreams on http://127.0.0.1:\(service.port)")
        serve(service, stop)
    }

    private static var keyLines: [String] {
        [
            "reposit  key_file            \(StubCredentials.repositKey)",
            "redex    key_file            \(StubCredentials.redexKey)",
            "redex    client_id           \(StubCredentials.redexClient)",
            "redex    client_secret_file  \(StubCredentials.redexSecret)",
            "redex    application_id      \(RedexStub.application)",
            "powerbox client_id           \(StubCredentials.powerboxClient)",
            "powerbox client_secret_file  \(StubCredentials.powerboxSecret)",
            "ropo     cid                 \(StubCredentials.ropoCid)",
            "ropo     apicode_file        \(StubCredentials.ropoCode)",
        ]
    }

    /// Waits for orders, for the end of the time, or for Ctrl-C.
    private func serve(_ service: StubService, _ stop: StopSignal) {
        let end = seconds.map { BoardClock.uptime() + $0 * 1_000_000 }
        var input = OrderInput()
        while true {
            let left = end.map { max(0, $0 - BoardClock.uptime()) * 1000 } ?? -1
            let mask = clinux_wait(stop.event, input.isReadable ? 0 : -1, left)
            if mask & CLINUX_WAKE != 0 || mask == 0 && left == 0 { return }
            guard mask & (CLINUX_READY | CLINUX_HANGUP) != 0 else { continue }
            for line in input.lines() { Console.line(Self.obey(line, service)) }
        }
    }

    private static func obey(_ line: String, _ service: StubService) -> String {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("log"?, 1): return service.change { $0.log.map(\.words) }.joined(separator: "\n")
        case ("well"?, 1):
            service.change { $0.script.clear() }
            return "ok"
        case ("not-connected"?, 2):
            guard let count = Int(words[1]) else { return "\"\(words[1])\" is no number" }
            service.change { $0.reposit.refusalsOfValidate = count }
            return "ok"
        default:
            let isTaken = service.change { $0.script.add(line) }
            return isTaken ? "ok" : "not understood: \(line)"
        }
    }
}
