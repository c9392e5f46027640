import Glibc
import Metering

/// What each step does. The answer is kept in the journal and shown in the report; `summary` is for people.
extension CommissionRun {
    mutating func work(_ step: CommissionStep) throws(CommandFailure) -> JSONValue {
        switch step {
        case .meters: return try readSerials()
        case .clock: return try compareClocks()
        case .polls: return try watchPolls()
        case .wiring: return try checkWiring()
        case .register: return try reposit(.register, [:], done: "registered")
        case .validate: return try validate()
        case .site: return try registerSite()
        case .supply: return try testSupply()
        case .han: return try bindHan()
        case .connected: return try reposit(.connected, [:], done: "connected")
        case .configuration, .report: return [:]
        }
    }

    // MARK: Meters

    /// From the wire, now.
    private mutating func read(_ serial: String) throws(CommandFailure) -> JSONValue {
        watch.begin(serial)
        let reading = try daemon.call("meter.read", ["serial": .string(serial)], silence: 60)
        watch.answered(serial, reading)
        return reading
    }

    private func serials() throws(CommandFailure) -> [String] { try meters().compactMap { $0["serial"]?.string } }

    private mutating func readSerials() throws(CommandFailure) -> JSONValue {
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
        for meter in try metersWithClocks() {
            let serial = meter.shown("serial")
            let offset = offset(of: meter)
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

    /// Seconds; nil for a meter without a clock, and for one that does not tell it.
    private func offset(of meter: JSONValue) -> Int64? {
        let newest = meter["serial"]?.string.flatMap { watch.newest[$0] }
        return meter["clock_offset_s"]?.integer ?? newest?["clock_offset_s"]?.integer
    }

    /// The meters with their clocks. A meter that was just found may not have been asked for its clock yet: readings
    /// come first on the wire, so nothing is read meanwhile.
    private func metersWithClocks() throws(CommandFailure) -> [JSONValue] {
        var meters = try meters()
        for _ in 0..<60 where meters.contains(where: { $0["clock_offset_s"] == .null && offset(of: $0) == nil }) {
            if Interruption.happened { throw CommandFailure(code: "interrupted", message: "stopped") }
            usleep(250_000)
            meters = try self.meters()
        }
        return meters
    }

    /// Reads every meter again and again: a line with reflections or a second master shows here. What the steps before
    /// read counts.
    private mutating func watchPolls() throws(CommandFailure) -> JSONValue {
        let serials = try serials()
        let start = watch.since ?? CommandLineClock.uptime()
        let end = start + answers.pollSeconds * 1_000_000
        repeat {
            for serial in serials {
                do throws(CommandFailure) { _ = try read(serial) } catch {
                    guard !["daemon_lost", "daemon_absent", "interrupted"].contains(error.code) else { throw error }
                    watch.trouble = error.message
                }
                let left = max(0, (end - CommandLineClock.uptime()) / 1_000_000)
                Terminal.progress("watching the wire, \(left) s left; \(watch.words(serial))")
            }
            if Interruption.happened { throw CommandFailure(code: "interrupted", message: "stopped") }
            // A meter is not asked more often than every two seconds.
            usleep(useconds_t(min(2_000_000, max(0, end - CommandLineClock.uptime()))))
        } while CommandLineClock.uptime() < end
        var rows: [JSONValue] = []
        for serial in serials {
            let count = watch.counts[serial] ?? WireWatch.Count()
            rows.append([
                "serial": .string(serial), "tried": .integer(count.tried), "good": .integer(count.good),
            ])
            guard count.good * 100 >= count.tried * 95 else {
                throw CommandFailure(
                    code: "no_reply", message: "\(watch.words(serial)) times: \(watch.trouble)",
                    hint: "look at termination, polarity and other masters on the line")
            }
        }
        let (tried, good) = watch.totals
        let seconds = (CommandLineClock.uptime() - start) / 1_000_000
        return [
            "summary": .string("\(good) of \(tried) reads in \(seconds) s"), "seconds": .integer(seconds),
            "meters": .array(rows),
        ]
    }

    // MARK: Wiring

    private mutating func checkWiring() throws(CommandFailure) -> JSONValue {
        var checks: [WiringCheck] = []
        var rows: [JSONValue] = []
        var faults: [String] = []
        var warnings = 0
        for meter in try meters() {
            let serial = meter.shown("serial")
            let settings = answers.meters.first { $0["serial"]?.string == serial }
            let reading: JSONValue
            if let newest = watch.newest[serial] { reading = newest } else { reading = try read(serial) }
            let check = WiringCheck(
                reading, phases: Int(settings?["phases"]?.integer ?? Self.phases(reading)),
                maxAmps: Int(settings?["max_amps"]?.integer ?? 100), role: meter["role"]?.string ?? "grid")
            checks.append(check)
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
        if let swapped = WiringCheck.swappedMeters(checks) { faults.append(swapped) }
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
}
