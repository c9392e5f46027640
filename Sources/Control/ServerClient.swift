import Glibc
import Metering

/// One connection of the server: its buffers and what runs for it.
struct ServerClient {
    /// Bytes that may wait for a slow reader; one answer of the longest kind fits several times.
    static let outputLimit = 4 << 20
    /// Above this no further request is taken from the client until it reads.
    static let outputMark = 256 << 10
    /// Requests that may run at once for one client; further lines wait unread.
    static let runningLimit = 16
    /// A line must be whole so long after its first byte.
    static let lineTime: Int64 = 5_000_000
    /// A client that takes nothing of its waiting output for so long is dropped.
    static let stallTime: Int64 = 30_000_000

    /// A request that is not answered yet.
    struct Running {
        var token: UInt64
        var id: JSONValue
    }

    let descriptor: Int32
    let socket: ControlSocket
    let role: Role
    let user: uid_t
    private(set) var running: [Running] = []
    private var input = LineBuffer()
    private var output: [UInt8] = []
    private var sent = 0
    private var lineDeadline: Uptime?
    private var stallDeadline: Uptime?
    /// The peer will send no more; what runs is still answered.
    private var inputEnded = false
    /// Nothing more is read; closed once the output is gone.
    private var isClosing = false
    /// The connection is of no use any more.
    private(set) var isGone = false

    init(descriptor: Int32, socket: ControlSocket, role: Role, user: uid_t) {
        self.descriptor = descriptor
        self.socket = socket
        self.role = role
        self.user = user
    }

    private var waiting: Int { output.count - sent }

    private var takesRequests: Bool {
        !isClosing && running.count < Self.runningLimit && waiting < Self.outputMark
    }

    /// Whether nothing can come of this connection any more.
    var isFinished: Bool {
        isGone || (waiting == 0 && (isClosing || (inputEnded && running.isEmpty && !mayHoldLine)))
    }

    /// Set while a whole line may wait in the input for room.
    private var mayHoldLine = false

    /// Whether `nextLine` would do something without anything new from the peer.
    var hasWork: Bool { mayHoldLine && takesRequests && !isGone }

    var events: Int16 {
        var events: Int32 = waiting > 0 ? POLLOUT : 0
        if takesRequests && !inputEnded { events |= POLLIN }
        return Int16(events)
    }

    /// The next instant at which time itself ends the connection.
    var deadline: Uptime? {
        guard let line = lineDeadline else { return stallDeadline }
        return stallDeadline.map { min($0, line) } ?? line
    }

    mutating func read(now: Uptime) {
        switch SystemCall.read(descriptor) {
        case .bytes(let bytes):
            if !input.hasPartialLine { lineDeadline = now + Self.lineTime }
            input.append(bytes)
            mayHoldLine = true
        case .nothingYet: break
        case .end:
            inputEnded = true
            lineDeadline = nil
        case .failed: isGone = true
        }
    }

    /// The next whole line that may be worked on now.
    mutating func nextLine(now: Uptime) -> [UInt8]? {
        guard takesRequests, !isGone else { return nil }
        let line = input.nextLine()
        if line == nil {
            mayHoldLine = false
            if input.isOverLong {
                refuse(.invalid("the line is longer than 1 MiB"), now: now)
            }
        }
        if !input.hasPartialLine {
            lineDeadline = nil
        } else if line != nil && !inputEnded {
            lineDeadline = now + Self.lineTime
        }
        return line
    }

    mutating func begin(_ request: Running) { running.append(request) }

    /// Whether a request with this id is not answered yet.
    func isRunning(_ id: JSONValue) -> Bool { running.contains { $0.id == id } }

    /// The id of a request that is not answered yet.
    func identifier(of token: UInt64) -> JSONValue? { running.first { $0.token == token }?.id }

    /// Takes a request off the list and returns its id.
    mutating func finish(_ token: UInt64) -> JSONValue? {
        guard let index = running.firstIndex(where: { $0.token == token }) else { return nil }
        return running.remove(at: index).id
    }

    /// Sends a line, at once as far as it goes.
    mutating func send(_ line: [UInt8], now: Uptime) {
        guard !isGone else { return }
        output.append(contentsOf: line)
        flush(now: now)
        if waiting > Self.outputLimit { isGone = true }
    }

    mutating func flush(now: Uptime) {
        while waiting > 0 {
            guard let count = SystemCall.write(descriptor, output[sent...]) else {
                isGone = true
                return
            }
            if count == 0 {
                if stallDeadline == nil { stallDeadline = now + Self.stallTime }
                if sent > Self.outputMark {
                    output.removeFirst(sent)
                    sent = 0
                }
                return
            }
            sent += count
            stallDeadline = nil
        }
        output.removeAll(keepingCapacity: output.count <= 65_536)
        sent = 0
        stallDeadline = nil
    }

    /// Says why, and closes once that is sent.
    mutating func refuse(_ problem: ControlProblem, now: Uptime) {
        send(RpcReply.problem(id: .null, problem).line, now: now)
        isClosing = true
        lineDeadline = nil
    }

    /// Ends what took too long. While the peer's lines wait for us, it is not to blame.
    mutating func checkTime(now: Uptime) {
        if let stallDeadline, now >= stallDeadline { isGone = true }
        guard let deadline = lineDeadline, now >= deadline else { return }
        guard takesRequests else {
            lineDeadline = now + Self.lineTime
            return
        }
        refuse(.invalid("the line was not finished within 5 s"), now: now)
    }

    /// The peer closed both ways: nobody is left to answer.
    mutating func hangUp() { isGone = true }
}
