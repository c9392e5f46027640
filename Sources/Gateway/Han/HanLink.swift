import Drivers
import Metering

typealias HanJoinGroup = HanJoinState.Group

/// The box's place in the home area network: the adapter, what the meter says over it, and the binding.
struct HanLink: Sendable {
    private(set) var settings: HanSettings
    var binding: HanBinding
    var session = HanSession()
    var drift = HanDrift()
    var readings = HanReadings()
    /// Why the adapter's device is not open; nil while it is.
    var downText: String? = "not opened yet"
    var join = HanJoinState("")
    /// What people were told last.
    private(set) var group = HanJoinGroup.unknown
    var damage: Int64 = 0
    var fragments: Int64 = 0
    var warnings: Int64 = 0
    /// Neither answers nor says anything.
    private(set) var isDumb = false
    private var heardAt = Uptime(microseconds: 0)
    /// Ends of commands for the desk.
    var finished: [(id: String, result: Result<Outcome, Refusal>)] = []
    /// The command whose upstream answer is awaited, and what it wants.
    var pending: Pending?
    private var polls = HanPolls()
    /// Whose register is compared.
    private var driftMeter: EUI64?
    private var told = RateLimit(limit: 20, seconds: 3600)
    private var toldBinding: Told

    /// What the newest record says of the binding.
    private struct Told: Hashable, Sendable {
        var state: HanBinding.State
        var by: String?

        init(_ binding: HanBinding) {
            state = binding.state
            by = binding.by
        }
    }

    /// Silence after which an adapter that does not answer either is dumb, microseconds.
    private static let patience: Int64 = 120_000_000

    /// What is asked of PowerBox.
    struct Pending: Hashable, Sendable {
        enum Step: Hashable, Sendable { case bind, unbind, unbindThenBind }

        /// The upstream order's id, and the command's.
        var id: String
        var command: String
        var step: Step
        /// An answer that is not there by then is lost.
        var deadline: Uptime
    }

    /// - Parameter record: `data` of the newest `han.state` record.
    init(_ settings: HanSettings, record: JSONObject?, at moment: Moment) {
        self.settings = settings
        binding = record.map { HanBinding(record: $0, at: moment) } ?? HanBinding(at: moment)
        toldBinding = Told(binding)
        binding.use(meter: settings.meter?.text, at: moment)
        if let group = record?["state"]?.string.flatMap(HanJoinGroup.init(rawValue:)) { self.group = group }
    }

    /// Takes another configuration for the same adapter, whose thread goes on.
    mutating func reconfigure(_ new: HanSettings, turn: inout Turn) {
        if new.meter != settings.meter { drift.reset() }
        settings = new
        binding.use(meter: new.meter?.text, at: turn.moment)
        tellBinding(turn: &turn)
    }

    var isBound: Bool { group == .bound && downText == nil && !isDumb }

    /// When time alone changes something.
    var nextWake: Uptime? {
        let waits = [binding.nextWake, pending?.deadline].compactMap(\.self).min()
        guard downText == nil else { return waits }
        let polling = session.isSilent ? nil : polls.nextWake(isBound: isBound)
        return [session.nextWake, polling, waits].compactMap(\.self).min()
    }

    // MARK: Adapter

    mutating func take(_ event: HanEvent, revenue: HanRevenue?, turn: inout Turn) {
        switch event {
        case .up:
            downText = nil
            heardAt = turn.moment.uptime
            session.reset(at: turn.moment.uptime)
            polls.restart(at: turn.moment.uptime)
        case .down(let text):
            downText = text
            join = HanJoinState("")
            tell(.unknown, turn: &turn)
        case .damage:
            damage += 1
            session.takeDamage(at: turn.moment.uptime)
        case .fragment(let fragment):
            fragments += 1
            heardAt = turn.moment.uptime
            isDumb = false
            let wasSilent = session.isSilent
            _ = session.take(fragment)
            if wasSilent, !session.isSilent { polls.restart(at: turn.moment.uptime) }
            take(fragment, revenue: revenue, turn: &turn)
        }
        advance(turn: &turn)
    }

    mutating func wake(turn: inout Turn) {
        guard let due = nextWake, due <= turn.moment.uptime else { return }
        if let pending, pending.deadline <= due {
            _ = takeUpstream(id: pending.id, .failure(Self.noAnswer), turn: &turn)
        }
        binding.advance(at: turn.moment)
        tellBinding(turn: &turn)
        advance(turn: &turn)
    }

    private mutating func advance(turn: inout Turn) {
        guard downText == nil else { return }
        if !session.isSilent {
            for command in polls.due(at: turn.moment.uptime, isBound: isBound) { session.order(command) }
        }
        let (write, _) = session.advance(at: turn.moment.uptime)
        for bytes in write { turn.emit(.han(bytes)) }
        // Some adapters are slow to answer while they report by themselves: those are not dumb.
        isDumb = session.isSilent && turn.moment.uptime - heardAt > Self.patience
        if isDumb, group != .unknown {
            join = HanJoinState("")
            tell(.unknown, turn: &turn)
        }
    }

    // MARK: What it says

    private mutating func take(_ fragment: HanFragment, revenue: HanRevenue?, turn: inout Turn) {
        let isProof = readings.take(fragment, at: turn.moment)
        switch fragment {
        case .connection(let connection):
            join = connection.state
            tell(connection.state.group, turn: &turn)
        case .summation(let summation):
            if isProof { proveData(turn: &turn) }
            if let revenue { compare(summation, revenue, turn: &turn) }
        case .demand:
            if isProof { proveData(turn: &turn) }
        case .warning: warnings += 1
        default: break
        }
    }

    private mutating func proveData(turn: inout Turn) {
        binding.sawData(at: turn.moment)
        tellBinding(turn: &turn)
    }

    /// A new state of the radio is told once; a radio that flaps is told twenty times an hour.
    private mutating func tell(_ new: HanJoinGroup, turn: inout Turn) {
        let old = group
        group = new
        binding.saw(new, at: turn.moment)
        if new == .bound, old != .bound {
            polls.restart(at: turn.moment.uptime)
        }
        if tellBinding(turn: &turn) || new == old { return }
        guard told.admit(at: turn.moment.uptime) else { return }
        turn.append(.hanState, record(what: "join", was: old))
    }

    /// Appends a record when the binding's state has changed.
    @discardableResult
    mutating func tellBinding(key: Turn.KeyRule = .sequence, turn: inout Turn) -> Bool {
        guard Told(binding) != toldBinding else { return false }
        toldBinding = Told(binding)
        turn.append(.hanState, key: key, record(what: "bind", was: nil))
        return true
    }

    /// `han.state`: all of it every time, so that the newest record is enough after a restart.
    func record(what: String, was: HanJoinGroup?) -> JSONObject {
        var data: JSONObject = [
            "what": .string(what), "state": .string(group.rawValue), "status": .string(join.text),
            "bind": binding.json, "device": JSONValue(readings.device?.device?.text),
            "coordinator": JSONValue(readings.connection?.coordinator?.text),
            "channel": JSONValue(readings.connection?.channel),
            "link_strength": JSONValue(readings.connection?.linkStrength),
        ]
        if let was { data["was"] = .string(was.rawValue) }
        if let downText { data["message"] = .string(downText) }
        return data
    }

    // MARK: Drift

    private mutating func compare(_ summation: HanSummation, _ revenue: HanRevenue, turn: inout Turn) {
        guard isBound, case .success(let energy) = summation.delivered,
            let wattHours = energy.scaled(power: 3)?.flooredInteger
        else { return }
        if summation.meter != driftMeter {
            drift.reset()
            driftMeter = summation.meter
        }
        let step = summation.step?.scaled(power: 3)?.flooredInteger ?? 1
        switch drift.take(han: wattHours, step: max(1, step), revenue: revenue, at: turn.moment) {
        case .nothing: break
        case .began(let result): turn.alarm(.hanDrift, describe(result))
        case .ended(let result):
            var data = record(what: "drift", was: nil)
            for (name, value) in describe(result).members { data[name] = value }
            turn.append(.hanState, data)
        }
    }

    func describe(_ result: HanDrift.Result) -> JSONObject {
        [
            "meter": JSONValue(settings.meter?.text), "han_meter": JSONValue(readings.meter?.text),
            "han_advance_wh": .integer(result.hanAdvance), "meter_advance_wh": .integer(result.meterAdvance),
            "difference_wh": .integer(result.difference), "bound_wh": .integer(result.bound),
            "since": .string(result.since.wall.textSeconds),
            "message": .string(
                "since \(result.since.wall.textSeconds) the HAN counted \(result.hanAdvance) Wh, the meter "
                    + "\(result.meterAdvance) Wh: is it the same meter?"),
        ]
    }
}
