import CLinux
import Glibc

/// The pseudo-terminal of the simulated HAN adapter, behind a stable link. Used on one thread.
final class HanTerminal {
    /// The stable path that people configure.
    let link: String
    /// −1 while the plug is out.
    private(set) var master: Int32 = -1

    init(link: String) throws(SimulatorFailure) {
        self.link = link
        try plug()
    }

    /// Makes the device anew. A program that took the old one for itself alone would leave it locked.
    func plug() throws(SimulatorFailure) {
        unplug()
        var path = [CChar](repeating: 0, count: 128)
        let opened = clinux_pty_open(&path, path.count)
        guard opened >= 0 else { throw .system("cannot open a pseudo-terminal", -opened) }
        master = opened
        _ = fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK)
        _ = clinux_serial_set(master, 115_200, 8, 78, 1)
        try point(to: String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The device is gone.
    func unplug() {
        guard master >= 0 else { return }
        unlink(link)
        close(master)
        master = -1
    }

    private func point(to device: String) throws(SimulatorFailure) {
        var status = stat()
        if lstat(link, &status) == 0, status.st_mode & S_IFMT != S_IFLNK {
            throw .usage("\(link) is in the way: it is no link of an earlier adapter; take another --device")
        }
        let fresh = link + ".new"
        unlink(fresh)
        guard symlink(device, fresh) == 0, rename(fresh, link) == 0 else {
            throw .system("cannot make the link \(link)", errno)
        }
    }

    /// What came in; nil when the other end has closed.
    func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(master, &buffer, buffer.count)
        if count > 0 { return Array(buffer[..<count]) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil
    }

    /// Bytes that nobody reads are lost, as on a wire.
    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while master >= 0, !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(master, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
