import Glibc
import Logging
import Metering

/// Log lines on standard error with the `<N>` priority that systemd reads (sd-daemon(3)); written at once, because
/// buffered lines are lost with the process.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { Self.write("<\(Self.priority(event.level))>\(event.message)\n") }

    /// Syslog severities (RFC 5424 §6.2.1).
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// Writes to standard error without buffering.
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}

/// Keeps one repeated complaint from filling the log: the same key at most once a minute, with the count of the
/// lines left out.
struct LogLimiter {
    private var entries: [(key: String, lastAt: Uptime, suppressed: Int)] = []

    /// The text to log, or nil when the same key was logged less than a minute ago.
    mutating func pass(_ key: String, _ text: String, at uptime: Uptime) -> String? {
        guard let index = entries.firstIndex(where: { $0.key == key }) else {
            if entries.count >= 64 { entries.removeFirst() }
            entries.append((key, uptime, 0))
            return text
        }
        guard uptime - entries[index].lastAt >= 60_000_000 else {
            entries[index].suppressed += 1
            return nil
        }
        let suppressed = entries[index].suppressed
        entries[index] = (key, uptime, 0)
        return suppressed > 0 ? "\(text) (and \(suppressed) times more since the last line)" : text
    }
}
