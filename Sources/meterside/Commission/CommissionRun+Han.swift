import Glibc
import Metering

/// The binding to the utility's meter. Accepted is not bound: bound is proven by data of the meter, and may take hours.
/// What was asked for is never asked for again blindly.
extension CommissionRun {
    func bindHan() throws(CommandFailure) -> JSONValue {
        var status = try adapter()
        if status["install_code"] == "differs" {
            throw CommandFailure(
                code: "refused", message: "install_code_file is not the code of this adapter",
                hint: "compare it with the label (`meterside han check-code`) and mend it in the answers")
        }
        if ["unbound", "failed", "timed_out"].contains(Self.word(status)) { try orderBinding() }
        var isTold = false
        let end = CommandLineClock.uptime() + answers.hanSeconds * 1_000_000
        while true {
            status = try daemon.call("han.status")
            let word = Self.word(status)
            let isUnknown = word == "requested" && status["bind"]?["detail"] == "unknown"
            if word == "bound" {
                return [
                    "summary": "bound", "bind": status["bind"] ?? .null, "han_meter": status["han_meter"] ?? .null,
                ]
            }
            guard word != "failed", word != "timed_out" else {
                throw CommandFailure(
                    code: "refused", message: "the binding has failed: \(status["bind"]?.shown("detail") ?? "-")",
                    hint: "see `meterside han status`; `meterside han bind --rebind` begins anew")
            }
            if isUnknown, !isTold {
                isTold = true
                Terminal.error(TextLayout.wrapped("  note: \(Self.unknownWords)", indent: 4))
            }
            if CommandLineClock.uptime() >= end || Interruption.happened {
                // Not a reason to leave the home unconnected: the next run looks again.
                return [
                    "pending": true, "bind": status["bind"] ?? .null,
                    "summary": .string(
                        isUnknown ? "not bound yet: \(Self.unknownWords)" : "asked for, not bound yet (\(word))"),
                ]
            }
            Terminal.progress("waiting for data of the utility's meter: \(word)")
            usleep(500_000)
        }
    }

    private static let unknownWords =
        "whether the bind arrived at PowerBox is not known, and it is not sent again by itself. When the radio does "
        + "not begin to join: `meterside han bind --resend`"

    private static func word(_ status: JSONValue) -> String { status["bind"]?["state"]?.string ?? "unbound" }

    /// The status, once the adapter has told its address: it was perhaps plugged in, or configured, just now.
    private func adapter() throws(CommandFailure) -> JSONValue {
        var status = try daemon.call("han.status")
        for _ in 0..<80 where status["bind"]?["mac"]?.string == nil {
            if Interruption.happened { throw CommandFailure(code: "interrupted", message: "stopped") }
            usleep(250_000)
            status = try daemon.call("han.status")
        }
        guard status["bind"]?["mac"]?.string == nil else { return status }
        throw CommandFailure(
            code: "no_reply",
            message: "the HAN adapter on \(status.shown("device")) does not tell its address: "
                + (status["why"]?.string ?? "it says nothing"),
            hint: "look at the adapter's plug and at [han] device")
    }

    private func orderBinding() throws(CommandFailure) {
        let id = "commission.\(state.run).han.\(state.attempt(.han))"
        var result = try send(id)
        // The answer of an order that a restart ended: what it asked for did not happen, or it would not be wanted.
        if result["repeat"] == true, result["state"] != "completed" { result = try send("\(id).again") }
        // An answer that was lost is no end: what the radio does tells.
        guard result["state"] != "completed", result["detail"] != "unknown" else { return }
        let detail = result.shown("detail")
        throw CommandFailure(
            code: result["state"] == "failed" ? "upstream" : "refused",
            message: "the binding was refused: \(result.shown("message"))", hint: Self.advice(detail))
    }

    private func send(_ id: String) throws(CommandFailure) -> JSONValue {
        try daemon.call("command.send", ["name": "han_bind", "args": [:], "id": .string(id)], silence: 1000)
    }

    /// Where to look.
    private static func advice(_ detail: String) -> String {
        switch detail {
        case "invalid_install_code":
            "compare install_code_file with the adapter's label (`meterside han check-code`) and mend it in the answers"
        case "meter_already_bound", "rebind_needed":
            "another device is bound to this meter, or this one was: `meterside han bind --rebind` undoes that first"
        case "unknown_meter", "http_404", "not_ami":
            "compare meter in [han] and hem_profile_id in [upstream.powerbox] with the customer's account"
        case "account_status", "account_locked", "account_closed", "no_account", "forbidden":
            "ask the utility about the customer's account"
        case "unauthorised":
            "look whether the PowerBox client was revoked; put the new secret into the answers' client_secret_file"
        case "no_adapter": "look at the adapter's plug and at [han] device"
        case "failed": "look at url, token_url and ca of [upstream.powerbox] and at the box's way to the internet"
        default: "see `meterside han status`"
        }
    }
}
