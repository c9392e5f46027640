import ArgumentParser
import Glibc
import Metering

/// `meterside config check`
struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Let the daemon check a configuration without using it.",
        discussion: """
            Without FILE its own file is checked, as it is on the disk now. FILE is read with the daemon's rights, so \
            only root may give it; `metersided --check --config FILE` does the same with yours. Ends with 3 when \
            there are faults.
            """)

    @Argument(help: "Another file to check (root only).")
    var file: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters = JSONObject()
        parameters["file"] = file.map { .string(Self.absolute($0)) }
        let result = try socket.connect().call("config.check", parameters)
        output.show(result) { _ in Self.lines(result) }
        if result["ok"] != true { throw CommandStatus.configuration }
    }

    /// The daemon works in another folder.
    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    static func lines(_ result: JSONValue) -> [String] {
        let faults = result.items("faults")
        if faults.isEmpty { return [result["ok"] == true ? "The configuration is good." : "It was refused."] }
        return faults.flatMap { fault in
            var place = fault.shown("file")
            if let line = fault["line"]?.integer, line > 0 { place += ":\(line)" }
            let key = fault["key"]?.string ?? ""
            let text = "\(place): \(key.isEmpty ? "" : key + ": ")\(fault.shown("message"))"
            return TextLayout.wrapped(TextLayout.clean(text), indent: 4)
        } + ["", TextLayout.count(faults.count, "fault")]
    }
}
