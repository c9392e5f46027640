import Glibc
import Metering

/// What each step does. The answer is kept in the journal and shown in the report; `summary` is for people.
extension CommissionRun {
    func work(_ step: CommissionStep) throws(CommandFailure) -> JSONValue {
        switch step {
        case .meters: return try readSerials()
        case .clock: return try compareClocks()
        case .polls: return try watchPolls()
        case .wiring: return try checkWiring()
        case .register: return try reposit("register", [:], done: "registered")
        case .validate: return try validate()
        case .site: return try registerSite()
        case .supply: return try testSupply()
        case .han: return try bindHan()
        case .connected: return try reposit("connected", [:], done: "connected")
        case .configuration, .report: return [:]
        }
    }

    // MARK: Meters

    private func read(_ serial: String) throws(CommandFailure) -> JSONValue {
        try daemon.call("meter.read", ["serial": .string(serial)], silence: 60)
    }

    private func serials() throws(CommandFailure) -> [String] { try meters().compactMap { $0["serial"]?.string } }

    private func readSerials() throws(CommandFailure) -> JSONValue {
        var rows: [JSONValue] = []
        for meter in try meters() {
            let serial = meter.shown("serial")
            let reading = try read(serial)
            let good = reading.items("readings").filter { $0["value"]?.string != nil }.count
            guard good > 0 else {
                throw CommandFailure(
                    code: "refused", message: "meter \(serial) answers, but gives no reading",
                    hint: "look at its model (\(meter.shown("model"))) in the configuration")
            }
            rows.append([
                "serial": .string(serial), "model": meter["model"] ?? .null, "port": meter["port"] ?? .null,
                "role": meter["role"] ?? .null, "nmi": meter["nmi"] ?? .null, "registers": .integer(Int64(good)),
            ])
        }
        guard !rows.isEmpty else {
            throw CommandFailure(
                code: "config", message: "no meter is configured", hint: "add a [[meter]] to the configuration")
        }
        let names = rows.map { $0.shown("serial") }.joined(separator: ", ")
        return ["summary": .string(names), "meters": .array(rows)]
    }

    /// More than two minutes apart, energy would be placed into the wrong intervals.
    private func compareClocks() throws(CommandFailure) -> JSONValue {
        var rows: [JSONValue] = []
        var words: [String] = []
        for serial in try serials() {
            let offset = try offset(of: serial)
            rows.append(["serial": .string(serial), "offset_s": JSONValue(offset)])
            guard let offset else { continue }
            words.append("\(serial) \(offset) s")
            guard offset.magnitude <= 120 else {
                throw CommandFailure(
                    code: "refused", message: "the clock of meter \(serial) is \(offset) s off the box's",
                    hint: "whole hours: utc_offset of the [[meter]] is wrong; else set the meter's clock, or the box's")
            }
        }
        let status = try daemon.call("status")
        let summary = words.isEmpty ? "no meter has a clock" : words.joined(separator: ", ")
        return [
            "summary": .string(summary), "meters": .array(rows), "box_clock": status["clock"] ?? .null,
        ]
    }

    /// Seconds; nil for a meter without a clock. A meter that was just found may not have been asked for its clock yet.
    private func offset(of serial: String) throws(CommandFailure) -> Int64? {
        for _ in 0..<3 {
            if let offset = try read(serial)["clock_offset_s"]?.integer { return offset }
            usleep(500_000)
        }
        return nil
    }

    /// Reads every meter again and again: a line with reflections or a second master shows here.
    private func watchPolls() throws(CommandFailure) -> JSONValue {
        let serials = try serials()
        var tried = Array(repeating: Int64(0), count: serials.count)
        var good = tried
        var trouble = ""
        let start = CommandLineClock.uptime()
        let end = start + answers.pollSeconds * 1_000_000
        repeat {
            for (index, serial) in serials.enumerated() {
                tried[index] += 1
                do throws(CommandFailure) {
                    _ = try read(serial)
                    good[index] += 1
                } catch {
                    guard error.code != "daemon_lost", error.code != "daemon_absent" else { throw error }
                    trouble = error.message
                }
                let left = max(0, (end - CommandLineClock.uptime()) / 1_000_000)
                Terminal.progress(
                    "watching the wire, \(left) s left; \(serial) answered \(good[index]) of \(tried[index])")
            }
            if Interruption.happened { throw CommandFailure(code: "interrupted", message: "stopped") }
            // A meter is not asked more often than every two seconds.
            usleep(useconds_t(min(2_000_000, max(0, end - CommandLineClock.uptime()))))
        } while CommandLineClock.uptime() < end
        var rows: [JSONValue] = []
        for (index, serial) in serials.enumerated() {
            rows.append(["serial": .string(serial), "tried": .integer(tried[index]), "good": .integer(good[index])])
            guard good[index] * 100 >= tried[index] * 95 else {
                throw CommandFailure(
                    code: "no_reply",
                    message: "meter \(serial) answered only \(good[index]) of \(tried[index]) times: \(trouble)",
                    hint: "look at termination, polarity and other masters on the line")
            }
        }
        let (all, answered) = (tried.reduce(0, +), good.reduce(0, +))
        return [
            "summary": .string("\(answered) of \(all) reads in \(answers.pollSeconds) s"),
            "seconds": .integer(answers.pollSeconds), "meters": .array(rows),
        ]
    }

    // MARK: Wiring

    private func checkWiring() throws(CommandFailure) -> JSONValue {
        var rows: [JSONValue] = []
        var faults: [String] = []
        var warnings = 0
        for meter in try meters() {
            let serial = meter.shown("serial")
            let settings = answers.meters.first { $0["serial"]?.string == serial }
            let reading = try read(serial)
            let check = WiringCheck(
                reading, phases: Int(settings?["phases"]?.integer ?? Self.phases(reading)),
                maxAmps: Int(settings?["max_amps"]?.integer ?? 100), role: meter["role"]?.string ?? "grid")
            let findings = check.findings
            faults += findings.filter { $0.level == .fault }.map { "\(serial): \($0.message)" }
            warnings += findings.count { $0.level == .warning }
            for finding in findings where finding.level != .ok {
                Terminal.progress("")
                Terminal.error(
                    TextLayout.wrapped("  \(finding.level.rawValue): \(serial): \(finding.message)", indent: 4))
            }
            rows.append([
                "serial": .string(serial), "findings": .array(findings.map(\.json)),
                "readings": .array(Self.shownReadings(reading)),
            ])
        }
        if !faults.isEmpty, !answers.acceptsWiring {
            let isAccepted =
                prompt.isInteractive
                ? try prompt.yes("The wiring looks wrong. Go on all the same?", name: "accept_wiring", default: false)
                : false
            guard isAccepted else {
                throw CommandFailure(
                    code: "refused", message: faults.joined(separator: "\n"),
                    hint: "mend the wiring (or the answers: accept_wiring)")
            }
        }
        let words = faults.isEmpty ? "no fault" : "\(TextLayout.count(faults.count, "fault")) accepted by the installer"
        return [
            "summary": .string(words + (warnings > 0 ? ", \(TextLayout.count(warnings, "warning"))" : "")),
            "meters": .array(rows), "accepted": .bool(!faults.isEmpty),
        ]
    }

    /// A meter that tells a voltage of its second phase has three.
    private static func phases(_ reading: JSONValue) -> Int64 {
        reading.items("readings").contains { $0["channel"] == "voltage_l2_v" && $0["value"]?.string != nil } ? 3 : 1
    }

    /// What belongs into the report.
    private static func shownReadings(_ reading: JSONValue) -> [JSONValue] {
        let wanted = ["import_wh", "export_wh", "power_w", "frequency_hz", "power_factor"]
        let families = ["voltage_l", "current_l", "power_l", "reactive_l"]
        return reading.items("readings").filter { row in
            guard let name = row["channel"]?.string, row["value"]?.string != nil else { return false }
            return wanted.contains(name) || families.contains { name.hasPrefix($0) }
        }.map { row in
            [
                "channel": row["channel"] ?? .null, "value": row["value"] ?? .null, "unit": row["unit"] ?? "",
                "at": row["at"] ?? .null,
            ]
        }
    }

    // MARK: Upstream

    /// A step at Reposit. The box keeps by itself what was sent and what was answered: a step that is done is not sent
    /// again. One that was sent without an answer is for the person to judge.
    private func reposit(_ verb: String, _ parameters: JSONObject, done: String) throws(CommandFailure) -> JSONValue {
        var parameters = parameters
        var answer: JSONValue
        do throws(CommandFailure) {
            answer = try daemon.upstream("reposit.\(verb)", parameters)
        } catch {
            guard error.code == "upstream_unknown", prompt.isInteractive else { throw error }
            Terminal.error(TextLayout.wrapped("  \(TextLayout.clean(error.message))", indent: 2))
            let isDone = try prompt.yes(
                "Look at Reposit Fleet: is this step done there?", name: "reposit", default: false)
            parameters[isDone ? "confirm" : "again"] = true
            answer = try daemon.upstream("reposit.\(verb)", parameters)
        }
        let was = answer["already"] == true ? " already" : ""
        return ["summary": .string(done + was), "sent": .object(parameters), "answer": answer]
    }

    private func validate() throws(CommandFailure) -> JSONValue {
        Terminal.error(["  waiting until Reposit sees the box; this can take a quarter of an hour"])
        let answer = try daemon.upstream("reposit.validate", ["wait": true])
        guard answer["connected"] == true else {
            throw CommandFailure(
                code: "upstream_failed", message: "Reposit does not see the box yet: \(answer.shown("message"))",
                hint: "look at the box's way to the internet and at its serial number")
        }
        return ["summary": "connected", "answer": answer]
    }

    private func registerSite() throws(CommandFailure) -> JSONValue {
        var parameters = JSONObject()
        for name in ["nmi", "street_number", "street_name", "suburb", "postcode", "state"] {
            guard let value = answers.site[name] else {
                throw .usage("the answers do not say site.\(name)", hint: "write it into the file for --answers")
            }
            parameters[name] = value
        }
        if answers.site["nmi_override"] == true { parameters["unchecked_nmi"] = true }
        return try reposit("site", parameters, done: "registered")
    }

    // MARK: Supply and HAN

    private func testSupply() throws(CommandFailure) -> JSONValue {
        var rows: [JSONValue] = []
        for unit in try switchedUnits() {
            let result: JSONValue
            do throws(CommandFailure) {
                result = try daemon.call("supply.test", ["unit": .string(unit)], silence: 180) { progress in
                    Terminal.progress("testing \(unit): \(JSONValue.object(progress).shown("step"))")
                    return true
                }
            } catch {
                // Nothing opens a switch in protected time, or too often, not even this: the next run does it.
                guard ["policy", "busy"].contains(error.code) else { throw error }
                return ["pending": true, "summary": .string(error.message), "units": .array(rows)]
            }
            guard result["passed"] == true else {
                let why = result["message"]?.string ?? result.items("steps").first { $0["ok"] == false }?.shown("note")
                throw CommandFailure(
                    code: "switch_contradicted", message: "the load switch of \(unit) did not pass: \(why ?? "")",
                    hint: "look at the coil, its feedback and `meterside supply show \(unit)`")
            }
            rows.append(result)
        }
        return ["summary": .string(TextLayout.count(rows.count, "switch")), "units": .array(rows)]
    }

    /// Accepted is not bound: bound is proven by data of the meter, and may take hours. What was asked for is never
    /// asked for again blindly.
    private func bindHan() throws(CommandFailure) -> JSONValue {
        var status = try daemon.call("han.status")
        if ["unbound", "failed", "timed_out"].contains(status["bind"]?["state"]?.string ?? "unbound") {
            try orderBinding()
        }
        let end = CommandLineClock.uptime() + answers.hanSeconds * 1_000_000
        while true {
            status = try daemon.call("han.status")
            let word = status["bind"]?["state"]?.string ?? "-"
            if word == "bound" { return ["summary": "bound", "bind": status["bind"] ?? .null] }
            guard word != "failed", word != "timed_out" else {
                throw CommandFailure(
                    code: "refused", message: "the binding has failed: \(status["bind"]?.shown("detail") ?? "-")",
                    hint: "see `meterside han status`")
            }
            if CommandLineClock.uptime() >= end || Interruption.happened {
                // Not a reason to leave the home unconnected: the next run looks again.
                return [
                    "pending": true, "summary": .string("asked for, not bound yet (\(word))"),
                    "bind": status["bind"] ?? .null,
                ]
            }
            Terminal.progress("waiting for data of the utility's meter: \(word)")
            usleep(2_000_000)
        }
    }

    private func orderBinding() throws(CommandFailure) {
        let id = "commission.\(state.run).han.\(state.attempt(.han))"
        let result = try daemon.call(
            "command.send", ["name": "han_bind", "args": [:], "id": .string(id)], silence: 1000)
        guard result["state"] != "completed" else { return }
        throw CommandFailure(
            code: result["state"] == "failed" ? "upstream" : "refused",
            message: "the binding was refused: \(result.shown("message"))", hint: "see `meterside han status`")
    }
}
