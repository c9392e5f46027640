import ArgumentParser
import Metering

/// `meterside meter scan PORT`
struct MeterScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Look for meters on a port; nothing is ever written to one.",
        discussion: """
            PORT is a port of the configuration, a device such as /dev/ttyUSB0, or host:port. Protocols, baud rates, \
            formats and addresses are tried in order of likelihood; Ctrl-C stops and shows what was found so far.
            """)

    @Argument(help: "The port to look at.")
    var place: String?

    @Option(name: .long, help: "The same as PORT.")
    var port: String?

    @Option(name: .customLong("protocol"), help: "Only this one: edmi or modbus.")
    var wire: String?

    @Option(name: .long, help: "Only these baud rates: 9600,19200.")
    var bauds: NumberList?

    @Option(name: .long, help: "Only these formats: 8N1,8E1.")
    var formats: String?

    @Option(name: .long, help: "Only these Modbus units: 1-20,33.")
    var units: NumberList?

    @Option(name: .long, help: "EDMI serial numbers to call by address: 217072470,217072471.")
    var serials: String?

    @Option(name: .long, help: "EDMI user; without one a meter is only noticed, not named.")
    var user: String?

    @Option(name: .long, help: "File with the EDMI password.")
    var passwordFile: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard (place == nil) != (port == nil) else { throw ValidationError("Give the port to look at, once.") }
        if let wire, wire != "edmi", wire != "modbus" {
            throw ValidationError("--protocol must be edmi or modbus, not \(wire).")
        }
    }

    func run() throws {
        let parameters = try parameters()
        let daemon = try socket.connect(readsOnly: false)
        Interruption.watch()
        var last = JSONObject()
        var found: [JSONValue] = []
        let result: JSONValue
        do throws(CommandFailure) {
            result = try daemon.call("meter.scan", parameters, silence: 120) { progress in
                last = progress
                if let meter = progress["found"] { found.append(meter) }
                Terminal.progress(Self.progressText(progress))
                return true
            }
        } catch {
            guard error.code == "interrupted" else { throw error }
            Terminal.progress("")
            Terminal.error(["meterside: stopped; the scan was not finished"])
            result = ["found": .array(found), "tried": last["tried"] ?? 0, "stopped": true]
        }
        Terminal.progress("")
        output.show(result) { Self.lines(result, port: place ?? port ?? "", colour: $0) }
    }

    private func parameters() throws(CommandFailure) -> JSONObject {
        var parameters: JSONObject = ["port": .string(place ?? port ?? "")]
        parameters["protocol"] = wire.map { .string($0) }
        parameters["bauds"] = bauds?.json
        parameters["formats"] = Self.words(formats)
        parameters["units"] = units?.json
        parameters["serials"] = Self.words(serials)
        parameters["user"] = user.map { .string($0) }
        if let passwordFile { parameters["password"] = .string(try Self.password(passwordFile)) }
        return parameters
    }

    private static func words(_ text: String?) -> JSONValue? {
        text.map { .array($0.split(separator: ",").map { .string(String($0)) }) }
    }

    /// The first line of a file.
    private static func password(_ path: String) throws(CommandFailure) -> String {
        let line = try FileAccess.read(path, limit: 4096).prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty, let text = String(validating: line, as: UTF8.self) else {
            throw .usage("\(path) holds no password", hint: "it must be the file's first line")
        }
        return text
    }

    static func progressText(_ progress: JSONObject) -> String {
        let progress = JSONValue.object(progress)
        return "\(progress.shown("tried")) of \(progress.shown("total")) tried, now \(progress.shown("trying"))"
    }

    static func lines(_ result: JSONValue, port: String, colour: Bool) -> [String] {
        let found = result.items("found")
        let tried = result["tried"]?.integer.map { "\($0) tries" } ?? "some tries"
        guard !found.isEmpty else {
            return TextLayout.wrapped(
                "Nothing answered in \(tried). Check that the meter has power, A and B (or RX and TX) are not "
                    + "swapped, and that no other program or master uses the line.", indent: 0)
        }
        var table = Table(
            .left("PROTOCOL"), .right("BAUD"), .left("FORMAT"), .right("ADDRESS"), .left("SERIAL"),
            .flexible("MODEL"), .flexible("NOTE"))
        for meter in found {
            table.add(
                Table.Cell(meter.shown("protocol")), Table.Cell(meter.shown("baud")), Table.Cell(meter.shown("format")),
                Table.Cell(meter.shown("address")), Table.Cell(meter.shown("serial")),
                Table.Cell(meter.shown("model")), Table.Cell(meter["note"]?.string ?? ""))
        }
        let count = TextLayout.count(found.count, "meter")
        return table.lines(colour: colour) + ["", "\(count) in \(tried). For meterside.toml:", ""]
            + found.flatMap { snippet($0, port: port) }
    }

    /// What to write into the configuration for a meter that was found.
    private static func snippet(_ meter: JSONValue, port: String) -> [String] {
        func quoted(_ name: String) -> String { "\"\(TextLayout.clean(meter[name]?.string ?? "?"))\"" }
        return [
            "[[meter]]", "serial = \(quoted("serial"))", "model = \(quoted("model"))",
            "port = \"\(TextLayout.clean(port))\"", "address = \(TextLayout.clean(meter.shown("address")))", "",
        ]
    }
}

/// Numbers and ranges: `1-20,33`.
struct NumberList: Hashable, ExpressibleByArgument {
    var numbers: [Int64]

    /// At most 256 numbers, each up to a million.
    init?(argument: String) {
        numbers = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                first <= last, last - first < 256
            else { return nil }
            numbers += Array(first...last)
        }
        guard (1...256).contains(numbers.count) else { return nil }
    }

    private static func number(_ text: Substring) -> Int64? {
        guard let number = Int64(text), (0...1_000_000).contains(number), text.first != "+" else { return nil }
        return number
    }

    var json: JSONValue { .array(numbers.map { .integer($0) }) }
}
