import ArgumentParser
import Drivers
import Metering

/// `meterside capture --port P --out FILE`
struct CaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture", abstract: "Write what goes over a port to a file, with its timing.",
        discussion: """
            The daemon goes on as ever; passwords are taken out. Ctrl-C ends. FILE is JSON lines: a header, then one \
            line a frame; `meterside replay FILE` decodes it, `meterside-sim replay FILE` plays the meter.
            """)

    @Argument(help: "The port of the configuration.")
    var place: String?

    @Option(name: .long, help: "The same as PLACE.")
    var port: String?

    @Option(name: .long, help: "The file to make.")
    var out: String

    @Option(name: .long, help: "End after so many seconds.")
    var seconds: Int?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard (place == nil) != (port == nil) else { throw ValidationError("Give the port to capture, once.") }
        if let seconds, !(1...86_400).contains(seconds) {
            throw ValidationError("--seconds must be from 1 to 86400.")
        }
    }

    func run() throws {
        let port = place ?? port ?? ""
        let daemon = try socket.connect(readsOnly: false)
        let file = try OutputFile(creating: out, mode: 0o600)
        var recorder = CaptureRecorder(port: port)
        var parameters: JSONObject = ["port": .string(port)]
        parameters["seconds"] = seconds.map { .integer(Int64($0)) }
        let answer = try daemon.follow("capture.start", parameters) { members throws(CommandFailure) in
            for line in recorder.lines(of: members) { try file.write(Array((line + "\n").utf8)) }
            Terminal.progress("\(recorder.frames) frames")
        }
        try file.finish()
        Terminal.progress("")
        let result: JSONValue = [
            "file": .string(out), "frames": .integer(recorder.frames), "lost": answer?["lost"] ?? 0,
        ]
        output.show(result) { _ in Self.lines(result) }
    }

    static func lines(_ result: JSONValue) -> [String] {
        let lost = result["lost"]?.integer ?? 0
        return ["\(result.shown("frames")) frames in \(TextLayout.clean(result.shown("file")))"]
            + (lost > 0 ? ["some frames were lost: the wire was faster than the daemon could tell"] : [])
    }
}

/// Turns the daemon's progress into the lines of a capture file.
struct CaptureRecorder {
    private var capture: Capture
    private var isBegun = false
    /// Uptime of the first frame, microseconds.
    private var start: Int64?
    private(set) var frames: Int64 = 0

    init(port: String) { capture = Capture(port: port, wire: .edmi) }

    /// The lines that a progress message adds; none for what is no frame.
    mutating func lines(of members: JSONObject) -> [String] {
        if let started = members["started"] {
            capture.wire = (started["protocol"]?.string).flatMap(CaptureProtocol.init) ?? capture.wire
            capture.line = (started["line"]?.string).flatMap(LineSettings.init(text:))
            capture.at = (started["at"]?.string).flatMap { WallTime(text: $0) }
            return header()
        }
        guard let frame = members["frame"], let at = frame["us"]?.integer,
            let direction = (frame["dir"]?.string).flatMap(CaptureFrame.Direction.init),
            let bytes = (frame["hex"]?.string).flatMap(CaptureFrame.bytes(hex:)), !bytes.isEmpty
        else { return [] }
        let first = start ?? at
        start = first
        frames += 1
        let line = CaptureFrame(microseconds: max(at - first, 0), direction: direction, bytes: bytes).line
        return header() + [line]
    }

    private mutating func header() -> [String] {
        defer { isBegun = true }
        return isBegun ? [] : [capture.headerLine]
    }
}
