import CLinux
import Glibc
import Metering
import Simulator
import Synchronization

/// The faults of a board, shared by all of its wires.
final class SharedFaults: Sendable {
    private let faults: Mutex<BoardFaults>

    init(_ plan: BoardPlan) { faults = Mutex(BoardFaults(relays: plan.relays)) }

    func apply(_ order: BoardOrder, at time: WallTime) { faults.withLock { $0.apply(order, at: time) } }

    fileprivate func answer(
        _ bytes: [UInt8], by responder: inout any WireResponder, at time: WallTime
    ) -> [UInt8] {
        faults.withLock { responder.receive(bytes, at: time, faults: &$0) }
    }
}

/// Carries bytes between a descriptor and what answers on its wire, on the thread of that wire.
struct WireService: Sendable {
    /// Why `serve` returned.
    enum Ending { case woken, closed }

    var responder: any WireResponder
    let clock: BoardClock
    let pace: WirePace?
    let counters: WireCounters
    let faults: SharedFaults
    /// Whether the other end talks at the wire's own baud rate; else its bytes are noise. The rate it uses, when not.
    var otherBaud: @Sendable (_ descriptor: Int32) -> UInt32? = { _ in nil }

    private var lastReplyEnd = Uptime(microseconds: 0)
    private var requestStart: Uptime?
    private var requestBytes = 0

    /// A frame that is not whole after this long never will be, nanoseconds: longer than any scheduling hiccup.
    private static let patience: Int64 = 100_000_000

    init(
        responder: any WireResponder, clock: BoardClock, pace: WirePace?, counters: WireCounters, faults: SharedFaults
    ) {
        self.responder = responder
        self.clock = clock
        self.pace = pace
        self.counters = counters
        self.faults = faults
    }

    /// Serves until the other end closes or `wake` is signalled.
    mutating func serve(_ descriptor: Int32, wake: Int32) -> Ending {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let mask = clinux_wait(wake, descriptor, requestStart == nil ? -1 : Self.patience)
            if mask & CLINUX_WAKE != 0 { return .woken }
            if mask == 0 {
                forget()
                continue
            }
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                handle(Array(buffer[..<count]), on: descriptor)
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                forget()
                return .closed
            } else if mask & CLINUX_HANGUP != 0 {
                forget()
                return .closed
            }
        }
    }

    private mutating func forget() {
        responder.silence()
        requestStart = nil
        requestBytes = 0
    }

    private mutating func handle(_ bytes: [UInt8], on descriptor: Int32) {
        let now = BoardClock.uptime()
        if let baud = otherBaud(descriptor) {
            counters.change {
                $0.mistuned += bytes.count
                $0.otherBaud = baud
            }
            return
        }
        let start = requestStart ?? now
        if requestStart == nil { noteStart(now) }
        requestStart = start
        requestBytes += bytes.count
        counters.change { $0.bytesIn += bytes.count }
        let reply = faults.answer(bytes, by: &responder, at: clock.wall())
        guard !reply.isEmpty else { return }
        send(reply, on: descriptor, requestedFrom: start)
        requestStart = nil
        requestBytes = 0
        counters.change {
            $0.replies += 1
            $0.bytesOut += reply.count
        }
    }

    private mutating func noteStart(_ now: Uptime) {
        guard let pace, pace.silence > 0, now - lastReplyEnd < pace.silence else { return }
        counters.change { $0.early += 1 }
    }

    private mutating func send(_ reply: [UInt8], on descriptor: Int32, requestedFrom start: Uptime) {
        guard let pace else {
            write(reply[...], on: descriptor)
            return
        }
        pace.wait(from: start, count: requestBytes, exactly: false)
        let replyStart = start + Int64(requestBytes) * pace.character / 1000 + pace.replyDelay
        var sent = 0
        while sent < reply.count {
            let next = min(reply.count, sent + pace.chunk)
            pace.wait(from: replyStart, count: next, exactly: next == reply.count)
            write(reply[sent..<next], on: descriptor)
            sent = next
        }
        lastReplyEnd = BoardClock.uptime()
    }

    /// A reader that does not read loses the bytes, as on a wire.
    private func write(_ bytes: ArraySlice<UInt8>, on descriptor: Int32) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
