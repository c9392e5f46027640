import ArgumentParser
import Metering

/// `meterside meter replace OLD NEW`
struct MeterReplaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replace", abstract: "Tell the box that a meter was exchanged for another one.",
        discussion: """
            Give every register that the box keeps intervals from, of the old meter when it was taken away and of the \
            new one when it was put in: --final import_wh=16580225 --final export_wh=1693.244kWh --initial \
            import_wh=0 --initial export_wh=0. Nothing is lost and nothing counted twice. The old meter's serial is \
            typed back before anything is done. Afterwards put the new serial and address into the configuration \
            and reload it.
            """)

    @Argument(help: "Serial number of the meter that was taken away.")
    var old: String

    @Argument(help: "Serial number of the meter that was put in.")
    var new: String

    @Option(name: .long, parsing: .unconditionalSingleValue, help: "A final reading of the old meter: CHANNEL=VALUE.")
    var final: [RegisterArgument] = []

    @Option(name: .long, parsing: .unconditionalSingleValue, help: "An initial reading of the new one: CHANNEL=VALUE.")
    var initial: [RegisterArgument] = []

    @Flag(name: .long, help: "Do not ask.")
    var yes = false

    @Option(name: .long, help: "The command's id, so that it can be repeated.")
    var id: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        for (name, serial) in [("OLD", old), ("NEW", new)] where MeterSerial(serial) == nil {
            throw ValidationError("\(name) is no serial number: 1 to 32 of the characters A-Z a-z 0-9 - _")
        }
        for (name, readings) in [("--final", final), ("--initial", initial)] {
            guard !readings.isEmpty else { throw ValidationError("\(name) CHANNEL=VALUE is missing") }
            guard Set(readings.map(\.channel)).count == readings.count else {
                throw ValidationError("\(name) names a channel twice")
            }
        }
        guard Set(final.map(\.channel)) == Set(initial.map(\.channel)) else {
            throw ValidationError("--final and --initial name different channels")
        }
    }

    func run() throws {
        let shown = zip(RegisterArgument.sorted(final), RegisterArgument.sorted(initial)).map { final, initial in
            "\(final.channel.rawValue) ends at \(final.value), begins at \(initial.value)"
        }
        try Confirmation.ask(
            "Meter \(old) is closed for good and \(new) takes its place: \(shown.joined(separator: "; ")).",
            serials: [old], isGiven: yes)
        var parameters: JSONObject = ["name": "meter_replace", "args": .object(arguments)]
        parameters["id"] = id.map { .string($0) }
        let result = try socket.connect(readsOnly: false).call("command.send", parameters, silence: 120)
        output.show(result) { CommandSendCommand.lines(result, colour: $0) }
        let status = CommandSendCommand.status(result)
        if status != .done { throw status }
    }

    private var arguments: JSONObject {
        [
            "serial": .string(old), "new_serial": .string(new), "final": RegisterArgument.object(final),
            "initial": RegisterArgument.object(initial),
        ]
    }
}

/// `import_wh=16580225`, or the same in thousands: `import_wh=16580.225kWh`.
struct RegisterArgument: ExpressibleByArgument, Hashable {
    var channel: Channel
    /// Whole Wh or varh.
    var value: Int64

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let channel = Channel(rawValue: parts[0]), let value = Self.whole(parts[1], channel)
        else { return nil }
        self.channel = channel
        self.value = value
    }

    private static func whole(_ text: String, _ channel: Channel) -> Int64? {
        let thousands = "k" + channel.unit
        let isThousands = text.hasSuffix(thousands)
        let digits = String(
            isThousands
                ? text.dropLast(thousands.count)
                : text.hasSuffix(channel.unit) ? text.dropLast(channel.unit.count) : text[...])
        guard digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }),
            let number = DecimalValue(text: digits)?.scaled(power: isThousands ? 3 : 0),
            let whole = number.flooredInteger, number == DecimalValue(mantissa: whole)
        else { return nil }
        return whole
    }

    static func sorted(_ readings: [RegisterArgument]) -> [RegisterArgument] {
        Channel.allCases.compactMap { channel in readings.first { $0.channel == channel } }
    }

    static func object(_ readings: [RegisterArgument]) -> JSONValue {
        var object = JSONObject()
        for reading in sorted(readings) { object[reading.channel.rawValue] = .integer(reading.value) }
        return .object(object)
    }
}
