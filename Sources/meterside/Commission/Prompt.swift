import Glibc
import Metering

/// Questions to the installer. What the answers file says is not asked; without a terminal nothing is.
struct Prompt {
    /// Whether somebody can answer.
    let isInteractive: Bool

    init() { isInteractive = isatty(0) == 1 && isatty(2) == 1 }

    /// A text; empty input takes the default.
    /// - Parameters:
    ///   - name: the member of the answers file that would have said it.
    ///   - fault: why a text will not do; nil when it will.
    func text(
        _ question: String, name: String, default preset: String? = nil, fault: (String) -> String? = { _ in nil }
    ) throws(CommandFailure) -> String {
        guard isInteractive else { throw missing(name, question) }
        while true {
            Terminal.ask(question + (preset.map { $0.isEmpty ? "" : " [\($0)]" } ?? "") + ": ")
            guard let line = readLine() else { throw CommandFailure.usage("no answer: the input has ended") }
            let typed = Self.trimmed(line)
            guard let answer = typed.isEmpty ? preset : typed else { continue }
            guard let trouble = fault(answer) else { return answer }
            Terminal.error(TextLayout.wrapped("  \(trouble)", indent: 2))
        }
    }

    func yes(_ question: String, name: String, default preset: Bool) throws(CommandFailure) -> Bool {
        let answer = try text("\(question) (\(preset ? "Y/n" : "y/N"))", name: name, default: "") { text in
            ["", "y", "yes", "n", "no"].contains(text.lowercased()) ? nil : "answer y or n"
        }
        return answer.isEmpty ? preset : answer.lowercased().hasPrefix("y")
    }

    /// A text that is not shown while it is typed.
    func secret(_ question: String, name: String) throws(CommandFailure) -> [UInt8] {
        guard isInteractive else { throw missing(name, question) }
        var settings = termios()
        tcgetattr(0, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            tcsetattr(0, TCSAFLUSH, &settings)
            Terminal.error([""])
        }
        Terminal.ask(question + ": ")
        return Array((readLine() ?? "").utf8)
    }

    private func missing(_ name: String, _ question: String) -> CommandFailure {
        .usage(
            "the answers do not say \(name) (\(question))",
            hint: "write it into the file for --answers, or run commission on a terminal")
    }

    private static func trimmed(_ text: String) -> String {
        let rest = text.drop { $0.isWhitespace }
        return String(rest.reversed().drop { $0.isWhitespace }.reversed())
    }
}
