import ArgumentParser
import Metering

/// `meterside ledger verify`
struct LedgerVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the journal's whole chain of hashes.",
        discussion: "Ends with 5 when the chain is broken.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("ledger.verify", silence: 60) { progress in
            let progress = JSONValue.object(progress)
            Terminal.progress("checked \(progress.shown("checked")) of \(progress.shown("total")) records")
            return true
        }
        Terminal.progress("")
        output.show(result) { Self.lines(result, colour: $0) }
        if result["ok"] != true { throw CommandStatus.refused }
    }

    static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        let isGood = result["ok"] == true
        let word = isGood ? "good" : "BROKEN"
        let tone: Table.Tone = isGood ? .good : .bad
        var lines = [
            "journal  \(colour ? tone.paint(word) : word)", "records  \(result.shown("records"))",
            "head     \(result.shown("head"))", "hash     \(TextLayout.clean(result.shown("hash")))",
        ]
        let known = ["ok", "records", "head", "hash"]
        for (name, value) in result.object?.members ?? [] where !known.contains(name) {
            lines += Outline.lines(.object([name: value]))
        }
        if !isGood {
            lines += TextLayout.wrapped(
                "Do not restart or delete anything: copy /var/lib/meterside away and compare it with the cloud's "
                    + "copy of the records.", indent: 0)
        }
        return lines
    }
}
