import Control
import Glibc
import Metering

/// Answers go to stdout, everything else to stderr.
enum Terminal {
    /// Whether a person looks at the answers.
    static var isInteractive: Bool { isatty(1) == 1 }

    /// Whether a person sees progress.
    static var showsProgress: Bool { isatty(2) == 1 }

    static var showsColour: Bool { isInteractive && environment("NO_COLOR") == nil && environment("TERM") != "dumb" }

    /// A variable of the environment; nil when it is not set or empty.
    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    static func out(_ lines: [String]) { write(1, lines.map { $0 + "\n" }.joined()) }

    /// One line of JSON.
    static func out(_ value: JSONValue) { write(1, JSONWriter.compact(value) + [0x0A]) }

    static func error(_ lines: [String]) { write(2, lines.map { $0 + "\n" }.joined()) }

    /// Replaces the line that shows progress; an empty text removes it.
    static func progress(_ text: String) {
        guard showsProgress else { return }
        write(2, "\r\u{1B}[K" + TextLayout.cut(TextLayout.clean(text), to: TextLayout.width - 1))
    }

    /// Shows lines at the top of the screen in place of the ones before.
    static func refresh(_ lines: [String]) {
        write(1, "\u{1B}[H" + lines.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }

    /// Empties the screen before the first `refresh`.
    static func clear() { write(1, "\u{1B}[2J") }

    private static func write(_ descriptor: Int32, _ text: String) { write(descriptor, Array(text.utf8)) }

    /// Nothing can be done when nobody reads; a closed pipe ends the process by SIGPIPE as it does every filter.
    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}

/// Ctrl-C, for verbs that have something to finish.
enum Interruption {
    /// Written by the signal handler alone; a word is written whole.
    private nonisolated(unsafe) static var count: sig_atomic_t = 0

    /// From now on Ctrl-C is remembered instead of ending the process; the second one ends it.
    static func watch() {
        count = 0
        signal(SIGINT) { _ in Interruption.note() }
    }

    static var happened: Bool { count > 0 }

    private static func note() {
        count = 1
        signal(SIGINT, SIG_DFL)
    }
}
