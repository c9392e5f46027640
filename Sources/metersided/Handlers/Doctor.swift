import Gateway
import Glibc
import Metering

/// One thing `doctor` looked at.
struct Finding {
    enum State: String { case ok, warning, fault }

    var name: String
    var state: State
    var message: String
    /// What to do; empty when nothing is to be done.
    var hint = ""

    var json: JSONValue {
        ["name": .string(name), "state": .string(state.rawValue), "message": .string(message), "hint": .string(hint)]
    }
}

/// `doctor`: what is wrong, and what to do about it.
extension MainLoop {
    func doctor() -> [Finding] {
        guard let configuration else {
            return [
                Finding(
                    name: "configuration", state: .warning, message: "this box is unconfigured",
                    hint: "write \(options.configuration), or run `meterside commission` as root")
            ]
        }
        let status = ask(.status) ?? .null
        var findings = [journalFinding(), storageFinding(), clockFinding(status)]
        findings.append(brokerFinding(status))
        findings.append(outboxFinding(status))
        findings.append(keyFinding())
        for meter in status["meters"]?.array ?? [] { findings.append(meterFinding(meter)) }
        findings += modelFindings(configuration)
        findings += supplyFindings(configuration) + boardFindings(configuration) + upstreamFindings()
        if configuration.han != nil { findings.append(hanFinding()) }
        for note in server.notes { findings.append(Finding(name: "sockets", state: .warning, message: note)) }
        for section in configuration.dormant {
            findings.append(
                Finding(
                    name: "configuration", state: .warning,
                    message: "[\(section)] is checked, but this version does not act on it yet"))
        }
        return findings
    }

    private func journalFinding() -> Finding {
        if !journalFault.isEmpty {
            return Finding(
                name: "journal", state: .fault, message: "the journal is damaged: \(journalFault)",
                hint: "keep a copy of \(options.state)/journal.db, and send it to the people who run the cloud side")
        }
        if committer.isStalled {
            return Finding(
                name: "journal", state: .fault,
                message: "the disk is full; \(committer.drafts.count) records wait in memory",
                hint: "free space on the disk of \(options.state)")
        }
        let walking = verifications.isEmpty ? "" : "; its chain is being checked"
        return Finding(name: "journal", state: .ok, message: "\(journal?.head ?? 0) records\(walking)")
    }

    private func storageFinding() -> Finding {
        var status = statvfs()
        guard statvfs(options.state, &status) == 0, status.f_blocks > 0 else {
            return Finding(name: "storage", state: .warning, message: "\(options.state) cannot be looked at")
        }
        let free = (UInt64(status.f_bavail) * UInt64(status.f_frsize)) >> 20
        let percent = UInt64(status.f_bavail) * 100 / UInt64(status.f_blocks)
        let isLow = free < 64
        return Finding(
            name: "storage", state: isLow ? .fault : percent < 10 ? .warning : .ok,
            message: "\(free) MiB free on the disk of \(options.state) (\(percent) %)",
            hint: isLow || percent < 10 ? "free some space; the journal needs about 50 MiB a year for four meters" : "")
    }

    private func clockFinding(_ status: JSONValue) -> Finding {
        let now = time.now()
        guard status["clock"]?.string == "trusted" else {
            return Finding(
                name: "clock", state: .fault, message: "the clock is not trusted (it says \(now.wall.textSeconds))",
                hint: "start time synchronisation (timedatectl set-ntp true), or send a signed time_attest")
        }
        return Finding(
            name: "clock", state: .ok,
            message: "trusted, \(now.wall.textSeconds)\(now.kernelSynchronised ? ", synchronised by the kernel" : "")")
    }

    private func brokerFinding(_ status: JSONValue) -> Finding {
        switch status["mqtt"]?.string {
        case "connected": Finding(name: "mqtt", state: .ok, message: "connected")
        case "off":
            Finding(
                name: "mqtt", state: .warning, message: "off: nothing leaves this box",
                hint: "add an [mqtt] section when there is a broker")
        default:
            Finding(
                name: "mqtt", state: .fault, message: "not connected: \(brokerReason)",
                hint: "look at url, ca, certificate and key of [mqtt], and at the network")
        }
    }

    private func outboxFinding(_ status: JSONValue) -> Finding {
        let head = status["journal"]?["head"]?.integer ?? 0
        let pending = head - (status["journal"]?["acknowledged"]?.integer ?? 0)
        guard configuration?.mqtt != nil, pending > 5000 else {
            return Finding(name: "outbox", state: .ok, message: "\(pending) records without the cloud's receipt")
        }
        return Finding(
            name: "outbox", state: .warning, message: "\(pending) records wait for the cloud's receipt",
            hint: "see that the cloud application publishes {\"upto\": seq} on meterside/\(agent.boxID)/receipt")
    }

    private func keyFinding() -> Finding {
        guard !agent.signingKeys.isEmpty else {
            return Finding(
                name: "keys", state: .warning, message: "no key may sign commands",
                hint: "`meterside key make owner-1 --role owner`, then `meterside key import owner-1.pub` as root")
        }
        let owners = agent.signingKeys.filter { $0.role == .owner }.count
        return Finding(
            name: "keys", state: owners == 0 ? .warning : .ok,
            message: "\(agent.signingKeys.count) keys, \(owners) of them owner",
            hint: owners == 0 ? "without an owner key no key can be added or revoked by command" : "")
    }

    private func meterFinding(_ meter: JSONValue) -> Finding {
        let serial = meter["serial"]?.string ?? "?"
        let port = meter["port"]?.string ?? "?"
        let last = meter["last_reading_at"]?.string.map { ", last reading \($0)" } ?? ", never read"
        switch meter["state"]?.string {
        case "live": return Finding(name: "meter \(serial)", state: .ok, message: "live on port \(port)\(last)")
        case "mismatch":
            return Finding(
                name: "meter \(serial)", state: .fault, message: "another serial number answers on port \(port)\(last)",
                hint: "compare the plate with [[meter]] serial; readings of a wrong meter are not used")
        case "refused":
            return Finding(
                name: "meter \(serial)", state: .fault, message: "the meter refused the log-in\(last)",
                hint: "look at user and password_file; it is tried again after 15 minutes")
        default:
            return Finding(
                name: "meter \(serial)", state: .fault, message: "silent on port \(port)\(last)",
                hint: "look at cable, polarity, baud and address; `meterside meter scan --port \(port)` looks for it")
        }
    }

    private func modelFindings(_ configuration: DaemonConfiguration) -> [Finding] {
        configuration.gateway.meters.compactMap { meter in
            guard !meter.model.verified else { return nil }
            return Finding(
                name: "meter \(meter.serial)", state: .warning,
                message: "the register map \(meter.model.name) was never seen on a real meter by us",
                hint: "compare `meterside meter read \(meter.serial)` with the meter's display, energies above all")
        }
    }
}
