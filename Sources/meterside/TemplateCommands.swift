import ArgumentParser
import Metering

/// `meterside template …`
struct TemplateGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template", abstract: "Lists of commands that are applied together.",
        subcommands: [TemplateListCommand.self, TemplatePutCommand.self, TemplateApplyCommand.self])
}

/// `meterside template list`
struct TemplateListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The templates that the box holds.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let answer = try socket.connect().call("template.list")
        guard CommandSendCommand.status(answer) == .done || answer["state"] == nil else {
            output.show(answer) { CommandSendCommand.lines(answer, colour: $0) }
            throw CommandSendCommand.status(answer)
        }
        let result = answer["result"] ?? answer
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        let templates = result.items("templates")
        guard !templates.isEmpty else { return ["The box holds no template."] }
        var table = Table(.flexible("TEMPLATE"), .right("REVISION"), .right("ACTIONS"), .flexible("NAME"))
        for template in templates {
            table.add(
                Table.Cell(template.shown("template_id")), Table.Cell(template.shown("revision")),
                Table.Cell(template["actions"]?.array.map { String($0.count) } ?? template.shown("actions")),
                Table.Cell(template.shown("name")))
        }
        return table.lines(width: width, colour: colour)
    }
}

/// `meterside template put FILE`
struct TemplatePutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Give the box a template, or a new revision of one (root only).",
        discussion: """
            FILE is a JSON object: {"template_id", "name", "revision", "actions": [{"command", "payload"}]}, 1 to 64 \
            actions. It is stored whole or refused whole.
            """)

    @Argument(help: "The template.")
    var file: String

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let bytes = try FileAccess.read(file, limit: 256 << 10)
        let template: JSONValue
        do throws(JSONError) { template = try JSONReader.read(bytes) } catch {
            throw CommandFailure(code: "format", message: "\(file): \(error)", hint: "a template is one JSON object")
        }
        guard template.object != nil else {
            throw CommandFailure(
                code: "format", message: "\(file) is no JSON object", hint: "see meterside template put --help")
        }
        try socket.connect(readsOnly: false).carryOut("template.put", ["template": template], output)
    }
}

/// `meterside template apply TEMPLATE UNIT…`
struct TemplateApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Apply a template to units (root only).",
        discussion: "Each action becomes a request of its own; the first that fails ends it for that unit.")

    @Argument(help: "The template's id.")
    var template: String

    @Argument(help: "The units; one, or several at once.")
    var units: [String]

    @Option(name: .long, help: "Only if the template has this revision.")
    var revision: Int64?

    @Option(name: .long, help: "The application's id, so that it can be repeated.")
    var id: String?

    @Flag(name: .long, help: "Go on with the next action when one fails.")
    var continueOnError = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard !units.isEmpty else { throw ValidationError("Name the units to apply it to.") }
    }

    func run() throws {
        var parameters: JSONObject = [
            "template": .string(template), "units": .array(units.map { .string($0) }),
            "continue_on_error": .bool(continueOnError),
        ]
        parameters["revision"] = revision.map { .integer($0) }
        parameters["id"] = id.map { .string($0) }
        try socket.connect(readsOnly: false).carryOut("template.apply", parameters, output)
    }
}
