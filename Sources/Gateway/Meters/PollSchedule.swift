import Metering

/// When a meter is polled: on its own grid, so that many meters spread over the poll interval.
struct PollSchedule: Hashable, Sendable {
    /// Microseconds.
    let interval: Int64
    /// Where on the grid of `interval` this meter lies.
    let phase: Int64

    /// Meter `index` of `count` that start at `start`.
    init(pollSeconds: Int, index: Int, count: Int, start: Uptime) {
        interval = Int64(max(1, pollSeconds)) * 1_000_000
        let share = interval / Int64(max(1, count)) * Int64(index)
        phase = (start.microseconds + share).flooredRemainder(by: interval)
    }

    /// The first grid point that is at least `pause` after `now`, less half an interval of grace so that a slow poll
    /// does not lose its next turn.
    func next(after now: Uptime, pause: Int64) -> Uptime {
        let earliest = now.microseconds + max(1, pause - interval / 2)
        let steps = (earliest - phase + interval - 1).flooredQuotient(by: interval)
        return Uptime(microseconds: phase + steps * interval)
    }
}
