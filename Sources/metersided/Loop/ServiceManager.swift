import Glibc
import Metering

/// Talks to systemd by one datagram a message (sd_notify(3)); does nothing when no service manager asked for it.
final class ServiceManager {
    private var address: sockaddr_un?
    private var addressLength: socklen_t = 0
    private let descriptor: Int32
    /// Half of systemd's watchdog period in microseconds; nil when it watches nobody.
    let watchdogInterval: Int64?

    init() {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if let period = Self.environment("WATCHDOG_USEC").flatMap({ Int64($0) }), period > 0,
            Self.environment("WATCHDOG_PID").map({ $0 == String(getpid()) }) ?? true
        {
            watchdogInterval = period / 2
        } else {
            watchdogInterval = nil
        }
        guard let path = Self.environment("NOTIFY_SOCKET"), path.utf8.count < 108,
            path.hasPrefix("/") || path.hasPrefix("@")
        else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { place in
            place.copyBytes(from: path.utf8)
            if path.hasPrefix("@") { place[0] = 0 }
        }
        self.address = address
        addressLength = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
    }

    deinit { close(descriptor) }

    /// `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…`
    func notify(_ message: String) {
        guard var address else { return }
        let bytes = Array(message.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), target, addressLength)
            }
        }
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }
}
