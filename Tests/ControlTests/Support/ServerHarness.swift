import Foundation
import Glibc
import Metering
import Testing

@testable import Control

/// A folder of its own for each test, removed at its end. Short, because a socket's path has at most 107 bytes.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/mctl-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        // Others must be able to reach the sockets in it.
        chmod(path, 0o755)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// The server, turned by hand, with a clock that only the test moves.
final class ServerHarness {
    let folder: TemporaryFolder
    let server: ControlServer
    var now = Uptime(seconds: 100)

    init(methods: [ControlMethod] = ControlMethod.all, groups: SocketGroups = SocketGroups()) throws {
        folder = try TemporaryFolder()
        server = try ControlServer(runtimeDirectory: folder.path, methods: methods, groups: groups)
    }

    /// One turn of a daemon's loop; waits at most `milliseconds` for something to happen.
    @discardableResult
    func turn(waiting milliseconds: Int32 = 0) -> [ControlEvent] {
        var polled = server.pollDescriptors
        poll(&polled, nfds_t(polled.count), milliseconds)
        return server.ready(polled, now: now)
    }

    /// Turns until nothing happens any more.
    @discardableResult
    func settle() -> [ControlEvent] {
        var events: [ControlEvent] = []
        for _ in 0..<6 { events += turn() }
        return events
    }

    /// A connection, already accepted.
    func connect(_ socket: ControlSocket = .control) throws -> RawClient {
        let client = try RawClient(folder.file(socket.fileName))
        settle()
        return client
    }

    /// Sends a line and gives the calls that come of it.
    func calls(_ client: RawClient, _ text: String) -> [ControlCall] {
        client.send(text + "\n")
        return settle().compactMap { if case .call(let call) = $0 { call } else { nil } }
    }
}

/// A bare socket: it sends whatever bytes it likes.
final class RawClient {
    private let descriptor: Int32
    private var isOpen = true

    init(_ path: String) throws {
        descriptor = try SystemCall.socket()
        let failure = try SystemCall.connect(descriptor, path)
        try #require(failure == 0)
    }

    deinit { hangUp() }

    func hangUp() {
        if isOpen { close(descriptor) }
        isOpen = false
    }

    /// No more from this side; the other may still speak.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends what goes without waiting; says how many bytes.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let count = SystemCall.write(descriptor, rest), count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        return bytes.count - rest.count
    }

    private var input = LineBuffer()

    /// Whether the server closed the connection; only known after `lines` was read to the end.
    private(set) var isClosed = false

    /// The lines that have come so far.
    func lines() -> [JSONValue] {
        reading: while true {
            switch SystemCall.read(descriptor) {
            case .bytes(let bytes): input.append(bytes)
            case .nothingYet: break reading
            case .end, .failed:
                isClosed = true
                break reading
            }
        }
        var lines: [JSONValue] = []
        while let line = input.nextLine() { lines.append((try? JSONReader.read(line)) ?? .null) }
        return lines
    }
}

/// A daemon in a thread of its own, for clients that wait. `answer` is called for each call, in that thread.
final class ThreadedServer: @unchecked Sendable {
    let folder: TemporaryFolder
    private let stop: Int32
    private let done = DispatchSemaphore(value: 0)

    init(answer: @escaping @Sendable (ControlServer, ControlEvent) -> Void) throws {
        folder = try TemporaryFolder()
        let path = folder.path
        var pipes: [Int32] = [0, 0]
        try #require(pipe(&pipes) == 0)
        stop = pipes[1]
        let stopped = pipes[0]
        let started = DispatchSemaphore(value: 0)
        let done = done
        Thread.detachNewThread {
            defer { done.signal() }
            guard let server = try? ControlServer(runtimeDirectory: path) else {
                started.signal()
                return
            }
            started.signal()
            while true {
                var polled = server.pollDescriptors + [pollfd(fd: stopped, events: Int16(POLLIN), revents: 0)]
                poll(&polled, nfds_t(polled.count), 200)
                if polled[polled.count - 1].revents != 0 { break }
                for event in server.ready(polled, now: Uptime(microseconds: 0)) { answer(server, event) }
            }
            server.close()
            Glibc.close(stopped)
        }
        started.wait()
    }

    deinit {
        Glibc.close(stop)
        done.wait()
    }

    func address(_ socket: ControlSocket = .control) -> ControlAddress {
        ControlAddress(path: folder.file(socket.fileName))
    }
}

/// Real uptime, for clients that wait.
func realUptime() -> Uptime {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Uptime(microseconds: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)
}

extension JSONValue {
    /// `error.code` of an answer.
    var errorNumber: Int64? { self["error"]?["code"]?.integer }
    /// `error.data.code` of an answer.
    var errorWord: String? { self["error"]?["data"]?["code"]?.string }
    var errorMessage: String { self["error"]?["message"]?.string ?? "" }
    var errorHint: String { self["error"]?["data"]?["hint"]?.string ?? "" }
}
