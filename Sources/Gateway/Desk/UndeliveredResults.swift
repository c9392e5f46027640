import Metering

/// Results that had no broker to go to: what fell due while the box was off, what was decided while the broker was
/// away. They are published when it is there; a sender that has given up waiting finds them in the journal.
struct UndeliveredResults: Sendable {
    private var results: [(topic: String, payload: [UInt8])] = []
    private var bytes = 0

    var isEmpty: Bool { results.isEmpty }

    /// Keeps a result; the oldest fall out when there is too much.
    mutating func keep(_ topic: String, _ payload: [UInt8]) {
        results.append((topic, payload))
        bytes += payload.count
        while results.count > Self.most || bytes > Self.mostBytes, let first = results.first {
            bytes -= first.payload.count
            results.removeFirst()
        }
    }

    /// Publishes all of them, oldest first.
    mutating func publish(_ turn: inout Turn) {
        for result in results { turn.publish(result.topic, result.payload) }
        results = []
        bytes = 0
    }

    private static let most = 256
    private static let mostBytes = 256 * 1024
}
