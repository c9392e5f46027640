import ArgumentParser
import Metering

/// `meterside outbox retry`
struct OutboxRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Send again what an upstream system refused (root only).",
        discussion: """
            What an upstream system refused for good is parked, and never sent again by itself (`outbox show`). Mend \
            the cause first: a key, an address, a serial.
            """)

    @Argument(help: "The record's number; all that is parked when left out.")
    var seq: Int64?

    @Option(name: .long, help: "Only of this system, such as reposit or redex.")
    var system: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters = JSONObject()
        parameters["seq"] = seq.map { .integer($0) }
        parameters["system"] = system.map { .string($0) }
        let result = try socket.connect(readsOnly: false).call("outbox.retry", parameters)
        output.show(result) { _ in
            ["\(TextLayout.count(Int(result["retried"]?.integer ?? 0), "parked item")) will be sent again."]
        }
    }
}
