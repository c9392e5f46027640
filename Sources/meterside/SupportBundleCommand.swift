import ArgumentParser
import Control
import Glibc
import Metering

/// `meterside support-bundle`
struct SupportBundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support-bundle", abstract: "Gathers what somebody far away needs to help, in one file.",
        discussion: """
            One JSON object a line, each a part with the daemon's answer or the reason why there is none. It holds \
            serials, NMIs and the site's address; passwords, keys, install codes and link keys are never in it. Ends \
            with 4 when the daemon does not answer: the file is written all the same.
            """)

    @Option(name: .long, help: "The file to make, - for stdout; else one in this folder, named after box and time.")
    var out: String?

    @Option(name: .long, help: "How many of the newest events, 1 to 1000.")
    var events = 500

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard (1...1000).contains(events) else { throw ValidationError("--events takes 1 to 1000.") }
    }

    func run() throws {
        var bundle = SupportBundle(made: CommandLineClock.wall())
        var absent: CommandFailure?
        do throws(CommandFailure) {
            try bundle.ask(socket.connect(), events: events)
        } catch {
            bundle.add("daemon", missing: error)
            absent = error
        }
        if out == "-" {
            Terminal.out(bundle.bytes)
        } else {
            let file = out ?? bundle.name
            try FileAccess.create(file, mode: 0o600, bundle.bytes)
            output.show(bundle.summary(file: file)) { _ in bundle.lines(file: file) }
        }
        if let absent { throw absent }
    }
}

/// The parts of a support bundle.
struct SupportBundle {
    private(set) var parts: [(name: String, value: JSONObject)] = []
    private var box = "box"
    private let made: WallTime

    /// What the box is asked; parts of units are asked for each of them.
    private static let methods = [
        "version", "status", "doctor", "config.show", "meter.list", "unit.list", "outbox.show", "interval.gaps",
        "request.list", "schedule.list", "key.list", "han.status", "reposit.status",
    ]
    private static let unitMethods = ["unit.show", "supply.show", "credit.show"]

    init(made: WallTime) {
        self.made = made
        var names = utsname()
        uname(&names)
        var host: JSONObject = [
            "made_at": .string(made.text), "meterside": .string(ProductVersion.text),
            "kernel": .string(Self.text(names.release)), "machine": .string(Self.text(names.machine)),
        ]
        for file in ["uptime", "loadavg", "meminfo"] {
            // What the kernel does not tell is left out: the rest of the bundle is worth having without it.
            guard let bytes = try? FileAccess.read("/proc/\(file)", limit: 65_536) else { continue }
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            host[file] = .array(lines.map { .string(String($0)) })
        }
        add("support-bundle", host)
    }

    /// Asks the daemon for every part. A part that it cannot give does not keep the others out; a daemon that has gone
    /// away does.
    mutating func ask(_ daemon: Daemon, events: Int) throws(CommandFailure) {
        for method in Self.methods { try add(method, JSONObject(), from: daemon) }
        for unit in parts.first(where: { $0.name == "unit.list" })?.value["result"]?.items("units") ?? [] {
            guard let id = unit["id"] else { continue }
            for method in Self.unitMethods { try add(method, ["unit": id], from: daemon) }
        }
        try add("events", ["limit": .integer(Int64(events))], from: daemon)
    }

    private mutating func add(_ method: String, _ parameters: JSONObject, from daemon: Daemon) throws(CommandFailure) {
        Terminal.progress(method)
        defer { Terminal.progress("") }
        do throws(CommandFailure) {
            let answer = try daemon.call(method, parameters)
            if method == "status", let name = answer["box"]?.string, !name.isEmpty { box = name }
            add(method, parameters.isEmpty ? ["result": answer] : ["of": .object(parameters), "result": answer])
        } catch {
            guard error.code != "daemon_lost" else { throw error }
            add(method, missing: error)
        }
    }

    mutating func add(_ name: String, missing failure: CommandFailure) {
        add(name, ["error": failure.json["error"] ?? .null])
    }

    private mutating func add(_ name: String, _ value: JSONObject) {
        var part: JSONObject = ["part": .string(name)]
        for (name, value) in value.members { part[name] = value }
        parts.append((name, part))
    }

    /// `meterside-SJKGRHDV-20261121T100300Z.jsonl`
    var name: String { "meterside-\(box)-\(made.textSeconds.filter { $0 != "-" && $0 != ":" }).jsonl" }

    var bytes: [UInt8] { parts.flatMap { JSONWriter.compact(.object($0.value)) + [0x0A] } }

    private var missing: [(name: String, error: JSONValue)] {
        parts.compactMap { part in part.value["error"].map { (part.name, $0) } }
    }

    func summary(file: String) -> JSONValue {
        [
            "file": .string(file), "bytes": .integer(Int64(bytes.count)), "parts": .integer(Int64(parts.count)),
            "missing": .array(missing.map { ["part": .string($0.name), "error": $0.error] }),
        ]
    }

    func lines(file: String) -> [String] {
        let words = "\(file): \(TextLayout.count(parts.count, "part")), \((bytes.count + 1023) / 1024) KiB"
        return [TextLayout.clean(words)]
            + missing.flatMap { name, error in
                TextLayout.wrapped(
                    TextLayout.clean("without \(name): \(error["message"]?.string ?? "")"), indent: 2)
            } + ["It holds serials, NMIs and the site's address, and no passwords, keys or codes."]
    }

    /// The text of a C array of characters.
    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
