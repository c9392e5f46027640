import CLinux
import Glibc
import Synchronization

/// A TCP port of the board: every connection is a wire of its own to the same meters.
final class TcpLine: Sendable {
    private struct State {
        var service: WireService?
        var clients = 0
        var threads = 0
        var isStopping = false
    }

    /// On 127.0.0.1.
    let port: UInt16
    let counters = WireCounters()
    private let listener: Int32
    private let wake: Int32
    private let state = Mutex(State())

    private static let mostClients = 16

    /// Listens on the loopback address; port 0 takes a free one.
    init(port: UInt16) throws(SimulatorFailure) {
        wake = clinux_event_make()
        guard wake >= 0 else { throw .system("cannot make an event", -wake) }
        (listener, self.port) = try Loopback.listen(port)
    }

    /// Begins to answer.
    func start(_ service: WireService) throws(SimulatorFailure) {
        state.withLock {
            $0.service = service
            $0.threads += 1
        }
        try spawn { $0.acceptClients() }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        // Never cleared from now on: every thread sees it.
        _ = clinux_event_signal(wake)
        for _ in 0..<200 where state.withLock({ $0.threads > 0 }) { _ = clinux_wait(-1, -1, 5_000_000) }
        close(listener)
    }

    private func spawn(_ body: @escaping @Sendable (TcpLine) -> Void) throws(SimulatorFailure) {
        do throws(SimulatorFailure) {
            try DetachedThread.start {
                body(self)
                self.state.withLock { $0.threads -= 1 }
            }
        } catch {
            state.withLock { $0.threads -= 1 }
            throw error
        }
    }

    private func acceptClients() {
        _ = clinux_thread_name("tcp")
        while true {
            let mask = clinux_wait(wake, listener, -1)
            if mask & CLINUX_WAKE != 0 { return }
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { continue }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            _ = fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK)
            let isWelcome = state.withLock { state in
                guard state.clients < Self.mostClients else { return false }
                state.clients += 1
                state.threads += 1
                return true
            }
            guard isWelcome else {
                close(client)
                continue
            }
            do throws(SimulatorFailure) {
                try spawn { $0.serve(client) }
            } catch {
                close(client)
                state.withLock { $0.clients -= 1 }
            }
        }
    }

    private func serve(_ client: Int32) {
        _ = clinux_thread_name("tcp client")
        _ = clinux_timer_slack(1)
        var one: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if var service = state.withLock({ $0.service }) { _ = service.serve(client, wake: wake) }
        close(client)
        state.withLock { $0.clients -= 1 }
    }
}

/// Sockets on 127.0.0.1.
enum Loopback {
    /// A listening socket and its port; port 0 takes a free one.
    static func listen(_ port: UInt16) throws(SimulatorFailure) -> (descriptor: Int32, port: UInt16) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw .system("cannot make a socket", errno) }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && Glibc.listen(descriptor, 16) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard result else {
            let number = errno
            close(descriptor)
            throw .system("cannot listen on 127.0.0.1:\(port)", number)
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A port that was free a moment ago, for a program that cannot say which one it took. It lies below the range that
    /// outgoing connections take theirs from: one of those could hold it while the program is not there.
    static func freePort() throws(SimulatorFailure) -> UInt16 {
        // Several demonstrations at once begin at places of their own.
        let begin = UInt16(UInt32(bitPattern: getpid()) % 200) * 100
        for offset in 0..<UInt16(100) {
            guard let (descriptor, port) = try? listen(10_000 + begin + offset) else { continue }
            close(descriptor)
            return port
        }
        let (descriptor, port) = try listen(0)
        close(descriptor)
        return port
    }
}
