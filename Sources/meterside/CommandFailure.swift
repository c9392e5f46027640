import Control
import Metering

/// Why a verb did not do what was asked: a stable word, what happened, and what to do next.
struct CommandFailure: Error, Equatable {
    var code: String
    var message: String
    /// May be empty.
    var hint: String

    init(code: String, message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    init(_ error: ControlError) {
        self.init(code: error.code, message: error.message, hint: error.hint)
    }

    static func usage(_ message: String, hint: String = "") -> CommandFailure {
        CommandFailure(code: "usage", message: message, hint: hint)
    }

    var status: CommandStatus { CommandStatus(code: code) }

    /// What `--json` prints.
    var json: JSONValue {
        ["error": ["code": .string(code), "message": .string(message), "hint": .string(hint)]]
    }

    /// What people see on stderr. Where no terminal is, the words of a sentence stay on one line: a script that looks
    /// for them finds them.
    func lines(width: Int = TextLayout.width) -> [String] {
        func words(_ text: String) -> [String] {
            // Several faults come one a line.
            text.split(separator: "\n").flatMap {
                TextLayout.wrapped("  " + TextLayout.clean(String($0)), indent: 4, width: width)
            }
        }
        let parts = message.split(separator: "\n", maxSplits: 1).map(String.init)
        return TextLayout.wrapped("meterside: " + TextLayout.clean(parts.first ?? ""), indent: 2, width: width)
            + parts.dropFirst().flatMap(words) + words(hint)
    }
}
