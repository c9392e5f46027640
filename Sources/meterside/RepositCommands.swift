import ArgumentParser
import Glibc
import Metering

/// `meterside reposit …`
struct RepositGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reposit", abstract: "Register the board at Reposit, step by step.",
        discussion: """
            register, validate, site, connected: in this order. Each step is journalled before it is sent; one that is \
            done is not sent again, and says so. `meterside commission` does them all.
            """,
        subcommands: [
            RepositRegisterCommand.self, RepositValidateCommand.self, RepositSiteCommand.self,
            RepositConnectedCommand.self, RepositStatusCommand.self,
        ])
}

/// What all steps that change something take.
struct RepositStepOptions: ParsableArguments {
    @Flag(name: .long, help: "Send it although the journal says that just this was done.")
    var again = false

    @Flag(name: .long, help: "Send nothing: say that a step without an answer is done at Reposit.")
    var confirm = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    /// Asks the daemon; its answer says whether it was done before.
    func call(_ verb: String, _ parameters: JSONObject, done: String) throws {
        var parameters = parameters
        if again { parameters["again"] = true }
        if confirm { parameters["confirm"] = true }
        let result = try socket.connect(readsOnly: false).upstream("reposit.\(verb)", parameters)
        output.show(result) { _ in
            [
                result["already"]?.bool == true
                    ? "\(done) already, \(TextLayout.time(result["at"]?.string))." : "\(done)."
            ]
        }
    }
}

/// `meterside reposit register`
struct RepositRegisterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Register the meter, or the two of a three-phase board.",
        discussion: "Without options the meters of the configuration are taken, by their roles grid and sga.")

    @Option(name: .long, help: "The meter of a single-phase board.")
    var meter: String?

    @Option(name: .long, help: "Three-phase: the meter of the grid phases.")
    var gridMeter: String?

    @Option(name: .long, help: "Three-phase: the meter of solar and the SGA.")
    var sgaMeter: String?

    @OptionGroup var step: RepositStepOptions

    func validate() throws {
        guard meter == nil || gridMeter == nil && sgaMeter == nil else {
            throw ValidationError("--meter is for a single-phase board, --grid-meter and --sga-meter for three phases.")
        }
    }

    func run() throws {
        var parameters = JSONObject()
        parameters["meter"] = meter.map { .string($0) }
        parameters["grid_meter"] = gridMeter.map { .string($0) }
        parameters["sga_meter"] = sgaMeter.map { .string($0) }
        try step.call("register", parameters, done: "Registered")
    }
}

/// `meterside reposit validate`
struct RepositValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Ask whether Reposit sees the box and its meter.")

    @Flag(name: .long, help: "Ask again until it does, for a quarter of an hour.")
    var wait = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect(readsOnly: false).upstream("reposit.validate", wait ? ["wait": true] : [:])
        let isConnected = result["connected"]?.bool == true
        output.show(result) { _ in
            isConnected ? ["Connected."] : ["Not connected yet: \(TextLayout.clean(result.shown("message")))"]
        }
        guard isConnected else { throw CommandStatus.refused }
    }
}

/// `meterside reposit site`
struct RepositSiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "Register the site: its NMI and its address.",
        discussion: "On a terminal what is missing is asked for.")

    @Option(name: .long, help: "The connection point: 10 characters, and better with the check digit.")
    var nmi: String?

    @Option(name: .long, help: "Number of the street, with unit or apartment, such as 17/2.")
    var streetNumber: String?

    @Option(name: .long, help: "Name of the street.")
    var streetName: String?

    @Option(name: .long, help: "Suburb.")
    var suburb: String?

    @Option(name: .long, help: "Postcode, four digits.")
    var postcode: String?

    @Option(name: .long, help: "State: ACT NSW NT QLD SA TAS VIC WA.")
    var state: String?

    @Option(name: .long, help: "The meter that names the site; by default the configured one.")
    var meter: String?

    @Flag(name: .long, help: "Take the NMI although its check digit is wrong.")
    var uncheckedNmi = false

    @OptionGroup var step: RepositStepOptions

    private static let fields: [(name: String, question: String)] = [
        ("street_number", "Street number, with unit"), ("street_name", "Street name"), ("suburb", "Suburb"),
        ("postcode", "Postcode"), ("state", "State"),
    ]

    func run() throws {
        var parameters = JSONObject()
        parameters["meter"] = meter.map { .string($0) }
        if let nmi = try checkedNMI() { parameters["nmi"] = .string(nmi) }
        if uncheckedNmi { parameters["unchecked_nmi"] = true }
        let given = [streetNumber, streetName, suburb, postcode, state]
        for (field, value) in zip(Self.fields, given) {
            guard let text = value ?? Question.ask(field.question) else {
                let option = String(field.name.map { $0 == "_" ? "-" : $0 })
                throw CommandFailure.usage("--\(option) is missing", hint: "give the whole address of the site")
            }
            parameters[field.name] = .string(text)
        }
        try step.call("site", parameters, done: "The site is registered")
    }

    /// The NMI given, or typed until it is one; nil to take the configured one.
    private func checkedNMI() throws -> String? {
        guard let nmi else { return askedNMI() }
        if uncheckedNmi { return nmi }
        do throws(NMIError) { _ = try NMI(nmi) } catch {
            throw CommandFailure.usage(
                "\(nmi): \(error.description)", hint: "if it is right all the same, say --unchecked-nmi")
        }
        return nmi
    }

    private func askedNMI() -> String? {
        while let text = Question.ask("NMI (empty: that of the configuration)") {
            do throws(NMIError) {
                _ = try NMI(text)
                return text
            } catch {
                Terminal.error(["  \(error.description)"])
            }
        }
        return nil
    }
}

/// `meterside reposit connected`
struct RepositConnectedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connected", abstract: "Tell Reposit that the box is installed and shall be brought online.")

    @Option(name: .long, help: "The meter that names the site; by default the configured one.")
    var meter: String?

    @OptionGroup var step: RepositStepOptions

    func run() throws {
        var parameters = JSONObject()
        parameters["meter"] = meter.map { .string($0) }
        try step.call("connected", parameters, done: "Reposit knows that the box is connected")
    }
}

/// `meterside reposit status`
struct RepositStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far the registration is, from the journal; asks nobody.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("reposit.status")
        output.show(result) { _ in
            let steps = result["done"]?.object?.members.map { name, step in
                "\(TextLayout.padded(name, to: 18))\(TextLayout.time(step["at"]?.string))"
            }
            return [result.shown("state")] + (steps ?? [])
        }
    }
}

/// Asks a person; nobody where no terminal is.
enum Question {
    /// What was typed; nil without a terminal, or when it is empty.
    static func ask(_ question: String) -> String? {
        guard isatty(0) == 1, isatty(2) == 1 else { return nil }
        Terminal.ask(question + ": ")
        let text = readLine()?.trimmedBlanks ?? ""
        return text.isEmpty ? nil : text
    }
}

extension String {
    fileprivate var trimmedBlanks: String {
        var rest = Substring(self)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}

extension Daemon {
    /// A call that goes on to an upstream system: it may take minutes, and says what it is about.
    func upstream(_ method: String, _ parameters: JSONObject) throws(CommandFailure) -> JSONValue {
        let answer = try call(method, parameters, silence: 300) { progress in
            Terminal.progress(progress["message"]?.string ?? "")
            return true
        }
        Terminal.progress("")
        return answer
    }
}
