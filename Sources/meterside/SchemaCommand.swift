import ArgumentParser
import Control
import Credit
import Metering

/// `meterside schema`
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "The messages and commands as an AsyncAPI 3 document.",
        discussion: "It is JSON with or without --json, needs no daemon, and is made from this program's catalogue.")

    @OptionGroup var output: JSONFlag

    func run() throws {
        Terminal.out(AsyncApi.document(version: ProductVersion.text))
    }
}
