/// How long to wait before a device is opened again: half a second, doubling to half a minute.
struct Backoff {
    private static let first: Int64 = 500_000
    private static let longest: Int64 = 30_000_000

    private var next = first

    /// The wait before the next attempt, microseconds.
    mutating func step() -> Int64 {
        defer { next = min(next * 2, Self.longest) }
        return next
    }

    /// Only a wire that carries bytes again starts over: a device that opens and fails at once must not flap.
    mutating func reset() { next = Self.first }
}
