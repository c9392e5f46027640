import Metering

/// Notices that two boxes work under one identity, such as a copied card: each takes the other's session at the broker,
/// again and again. A few such events may be our own old connection, or a broker that is started anew.
struct IdentityWatch: Sendable {
    /// So many of them within so many microseconds are a clash.
    private static let limit = 4
    private static let window: Int64 = 600_000_000
    /// The supply is held so long after the last one, microseconds.
    private static let holdTime: Int64 = 3_600_000_000

    private var newest: [Uptime] = []
    private var heldUntil: Uptime?

    /// Whether the box must not disconnect anybody: it may be the copy.
    func holdsSupply(at now: Uptime) -> Bool { heldUntil.map { now < $0 } ?? false }

    /// Our session was taken over.
    mutating func takenOver(turn: inout Turn) {
        let now = turn.moment.uptime
        newest.removeAll { now - $0 > Self.window }
        newest.append(now)
        let isKnown = holdsSupply(at: now)
        guard isKnown || newest.count >= Self.limit else { return }
        heldUntil = now + Self.holdTime
        guard !isKnown else { return }
        turn.alarm(
            .identityClash,
            [
                "message":
                    "the broker ended our session again and again: does another box use this client id? Supply is held"
            ])
    }
}
