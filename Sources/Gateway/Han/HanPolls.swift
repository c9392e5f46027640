import Drivers
import Metering

/// What the adapter is asked, and how often.
struct HanPolls: Hashable, Sendable {
    private struct Poll: Hashable, Sendable {
        var command: HanCommand
        /// Microseconds while bound.
        var interval: Int64
        /// The same while not bound; nil for what only a bound adapter can answer.
        var searching: Int64?
        var next = Uptime(microseconds: 0)
    }

    /// Demand and summation are asked of the meter itself; what changes seldom comes from the adapter's memory. A
    /// change of the joining state is told unasked, so looking for it once a minute is enough.
    private var polls = [
        Poll(command: HanCommand(.connectionStatus), interval: 60_000_000, searching: 60_000_000),
        Poll(command: HanCommand(.deviceInfo), interval: 86_400_000_000, searching: 3_600_000_000),
        Poll(command: HanCommand(.summation, refresh: true), interval: 300_000_000),
        Poll(command: HanCommand(.demand, refresh: true), interval: 60_000_000),
        Poll(command: HanCommand(.time, refresh: false), interval: 3_600_000_000),
        Poll(command: HanCommand(.price, refresh: false), interval: 600_000_000),
        Poll(command: HanCommand(.message, refresh: false), interval: 600_000_000),
    ]

    /// Everything is due at once: the adapter was opened, or is bound now.
    mutating func restart(at now: Uptime) { for index in polls.indices { polls[index].next = now } }

    /// When the next is due.
    func nextWake(isBound: Bool) -> Uptime? {
        polls.filter { isBound || $0.searching != nil }.map(\.next).min()
    }

    /// What is due now.
    mutating func due(at now: Uptime, isBound: Bool) -> [HanCommand] {
        var commands: [HanCommand] = []
        for index in polls.indices where polls[index].next <= now {
            guard let interval = isBound ? polls[index].interval : polls[index].searching else { continue }
            polls[index].next = now + interval
            commands.append(polls[index].command)
        }
        return commands
    }
}
