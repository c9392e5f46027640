import CLinux
import Drivers
import Metering
import Synchronization

/// What a port's thread and everyone else share: the waiting requests, the wish to stop, the tap. Nobody waits here.
final class Mailbox: Sendable {
    /// Most requests of a port not answered yet.
    static let capacity = 64

    private struct State {
        var waiting: [BusRequest] = []
        /// The thread found nothing and is about to sleep, so the next request must wake it.
        var isIdle = false
    }

    enum Taken {
        case requests, nothing, stop
    }

    /// Readable when the thread should look up from its wait.
    let wake: Int32
    /// Readable once the thread has closed its device and ended.
    let finished: Int32
    private let state = Guarded(State())
    private let unanswered = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private let tapped = Atomic<Bool>(false)

    init() {
        wake = clinux_event_make()
        finished = clinux_event_make()
    }

    deinit {
        Descriptor.close(wake)
        Descriptor.close(finished)
    }

    /// False when the system had no descriptors left.
    var isUsable: Bool { wake >= 0 && finished >= 0 }

    /// False when the queue is full or the port is being closed.
    func put(_ request: BusRequest) -> Bool {
        guard !isStopping, unanswered.load(ordering: .relaxed) < Self.capacity else { return false }
        unanswered.add(1, ordering: .relaxed)
        let mustWake = state.withLock { state in
            state.waiting.append(request)
            defer { state.isIdle = false }
            return state.isIdle
        }
        // A wake is a system call: none is spent while the thread is at work anyway.
        if mustWake { clinux_event_signal(wake) }
        return true
    }

    /// Moves everything that waits into `batch`, whose capacity is used again.
    func take(into batch: inout [BusRequest]) -> Taken {
        batch.removeAll(keepingCapacity: true)
        if isStopping { return .stop }
        state.withLock { state in
            swap(&state.waiting, &batch)
            state.isIdle = batch.isEmpty
        }
        return batch.isEmpty ? .nothing : .requests
    }

    /// What was never begun, once the thread stops.
    func takeRemains() -> [BusRequest] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    func answered() { unanswered.subtract(1, ordering: .relaxed) }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    func stop() {
        stopping.store(true, ordering: .releasing)
        clinux_event_signal(wake)
    }

    var isTapped: Bool { tapped.load(ordering: .relaxed) }
    func setTap(_ on: Bool) { tapped.store(on, ordering: .relaxed) }

    func clearWake() { clinux_event_clear(wake) }
    func announceFinished() { clinux_event_signal(finished) }

    /// Whether the thread has ended, waiting at most this long, nanoseconds.
    func hasFinished(within nanoseconds: Int64) -> Bool {
        clinux_wait(finished, -1, nanoseconds) & CLINUX_WAKE != 0
    }
}
