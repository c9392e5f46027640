import ArgumentParser
import Metering

/// `meterside han …`
struct HanGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "han", abstract: "The home area network: the adapter, and the binding to the utility's meter.",
        subcommands: [
            HanStatusCommand.self, HanBindCommand.self, HanUnbindCommand.self, HanCheckCodeCommand.self,
        ])
}

/// `meterside han status`
struct HanStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "The adapter, the radio, the binding, and what the meter says over it.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let status = try socket.connect().call("han.status")
        output.show(status) { Self.lines(status, colour: $0) }
    }

    static func lines(
        _ status: JSONValue, width: Int = Terminal.columns, colour: Bool
    ) -> [String] {
        var facts = Facts()
        addAdapter(status, to: &facts)
        addBinding(status["bind"] ?? .null, to: &facts)
        addReadings(status, to: &facts)
        addDrift(status["drift"] ?? .null, to: &facts)
        let counters = status["counters"] ?? .null
        facts.add(
            "traffic",
            "\(counters.shown("fragments")) fragments, \(counters.shown("damaged")) damaged, "
                + "\(counters.shown("timeouts")) commands without answer")
        return facts.lines(width: width, colour: colour)
    }

    private static func addAdapter(_ status: JSONValue, to facts: inout Facts) {
        let isUp = status["adapter"] == "up"
        var adapter = "\(status.shown("adapter")), \(status.shown("device"))"
        if let why = status["why"]?.string { adapter = "\(status.shown("adapter")): \(why)" }
        facts.add("adapter", adapter, tone: isUp ? .good : .bad)
        facts.add("address", status.shown("mac"))
        facts.add("install code", codeWords(status["install_code"]?.string))
        let group = status["state"]?.string ?? ""
        let text = status["status"]?.string ?? ""
        facts.add(
            "radio", text.isEmpty ? group : "\(group) (\(text))",
            tone: group == "bound" ? .good : group == "failed" ? .bad : .doubtful)
        let radio = status["radio"] ?? .null
        if let strength = radio["link_strength"]?.integer {
            facts.add("link", "\(strength) of 100, channel \(radio.shown("channel"))")
        }
    }

    private static func addBinding(_ bind: JSONValue, to facts: inout Facts) {
        let state = bind["state"]?.string ?? "-"
        var text = state == "timed_out" ? "timed out" : state
        if let since = bind["since"]?.string, state != "unbound" { text += " since \(since)" }
        if let detail = bind["detail"]?.string { text += " (\(detail))" }
        if bind["late"] == true { text += "; it usually takes 15 minutes, at most 48 hours" }
        let tone: Table.Tone =
            switch state {
            case "bound": .good
            case "failed", "timed_out": .bad
            default: .doubtful
            }
        facts.add("binding", text, tone: tone)
        facts.add("through", bind["through"] == "powerbox" ? "PowerBox" : "the utility, by hand")
        facts.add("HAN meter", ifAny: bind["han_meter"]?.string)
    }

    private static func addReadings(_ status: JSONValue, to facts: inout Facts) {
        if let demand = status["demand"], let value = demand["value"]?.string {
            facts.add("demand", "\(value) kW at \(demand.shown("at"))")
        }
        if let summation = status["summation"], let value = summation["delivered"]?.string {
            facts.add("import", "\(value) kWh at \(summation.shown("at"))")
            facts.add("export", ifAny: summation["received"]?.string.map { "\($0) kWh" })
        }
        if let price = status["price"], let value = price["value"]?.string {
            facts.add("price", "\(value) a kWh, \(price.shown("label"))")
        }
        if let message = status["message"], message != .null { facts.add("message", message.shown("text")) }
        if let time = status["time"], let offset = time["offset_s"]?.integer {
            facts.add("meter's clock", "\(offset) s off the box's")
        }
    }

    private static func addDrift(_ drift: JSONValue, to facts: inout Facts) {
        guard let difference = drift["difference_wh"]?.integer, let bound = drift["bound_wh"]?.integer else { return }
        facts.add(
            "drift",
            "\(difference) Wh of \(bound) Wh allowed, against meter \(drift.shown("meter")) since "
                + drift.shown("since"), tone: drift["drifting"] == true ? .bad : .good)
    }

    private static func codeWords(_ word: String?) -> String {
        switch word {
        case "matches": "the adapter's own"
        case "differs": "NOT the adapter's: compare install_code_file with the label"
        case "none": "none configured (install_code_file)"
        default: "not compared yet"
        }
    }
}

/// `meterside han bind`
struct HanBindCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bind", abstract: "Ask for the box to be bound to the utility's meter.",
        discussion: """
            With [upstream.powerbox] the request goes there, else it says what to tell the utility. Accepted is not \
            bound: bound is what data from the meter proves, which may take 48 hours; see `meterside han status`. A \
            request whose answer was lost is never repeated by itself.
            """)

    @Flag(help: "Undo an earlier bind first.")
    var rebind = false

    @Flag(help: "Send although it is not known whether the last request arrived, or an unbind was refused.")
    var resend = false

    @Option(name: .long, help: "The command's id, so that it can be repeated.")
    var id: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var args = JSONObject()
        if rebind { args["rebind"] = true }
        if resend { args["resend"] = true }
        try HanOrder.send("han_bind", args, id: id, through: socket, output)
    }
}

/// `meterside han unbind`
struct HanUnbindCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unbind", abstract: "Ask for the binding to be undone.",
        discussion: "The meter must forget the box too, else it refuses the next joining.")

    @Flag(help: "Do not ask.")
    var yes = false

    @Option(name: .long, help: "The command's id, so that it can be repeated.")
    var id: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let serial = try socket.connect().call("han.status")["meter"]?.string
        try Confirmation.ask(
            "The box will lose the utility's meter; binding it again may take two days.",
            serials: serial.map { [$0] } ?? [], isGiven: yes)
        try HanOrder.send("han_unbind", JSONObject(), id: id, through: socket, output)
    }
}

/// A command to the box about its HAN.
enum HanOrder {
    static func send(
        _ name: String, _ args: JSONObject, id: String?, through socket: SocketOption, _ output: JSONFlag
    ) throws {
        var parameters: JSONObject = ["name": .string(name), "args": .object(args)]
        parameters["id"] = id.map { .string($0) }
        let result = try socket.connect(readsOnly: false).call("command.send", parameters, silence: 1000)
        output.show(result) { lines(result, colour: $0) }
        let status = status(result)
        if status != .done { throw status }
    }

    /// What the box itself refuses before it asks anybody.
    private static let own = [
        "already_bound", "bind_under_way", "install_code_differs", "join_seen", "no_adapter", "no_han",
        "no_install_code", "no_meter", "not_bound", "outcome_unknown", "rebind_needed", "unbind_under_way",
    ]

    /// PowerBox that refuses or does not answer is an upstream system that failed.
    static func status(_ result: JSONValue) -> CommandStatus {
        let status = CommandSendCommand.status(result)
        guard status == .refused, result["code"] == "precondition", let detail = result["detail"]?.string else {
            return status
        }
        return own.contains(detail) ? .refused : .upstream
    }

    private static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        var facts = Facts()
        let isDone = CommandSendCommand.status(result) == .done
        facts.add(isDone ? "done" : "refused", result.shown("message"), tone: isDone ? .good : .bad)
        facts.add("detail", ifAny: isDone ? nil : result["detail"]?.string)
        facts.add("binding", ifAny: result["result"]?["bind"]?["state"]?.string)
        facts.add("address", ifAny: result["result"]?["mac"]?.string)
        return facts.lines(colour: colour)
    }
}
