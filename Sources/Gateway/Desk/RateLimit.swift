import Metering

/// At most so many in a window; the rest is counted, so that a flood costs a fixed number of records.
struct RateLimit: Sendable {
    private let limit: Int
    /// Microseconds.
    private let window: Int64
    private var start: Uptime?
    private var admitted = 0
    private var heldBack = 0

    /// `limit` in `seconds`.
    init(limit: Int, seconds: Int64) {
        self.limit = limit
        self.window = seconds * 1_000_000
    }

    /// When the window ends in which something was held back; nil while nothing was.
    var nextWake: Uptime? {
        guard heldBack > 0, let start else { return nil }
        return start + window
    }

    /// Whether one more is allowed now.
    mutating func admit(at now: Uptime) -> Bool {
        if start.map({ now - $0 >= window }) ?? true {
            start = now
            admitted = 0
        }
        guard admitted < limit else {
            heldBack += 1
            return false
        }
        admitted += 1
        return true
    }

    /// How many were held back in a window that is over by now; nil while it runs or when there were none.
    mutating func takeHeldBack(at now: Uptime) -> Int? {
        guard let end = nextWake, now >= end else { return nil }
        defer { heldBack = 0 }
        return heldBack
    }
}
