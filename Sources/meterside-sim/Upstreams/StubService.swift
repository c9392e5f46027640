import CLinux
import Glibc
import Metering
import Simulator
import Synchronization

/// The simulated upstream systems on a port of 127.0.0.1, plain HTTP; a thread for each connection.
final class StubService: Sendable {
    private struct State {
        var stubs = UpstreamStubs()
        var clients = 0
        var isStopping = false
    }

    let port: UInt16
    private let listener: Int32
    private let wake: Int32
    /// -1 for none.
    private let logFile: Int32
    private let state = Mutex(State())

    private static let mostClients = 32

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - log: a file that gets one line of JSON for each request; nil for none.
    init(port: UInt16, log: String?) throws(SimulatorFailure) {
        wake = clinux_event_make()
        guard wake >= 0 else { throw .system("cannot make an event", -wake) }
        logFile = log.map { open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644) } ?? -1
        if let log, logFile < 0 { throw .system("cannot write \(log)", errno) }
        (listener, self.port) = try Loopback.listen(port)
    }

    /// Changes the systems, or what trouble is to come.
    func change<Result: Sendable>(_ body: (inout UpstreamStubs) -> Result) -> Result {
        state.withLock { body(&$0.stubs) }
    }

    func start() throws(SimulatorFailure) { try spawn { $0.accept() } }

    func stop() {
        state.withLock { $0.isStopping = true }
        _ = clinux_event_signal(wake)
        for _ in 0..<200 where state.withLock({ $0.clients > 0 }) { _ = clinux_wait(-1, -1, 5_000_000) }
        close(listener)
        if logFile >= 0 { close(logFile) }
    }

    private func spawn(_ body: @escaping @Sendable (StubService) -> Void) throws(SimulatorFailure) {
        state.withLock { $0.clients += 1 }
        do throws(SimulatorFailure) {
            try DetachedThread.start {
                body(self)
                self.state.withLock { $0.clients -= 1 }
            }
        } catch {
            state.withLock { $0.clients -= 1 }
            throw error
        }
    }

    private func accept() {
        _ = clinux_thread_name("stubs")
        while clinux_wait(wake, listener, -1) & CLINUX_WAKE == 0 {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { continue }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            guard state.withLock({ $0.clients < Self.mostClients }) else {
                close(client)
                continue
            }
            do throws(SimulatorFailure) { try spawn { $0.serve(client) } } catch { close(client) }
        }
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var request = StubRequest(bytes)
        while request == nil, bytes.count <= StubRequest.longest {
            guard clinux_wait(wake, client, 30_000_000_000) & (CLINUX_READY | CLINUX_HANGUP) != 0 else { return }
            let count = read(client, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count]
            request = StubRequest(bytes)
        }
        guard let request else { return }
        let answer = state.withLock { state in
            let answer = state.stubs.answer(request)
            if let line = state.stubs.log.last { write(line) }
            return answer
        }
        send(answer, to: client)
    }

    /// Under the lock: lines of the file stand in the order of the requests.
    private func write(_ line: UpstreamStubs.LogLine) {
        guard logFile >= 0 else { return }
        let bytes = JSONWriter.compact(line.json) + [0x0A]
        _ = Glibc.write(logFile, bytes, bytes.count)
    }

    private func send(_ answer: UpstreamStubs.Answer, to client: Int32) {
        switch answer.trouble {
        // Until the client goes, or we do.
        case .hang?, .deaf?: _ = clinux_wait(wake, client, 300_000_000_000)
        case .drip(let milliseconds)?:
            for byte in answer.bytes {
                guard Glibc.send(client, [byte], 1, Int32(MSG_NOSIGNAL)) == 1,
                    clinux_wait(wake, -1, Int64(milliseconds) * 1_000_000) & CLINUX_WAKE == 0
                else { return }
            }
        default:
            var rest = answer.bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
