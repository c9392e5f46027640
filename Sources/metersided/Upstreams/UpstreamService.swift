import Gateway
import Journal
import Logging
import Metering
import Upstream

/// The upstream systems of the daemon: the runner, the HTTPS transport, and who waits for what. Used by the loop's
/// thread alone. It never writes the journal: records go through the agent, and nothing is sent before they are
/// durable.
final class UpstreamService {
    /// Who is told how a job ended.
    enum Waiter {
        /// A call of the control socket; the closure makes its answer of the result.
        case call(UInt64, (JSONObject) -> JSONValue)
        /// A command, by its id.
        case order(String, (JSONObject) -> JSONValue)
        /// Ourselves.
        case inner((UpstreamSettlement) -> Void)
    }

    /// What is to be told to people and to the agent.
    enum Message {
        case input(Input)
        case answer(UInt64, Result<JSONValue, ControlFailure>)
        case progress(UInt64, String)
    }

    var settings: UpstreamSettings
    var runner: UpstreamRunner
    let journal: JournalStore
    let log: Logger
    /// Of the box: meters by role, zone, ids.
    var gateway: GatewayConfiguration
    private var waiters: [UInt64: Waiter] = [:]
    private var messages: [Message] = []
    /// The newest record that was asked for, and the newest that is durable.
    private var asked: UInt64 = 0
    private var durable: UInt64 = 0
    /// Ends that are told once the records before them are durable.
    private var held: [(after: UInt64, tell: () -> Void)] = []
    private var transport: HttpsTransport?
    private let deliver: @Sendable (UInt64, HttpsResult) -> Void
    let clock: () -> Moment
    private var lastCall: Int64 = 0

    // What the systems' own files keep.
    var running = RunningCalls()
    var devices = UpstreamCache(life: 86_400_000)
    var brands = UpstreamCache(life: 604_800_000)
    var customer = UpstreamCache(life: 86_400_000)
    var generation = GenerationClock()
    var events = UsagePlaceEvents()

    /// - Parameter deliver: told on the transport's thread; it must only enqueue.
    init(
        settings: UpstreamSettings, gateway: GatewayConfiguration, journal: JournalStore, log: Logger,
        clock: @escaping () -> Moment, deliver: @escaping @Sendable (UInt64, HttpsResult) -> Void
    ) throws(JournalError) {
        self.settings = settings
        self.gateway = gateway
        self.journal = journal
        self.log = log
        self.clock = clock
        self.deliver = deliver
        let history = try Self.history(of: journal)
        // Any number that differs between boxes and starts: it spreads pauses.
        let seed = gateway.box.id.utf8.reduce(UInt64(bitPattern: clock().wall.milliseconds)) { $0 &* 31 &+ UInt64($1) }
        runner = UpstreamRunner(systems: settings.systems, history: history, seed: seed)
    }

    /// All that was ever done: a long outage writes thousands of records of attempts, and the site that was registered
    /// before it, or what was parked, must not be forgotten over them.
    private static func history(of journal: JournalStore) throws(JournalError) -> UpstreamHistory {
        var history = UpstreamHistory()
        let kinds: [JournalKind] = [.upstreamSent, .upstreamAnswered, .upstreamParked]
        var since: Int64 = 0
        while true {
            let page = try journal.page(of: kinds, since: since, limit: 200)
            for entry in page { history.take(entry) }
            guard page.count == 200, let last = page.last else { return history }
            since = last.draft.seq
        }
    }

    /// A new configuration is in force.
    func reconfigure(_ settings: UpstreamSettings, gateway: GatewayConfiguration) {
        self.settings = settings
        self.gateway = gateway
        runner.reconfigure(settings.systems)
    }

    func stop() { transport?.stop(within: 2000) }

    // MARK: Time and events

    /// When something is due although nothing happens.
    var nextWake: Uptime? {
        if runner.hasActions || !messages.isEmpty { return Uptime(microseconds: 0) }
        return [runner.nextWake, settings.redex?.submits == true ? generation.nextLook : nil].compactMap(\.self).min()
    }

    func replied(_ number: UInt64, _ result: HttpsResult) { runner.replied(number, result, at: clock().uptime) }

    func recorded(_ token: UInt64) {
        durable = max(durable, token)
        runner.recorded(token, at: clock().uptime)
        while let first = held.first, first.after <= durable {
            held.removeFirst()
            first.tell()
        }
    }

    /// Does something once every record that was asked for is durable: nobody is told of what is not.
    func whenDurable(_ body: @escaping () -> Void) {
        guard asked > durable else { return body() }
        held.append((asked, body))
    }

    /// A record is durable.
    func note(_ entry: JournalEntry) {
        runner.note(entry)
        switch entry.draft.kind {
        case .meterUp: meterUp(entry)
        case .commandDone, .commandRefused: commandEnded(entry)
        default: break
        }
    }

    /// Time has passed: lets the runner and the regular work go on, and takes what is to be told.
    func advance() -> [Message] {
        runner.wake(at: clock().uptime)
        lookAtGeneration()
        catchUpEvents()
        carryOutAll()
        defer { messages = [] }
        return messages
    }

    /// Everything the runner wants by now.
    func carryOutAll() {
        while runner.hasActions {
            for action in runner.takeActions() { carryOut(action) }
        }
    }

    private func carryOut(_ action: UpstreamAction) {
        switch action {
        case .record(let note):
            asked = note.token
            tell(
                .input(.upstreamRecord(UpstreamRecord(token: note.token, kind: note.kind, name: nil, data: note.data))))
        case .send(let number, let endpoint, let request): send(number, endpoint, request)
        case .settled(let job, let settlement):
            whenDurable { [weak self] in self?.settled(job, settlement) }
        case .progress(let job, let words):
            if case .call(let token, _)? = waiters[job] { tell(.progress(token, words)) }
        }
    }

    private func send(_ number: UInt64, _ endpoint: HttpsEndpoint, _ request: HttpsRequest) {
        if let transport = runningTransport(), transport.send(number, to: endpoint, request) { return }
        let failure = HttpsFailure(kind: .local, mayHaveArrived: false, words: "HTTPS does not run")
        runner.replied(number, .failure(failure), at: clock().uptime)
    }

    /// Started by the first request: a box without upstreams does without the thread.
    private func runningTransport() -> HttpsTransport? {
        if let transport { return transport }
        let fresh = HttpsTransport(deliver: deliver)
        do throws(HttpsStartError) {
            try fresh.start()
            transport = fresh
            return fresh
        } catch {
            log.error("HTTPS is off: \(error)")
            return nil
        }
    }

    // MARK: Jobs

    func tell(_ message: Message) { messages.append(message) }

    /// A job's number, and who waits for it.
    func submit(_ job: UpstreamJob, _ waiter: Waiter) {
        let number = runner.submit(job, at: clock().uptime)
        waiters[number] = waiter
    }

    /// A job of ours that nobody else named.
    func freshID(_ word: String) -> String {
        lastCall += 1
        return "\(word).\(journal.head).\(lastCall)"
    }

    /// A client went away: what only it waited for ends.
    func cancel(_ token: UInt64) {
        let numbers = waiters.compactMap { if case .call(token, _) = $0.value { $0.key } else { nil } }
        for number in numbers.sorted() where runner.abandon(number, at: clock().uptime) { waiters[number] = nil }
    }

    private func settled(_ job: UInt64, _ settlement: UpstreamSettlement) {
        if let waiter = waiters.removeValue(forKey: job) { finish(waiter, settlement) }
    }

    /// Tells how it ended.
    func finish(_ waiter: Waiter, _ settlement: UpstreamSettlement) {
        switch waiter {
        case .inner(let body): body(settlement)
        case .call(let token, let shape): tell(.answer(token, Self.answer(settlement, shape)))
        case .order(let id, let shape):
            let reason: String? = if case .failed(let fault) = settlement { fault.reason } else { nil }
            let answer = Self.answer(settlement, shape).mapError { Self.forCommands($0, reason) }
            tell(.input(.upstream(id: id, answer)))
        }
    }

    private static func answer(
        _ settlement: UpstreamSettlement, _ shape: (JSONObject) -> JSONValue
    ) -> Result<JSONValue, ControlFailure> {
        switch settlement {
        case .done(let result): .success(shape(result))
        case .notYet(let words): .success(shape(["connected": false, "message": .string(words)]))
        case .failed(let fault): .failure(ControlFailure(fault))
        case .parked(let code, let detail):
            .failure(
                ControlFailure(
                    code: "upstream_refused", message: "\(code): \(detail)",
                    hint: "it waits in `meterside outbox show`"))
        }
    }

    /// Commands know the system's own reason, or our word without the prefix.
    private static func forCommands(_ failure: ControlFailure, _ reason: String?) -> ControlFailure {
        let prefix = "upstream_"
        let word = failure.code.hasPrefix(prefix) ? String(failure.code.dropFirst(prefix.utf8.count)) : failure.code
        return ControlFailure(code: reason ?? word, message: failure.message, hint: failure.hint)
    }
}

extension ControlFailure {
    init(_ fault: UpstreamFault) { self.init(code: fault.code, message: fault.message, hint: fault.hint) }
}

/// A list last fetched from a system, in memory.
struct UpstreamCache {
    /// Milliseconds it is good for.
    let life: Int64
    private(set) var fetchedAt: WallTime?
    private(set) var result: JSONObject = [:]

    init(life: Int64) { self.life = life }

    mutating func take(_ result: JSONObject, at time: WallTime) {
        self.result = result
        fetchedAt = time
    }

    /// What was fetched, unless it is too old.
    func fresh(at time: WallTime) -> JSONObject? {
        guard let fetchedAt, (0..<life).contains(time - fetchedAt) else { return nil }
        return result
    }
}
