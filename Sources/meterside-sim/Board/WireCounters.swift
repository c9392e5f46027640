import Synchronization

/// What passed over a wire, counted by its thread and read by the others.
final class WireCounters: Sendable {
    struct Counts: Equatable, Sendable {
        /// Replies that were sent.
        var replies = 0
        var bytesIn = 0
        var bytesOut = 0
        /// Requests that came before the line had been silent long enough (with `--paced`).
        var early = 0
        /// Bytes that came at another baud rate than the meters'.
        var mistuned = 0
        /// The baud rate of those.
        var otherBaud: UInt32 = 0
    }

    private let counts = Mutex(Counts())

    var now: Counts { counts.withLock { $0 } }

    func change(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }
}
