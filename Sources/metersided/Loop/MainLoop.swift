import Bus
import CLinux
import Control
import Crypto
import Gateway
import Glibc
import Journal
import Logging
import Metering
import Upstream

/// The one loop: it feeds inputs to the agent and carries out its effects. Everything it owns is used by its thread
/// alone; other threads leave what they have to say in the mailbox.
final class MainLoop {
    /// Inputs handled before their records are made durable together.
    private static let batchLimit = 256

    let options: Options
    let time: SystemTime
    let log: Logger
    private(set) var journal: JournalStore?
    let server: ControlServer
    let bus: BusPorts
    let displays = DisplayWriter()
    let han = HanAdapter()
    var upstreams: UpstreamService?
    /// What turns brought for the agent's next turn.
    var owedArrivals: [Arrival] = []
    var mqtt: MqttTransport?
    var configuration: DaemonConfiguration?
    var agent: Agent
    var sender: JournalSender
    var verifications: [JournalVerification] = []
    private var unitWalk: UnitWalk?
    var captures = Captures()
    var follows = EventFollowers()
    /// Ports opened for a scan that runs.
    var adHocPorts: [(token: UInt64, id: PortID)] = []
    /// Effects of turns that were made to answer somebody at once; they come before those of the next turn.
    var owedEffects: [Effect] = []
    var brokerReason = "no connection yet"
    /// What the walk along the chain found after start; empty while it is sound.
    var journalFault = ""
    private var storage: StorageGauge
    let mailbox = Mailbox<DaemonEvent>(limit: 4096)
    private let manager = ServiceManager()
    private let signals = Signals()
    private(set) var committer = Committer()
    private var limiter = LogLimiter()
    private var isStopping = false
    private var nextPet: Uptime?

    init(
        options: Options, configuration: DaemonConfiguration?, log: Logger
    ) throws(StartFault) {
        self.options = options
        self.configuration = configuration
        self.log = log
        time = try SystemTime(scale: options.timeScale, anchor: options.timeAnchor, pace: options.timePace)
        do throws(ControlError) { server = try ControlServer(runtimeDirectory: options.runtime) } catch {
            throw StartFault(message: error.hint.isEmpty ? error.message : "\(error.message) (\(error.hint))")
        }
        storage = StorageGauge(folder: options.state)
        for note in server.notes { log.notice("\(note)") }
        var opened: OpenedJournal?
        if let configuration { opened = try OpenedJournal(folder: options.state, configuration: configuration) }
        journal = opened?.journal
        unitWalk = opened?.walk
        sender = JournalSender(box: configuration?.gateway.box.id ?? "")
        var unconfigured = GatewayConfiguration.unconfigured
        unconfigured.box.version = ProductVersion.text
        agent = Agent(
            configuration: configuration?.gateway ?? unconfigured, recovered: opened?.recovered ?? .empty,
            verify: Signatures.isValid)
        let mailbox = mailbox
        bus = BusPorts(clock: BusTime(time: time)) { events in mailbox.post(events.map { .bus($0) }) }
        if let journal { verifications = [JournalVerification(journal)] }
    }

    /// Starts with the first configuration that the box ever had.
    func begin(_ configuration: DaemonConfiguration, _ opened: OpenedJournal) {
        self.configuration = configuration
        journal = opened.journal
        unitWalk = opened.walk
        sender = JournalSender(box: configuration.gateway.box.id)
        agent = Agent(configuration: configuration.gateway, recovered: opened.recovered, verify: Signatures.isValid)
        verifications = [JournalVerification(opened.journal)]
        startParts()
    }

    /// Everything that the configuration names.
    private func startParts() {
        for port in configuration?.ports ?? [] { bus.open(port.bus) }
        displays.use(configuration?.displays ?? [])
        startHan()
        startMqtt()
        startUpstreams()
    }

    /// Runs until a signal or an error ends it; returns the exit code.
    func run() -> Int32 {
        startParts()
        var exitCode = handle([.input(.wake)])
        manager.notify("READY=1")
        log.notice("metersided \(ProductVersion.text) runs\(journal == nil ? " unconfigured" : "")")
        while exitCode == nil { exitCode = turn() }
        shutDown()
        return exitCode ?? 0
    }

    /// One turn: wait, gather, handle, carry out.
    private func turn() -> Int32? {
        var polled = server.pollDescriptors + signals.pollDescriptors
        polled.append(pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0))
        time.wait(&polled, until: nextWake)
        let now = time.now().uptime
        petWatchdog(now)
        if let exitCode = handle(gather(polled, now)) { return exitCode }
        if isStopping { return 0 }
        captures.expire(now, bus: bus, server: server)
        verifyOn()
        return foldOn()
    }

    /// Everything that happened, in order: the people at the socket, the wires and the broker, signals, time.
    private func gather(_ polled: [pollfd], _ now: Uptime) -> [Arrival] {
        var arrivals: [Arrival] = []
        for event in server.ready(polled, now: now) {
            switch event {
            case .call(let call): if let input = handle(call) { arrivals.append(.input(input)) }
            case .cancelled(let token):
                cancel(token)
                arrivals.append(.input(.cancel(token: token)))
            }
        }
        let posted = mailbox.take()
        if posted.dropped > 0 { note("mailbox", "\(posted.dropped) events were dropped: the loop is overloaded") }
        for event in posted.items { if let arrival = arrival(of: event) { arrivals.append(arrival) } }
        if signals.take(signals.reload, in: polled), let input = reload(token: nil) { arrivals.append(.input(input)) }
        let fault = journalFault.isEmpty ? nil : journalFault
        if journal != nil, let news = storage.news(isFull: committer.isStalled, fault: fault, at: now) {
            arrivals.append(.input(.storage(news)))
        }
        arrivals += owedArrivals + advanceUpstreams()
        owedArrivals = []
        if let wake = agent.nextWake, wake <= now { arrivals.append(.input(.wake)) }
        if signals.take(signals.stop, in: polled) {
            isStopping = true
            arrivals.append(.input(.stop))
        }
        return arrivals
    }

    private var nextWake: Uptime? {
        let busy = verifications.isEmpty && !isFoldDue ? nil : Uptime(microseconds: 0)
        return [
            agent.nextWake, server.nextWake, committer.nextWake, sender.nextWake, captures.nextWake, nextPet, busy,
            owedArrivals.isEmpty ? upstreams?.nextWake : Uptime(microseconds: 0),
        ].compactMap(\.self).min()
    }

    /// Feeds arrivals to the agent in order, makes their records durable together, and carries out the rest.
    func handle(_ arrivals: [Arrival]) -> Int32? {
        var rest = arrivals[...]
        repeat {
            var effects = owedEffects
            owedEffects = []
            for arrival in rest.prefix(Self.batchLimit) {
                guard let input = input(of: arrival) else { continue }
                effects += agent.handle(input, at: time.now())
            }
            rest = rest.dropFirst(Self.batchLimit)
            if let exitCode = carryOut(effects) { return exitCode }
        } while !rest.isEmpty
        return nil
    }

    /// Commits and carries out the effects of a batch.
    private func carryOut(_ effects: [Effect]) -> Int32? {
        guard let journal else {
            for effect in effects { perform(effect) }
            return nil
        }
        let now = time.now().uptime
        switch committer.commit(effects, to: journal, at: now) {
        case .done(let entries, let effects):
            for entry in entries { announce(entry) }
            for effect in effects { perform(effect) }
        case .waiting(let effects, let refused):
            note("full", "the disk is full: records wait in memory, nothing is acknowledged; free some space")
            for effect in effects { perform(effect) }
            for request in refused { refuse(request) }
        case .fatal(let error):
            log.critical("\(error)")
            return 1
        }
        guard let mqtt else { return nil }
        do throws(JournalError) {
            try sender.pump(journal, at: now) { mqtt.publish(topic: $0, payload: $1, retained: false) }
        } catch {
            log.critical("\(error)")
            return 1
        }
        return nil
    }

    /// The next records of the walks along the chain; the loop does not wait while one is under way.
    private func verifyOn() {
        guard !verifications.isEmpty else { return }
        switch verifications[0].advance(server) {
        case .goesOn: return
        case .sound: journalFault = ""
        case .damaged(let why):
            journalFault = why
            log.critical("the journal is damaged: \(why)")
        }
        verifications.removeFirst()
    }

    private var isFoldDue: Bool { journal.map { unitWalk?.isDue($0) ?? false } ?? false }

    /// The next records of the walk over those of the units; the chain's own walk goes first.
    private func foldOn() -> Int32? {
        guard verifications.isEmpty, isFoldDue, let journal, let gateway = configuration?.gateway,
            case .contradicted = unitWalk?.advance(journal, gateway)
        else { return nil }
        log.critical("the checkpoint of the units is not what the journal says: it is dropped, start again without it")
        return 1
    }

    private func cancel(_ token: UInt64) {
        captures.cancel(token, on: bus)
        follows.cancel(token)
        upstreams?.cancel(token)
        endScan(token)
        verifications.removeAll { $0.isFor(token) }
    }

    private func petWatchdog(_ now: Uptime) {
        guard let interval = manager.watchdogInterval, now >= nextPet ?? now else { return }
        nextPet = now + interval
        manager.notify("WATCHDOG=1")
    }

    /// Logs a complaint, at most once a minute.
    func note(_ key: String, _ text: String) {
        if let line = limiter.pass(key, text, at: time.now().uptime) { log.warning("\(line)") }
    }

    private func shutDown() {
        manager.notify("STOPPING=1")
        displays.stop()
        mqtt?.stop(within: 2000)
        upstreams?.stop()
        han.close()
        _ = bus.shutDown(within: 1_000_000)
        server.close()
        journal?.close()
        log.notice("metersided stopped")
    }
}
