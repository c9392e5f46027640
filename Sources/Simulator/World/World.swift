import Drivers
import Gateway
import Metering

/// A box with meters, wires, clocks and a cloud, all from one seed and in virtual time: the same seed gives the same
/// journal, byte for byte.
public struct World: Sendable {
    /// What can happen to the box; each at random times, so often a day.
    public struct Trouble: Hashable, Sendable {
        public var wires: WireFaults
        public var unplugs: Int
        public var clockSteps: Int
        public var cloudOutages: Int
        public var restarts: Int
        public var silences: Int
        public var strangers: Int
        public var resets: Int
        public var forgeries: Int

        public init(
            wires: WireFaults = WireFaults(), unplugs: Int = 0, clockSteps: Int = 0, cloudOutages: Int = 0,
            restarts: Int = 0, silences: Int = 0, strangers: Int = 0, resets: Int = 0, forgeries: Int = 0
        ) {
            self.wires = wires
            self.unplugs = unplugs
            self.clockSteps = clockSteps
            self.cloudOutages = cloudOutages
            self.restarts = restarts
            self.silences = silences
            self.strangers = strangers
            self.resets = resets
            self.forgeries = forgeries
        }

        /// Nothing ever goes wrong.
        public static let none = Trouble()
        /// A bad day, every day.
        public static let bad = Trouble(
            wires: .poor, unplugs: 4, clockSteps: 2, cloudOutages: 4, restarts: 3, silences: 6, strangers: 1,
            resets: 1, forgeries: 6)
    }

    /// Things that happen at their time.
    enum Event: Sendable {
        case reply(BusReply, life: Int)
        case receipt
        case plug(Int)
        case connect
        case trouble
        case start
    }

    struct Scheduled: Sendable {
        var at: Int64
        var order: Int
        var event: Event
    }

    public internal(set) var configuration: GatewayConfiguration
    public internal(set) var clock: WorldClock
    public internal(set) var journal = WorldJournal()
    public internal(set) var cloud = WorldCloud()
    public internal(set) var meters: [WorldMeter]
    /// Answers to control requests by their order of arrival.
    public internal(set) var answers: [(token: UInt64, result: Result<JSONValue, ControlFailure>)] = []
    public internal(set) var progress: [(token: UInt64, value: JSONValue)] = []
    /// Requests handed to wires.
    public internal(set) var requestCount = 0
    /// Every exchange while `isTracing`, and when each meter's live values were published, microseconds.
    public internal(set) var trace: [WorldExchange] = []
    public internal(set) var livePublished: [(topic: String, at: Int64)] = []
    public var isTracing = false
    var wires: [WorldWire]
    var trouble: Trouble
    var chance: SeededGenerator
    var agent: Agent?
    /// Counts starts: replies for an earlier life are lost.
    var life = 0
    private var events: [Scheduled] = []
    private var order = 0

    /// The world of the seed: an Atlas and a Genius meter on one wire, two Modbus meters on another.
    public init(
        seed: UInt64, intervalMinutes: Int = 5, pollSeconds: Int = 30, trouble: Trouble = .none,
        start: WallTime = WallTime(seconds: 1_772_440_000)
    ) {
        let configuration = Self.configuration(
            intervalMinutes: intervalMinutes, pollSeconds: pollSeconds, builtAt: start + -86_400_000)
        self.init(seed: seed, configuration: configuration, trouble: trouble, start: start)
    }

    /// A world around any configuration; every meter gets a household of its own.
    public init(seed: UInt64, configuration: GatewayConfiguration, trouble: Trouble, start: WallTime) {
        self.configuration = configuration
        self.trouble = trouble
        chance = SeededGenerator(seed: seed)
        clock = WorldClock(start: start)
        var meters: [WorldMeter] = []
        for (index, settings) in configuration.meters.enumerated() {
            let load = HouseholdLoad(seed: chance.next(), hasSolar: index % 2 == 1)
            meters.append(
                WorldMeter(settings: settings, load: load, surveyMinutes: configuration.box.intervalMinutes))
        }
        self.meters = meters
        let widths = configuration.meters.flatMap { $0.model.registers.compactMap(\.rollover) }
        journal.registerWidth = widths.max() ?? journal.registerWidth
        wires = configuration.ports.map { port in
            var wire = WorldWire(
                settings: port, meters: configuration.meters.indices.filter { configuration.meters[$0].port == port.id }
            )
            wire.faults = trouble.wires
            return wire
        }
        schedule(.start, after: 0)
        schedule(.connect, after: 2_000_000)
        planTrouble()
    }

    // MARK: Time

    /// Lets the world go on for so many seconds.
    public mutating func run(seconds: Int64) {
        let end = clock.elapsed + seconds * 1_000_000
        while true {
            let wake = agent?.nextWake.map { max($0.microseconds, clock.elapsed) }
            let event = events.first?.at
            guard let next = [wake, event].compactMap(\.self).min(), next <= end else { break }
            clock.advance(to: next)
            if let event, event <= next {
                happen(events.removeFirst().event)
            } else {
                tell(.wake)
            }
        }
        clock.advance(to: end)
    }

    mutating func schedule(_ event: Event, after microseconds: Int64) {
        order += 1
        let item = Scheduled(at: clock.elapsed + microseconds, order: order, event: event)
        let place = events.firstIndex { ($0.at, $0.order) > (item.at, item.order) } ?? events.endIndex
        events.insert(item, at: place)
    }

    /// Gives the agent an input and carries out what it wants.
    public mutating func tell(_ input: Input) {
        guard let effects = agent?.handle(input, at: clock.moment) else { return }
        for case .append(let draft) in effects { journal.append(draft) }
        for effect in effects { carryOut(effect) }
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .bus(let request): carryOut(request)
        case .publish(let message):
            guard message.topic.hasSuffix("/live") else { return }
            cloud.liveCount += 1
            if isTracing { livePublished.append((message.topic, clock.elapsed)) }
        case .sendJournal(let from, let to):
            cloud.receive(from: from, to: to)
            schedule(.receipt, after: WorldCloud.delay)
        case .saveCursor(let seq): journal.acknowledged = max(journal.acknowledged, seq)
        case .answer(let token, let result): answers.append((token, result))
        case .progress(let token, let value): progress.append((token, value))
        default: break
        }
    }

    private mutating func carryOut(_ request: BusRequest) {
        requestCount += 1
        guard let index = wires.firstIndex(where: { $0.settings.id == request.port }) else { return }
        let began = max(clock.elapsed, wires[index].busyUntil)
        let (outcome, at) = wires[index].carryOut(
            request, at: clock.elapsed, clock: clock, meters: &meters, chance: &chance)
        if isTracing {
            trace.append(WorldExchange(request, givenAt: clock.elapsed, beganAt: began, doneAt: at))
        }
        let reply = BusReply(id: request.id, port: request.port, outcome: outcome, at: clock.moment(at: at))
        schedule(.reply(reply, life: life), after: at - clock.elapsed)
    }

    private mutating func happen(_ event: Event) {
        switch event {
        case .reply(let reply, let owner):
            // The wall clock may have stepped since the request went out.
            let stamped = BusReply(id: reply.id, port: reply.port, outcome: reply.outcome, at: clock.moment)
            if owner == life { tell(.reply(stamped)) }
        case .receipt:
            if cloud.isConnected { tell(.receipt(cloud.receipt, retained: false)) }
        case .plug(let wire): plug(wire)
        case .connect:
            cloud.connect()
            tell(.mqttConnected)
        case .trouble: strike()
        case .start: startBox()
        }
    }
}
