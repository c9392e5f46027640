import Drivers
import Metering

/// The agent as one value: inputs in, effects out, no clock and no I/O. It only dispatches; each subject is its own
/// value in its own file.
public struct Agent: Sendable {
    /// Overdue intervals are looked for this often, microseconds: with every poll, as far as that is 30 s to 5 minutes.
    var sweepInterval: Int64 {
        let shortest = configuration.meters.map(\.pollSeconds).min() ?? 30
        return Int64(min(max(shortest, 30), 300)) * 1_000_000
    }

    var configuration: GatewayConfiguration
    var clock: ClockTrust
    var desk: Desk
    var units: UnitHub
    var delivery: Delivery
    var slots: SlotClock
    var storage = StorageWatch()
    /// The home area network; nil without `[han]`.
    var han: HanLink?
    var identity = IdentityWatch()
    /// In the order of the configuration.
    var meters: [ManagedMeter] = []
    /// In the order of the configuration, then ports that only a scan uses.
    var ports: [PortScheduler] = []
    /// Looked up only, never iterated.
    var portIndices: [PortID: Int] = [:]
    /// Meters that payment units are charged by.
    var billed: [Int] = []
    var wakes = WakeQueue(count: 0)
    var scans: [ScanRun] = []
    /// Ports on which something changed in this turn.
    var touched: [Int] = []
    var lastRequest: UInt64 = 0
    var nextSweep = Uptime(microseconds: 0)
    var recovered: RecoveredState
    private let verify: SignatureCheck
    private var head: Int64
    private var newestAt: WallTime
    private var newestRecordAt: WallTime
    var recordClock: RecordClock
    private var isStarted = false
    private var isStopped = false
    private var boundaryAt = Uptime(microseconds: 0)

    /// `verify` is the signature check the edge lends: the pure layers hold no cipher.
    public init(configuration: GatewayConfiguration, recovered: RecoveredState, verify: @escaping SignatureCheck) {
        self.configuration = configuration
        self.recovered = recovered
        self.verify = verify
        head = recovered.head
        newestAt = recovered.newestAt
        newestRecordAt = recovered.newestAt
        let box = configuration.box
        recordClock = RecordClock(newestAt: recovered.newestAt, builtAt: box.builtAt)
        clock = ClockTrust(configuration: box, newestAt: recovered.newestAt)
        desk = Desk(
            box: box.id, keys: recovered.keys, revoked: recovered.revokedKeys, counters: recovered.counters,
            scheduled: recovered.scheduled, unfinished: recovered.unfinished, begun: recovered.begun,
            memory: recovered.units?.desk ?? DeskMemory(), verify: verify)
        desk.systems = Self.systems(of: configuration)
        desk.version = box.version
        units = UnitHub(configuration, recovered: recovered)
        delivery = Delivery(
            box: box.id, version: box.version, acknowledged: recovered.acknowledged, hasMqtt: box.hasMqtt)
        slots = SlotClock(builtAt: box.builtAt, intervalMinutes: box.intervalMinutes)
    }

    /// When the agent wants its next `wake`; nil for never. Before its first turn that is at once.
    public var nextWake: Uptime? {
        guard isStarted, !isStopped else { return isStopped ? nil : Uptime(microseconds: 0) }
        var earliest = min(boundaryAt, nextSweep)
        if let time = wakes.earliest { earliest = min(earliest, time) }
        if let time = clock.nextWake { earliest = min(earliest, time) }
        if let time = desk.nextWake { earliest = min(earliest, time) }
        if let time = delivery.nextWake { earliest = min(earliest, time) }
        if let time = units.nextWake { earliest = min(earliest, time) }
        if let time = han?.nextWake { earliest = min(earliest, time) }
        return earliest
    }

    /// Keys in force: commands change them.
    public var signingKeys: [SigningKey] { desk.keys }

    /// Highest sequence the cloud has acknowledged.
    public var acknowledged: Int64 { delivery.acknowledged }

    /// Takes one input and says what is to be done, in order.
    public mutating func handle(_ input: Input, at moment: Moment) -> [Effect] {
        guard !isStopped else { return [] }
        if configuration.box.unconfigured, case .reconfigure(let new, let keys) = input, !new.box.unconfigured {
            return commission(new, keys: keys, at: moment)
        }
        var turn = Turn(
            moment: moment, head: head, newestAt: newestAt, newestRecordAt: newestRecordAt,
            isConnected: delivery.isConnected,
            latest: recordClock.latest(at: moment, isVouchedFor: clock.isVouchedFor(at: moment)))
        let isFirst = !isStarted
        if isFirst { start(turn: &turn) }
        clock.observe(turn: &turn)
        if isFirst { installUnits(turn: &turn) }
        let passedBoundary = slots.observe(moment, isTrusted: clock.isTrusted, newestRecord: newestAt)
        if passedBoundary { boundaryPassed(turn: turn) }
        take(input, turn: &turn)
        runDue(turn: &turn)
        runUnits(turn: &turn)
        runDesk(turn: &turn)
        runHan(turn: &turn)
        settleUnits(turn: &turn)
        dispatch(turn: &turn)
        closeUnits(turn: &turn)
        dispatch(turn: &turn)
        delivery.advance(turn: &turn)
        boundaryAt = slots.boundaryUptime(moment)
        recordClock.settle(at: moment, isTrusted: clock.isTrusted)
        // Without a configuration nothing is recorded: the first record will name the box.
        if configuration.box.unconfigured { return turn.effects.filter { !$0.isAppend } }
        head = turn.head
        newestAt = turn.newestAt
        newestRecordAt = turn.newestRecordAt
        return turn.effects
    }

    /// The box gets its first configuration: it starts anew with it.
    private mutating func commission(
        _ new: GatewayConfiguration, keys: [SigningKey], at moment: Moment
    ) -> [Effect] {
        let ended = scans.map { Effect.answer(token: $0.token, .failure(Self.reconfigured)) }
        let requests = lastRequest
        recovered.keys = keys
        self = Agent(configuration: new, recovered: recovered, verify: verify)
        lastRequest = requests
        return ended + handle(.wake, at: moment)
    }

    private mutating func start(turn: inout Turn) {
        isStarted = true
        if head == 0 { turn.append(.boxCreated, ["box": .string(configuration.box.id)]) }
        turn.append(
            .boxStarted,
            [
                "version": .string(configuration.box.version), "meters": JSONValue(configuration.meters.count),
                "ports": JSONValue(configuration.ports.count),
            ])
        nextSweep = turn.moment.uptime + sweepInterval
        install(turn: &turn)
    }

    private mutating func take(_ input: Input, turn: inout Turn) {
        switch input {
        case .wake: break
        case .reply(let reply): take(reply, turn: &turn)
        case .portUp(let port): portUp(port, turn: &turn)
        case .portDown(let port, let text): portDown(port, text, turn: &turn)
        case .mqttConnected:
            delivery.connected(turn: &turn)
            for meter in meters.indices { meters[meter].brokerConnected(turn: &turn) }
        case .mqttDisconnected(let reason): delivery.disconnected(reason: reason, turn: &turn)
        case .receipt(let payload, let retained): delivery.receipt(payload, retained: retained, turn: &turn)
        case .command(let envelope, let token):
            showMetersToDesk(at: turn.moment)
            desk.handle(envelope, token: token, clock: &clock, units: &units, turn: &turn)
        case .request(let request, let token): take(request, token: token, turn: &turn)
        case .cancel(let token): cancel(token, turn: &turn)
        case .han(let event): take(event, turn: &turn)
        case .upstream(let id, let result): takeUpstream(id, result, turn: &turn)
        case .upstreamRecord(let record):
            turn.append(record.kind, key: record.name.map { .name($0) } ?? .sequence, record.data)
            turn.emit(.upstreamRecorded(record.token))
        case .reconfigure(let configuration, let keys): reconfigure(configuration, keys: keys, turn: &turn)
        case .identityClash: identity.takenOver(turn: &turn)
        case .storage(let state): storage.take(state, turn: &turn)
        case .stop:
            logOff(turn: &turn)
            turn.append(.boxStopped, ["version": .string(configuration.box.version)])
            isStopped = true
        }
    }
}

extension Effect {
    fileprivate var isAppend: Bool { if case .append = self { true } else { false } }
}
