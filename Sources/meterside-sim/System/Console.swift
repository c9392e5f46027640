import Glibc

/// What people read. Written at once: `print` holds lines back when stdout is a pipe.
enum Console {
    static func line(_ text: String) { write(1, text + "\n") }

    static func error(_ text: String) { write(2, text + "\n") }

    /// As it is, without a line end.
    static func raw(_ text: String) { write(1, text) }

    static var isTerminal: Bool { isatty(1) == 1 }

    static var showsColour: Bool { isTerminal && getenv("NO_COLOR") == nil }

    private static func write(_ descriptor: Int32, _ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // Nothing can be done when nobody reads.
            guard count > 0 || errno == EINTR || errno == EAGAIN else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
