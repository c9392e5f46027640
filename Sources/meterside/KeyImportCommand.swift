import ArgumentParser
import Metering

/// `meterside key import FILE`
struct KeyImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Give the box a public key (root only).",
        discussion: "FILE is a NAME.pub of `key make`; the same as copying it into keys.d and reloading.")

    @Argument(help: "The .pub file.")
    var file: String

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let key = try PublicKeyFile(path: file, bytes: try FileAccess.read(file, limit: 16_384))
        let result = try socket.connect(readsOnly: false).call(
            "key.import", ["kid": .string(key.kid), "role": .string(key.role), "key": .string(key.key)])
        output.show(result) { _ in ["The box knows key \(key.kid), role \(key.role)."] }
    }
}
