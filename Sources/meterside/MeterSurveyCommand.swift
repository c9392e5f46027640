import ArgumentParser
import Metering

/// `meterside meter survey SERIAL --from T --to T [--csv]`
struct MeterSurveyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survey", abstract: "Read a meter's own load survey from the wire.",
        discussion: "Times: \(TimeArgument.allowed).")

    @Argument(help: "The meter's serial number.")
    var serial: String

    @Option(name: .long, parsing: .unconditional, help: "Start of the span (default: a day before --to).")
    var from: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "End of the span.")
    var to = TimeArgument.shifted(0)

    @Flag(name: .long, help: "Print CSV with a heading.")
    var csv = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    /// So many days fit one answer even at an interval of five minutes and many channels.
    static let daysAtOnce: Int64 = 14

    func validate() throws {
        if csv && output.json { throw ValidationError("--csv and --json are two formats: give one of them") }
    }

    func run() throws {
        let daemon = try socket.connect()
        let span = try TimeSpan(from: from, to: to, now: try daemon.now())
        var whole: JSONObject?
        for piece in span.pieces(of: Self.daysAtOnce * 86_400_000) {
            var parameters: JSONObject = ["serial": .string(serial)]
            for (name, value) in piece.parameters.members { parameters[name] = value }
            let part = try daemon.call("meter.survey", parameters, silence: 120) { progress in
                let progress = JSONValue.object(progress)
                Terminal.progress("reading \(progress.shown("done")) of \(progress.shown("total")) records")
                return true
            }
            whole = Self.joined(whole, part)
        }
        Terminal.progress("")
        let survey = whole.map { JSONValue.object($0) } ?? .null
        let table = MeterSurveyTable(survey)
        output.show(survey) { csv ? table.csv : table.lines(colour: $0) }
    }

    /// The pieces of one survey as one.
    static func joined(_ whole: JSONObject?, _ part: JSONValue) -> JSONObject? {
        guard var whole else { return part.object }
        whole["records"] = .array((whole["records"]?.array ?? []) + part.items("records"))
        return whole
    }
}
