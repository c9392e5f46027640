import CLinux
import Glibc

/// What people read. Written at once: `print` holds lines back when stdout is a pipe.
enum Console {
    static func line(_ text: String) { write(1, text + "\n") }

    static func error(_ text: String) { write(2, text + "\n") }

    /// One line on stderr that the next one replaces.
    static func progress(_ text: String) { write(2, "\r\u{1B}[K" + text) }

    /// As it is, without a line end.
    static func raw(_ text: String) { write(1, text) }

    static var isTerminal: Bool { isatty(1) == 1 }

    /// Whether stdout is a terminal of at least this size that can place its cursor.
    static func fits(columns: UInt16, lines: UInt16) -> Bool {
        guard isTerminal, getenv("TERM").map({ String(cString: $0) != "dumb" }) == true else { return false }
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return true }
        return size.ws_col >= columns && size.ws_row >= lines
    }

    /// Of the terminal; 80 and 24 where it does not say.
    static var size: (columns: Int, lines: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    static var showsColour: Bool { isTerminal && getenv("NO_COLOR") == nil }

    private static func write(_ descriptor: Int32, _ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EAGAIN, clinux_wait_writable(-1, descriptor, 1_000_000_000) > 0 { continue }
            // Nothing can be done when nobody reads.
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
