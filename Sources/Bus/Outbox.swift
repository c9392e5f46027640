/// Events of one port's thread on their way out. Replies of a fast wire are gathered and go in one call: each call
/// wakes the main loop, which costs more than the exchange itself. Used on the port's thread only.
final class Outbox {
    private static let limit = 16

    private let deliver: @Sendable ([BusEvent]) -> Void
    private var held: [BusEvent] = []

    init(deliver: @escaping @Sendable ([BusEvent]) -> Void) { self.deliver = deliver }

    var isEmpty: Bool { held.isEmpty }

    /// Keeps the event until the next `flush`.
    func hold(_ event: BusEvent) {
        held.append(event)
        if held.count >= Self.limit { flush() }
    }

    func flush() {
        guard !held.isEmpty else { return }
        let events = held
        held = []
        deliver(events)
    }
}
