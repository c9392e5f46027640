import Crypto
import Metering

/// Goes through the steps that are left. Each is noted in the journal before it begins and after it has ended, so that
/// whoever is interrupted goes on where it was, and nothing that was sent is sent as something new.
struct CommissionRun {
    let daemon: Daemon
    let files: CommissionFiles
    let prompt: Prompt
    let answers: CommissionAnswers
    /// Sections of the configuration in force that some step is about: `han`, `upstream.reposit`.
    let sections: [String]
    /// The installer found this step done at the other side: it is not sent again.
    let confirmed: CommissionStep?
    var state: CommissionState
    /// What the meters answered since they were first asked.
    var watch = WireWatch()

    init(
        daemon: Daemon, files: CommissionFiles, prompt: Prompt, answers: CommissionAnswers, again: Bool,
        confirmed: CommissionStep? = nil
    ) throws(CommandFailure) {
        self.daemon = daemon
        self.files = files
        self.prompt = prompt
        self.answers = answers
        self.confirmed = confirmed
        sections = try daemon.call("config.show").items("sections").compactMap(\.string)
        state = CommissionState(try daemon.call("commission.show"))
        if again { state.beginAgain() }
    }

    /// What there is to do after the configuration, in order.
    static let steps = CommissionStep.allCases.filter { $0 != .configuration && $0 != .report }

    mutating func run() throws(CommandFailure) {
        if !state.isDone(.configuration) { try noteConfiguration() }
        for step in Self.steps {
            // What was not needed before may be needed now: the configuration may have grown by hand.
            if state.isDone(step), !state.isSkipped(step) {
                say(step, "done before", Table.Tone.good)
                continue
            }
            try perform(step)
        }
    }

    private mutating func noteConfiguration() throws(CommandFailure) {
        let bytes = try FileAccess.read(files.configuration, limit: 1 << 20)
        try note(.configuration, "done", ["file": .string(files.configuration), "sha256": .string(SHA256.hex(bytes))])
        say(.configuration, files.configuration, .good)
    }

    /// One step between its two records.
    private mutating func perform(_ step: CommissionStep) throws(CommandFailure) {
        if let why = try whySkipped(step) {
            if state.whySkipped(step) != why { try note(step, "skipped", ["why": .string(why)]) }
            say(step, "not needed: \(why)", nil)
            return
        }
        Terminal.progress("\(step.title) …")
        if !state.isOpen(step) { try note(step, "begun", nil) }
        do throws(CommandFailure) {
            let result = try work(step)
            let isPending = result["pending"] == true
            try note(step, isPending ? "pending" : "done", result)
            say(step, result["summary"]?.string ?? "", isPending ? nil : .good)
        } catch {
            Terminal.progress("")
            // What was interrupted has not failed: the next run goes on with it.
            let isCut = ["interrupted", "daemon_lost", "daemon_absent", "timeout"].contains(error.code)
            if !isCut {
                try note(step, "failed", ["code": .string(error.code), "message": .string(error.message)])
                say(step, "FAILED", .bad)
            }
            let again = "run `meterside commission` again: it goes on here"
            throw CommandFailure(
                code: error.code,
                message: error.code == "interrupted" ? "stopped at \"\(step.title)\"; nothing is lost" : error.message,
                hint: error.hint.isEmpty ? again : "\(error.hint); then \(again)")
        }
    }

    /// Writes a record and takes it into the state.
    mutating func note(_ step: CommissionStep, _ word: String, _ result: JSONValue?) throws(CommandFailure) {
        let attempt = state.attempt(step)
        var data: JSONObject = ["run": .integer(state.run), "attempt": .integer(attempt)]
        data["result"] = result
        let answer = try daemon.call(
            "commission.note",
            ["step": .string(step.rawValue), "state": .string(word), "data": .object(data)])
        state.note(
            step,
            CommissionState.Entry(
                state: word, at: answer["at"]?.string ?? "", seq: answer["seq"]?.integer ?? 0, attempt: attempt,
                data: result ?? .null))
    }

    /// A line for whoever watches.
    func say(_ step: CommissionStep, _ text: String, _ tone: Table.Tone?) {
        Terminal.progress("")
        let mark = tone == .bad ? "✗" : tone == .good ? "✓" : "–"
        let all = CommissionStep.allCases
        let number = (all.firstIndex(of: step) ?? 0) + 1
        let line = "\(mark) \(number)/\(all.count) \(step.title)" + (text.isEmpty ? "" : ": \(text)")
        Terminal.error(TextLayout.wrapped(TextLayout.clean(line), indent: 2))
    }

    // MARK: What is there

    func meters() throws(CommandFailure) -> [JSONValue] { try daemon.call("meter.list").items("meters") }

    private static let leftOut = "the installer left it out"

    private func whySkipped(_ step: CommissionStep) throws(CommandFailure) -> String? {
        switch step {
        case .register, .validate, .site, .connected:
            return sections.contains("upstream.reposit") ? nil : "[upstream.reposit] is not configured"
        case .han: return sections.contains("han") ? nil : "[han] is not configured"
        case .supply:
            let units = try switchedUnits()
            if units.isEmpty { return "no unit has a load switch" }
            if answers.testsSupply == false { return "the answers say supply_test: false" }
            if answers.testsSupply == nil, !prompt.isInteractive { return "the answers do not say supply_test" }
            // Asked once only.
            if answers.testsSupply == nil, state.whySkipped(.supply) == Self.leftOut { return Self.leftOut }
            if answers.testsSupply == nil, !state.isOpen(.supply) {
                let names = units.joined(separator: ", ")
                let isWanted = try prompt.yes(
                    "Test the load switch of \(names) now? The home loses supply for some seconds",
                    name: "supply_test", default: true)
                return isWanted ? nil : Self.leftOut
            }
            return nil
        default: return nil
        }
    }

    func switchedUnits() throws(CommandFailure) -> [String] {
        try daemon.call("unit.list").items("units").filter { $0["switch"]?.string != nil }
            .compactMap { $0["id"]?.string }
    }
}

extension CommissionState {
    /// A new run: everything is done once more.
    mutating func beginAgain() { self = CommissionState(run: run + (isEmpty ? 0 : 1)) }
}
