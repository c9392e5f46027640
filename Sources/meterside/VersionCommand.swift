import ArgumentParser
import Control
import Metering

/// `meterside version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "The versions of this program and of the daemon.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var daemon: JSONValue = .null
        var reason = ""
        do throws(CommandFailure) {
            daemon = try socket.connect().call("version", silence: 5)
        } catch {
            reason = error.message
        }
        let version = daemon["version"] ?? .null
        output.show(["version": .string(ProductVersion.text), "daemon": version]) { _ in
            Self.lines(daemon: version.string, reason: reason)
        }
    }

    static func lines(daemon: String?, reason: String) -> [String] {
        let other = daemon ?? "not asked: \(reason)"
        var lines = [
            "meterside   \(ProductVersion.text)",
            TextLayout.cut("metersided  \(TextLayout.clean(other))", to: TextLayout.width),
        ]
        if let daemon, daemon != ProductVersion.text {
            lines.append("The two differ: restart the daemon (systemctl restart metersided).")
        }
        return lines
    }
}
