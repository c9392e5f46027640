import Glibc
import Metering

/// Where the daemon's socket is, as far as the user said.
public struct ControlAddress: Hashable, Sendable {
    /// The socket to try first, and `read.sock` beside it for reading methods.
    public var path: String

    /// The place of an installed daemon.
    public static let standard = ControlAddress(path: "/run/meterside/control.sock")

    public init(path: String) { self.path = path }

    /// `--socket` wins over `METERSIDE_SOCKET`, that over the standard place. An empty text counts as not given.
    public init(option: String?, environment: String?) {
        let given = [option, environment].compactMap(\.self).first { !$0.isEmpty }
        self = given.map(ControlAddress.init) ?? .standard
    }

    /// `read.sock` in the same directory; nil when `path` is that already.
    var reading: String? {
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let other = directory + ControlSocket.read.fileName
        return other == path ? nil : other
    }

    /// The group that may open `path`.
    var group: String {
        path.hasSuffix("/" + ControlSocket.read.fileName) || path == ControlSocket.read.fileName
            ? ControlSocket.read.group : ControlSocket.control.group
    }
}

/// A blocking connection to the daemon: one request at a time. Closing it cancels what runs.
public final class ControlClient {
    private let descriptor: Int32
    private let clock: () -> Uptime
    private let isInterrupted: () -> Bool
    private var input = LineBuffer()
    private var nextID: Int64 = 1

    /// Connects. A method that only reads may also use `read.sock`, when `control.sock` is closed to this user.
    ///
    /// - Parameters:
    ///   - readsOnly: whether only reading methods will be asked for.
    ///   - clock: uptime, for deadlines.
    ///   - isInterrupted: asked at least once a second while waiting; true ends the wait.
    public init(
        _ address: ControlAddress, readsOnly: Bool, clock: @escaping () -> Uptime,
        isInterrupted: @escaping () -> Bool = { false }
    ) throws(ControlError) {
        self.clock = clock
        self.isInterrupted = isInterrupted
        descriptor = try Self.open(address, readsOnly: readsOnly)
    }

    deinit { Glibc.close(descriptor) }

    /// Sends a request and waits for its answer.
    ///
    /// - Parameters:
    ///   - silence: seconds without answer or progress after which to give up; nil to wait for ever.
    ///   - progress: called for each progress message; false ends the call with `interrupted`.
    public func call(
        _ method: String, _ parameters: JSONObject = JSONObject(), silence: Int? = 10,
        progress: (JSONObject) -> Bool = { _ in true }
    ) throws(ControlError) -> JSONValue {
        let id = JSONValue.integer(nextID)
        nextID += 1
        let line = RpcRequest(id: id, method: method, parameters: parameters).line
        guard line.count <= LineBuffer.limit + 1 else { throw .requestTooLong }
        let wait = Wait(method: method, seconds: silence, clock: clock)
        try send(line, wait)
        var deadline = wait.deadline
        while true {
            switch try reply(wait, until: deadline) {
            case .progress(request: id, let members):
                guard progress(members) else { throw .interrupted }
                deadline = wait.deadline
            case .result(id: id, let value): return value
            // What the server says before it knows whom it answers has no id.
            case .problem(id: id, let problem), .problem(id: .null, let problem): throw .refused(problem)
            default: throw .protocolBroken("an answer to something that was not asked")
            }
        }
    }

    /// How long a call may be silent.
    private struct Wait {
        var method: String
        var seconds: Int?
        var clock: () -> Uptime

        var deadline: Uptime? { seconds.map { clock() + Int64($0) * 1_000_000 } }
        var error: ControlError { .timeout(method: method, seconds: seconds ?? 0) }
    }

    private static func open(_ address: ControlAddress, readsOnly: Bool) throws(ControlError) -> Int32 {
        do throws(ControlError) {
            return try connect(address)
        } catch {
            guard readsOnly, case .permission = error, let other = address.reading else { throw error }
            return try connect(ControlAddress(path: other))
        }
    }

    private static func connect(_ address: ControlAddress) throws(ControlError) -> Int32 {
        let descriptor = try SystemCall.socket()
        var keep = false
        defer { if !keep { Glibc.close(descriptor) } }
        // A full queue of the listener is the only thing worth waiting for: 2 s at most.
        for _ in 0..<40 {
            switch try SystemCall.connect(descriptor, address.path) {
            case 0:
                keep = true
                return descriptor
            case EAGAIN: poll(nil, 0, 50)
            case ENOENT, ECONNREFUSED: throw .notRunning(address.path)
            case EACCES, EPERM: throw .permission(path: address.path, group: address.group)
            case let number: throw .system("cannot connect to \(address.path)", errno: number)
            }
        }
        throw .notRunning(address.path)
    }

    private func send(_ line: [UInt8], _ wait: Wait) throws(ControlError) {
        var rest = line[...]
        let deadline = wait.deadline
        while !rest.isEmpty {
            // The server may have refused and closed already; its words are still to be read.
            guard let count = SystemCall.write(descriptor, rest) else { return }
            rest = rest.dropFirst(count)
            if count == 0 { try waitFor(POLLOUT, wait, until: deadline) }
        }
    }

    /// The next message.
    private func reply(_ wait: Wait, until deadline: Uptime?) throws(ControlError) -> RpcReply {
        while true {
            if let line = input.nextLine() {
                guard let reply = RpcReply.read(line) else { throw .protocolBroken("a line that is no answer") }
                return reply
            }
            guard !input.isOverLong else { throw .protocolBroken("a line longer than 1 MiB") }
            try waitFor(POLLIN, wait, until: deadline)
            switch SystemCall.read(descriptor) {
            case .bytes(let bytes): input.append(bytes)
            case .nothingYet: break
            case .end, .failed: throw .disconnected
            }
        }
    }

    private func waitFor(_ event: Int32, _ wait: Wait, until deadline: Uptime?) throws(ControlError) {
        while true {
            guard !isInterrupted() else { throw .interrupted }
            // A second at most, so that an interruption between the check and the wait is noticed soon.
            var milliseconds: Int64 = 1000
            if let deadline {
                let left = deadline - clock()
                guard left > 0 else { throw wait.error }
                milliseconds = min(milliseconds, (left + 999) / 1000)
            }
            var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            if poll(&entry, 1, Int32(milliseconds)) > 0 { return }
        }
    }
}
