import ArgumentParser
import Metering

/// `meterside meter watch SERIAL`
struct MeterWatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show a meter's registers as they are polled, until Ctrl-C.")

    @Argument(help: "The meter's serial number.")
    var serial: String

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let inPlace = Terminal.isInteractive && !output.json
        let daemon = try socket.connect()
        if inPlace {
            Terminal.clear()
            Terminal.refresh(["waiting for the next poll of \(TextLayout.clean(serial)) …", "", "Ctrl-C ends."])
        }
        _ = try daemon.follow("meter.watch", ["serial": .string(serial)]) { members in
            let reading = JSONValue.object(members)
            if inPlace {
                let lines = MeterReadCommand.lines(reading, colour: Terminal.showsColour)
                Terminal.refresh(lines + ["", "Ctrl-C ends."])
            } else if output.json {
                Terminal.out(reading)
            } else {
                Terminal.out(MeterReadCommand.lines(reading, colour: false) + [""])
            }
        }
    }
}
