import ArgumentParser
import Crypto
import Glibc
import Metering

/// `meterside commission`
struct CommissionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commission", abstract: "Bring a board from nothing to connected, step by step (root only).",
        discussion: """
            Finds ports and meters, writes the configuration, checks wire and wiring, registers the site, tests load \
            switches, and writes a signed report. Interrupted anywhere it goes on where it was; run again it shows \
            what is done. --answers FILE says beforehand what it would ask (the README has a complete example).
            """)

    @Option(name: .long, help: "Answers, a JSON file; what it does not say is asked.")
    var answers: String?

    @Option(name: .long, help: "How long the wire is watched, 1 to 3600; 40 unless the answers say otherwise.")
    var pollSeconds: Int64?

    @Option(name: .long, help: "A step at Reposit that you found done there: register, site or connected.")
    var confirm: String?

    @Flag(name: .long, help: "Write and send nothing: show the configuration and the steps.")
    var dryRun = false

    @Flag(name: .long, help: "Forget what was answered at prompts before the configuration was written.")
    var startOver = false

    @Flag(name: .long, help: "Do every step once more, as a new run.")
    var again = false

    @Flag(name: .long, help: "Write a new configuration although there is one; the old one is kept as .bak.")
    var reconfigure = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard (1...3600).contains(pollSeconds ?? 60) else {
            throw ValidationError("--poll-seconds takes 1 to 3600.")
        }
        guard confirm.map({ ["register", "site", "connected"].contains($0) }) ?? true else {
            throw ValidationError("--confirm takes register, site or connected.")
        }
    }

    func run() throws {
        let daemon = try socket.connect(readsOnly: false)
        let files = CommissionFiles(try daemon.call("version"))
        var given = try readAnswers(files)
        if let pollSeconds { given.pollSeconds = pollSeconds }
        let isFresh = try daemon.call("status")["state"] == "unconfigured"
        if dryRun {
            try rehearse(daemon, files, given, isFresh: isFresh)
            return
        }
        try files.checkRights()
        try files.lock()
        Interruption.watch()
        let answers = try settle(daemon, files, given, isFresh: isFresh)
        var run = try CommissionRun(
            daemon: daemon, files: files, prompt: Prompt(), answers: answers, again: again || (reconfigure && !isFresh),
            confirmed: confirm.flatMap(CommissionStep.init(rawValue:)))
        try run.run()
        let signed = try report(&run, daemon, files)
        output.show(signed) { CommissionReport.lines(signed, colour: $0) }
        let page = files.report(run.state.run, "html")
        Terminal.error(["", "report: \(page) (also .txt and .json)"])
    }

    /// Sees to it that the configuration is there and says what the answers say.
    private func settle(
        _ daemon: Daemon, _ files: CommissionFiles, _ given: CommissionAnswers, isFresh: Bool
    ) throws(CommandFailure) -> CommissionAnswers {
        if isFresh || reconfigure {
            var gathering = gathering(daemon, files, given)
            try gathering.fill()
            try CommissionUpdate(daemon: daemon, files: files).configure(gathering.answers)
            return gathering.answers
        }
        let state = CommissionState(try daemon.call("commission.show"))
        let update = CommissionUpdate(daemon: daemon, files: files)
        if state.hasRefusedKey { try update.reload() }
        guard let old = try files.loadProgress() else { return given }
        if answers != nil {
            var gathering = gathering(daemon, files, given.completed(by: old))
            gathering.keepsProgress = false
            try gathering.fill()
            return try update.apply(gathering.answers, old: old, state, hasNewSecrets: gathering.hasNewSecrets)
        }
        guard Prompt().isInteractive, state.entries[.site]?.state == "failed" else { return given }
        var gathering = gathering(daemon, files, given)
        gathering.keepsProgress = false
        try gathering.reviseSite()
        return try update.apply(gathering.answers.completed(by: old), old: old, state, hasNewSecrets: false)
    }

    /// The file's answers; without a file those of the run that was interrupted.
    private func readAnswers(_ files: CommissionFiles) throws(CommandFailure) -> CommissionAnswers {
        guard let answers else {
            return startOver ? CommissionAnswers() : try files.loadProgress() ?? CommissionAnswers()
        }
        let bytes = try FileAccess.read(answers, limit: 1 << 20)
        let value: JSONValue
        do throws(JSONError) { value = try JSONReader.read(bytes) } catch {
            throw .usage("\(answers): \(error)", hint: "answers are one JSON object; the README shows an example")
        }
        return try CommissionAnswers(value)
    }

    private func gathering(
        _ daemon: Daemon, _ files: CommissionFiles, _ given: CommissionAnswers
    ) -> CommissionGathering {
        let folder = answers.map(CommissionFiles.folder) ?? "."
        let here = Terminal.environment("PWD") ?? "."
        let base = folder.hasPrefix("/") ? folder : folder == "." ? here : "\(here)/\(folder)"
        return CommissionGathering(
            daemon: daemon, files: files, prompt: Prompt(), isDry: dryRun, answers: given, base: base)
    }

    private func report(
        _ run: inout CommissionRun, _ daemon: Daemon, _ files: CommissionFiles
    ) throws(CommandFailure) -> JSONValue {
        let number = run.state.run
        if run.state.isReported, let old = try? FileAccess.read(files.report(number, "json"), limit: 4 << 20),
            let value = try? JSONReader.read(old)
        {
            return value
        }
        let last = CommissionStep.allCases.filter { $0 != .report }.compactMap { run.state.entries[$0]?.seq }.max() ?? 1
        let page = try daemon.call("ledger.export", ["from": .integer(last), "to": .integer(last)])
        let record = page.items("records").first
        let report = CommissionReport(
            state: run.state, answers: run.answers, status: try daemon.call("status"),
            head: ["seq": .integer(last), "hash": record?["hash"] ?? .null])
        let signed = try report.signed(by: try files.loadBoxKey())
        let text = CommissionReport.lines(signed, width: TextLayout.width, colour: false).map { $0 + "\n" }.joined()
        try CommissionFiles.replace(files.report(number, "json"), mode: 0o644, JSONWriter.compact(signed) + [0x0A])
        try CommissionFiles.replace(files.report(number, "txt"), mode: 0o644, Array(text.utf8))
        try CommissionFiles.replace(
            files.report(number, "html"), mode: 0o644, Array(CommissionPage.html(signed).utf8))
        if !run.state.isReported {
            try run.note(
                .report, "done",
                ["sha256": signed["sha256"] ?? .null, "signature": signed["signature"] ?? .null])
        }
        return signed
    }

    // MARK: Rehearsal

    private func rehearse(
        _ daemon: Daemon, _ files: CommissionFiles, _ given: CommissionAnswers, isFresh: Bool
    ) throws(CommandFailure) {
        var result: JSONObject = ["dry_run": true]
        if isFresh || reconfigure {
            var gathering = gathering(daemon, files, given)
            try gathering.fill()
            result["file"] = .string(files.configuration)
            result["configuration"] = .string(try ConfigurationText(answers: gathering.answers).text())
        }
        var state = CommissionState(run: 1)
        if !isFresh { state = CommissionState(try daemon.call("commission.show")) }
        result["steps"] = .array(
            CommissionStep.allCases.map { step in
                [
                    "step": .string(step.rawValue), "title": .string(step.title),
                    "state": .string(state.isDone(step) && !again ? "done" : "to do"),
                ]
            })
        output.show(.object(result)) { _ in Self.rehearsal(.object(result)) }
    }

    static func rehearsal(_ result: JSONValue) -> [String] {
        var lines: [String] = []
        if let text = result["configuration"]?.string {
            lines += ["\(result.shown("file")) would be:", ""]
            lines += text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
        lines += ["steps:"]
        for step in result.items("steps") {
            lines.append("  \(step["state"] == "done" ? "✓" : "·") \(step.shown("title"))")
        }
        return lines
    }
}
