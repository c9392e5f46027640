import ArgumentParser
import Metering

/// `meterside ledger export`
struct LedgerExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print journal records, one JSON object a line.")

    @Option(name: .long, help: "First sequence number.")
    var from: Int64 = 1

    @Option(name: .long, help: "Last sequence number; the newest when left out.")
    var to: Int64?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        guard from >= 1, to.map({ $0 >= from }) ?? true else {
            throw CommandFailure.usage("--from must be at least 1 and not after --to")
        }
        let daemon = try socket.connect()
        var next: Int64? = from
        while let start = next {
            var parameters: JSONObject = ["from": .integer(start), "limit": 500]
            parameters["to"] = to.map { .integer($0) }
            let page = try daemon.call("ledger.export", parameters)
            for record in page.items("records") { Terminal.out(record) }
            // A page that does not lead on would be asked for again for ever.
            next = page["next"]?.integer.flatMap { $0 > start ? $0 : nil }
        }
    }
}
