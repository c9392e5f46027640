import ArgumentParser
import Metering

/// `meterside config show`
struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "The configuration in force, secrets left out.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("config.show")
        output.show(result) { _ in Self.lines(result) }
    }

    static func lines(_ result: JSONValue) -> [String] {
        guard let text = result["text"]?.string else { return Outline.lines(result) }
        // A configuration has its own lines; only what would steer the terminal is replaced.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { TextLayout.clean(String($0)) }
        let heading = result["file"]?.string.map { ["# " + TextLayout.clean($0)] } ?? []
        return heading + (lines.last == "" ? lines.dropLast() : lines[...])
    }
}

/// Any JSON as indented `name  value` lines, for what has no table of its own.
enum Outline {
    static func lines(_ value: JSONValue, indent: Int = 0) -> [String] {
        let margin = String(repeating: " ", count: indent)
        switch value {
        case .object(let object):
            let width = object.names.map { TextLayout.clean($0).count }.max() ?? 0
            return object.members.flatMap { name, value in
                let name = TextLayout.clean(name)
                if isDeep(value) { return [margin + name] + lines(value, indent: indent + 2) }
                return text(flat(value), start: margin + TextLayout.padded(name, to: width) + "  ")
            }
        case .array(let items) where isDeep(value):
            return items.flatMap { item -> [String] in
                var inner = lines(item, indent: indent + 2)
                if let first = inner.first { inner[0] = margin + "- " + first.dropFirst(indent + 2) }
                return inner
            }
        default: return text(flat(value), start: margin)
        }
    }

    /// Whether a value needs lines of its own.
    private static func isDeep(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let object): !object.isEmpty
        case .array(let items): items.contains { $0.object != nil || $0.array != nil }
        default: false
        }
    }

    /// A value on one line; a dash for nothing.
    private static func flat(_ value: JSONValue) -> String {
        switch value {
        case .array([]), .object: "-"
        case .array(let items): items.map(\.shown).joined(separator: ", ")
        default: value.shown
        }
    }

    private static func text(_ text: String, start: String) -> [String] {
        let room = max(TextLayout.width - start.count, 20)
        let margin = String(repeating: " ", count: start.count)
        return TextLayout.wrapped(TextLayout.clean(text), indent: 0, width: room).enumerated().map {
            ($0 == 0 ? start : margin) + $1
        }
    }
}
