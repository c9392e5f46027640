import ArgumentParser
import Metering

/// `meterside redex …`
struct RedexGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redex", abstract: "What REDEX knows of the inverters, and what was sent to it.",
        subcommands: [RedexDevicesCommand.self, RedexBrandsCommand.self, RedexGenerationCommand.self])
}

/// `meterside redex devices`
struct RedexDevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "Devices of the application, held against the configured inverters.")

    @Flag(name: .long, help: "Fetch them now; else what was fetched within a day will do.")
    var refresh = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect(readsOnly: false).upstream("redex.devices", refresh ? ["refresh": true] : [:])
        output.show(result) { Self.lines(result, colour: $0) }
        // A check that found faults, as with the others.
        guard result.items("inverters").allSatisfy({ $0["ok"]?.bool == true }) else { throw CommandStatus.refused }
    }

    static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        var table = Table(
            .flexible("DEVICE"), .flexible("INVERTER"), .flexible("SERIAL"), .left("BRAND"), .right("W"),
            .left("TIME ZONE"))
        for device in result.items("devices") {
            for inverter in device.items("inverters") {
                table.add(
                    Table.Cell(TextLayout.clean(device.shown("name"))),
                    Table.Cell(TextLayout.clean(inverter.shown("remote_id"))),
                    Table.Cell(TextLayout.clean(inverter.shown("serial"))), Table.Cell(inverter.shown("brand")),
                    Table.Cell(inverter.shown("capacity_w")), Table.Cell(device.shown("timezone")))
            }
        }
        var lines = table.lines(colour: colour)
        for inverter in result.items("inverters") {
            for problem in inverter.items("problems") {
                lines.append("\(inverter.shown("remote_id")): \(TextLayout.clean(problem.shown))")
            }
        }
        return lines
    }
}

/// `meterside redex brands`
struct RedexBrandsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "brands", abstract: "Codes of inverter brands.")

    @Option(name: .long, help: "Only this code.")
    var code: String?

    @Flag(name: .long, help: "Fetch them now; else what was fetched within a week will do.")
    var refresh = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters = JSONObject()
        parameters["code"] = code.map { .string($0) }
        if refresh { parameters["refresh"] = true }
        let result = try socket.connect(readsOnly: false).upstream("redex.brands", parameters)
        output.show(result) { colour in
            var table = Table(.left("CODE"), .flexible("NAME"))
            for brand in result.items("brands") {
                table.add(Table.Cell(brand.shown("code")), Table.Cell(TextLayout.clean(brand.shown("name"))))
            }
            return table.lines(colour: colour)
        }
    }
}

/// `meterside redex generation`
struct RedexGenerationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generation", abstract: "Days of generation: sent, accepted, due.",
        discussion: "With --year the months of a year; with --submit they, or the days that are due, are sent now.")

    @Flag(name: .long, help: "Send now what is due.")
    var submit = false

    @Option(name: .long, help: "A year, by month.")
    var year: Int64?

    @Option(name: .long, help: "With --year: which inverter, by its remote id.")
    var inverter: String?

    @Flag(name: .long, help: "With --year: send it although the journal says that just this was sent.")
    var again = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters = JSONObject()
        if submit { parameters["submit"] = true }
        if again { parameters["again"] = true }
        parameters["year"] = year.map { .integer($0) }
        parameters["inverter"] = inverter.map { .string($0) }
        let result = try socket.connect(readsOnly: false).upstream("redex.generation", parameters)
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        if let months = result["months"]?.array {
            return ["\(result.shown("remote_id")), \(result.shown("year")), Wh by month:"]
                + months.enumerated().map { TextLayout.padded("\($0 + 1)", to: 4) + $1.shown }
        }
        if let process = result["process_id"] { return ["Sent; process \(process.shown)."] }
        var table = Table(
            .flexible("INVERTER"), .left("DAY"), .right("WH"), .right("IN ALL"), .left("STATE"), .left("PROCESS"))
        for row in result.items("rows") {
            table.add(
                Table.Cell(TextLayout.clean(row.shown("remote_id"))), Table.Cell(row.shown("day")),
                Table.Cell(row.shown("produced_wh")), Table.Cell(row.shown("accumulated_wh")),
                Table.Cell(row.shown("state")), Table.Cell(row.shown("process_id")))
        }
        let note = result["submit"]?.bool == true ? [] : ["submit = false: nothing is sent by itself."]
        return table.lines(colour: colour) + note
    }
}
