import Crypto
import Metering

/// Puts a configuration in place, the first one and later ones: a later run with other answers takes up what they
/// change, and does the steps that they touch once more.
struct CommissionUpdate {
    let daemon: Daemon
    let files: CommissionFiles

    /// Checks the new configuration as the daemon will, puts it in place, and has it taken up.
    func configure(_ answers: CommissionAnswers) throws(CommandFailure) {
        try check(try ConfigurationText(answers: answers).text())
        try take()
    }

    func reload() throws(CommandFailure) { _ = try daemon.call("config.reload", silence: 60) }

    /// Puts the candidate in place. What the daemon does not take does not stay: its next start would fail.
    private func take() throws(CommandFailure) {
        let old = files.hasConfiguration ? try FileAccess.read(files.configuration, limit: 1 << 20) : nil
        try files.takeCandidate()
        do throws(CommandFailure) { try reload() } catch {
            guard error.status != .noReply, error.code != "interrupted" else { throw error }
            try files.putBack(old)
            var failure = error
            failure.hint = "mend the answers; the file that was tried is \(files.candidate)"
            throw failure
        }
    }

    private func check(_ text: String) throws(CommandFailure) {
        try files.writeCandidate(text)
        let check = try daemon.call("config.check", ["file": .string(files.candidate)])
        guard check["ok"] == true else {
            let faults = check.items("faults").map { "\($0.shown("key")): \($0.shown("message"))" }
            throw CommandFailure(
                code: "config", message: "the configuration would not do:\n" + faults.joined(separator: "\n"),
                hint: "mend the answers (or answer anew: --start-over); the file that was tried is \(files.candidate)")
        }
    }

    /// Takes up answers that are other ones than before. Returns them.
    func apply(
        _ new: CommissionAnswers, old: CommissionAnswers, _ state: CommissionState, hasNewSecrets: Bool
    ) throws(CommandFailure) -> CommissionAnswers {
        let text = try ConfigurationText(answers: new).text()
        let current = try FileAccess.read(files.configuration, limit: 1 << 20)
        var redo = Self.touched(old, new).filter { state.entries[$0] != nil }
        let isOther = Array(text.utf8) != current
        if isOther, state.configurationHash != SHA256.hex(current) {
            Terminal.error(
                TextLayout.wrapped(
                    "note: \(files.configuration) was changed since commissioning wrote it: what the answers say of "
                        + "the configuration is not taken up (--reconfigure writes it anew)", indent: 2))
            redo = redo.filter { $0 == .site }
            if redo.isEmpty { return new }
        } else if isOther {
            try check(text)
        }
        guard isOther || !redo.isEmpty else {
            if hasNewSecrets { try reload() }
            return new
        }
        let steps = JSONValue.array(redo.map { .string($0.rawValue) })
        try note(state, "begun", ["redo": steps])
        try files.save(new)
        if isOther, state.configurationHash == SHA256.hex(current) { try take() } else { try reload() }
        let written = try FileAccess.read(files.configuration, limit: 1 << 20)
        try note(state, "done", ["file": .string(files.configuration), "sha256": .string(SHA256.hex(written))])
        let words = redo.isEmpty ? "" : ": once more \(redo.map(\.rawValue).joined(separator: ", "))"
        Terminal.error(TextLayout.wrapped("the answers have changed\(words)", indent: 2))
        return new
    }

    private func note(_ state: CommissionState, _ word: String, _ result: JSONValue) throws(CommandFailure) {
        _ = try daemon.call(
            "commission.note",
            [
                "step": .string(CommissionStep.configuration.rawValue), "state": .string(word),
                "data": [
                    "run": .integer(state.run), "attempt": .integer(state.attempt(.configuration)), "result": result,
                ],
            ])
    }

    /// The steps whose outcome may be another one now. What is done at Reposit already with just these values is not
    /// sent again: the box knows.
    static func touched(_ old: CommissionAnswers, _ new: CommissionAnswers) -> [CommissionStep] {
        func differs(_ part: (CommissionAnswers) -> JSONValue) -> Bool {
            JSONWriter.canonical(part(old)) != JSONWriter.canonical(part(new))
        }
        func section(_ name: String, _ inner: String? = nil) -> Bool {
            differs { answers in
                let section = answers.configuration[name] ?? .null
                return inner.map { section[$0] ?? .null } ?? section
            }
        }
        var touched: Set<CommissionStep> = []
        let areOtherMeters =
            differs { .object($0.box) }
            || differs { answers in
                .array(
                    answers.meters.map { meter in
                        var meter = meter
                        meter["nmi"] = nil
                        return .object(meter)
                    })
            }
        if areOtherMeters { touched.formUnion([.register, .validate, .site, .connected]) }
        if areOtherMeters || differs({ .array($0.ports.map { .object($0) }) }) {
            touched.formUnion([.meters, .clock, .polls, .wiring])
        }
        if section("upstream", "reposit") { touched.formUnion([.register, .validate, .site, .connected]) }
        if differs({ .object($0.site) }) { touched.insert(.site) }
        if section("switch") || section("unit") || old.testsSupply != new.testsSupply { touched.insert(.supply) }
        if section("han") || section("upstream", "powerbox") { touched.insert(.han) }
        return CommissionStep.allCases.filter { touched.contains($0) }
    }
}

extension CommissionAnswers {
    /// These answers with what earlier ones say of the rest: what was found on the wire or typed is not asked again.
    func completed(by old: CommissionAnswers) -> CommissionAnswers {
        var answers = self
        if answers.meters.isEmpty {
            answers.meters = old.meters
            answers.ports = old.ports
            // The grid meter carries the site's NMI.
            if let nmi = old.site["nmi"]?.string, site["nmi"]?.string != nmi {
                for index in answers.meters.indices
                where answers.meters[index]["nmi"]?.string == Self.body(ofNMI: nmi) {
                    answers.meters[index]["nmi"] = nil
                }
            }
        } else if answers.ports.isEmpty {
            answers.ports = old.ports
        }
        func filled(_ new: JSONObject, _ old: JSONObject) -> JSONObject {
            var filled = new
            for (name, value) in old.members where filled[name] == nil { filled[name] = value }
            return filled
        }
        answers.box = filled(box, old.box)
        answers.login = filled(login, old.login)
        if configuration.isEmpty { answers.configuration = old.configuration }
        var site = old.site
        // An override is meant for one NMI.
        if self.site["nmi"] != nil { site["nmi_override"] = nil }
        answers.site = filled(self.site, site)
        return answers
    }
}
