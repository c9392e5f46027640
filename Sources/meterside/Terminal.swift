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

    /// A file as it is.
    static func out(_ bytes: [UInt8]) { write(1, bytes) }

    static func error(_ lines: [String]) { write(2, lines.map { $0 + "\n" }.joined()) }

    /// A question; the answer is typed behind it.
    static func ask(_ question: String) { write(2, TextLayout.clean(question)) }

    /// Replaces the line that shows progress; an empty text removes it.
    static func progress(_ text: String) {
        guard showsProgress else { return }
        write(2, "\r\u{1B}[K" + TextLayout.cut(TextLayout.clean(text), to: TextLayout.width - 1))
    }

    /// Shows lines at the top of the screen in place of the ones before; what does not fit is counted.
    static func refresh(_ lines: [String]) {
        let shown = fitted(lines, height: height)
        write(1, "\u{1B}[H" + shown.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }

    /// At most as many lines as the screen takes; its last row stays free for the cursor.
    static func fitted(_ lines: [String], height: Int) -> [String] {
        let room = max(height - 1, 2)
        guard lines.count > room else { return lines }
        let rest = TextLayout.count(lines.count - room + 1, "more line")
        return lines.prefix(room - 1) + ["… \(rest): make the window higher"]
    }

    /// Rows of the terminal; 24 where it does not say.
    private static var height: Int {
        var size = winsize()
        return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 ? Int(size.ws_row) : 24
    }

    /// Columns of the terminal, 30 to 80; 80 where answers go elsewhere.
    static var columns: Int {
        var size = winsize()
        guard isInteractive, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return TextLayout.width }
        return min(max(Int(size.ws_col), 30), TextLayout.width)
    }

    /// Empties the screen before the first `refresh`.
    static func clear() { write(1, "\u{1B}[2J") }

    private static func write(_ descriptor: Int32, _ text: String) { write(descriptor, Array(text.utf8)) }

    /// Nothing can be done when nobody reads; a closed pipe ends the process by SIGPIPE as it does every filter.
    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody else made the terminal non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, 1000)
            } else if errno != EINTR {
                return
            }
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
