import Metering

/// The conversation with one HAN adapter: what was asked and not answered, in order; what waits; and finding back after
/// silence or damage. It is a value: bytes to write come out, fragments and time go in.
public struct HanSession: Sendable {
    /// Commands the adapter may have at a time: it answers them in its own order.
    private static let outstandingLimit = 2
    /// Commands that may wait.
    private static let queueLimit = 32
    /// A resynchronisation asks this many times, so long apart, microseconds.
    private static let resyncTries = 3
    private static let resyncPause: Int64 = 1_000_000
    /// After that the adapter is silent, and is asked again so often, microseconds.
    private static let silentPause: Int64 = 30_000_000

    /// How an order ended.
    public enum Ending: Hashable, Sendable {
        case answered(HanFragment)
        case warned(String)
        case timedOut
    }

    /// A command that came to its end.
    public struct Finished: Hashable, Sendable {
        public var command: HanCommand
        public var ending: Ending
    }

    private struct Open: Hashable, Sendable {
        var command: HanCommand
        var deadline: Uptime
    }

    private enum Phase: Hashable, Sendable {
        case normal
        /// Waits for a meter list: tries left, and when the next is due.
        case resync(left: Int, next: Uptime)
        case silent(next: Uptime)
    }

    private var outstanding: [Open] = []
    private var waiting: [HanCommand] = []
    private var phase = Phase.normal
    /// Commands without an answer, since the beginning.
    public private(set) var timeouts = 0

    public init() {}

    /// Whether the adapter has stopped answering.
    public var isSilent: Bool { if case .silent = phase { true } else { false } }

    /// Whether an order of this name waits or is under way.
    public func has(_ name: HanCommand.Name) -> Bool {
        waiting.contains { $0.name == name } || outstanding.contains { $0.command.name == name }
    }

    /// Lines an order up; one that waits already is not doubled. False when too many wait.
    @discardableResult
    public mutating func order(_ command: HanCommand) -> Bool {
        if waiting.contains(command) { return true }
        guard waiting.count < Self.queueLimit else { return false }
        waiting.append(command)
        return true
    }

    /// The device was opened anew: nothing of before counts, and the first thing is to find the beginning of a reply.
    public mutating func reset(at now: Uptime) {
        outstanding = []
        waiting = []
        phase = .resync(left: Self.resyncTries, next: now)
    }

    /// When `advance` has something to do.
    public var nextWake: Uptime? {
        switch phase {
        case .resync(_, let next), .silent(let next): next
        case .normal:
            outstanding.count < Self.outstandingLimit && !waiting.isEmpty
                ? Uptime(microseconds: 0) : outstanding.map(\.deadline).min()
        }
    }

    /// What is to be written now, and what came to its end by waiting too long.
    public mutating func advance(at now: Uptime) -> (write: [[UInt8]], finished: [Finished]) {
        var finished: [Finished] = []
        let late = outstanding.filter { $0.deadline <= now }
        if !late.isEmpty {
            timeouts += late.count
            finished = late.map { Finished(command: $0.command, ending: .timedOut) }
            // What is still out may be answered under another's name: begin again.
            finished += outstanding.filter { $0.deadline > now }.map {
                Finished(command: $0.command, ending: .timedOut)
            }
            outstanding = []
            if phase == .normal { phase = .resync(left: Self.resyncTries, next: now) }
        }
        switch phase {
        case .resync(let left, let next) where next <= now:
            guard left > 0 else {
                phase = .silent(next: now + Self.silentPause)
                return ([], finished)
            }
            phase = .resync(left: left - 1, next: now + Self.resyncPause)
            return ([HanCommand(.meterList).bytes], finished)
        case .silent(let next) where next <= now:
            phase = .silent(next: now + Self.silentPause)
            return ([HanCommand(.meterList).bytes], finished)
        case .resync, .silent: return ([], finished)
        case .normal: return (send(at: now), finished)
        }
    }

    private mutating func send(at now: Uptime) -> [[UInt8]] {
        var bytes: [[UInt8]] = []
        while outstanding.count < Self.outstandingLimit, !waiting.isEmpty {
            let command = waiting.removeFirst()
            bytes.append(command.bytes)
            if command.isAnswered { outstanding.append(Open(command: command, deadline: now + command.timeout)) }
        }
        return bytes
    }

    /// Takes a fragment: the oldest order of its kind is answered by it, a warning goes to the oldest of all. Nil when
    /// nobody asked.
    public mutating func take(_ fragment: HanFragment) -> Finished? {
        switch phase {
        case .resync, .silent:
            if case .meterList = fragment { phase = .normal }
            return nil
        case .normal: break
        }
        if case .warning(let text) = fragment {
            guard !outstanding.isEmpty else { return nil }
            return Finished(command: outstanding.removeFirst().command, ending: .warned(text))
        }
        guard let index = outstanding.firstIndex(where: { $0.command.isAnswered(by: fragment) }) else { return nil }
        return Finished(command: outstanding.remove(at: index).command, ending: .answered(fragment))
    }

    /// Part of the stream was damaged: an answer may be lost, which its own deadline will tell.
    public mutating func takeDamage(at now: Uptime) {
        if case .silent = phase { phase = .resync(left: Self.resyncTries, next: now) }
    }
}
