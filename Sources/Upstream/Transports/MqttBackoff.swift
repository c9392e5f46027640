import Metering

/// How long to wait before the next attempt.
///
/// A broker that cannot be reached is asked again after 0.4 to 0.8 s for the first two minutes of an outage: a
/// restart or a short outage must cost less than a second more than it lasts, and a refused connection costs nothing.
/// After that the wait doubles from 2 s to 5 minutes, so that a fleet does not hammer a broker that struggles back.
/// A broker that refuses us (certificate, authority, TLS) is asked after 60 s at the earliest, doubling likewise:
/// nothing on our side will have changed. Every wait is jittered.
struct MqttBackoff: Sendable {
    /// Why the attempt failed.
    enum Cause: Hashable, Sendable {
        case unreachable, refused
    }

    private var outageBegan: Uptime?
    private var cause: Cause?
    /// Failures of this cause after the first two minutes.
    private var failures = 0

    /// An attempt failed, or a connection ended, at `now`. `jitter` is a random number, 0…999.
    /// - Returns: microseconds to wait.
    mutating func wait(after cause: Cause, at now: Uptime, jitter: Int64) -> Int64 {
        let began = outageBegan ?? now
        outageBegan = began
        if cause != self.cause {
            self.cause = cause
            failures = 0
        }
        if cause == .unreachable, now - began < 120 * Self.second {
            return Self.second * 4 / 10 + Self.second * 4 / 10 * jitter / 1000
        }
        let first = cause == .refused ? 60 * Self.second : 2 * Self.second
        let longest = min(first << min(failures, 8), Self.longest)
        failures += 1
        // Refusals never come sooner than their minute; the others spread over the whole second half.
        let shortest = cause == .refused ? max(60 * Self.second, longest / 2) : longest / 2
        let spread = max(longest - shortest, cause == .refused ? 15 * Self.second : 0)
        return min(shortest + spread * jitter / 1000, Self.longest)
    }

    /// The connection has lasted: the outage is over.
    mutating func reset() {
        outageBegan = nil
        cause = nil
        failures = 0
    }

    private static let second: Int64 = 1_000_000
    private static let longest = 300 * second
}
