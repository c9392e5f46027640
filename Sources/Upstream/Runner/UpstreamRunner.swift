import Metering

/// Carries out work at upstream systems: one request at a time for each system, each step that changes something
/// journalled before it is sent, tokens, pace and retries shared. A value: jobs, replies and time in, actions out.
public struct UpstreamRunner: Sendable {
    public private(set) var history: UpstreamHistory
    var lanes: [UpstreamLane]
    var jobs: [RunningJob] = []
    private(set) var actions: [UpstreamAction] = []
    var chance: Chance
    private var lastNumber: UInt64 = 0

    /// Jobs that may wait; work nobody waits for is made from the journal again when there is room.
    public static let capacity = 64

    /// - Parameter seed: for the jitter of pauses; boxes should differ.
    public init(systems: [any UpstreamSystem], history: UpstreamHistory, seed: UInt64) {
        lanes = systems.map { UpstreamLane($0) }
        self.history = history
        chance = Chance(seed: seed)
    }

    /// What is wanted since the last time.
    public mutating func takeActions() -> [UpstreamAction] {
        defer { actions = [] }
        return actions
    }

    /// Whether `takeActions` has something.
    public var hasActions: Bool { !actions.isEmpty }

    mutating func emit(_ action: UpstreamAction) { actions.append(action) }

    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    func lane(of system: String) -> Int? { lanes.firstIndex { $0.system.name == system } }

    /// Whether there is room for a good part of the jobs that may wait.
    public var hasRoom: Bool { jobs.count < Self.capacity / 2 }

    /// Whether the system is configured.
    public func has(_ system: String) -> Bool { lane(of: system) != nil }

    /// Whether the system does not accept our key at the moment.
    public func isRefused(_ system: String) -> Bool { lane(of: system).map { lanes[$0].isRefused } ?? false }

    /// Whether a job of this name is on its way.
    public func isRunning(_ system: String, id: String) -> Bool {
        jobs.contains { $0.job.system == system && $0.job.id == id }
    }

    /// Whether anything of this system is on its way, or anything of one of its operations.
    public func isBusy(_ system: String, _ operations: [String]? = nil) -> Bool {
        jobs.contains { $0.job.system == system && operations?.contains($0.operation.name) ?? true }
    }

    /// Takes other systems into use after a new configuration. Jobs go on; those of a system that is gone fail.
    public mutating func reconfigure(_ systems: [any UpstreamSystem]) {
        let asking = lanes.filter(\.isGettingToken).map(\.system.name)
        lanes = systems.map { system in
            var lane = lanes.first { $0.system.name == system.name } ?? UpstreamLane(system)
            lane.take(system)
            return lane
        }
        // Who mended a key or an address does not wait for the pause that the old one earned.
        for index in jobs.indices where jobs[index].state == .waiting {
            jobs[index].notBefore = Uptime(microseconds: 0)
        }
        for job in jobs where lane(of: job.job.system) == nil {
            // What has left may arrive all the same, although nobody will hear of it.
            let hasLeft = if case .flying = job.state { !asking.contains(job.job.system) } else { false }
            let isUnknown = hasLeft && job.operation.changes
            let words = "\(job.job.system) was taken out of the configuration before it answered"
            settle(
                job.number,
                .failed(
                    isUnknown ? Self.unknownOutcome(job.operation, words) : Self.notConfigured(job.job.system)))
        }
    }

    /// What is told of a system that no section configures.
    public static func notConfigured(_ system: String) -> UpstreamFault {
        UpstreamFault(
            "unsupported", "\(system) is not configured", hint: "write [upstream.\(system)] into the configuration")
    }

    /// Takes a job; its end comes as `settled` under the number returned.
    public mutating func submit(_ job: UpstreamJob, at now: Uptime) -> UInt64 {
        let number = nextNumber()
        guard let lane = lane(of: job.system) else {
            emit(.settled(number, .failed(Self.notConfigured(job.system))))
            return number
        }
        let system = lanes[lane].system
        guard let operation = system.operation(job.work.operation) else {
            let fault = UpstreamFault("unsupported", "\(job.system) has no operation \(job.work.operation)")
            emit(.settled(number, .failed(fault)))
            return number
        }
        guard jobs.count < Self.capacity else {
            let fault = UpstreamFault("busy", "too much waits for upstream systems", hint: "try again in a minute")
            emit(.settled(number, .failed(fault)))
            return number
        }
        var running = RunningJob(number: number, job: job, operation: operation, notBefore: now)
        if operation.changes, !job.again, let settlement = remembered(job, operation, system, &running) {
            emit(.settled(number, settlement))
            return number
        }
        if running.isAttended, let fault = lanes[lane].freshRefusal(at: now) {
            emit(.settled(number, .failed(fault)))
            return number
        }
        jobs.append(running)
        advance(at: now)
        return number
    }

    /// What the journal already says of just this work; nil when it must be sent.
    private mutating func remembered(
        _ job: UpstreamJob, _ operation: UpstreamOperation, _ system: any UpstreamSystem, _ running: inout RunningJob
    ) -> UpstreamSettlement? {
        let summary = system.summary(of: job.work)
        if case .attended = job.mode, let item = history.isDone(system.name, job.work, summary: summary) {
            var result = item.result
            result["already"] = true
            result["at"] = .string(item.at.text)
            return .done(result)
        }
        if case .background = job.mode, history.item(system.name, id: job.id)?.state == .done { return .done([:]) }
        guard let item = history.unknown(system.name, operation.name, summary: summary) else { return nil }
        running.wasUnknown = true
        guard operation.whenUnknown == .hold else { return nil }
        if case .background = job.mode {
            // Nobody hears of a failure: it waits where people look.
            let words = "the process ended before the answer came: it may have worked"
            notePark(job, attempts: Int(item.attempts), code: "unknown", words)
            return .parked(code: "unknown", words)
        }
        return .failed(Self.unknownOutcome(operation, "the last \(operation.name) got no answer"))
    }

    static func unknownOutcome(_ operation: UpstreamOperation, _ words: String) -> UpstreamFault {
        UpstreamFault(
            "upstream_unknown", "\(words): it may have worked, and it is not sent again by itself",
            hint: "find out at the other side; then confirm it, or order it again explicitly")
    }

    /// A person says that work whose outcome was not known is done.
    public mutating func confirm(_ system: String, _ work: UpstreamWork) -> UpstreamSettlement {
        guard let lane = lane(of: system) else { return .failed(Self.notConfigured(system)) }
        let summary = lanes[lane].system.summary(of: work)
        guard let item = history.items.last(where: { $0.system == system && $0.operation == work.operation }),
            item.isOf(summary), item.state != .done
        else {
            return .failed(
                UpstreamFault(
                    "usage", "there is no unfinished \(work.operation) with just these values to confirm",
                    hint: "see `meterside events --kind upstream`"))
        }
        record(
            .upstreamAnswered,
            [
                "system": .string(system), "operation": .string(work.operation), "id": .string(item.id),
                "outcome": "done", "by": "operator", "result": ["confirmed": true],
            ])
        return .done(["confirmed": true])
    }

    /// Nobody waits for this job any more. It ends when nothing of it is under way; else it goes on, and is settled.
    /// - Returns: whether it ended.
    public mutating func abandon(_ number: UInt64, at now: Uptime) -> Bool {
        guard let index = jobs.firstIndex(where: { $0.number == number }), jobs[index].state == .waiting else {
            return false
        }
        jobs.remove(at: index)
        advance(at: now)
        return true
    }

    // MARK: Records

    /// Asks for a record; nobody waits for it.
    @discardableResult
    mutating func record(_ kind: JournalKind, _ data: JSONObject) -> UInt64 {
        let token = nextNumber()
        emit(.record(UpstreamNote(token: token, kind: kind, data: data)))
        return token
    }

    /// A record of the journal, durable: what happened is what it says.
    public mutating func note(_ entry: JournalEntry) { history.take(entry) }

    /// A record that was asked for is durable: what waited for it goes out.
    public mutating func recorded(_ token: UInt64, at now: Uptime) {
        guard let index = jobs.firstIndex(where: { $0.state == .recording(token) }),
            let lane = lane(of: jobs[index].job.system)
        else { return }
        send(index, lane, at: now)
    }

    mutating func settle(_ number: UInt64, _ settlement: UpstreamSettlement) {
        guard let ended = jobs.first(where: { $0.number == number }) else { return }
        let twins = jobs.filter { $0.isTwin(of: ended) }.map(\.number)
        jobs.removeAll { $0.number == number || twins.contains($0.number) }
        emit(.settled(number, settlement))
        for twin in twins { emit(.settled(twin, settlement)) }
    }

    /// Whether somebody else waits for just this change already, as when two people commission a box at one time: it is
    /// made once, and its end is told to both.
    func waitsForTwin(_ job: RunningJob) -> Bool { jobs.contains { job.isTwin(of: $0) } }
}
