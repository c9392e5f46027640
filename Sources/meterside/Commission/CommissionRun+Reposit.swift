import Metering

/// The steps at Reposit. The box keeps by itself what was sent and what was answered: a step that is done is not sent
/// again.
extension CommissionRun {
    func reposit(
        _ step: CommissionStep, _ parameters: JSONObject, done: String
    ) throws(CommandFailure) -> JSONValue {
        var parameters = parameters
        if confirmed == step { parameters["confirm"] = true }
        var answer: JSONValue
        do throws(CommandFailure) {
            answer = try daemon.upstream("reposit.\(step.rawValue)", parameters)
        } catch {
            guard error.code == "upstream_unknown" else { throw Self.advised(error, step) }
            // Sent once without an answer and refused now: whether it is done, a person finds out.
            let validation = try? daemon.upstream("reposit.validate", [:])
            guard prompt.isInteractive else { throw Self.advised(error, step, validation) }
            Terminal.error(TextLayout.wrapped("  \(TextLayout.clean(error.message))", indent: 2))
            let isDone = try prompt.yes(
                "Look at Reposit Fleet: is this step done there?", name: "reposit", default: false)
            parameters[isDone ? "confirm" : "again"] = true
            answer = try daemon.upstream("reposit.\(step.rawValue)", parameters)
        }
        let was = answer["already"] == true ? " already" : answer["confirmed"] == true ? ", says the installer" : ""
        return ["summary": .string(done + was), "sent": .object(parameters), "answer": answer]
    }

    func validate() throws(CommandFailure) -> JSONValue {
        Terminal.error(["  waiting until Reposit sees the box; this can take a quarter of an hour"])
        let answer: JSONValue
        do throws(CommandFailure) {
            answer = try daemon.upstream("reposit.validate", ["wait": true])
        } catch { throw Self.advised(error, .validate) }
        guard answer["connected"] == true else {
            throw CommandFailure(
                code: "upstream_failed", message: "Reposit does not see the box yet: \(answer.shown("message"))",
                hint: "look at the box's way to the internet, at its id (the serial number on its label) and at the "
                    + "meter's serial number in Reposit Fleet")
        }
        return ["summary": "connected", "answer": answer]
    }

    func registerSite() throws(CommandFailure) -> JSONValue {
        var parameters = JSONObject()
        for name in ["nmi", "street_number", "street_name", "suburb", "postcode", "state"] {
            guard let value = answers.site[name] else {
                throw .usage("the answers do not say site.\(name)", hint: "write it into the file for --answers")
            }
            parameters[name] = value
        }
        if answers.site["nmi_override"] == true { parameters["unchecked_nmi"] = true }
        return try reposit(.site, parameters, done: "registered")
    }

    /// The failure with where to look and how to go on.
    private static func advised(
        _ error: CommandFailure, _ step: CommissionStep, _ validation: JSONValue? = nil
    ) -> CommandFailure {
        var advised = error
        let confirm = "meterside commission --confirm \(step.rawValue)"
        switch error.code {
        case "upstream_refused" where step == .site:
            advised.hint =
                "look at the NMI and the address on the bill and in Reposit Fleet: another site may have this NMI "
                + "already. Mend site in the answers; if it is this site, registered before, `\(confirm)`"
        case "upstream_refused":
            advised.hint =
                "look in Reposit Fleet whether the box or a meter of these serials is registered already, and at the "
                + "plates. Mend the answers; if it is this board, registered before, `\(confirm)`"
        case "upstream_unknown":
            let said = validation.map { $0["connected"] == true ? "connected" : $0.shown("message") }
            if let said { advised.message += "; asked now, Reposit says of the box: \(said)" }
            advised.hint = "look in Reposit Fleet: if it is done there, `\(confirm)`; else mend the answers"
        case "upstream_unauthorised", "upstream_forbidden":
            advised.hint =
                "look in Reposit Fleet whether the key was revoked or may not do this; put the new one into the "
                + "key_file that the answers name"
        case "upstream_failed":
            advised.hint =
                "look at url and ca of [upstream.reposit] and at the box's way to the internet "
                + "(`meterside doctor`)" + (error.hint.isEmpty ? "" : "; \(error.hint)")
        default: break
        }
        return advised
    }
}
