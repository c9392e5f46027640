import Credit
import Drivers
import Intervals
import Metering

/// Whether an order is done, or its switch is still awaited.
enum UnitProgress: Sendable {
    case done(Outcome)
    /// `UnitHub.takeFinished` gives the end.
    case waiting
}

/// The payment units of the box, in the order of the configuration, each with its account, its supply and its switch.
struct UnitHub: Sendable {
    var units: [ManagedUnit] = []
    /// What the journal knows of units, until they are made.
    private var memories: [UnitMemory] = []
    /// Units that the configuration does not name any more: their accounts stay.
    private var parked: [ManagedUnit] = []
    /// The newest interval of each meter, from the journal.
    private var intervals: [Interval] = []
    private var newestAt: WallTime
    private var wakes = WakeQueue(count: 0)
    /// Units with a job for a port.
    private var due: [Int] = []
    /// Ports on which a unit wants something; the agent takes them.
    private(set) var touchedPorts: [PortID] = []
    /// Meters that are to be read now; the agent takes them.
    private(set) var wantedPolls: [MeterSerial] = []
    /// The box is in its safe state, or records cannot be made durable.
    var holdsSupply = false
    private var box: BoxSettings
    /// Wall time less uptime, milliseconds, in the last turn: calendars are looked at anew after a step.
    private var offset: Int64?
    private var wasHeld: Bool?

    init(_ configuration: GatewayConfiguration, recovered: RecoveredState) {
        box = configuration.box
        newestAt = recovered.newestAt
        intervals = recovered.intervals
        memories = recovered.units?.units ?? []
    }

    /// The configured units, in the order of the file.
    var ids: [String] { units.map(\.id) }

    /// What units must know of the agent's state.
    func context(_ clock: ClockTrust) -> UnitContext {
        UnitContext(
            box: box.id, zone: box.zone, trusted: clock.isTrusted, uncertainty: clock.uncertainty,
            holdsSupply: holdsSupply, length: Int64(box.intervalMinutes) * 60_000)
    }

    func index(of id: String) -> Int? { units.firstIndex { $0.id == id } }

    /// Meters that some unit is charged by.
    func isBilled(_ meter: MeterSerial) -> Bool { units.contains { $0.settings.meters.contains(meter) } }

    // MARK: Configuration

    /// Makes the units of a configuration. A unit that stays keeps its state; one that goes keeps its account.
    mutating func install(
        _ configuration: GatewayConfiguration, intervals: [Interval], clock: ClockTrust, turn: inout Turn
    ) {
        box = configuration.box
        self.intervals = intervals
        let context = context(clock)
        parked += units
        units = []
        wakes = WakeQueue(count: configuration.units.count)
        due = []
        for settings in configuration.units {
            let loadSwitch = configuration.switches.first { $0.name == settings.loadSwitch }
            if let known = parked.firstIndex(where: { $0.id == settings.id }) {
                var unit = parked.remove(at: known)
                unit.reconfigure(settings, loadSwitch, turn: &turn, context)
                units.append(unit)
                continue
            }
            let known = memories.firstIndex { $0.account.unit == settings.id }.map { memories.remove(at: $0) }
            var unit = ManagedUnit(
                settings, loadSwitch,
                memory: known ?? UnitMemory(id: settings.id, zone: box.zone, limits: settings.limits),
                newestAt: newestAt, context, at: turn.moment)
            unit.begin(known, intervals, turn: &turn, context)
            units.append(unit)
        }
        for index in units.indices { finish(index, turn: &turn, context) }
        for index in parked.indices { parked[index].interruptTest(turn: &turn) }
    }

    // MARK: What happens

    /// Lets one unit act, then notes what it wants.
    private mutating func with(
        _ index: Int, turn: inout Turn, _ context: UnitContext,
        _ body: (inout ManagedUnit, inout Turn) -> Void
    ) {
        body(&units[index], &turn)
        finish(index, turn: &turn, context)
    }

    private mutating func finish(_ index: Int, turn: inout Turn, _ context: UnitContext) {
        if units[index].needsRefresh {
            units[index].needsRefresh = false
            units[index].refresh(turn: &turn, context)
        }
        units[index].show(turn: &turn)
        wantedPolls += units[index].wantedPolls
        units[index].wantedPolls = []
        if units[index].isDue(at: turn.moment.uptime) {
            if !due.contains(index) { due.append(index) }
            touchedPorts += units[index].ports
        }
        wakes.set(index, at: units[index].nextWake(after: turn, context))
    }

    /// When a unit wants its turn although nothing happens.
    var nextWake: Uptime? { wakes.earliest }

    /// Whoever wanted a turn by now gets it; all do when the clock's trust, or the wall clock itself, has changed.
    mutating func wake(clock: ClockTrust, isUp: (PortID) -> Bool, turn: inout Turn) {
        guard !units.isEmpty else { return }
        let context = context(clock)
        let now = turn.moment.wall.milliseconds - turn.moment.uptime.microseconds / 1000
        let hasStepped = offset.map { (now - $0).magnitude > 1000 } ?? false
        offset = now
        let isHeld = !context.trusted || context.holdsSupply
        if hasStepped || wasHeld != isHeld {
            wasHeld = isHeld
            for index in units.indices { wakes.set(index, at: turn.moment.uptime) }
        }
        while let index = wakes.popDue(at: turn.moment.uptime) {
            units[index].portMissed(isUp: isUp, turn: &turn, context)
            units[index].fillGaps(turn: &turn, context)
            units[index].advanceTest(turn: &turn, context)
            units[index].refresh(turn: &turn, context)
            finish(index, turn: &turn, context)
        }
    }

    /// Something happened to a meter.
    mutating func observe(_ status: MeterStatus, _ news: [MeterNews], clock: ClockTrust, turn: inout Turn) {
        let context = context(clock)
        for index in units.indices where units[index].settings.meters.contains(status.serial) {
            with(index, turn: &turn, context) { unit, turn in
                unit.observe(status, news, turn: &turn, context)
                unit.advanceTest(turn: &turn, context)
                unit.refresh(turn: &turn, context)
            }
        }
    }

    // MARK: Ports

    mutating func takeTouchedPorts() -> [PortID] {
        defer { touchedPorts = [] }
        return touchedPorts
    }

    mutating func takeWantedPolls() -> [MeterSerial] {
        defer { wantedPolls = [] }
        return wantedPolls
    }

    /// The next job for a port, which has room.
    mutating func nextJob(
        on port: PortID, request: UInt64, clock: ClockTrust, turn: inout Turn
    ) -> BusOperation? {
        guard !due.isEmpty else { return nil }
        let context = context(clock)
        // Orders before looks.
        let orders = due.filter { units[$0].load?.isOrderDue == true }
        let waiting = orders + due.filter { units[$0].load?.isOrderDue != true }
        for index in waiting where units[index].ports.contains(port) {
            let job = units[index].nextJob(on: port, request: request, turn: &turn, context)
            if !units[index].isDue(at: turn.moment.uptime) { due.removeAll { $0 == index } }
            finish(index, turn: &turn, context)
            if let job { return job }
        }
        return nil
    }

    /// The answer to a unit's job.
    mutating func take(_ reply: BusReply, clock: ClockTrust, turn: inout Turn) {
        let context = context(clock)
        for index in units.indices {
            if units[index].load?.request == reply.id {
                return with(index, turn: &turn, context) { unit, turn in
                    let news = unit.load?.take(reply.outcome, at: reply.at)
                    if let news {
                        unit.take(news, turn: &turn, context)
                    } else {
                        unit.act(turn: &turn, context)
                    }
                }
            }
            if units[index].buttons?.request == reply.id {
                return with(index, turn: &turn, context) { unit, turn in
                    for button in unit.buttons?.take(reply.outcome, at: turn.moment.uptime) ?? [] {
                        try? unit.press(button, turn: &turn, context)
                    }
                }
            }
        }
    }

    mutating func portDown(_ port: PortID, clock: ClockTrust, turn: inout Turn) {
        let context = context(clock)
        for index in units.indices where units[index].ports.contains(port) {
            if units[index].load?.port == port { units[index].load?.portDown(at: turn.moment.uptime) }
            if units[index].buttons?.settings.port == port { units[index].buttons?.portDown() }
            finish(index, turn: &turn, context)
        }
    }

    mutating func portUp(_ port: PortID, clock: ClockTrust, turn: inout Turn) {
        let context = context(clock)
        for index in units.indices where units[index].ports.contains(port) {
            if units[index].load?.port == port { units[index].load?.portUp(at: turn.moment.uptime) }
            finish(index, turn: &turn, context)
        }
    }

    // MARK: For others

    /// Changes one unit on behalf of somebody; nil for an unknown unit.
    mutating func change<Result>(
        _ id: String, clock: ClockTrust, turn: inout Turn,
        _ body: (inout ManagedUnit, inout Turn, UnitContext) throws(Refusal) -> Result
    ) throws(Refusal) -> Result? {
        guard let index = index(of: id) else { return nil }
        let context = context(clock)
        defer { finish(index, turn: &turn, context) }
        return try body(&units[index], &turn, context)
    }

    /// Ends of orders that were waited for, since this was last asked.
    mutating func takeFinished() -> [(id: String, result: Result<Outcome, Refusal>)] {
        var all: [(id: String, result: Result<Outcome, Refusal>)] = []
        for index in units.indices where !units[index].finished.isEmpty {
            all += units[index].finished
            units[index].finished = []
        }
        return all
    }
}
