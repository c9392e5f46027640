import CLinux
import Glibc
import Synchronization

/// Where the threads of ports and of the broker leave what happened, for the one loop to take. Bounded.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var dropped = 0
        var isSignalled = false
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Readable while something waits.
    let descriptor: Int32

    init(limit: Int) {
        self.limit = limit
        descriptor = clinux_event_make()
    }

    deinit { close(descriptor) }

    /// Adds items and wakes the loop; those that find the box full are dropped and counted.
    func post(_ items: [Item]) {
        let mustSignal = state.withLock { state in
            let room = min(items.count, limit - state.items.count)
            state.items += items.prefix(room)
            state.dropped += items.count - room
            defer { state.isSignalled = true }
            return !state.isSignalled
        }
        if mustSignal { _ = clinux_event_signal(descriptor) }
    }

    /// Takes everything that waits, in order, and how many were dropped since the last time.
    func take() -> (items: [Item], dropped: Int) {
        _ = clinux_event_clear(descriptor)
        return state.withLock { state in
            defer {
                state.items.removeAll(keepingCapacity: true)
                state.dropped = 0
                state.isSignalled = false
            }
            return (state.items, state.dropped)
        }
    }
}
