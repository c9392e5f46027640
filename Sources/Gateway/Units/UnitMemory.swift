import Credit
import Intervals
import Metering

/// How far a meter's register has been charged.
struct ChargePosition: Hashable, Codable, Sendable {
    var meter: MeterSerial
    /// Counts replacements at the meter's place: a register of another epoch says nothing.
    var epoch: Int
    var channel: Channel
    /// Whole units.
    var register: Int64
    /// Energy up to here is charged.
    var at: WallTime

    /// The value of a `unit.setting` record `register`.
    var json: JSONValue {
        [
            "meter": .string(meter.text), "epoch": JSONValue(epoch), "channel": .string(channel.rawValue),
            "register": .integer(register), "at": .string(at.text),
        ]
    }

    init(meter: MeterSerial, epoch: Int, channel: Channel, register: Int64, at: WallTime) {
        self.meter = meter
        self.epoch = epoch
        self.channel = channel
        self.register = register
        self.at = at
    }

    /// Reads a record's members; nil when one is missing or wrong.
    init?(_ object: JSONObject, at time: WallTime?) {
        guard let meter = object["meter"]?.string.flatMap({ MeterSerial($0) }),
            let epoch = object["epoch"]?.integer.flatMap({ Int(exactly: $0) }),
            let channel = object["channel"]?.string.flatMap(Channel.init(rawValue:)),
            let register = object["register"]?.integer, let time
        else { return nil }
        self.init(meter: meter, epoch: epoch, channel: channel, register: register, at: time)
    }
}

/// What a unit is wired to: a test of the switch is worth something only while this stays.
struct UnitWiring: Hashable, Codable, Sendable {
    var meters: [MeterSerial]
    /// Name and driver of the switch, as text that changes with them; empty for none.
    var loadSwitch: String

    init(_ settings: UnitSettings, _ loadSwitch: SwitchSettings?) {
        meters = settings.meters
        self.loadSwitch = loadSwitch.map { "\($0.name) \($0.driver.text)" } ?? ""
    }

    init?(_ value: JSONValue?) {
        guard let names = value?["meters"]?.array, let text = value?["switch"]?.string else { return nil }
        meters = names.compactMap { $0.string.flatMap { MeterSerial($0) } }
        loadSwitch = text
        guard meters.count == names.count else { return nil }
    }

    var json: JSONValue {
        ["meters": .array(meters.map { .string($0.text) }), "switch": .string(loadSwitch)]
    }
}

extension SwitchDriver {
    /// What moves the contact, in words that change with it.
    var text: String {
        switch self {
        case .modbusCoil(let port, let unit, let coil, let feedback):
            "modbus-coil \(port) \(unit.number) \(coil) \(feedback.map { String($0) } ?? "-")"
        case .gpio(let port): "gpio \(port)"
        case .meterRegister(let meter, let register, _, _):
            "meter-register \(meter) \(String(register, radix: 16, uppercase: true))"
        }
    }
}

/// An order to a switch whose end is not in the journal.
struct UnconfirmedOrder: Hashable, Codable, Sendable {
    var closes: Bool
    var reason: SupplyReason
    var seq: Int64
}

/// Everything the journal knows of a payment unit: a fold over its records.
struct UnitMemory: Codable, Sendable {
    struct Decided: Hashable, Codable, Sendable {
        var state: SupplyState
        var reason: SupplyReason
    }

    struct Delay: Hashable, Codable, Sendable {
        var reason: SupplyReason
        var notBefore: WallTime
    }

    var account: CreditAccount
    /// By meter and channel.
    var positions: [ChargePosition] = []
    var wiring: UnitWiring?
    var isTested = false
    var isDisconnectOrdered = false
    var decided: Decided?
    /// The newest reason that is no passing doubt.
    var lastReason: SupplyReason?
    var noticeUntil: WallTime?
    /// A random delay that runs, and what for.
    var delay: Delay?
    var isExhaustionKnown = false
    /// The contact as it was seen last; nil before it was ever seen.
    var isClosed: Bool?
    /// The contact opened, and nobody had ordered it.
    var isSelfOpened = false
    var unconfirmed: UnconfirmedOrder?
    /// A test opened the contact and has not closed it.
    var isTestOpen = false
    /// When the contact moved, the newest six, oldest first.
    var moves: [WallTime] = []
    var remoteDisconnect: WallTime?
    /// Records that do not follow from the ones before: the account is not to be trusted.
    var contradiction: String?
    var report: UnitReport
    private(set) var hasBegun = false

    init(id: String, zone: ZoneRules, limits: AccountLimits) {
        account = CreditAccount(unit: id, zone: zone, limits: limits)
        report = UnitReport()
    }

    /// Takes a record of this unit.
    mutating func take(_ entry: JournalEntry) {
        let data = entry.draft.data
        switch entry.draft.kind {
        case .supplyDecided: decided(data)
        case .supplyOrdered:
            guard let closes = data["order"]?.string.map({ $0 == "connect" }) else { return }
            unconfirmed = UnconfirmedOrder(
                closes: closes, reason: data["reason"]?.string.flatMap(SupplyReason.init(rawValue:)) ?? .test,
                seq: entry.draft.seq)
            if !closes { isTestOpen = unconfirmed?.reason == .test }
        case .supplyConfirmed: confirmed(data, at: entry.draft.at)
        case .supplyContradicted: contradicted(data, at: entry.draft.at)
        case .unitSetting:
            if !setting(data) { credit(entry) }
        default: credit(entry)
        }
    }

    private mutating func decided(_ data: JSONObject) {
        guard let state = data["decided"]?.string.flatMap(SupplyState.init(rawValue:)),
            let reason = data["reason"]?.string.flatMap(SupplyReason.init(rawValue:))
        else { return }
        decided = Decided(state: state, reason: reason)
        noticeUntil = data["notice_until"]?.string.flatMap { WallTime(text: $0) }
        if let until = data["not_before"]?.string.flatMap({ WallTime(text: $0) }) {
            delay = Delay(reason: reason, notBefore: until)
        } else if data["held"] != true || !reason.isDoubt {
            delay = nil
        }
        if !reason.isDoubt { lastReason = reason }
    }

    private mutating func confirmed(_ data: JSONObject, at time: WallTime) {
        guard let observed = data["observed"]?.string else { return }
        let closed = observed == SupplyState.connected.rawValue
        if isClosed != nil, isClosed != closed {
            noteMove(at: time)
            if !closed, [.order, .forceOff].contains(unconfirmed?.reason) { remoteDisconnect = time }
        }
        isClosed = closed
        isSelfOpened = false
        if closed { isTestOpen = false }
        if unconfirmed?.closes == closed || data["ordered_seq"] == nil { unconfirmed = nil }
    }

    private mutating func contradicted(_ data: JSONObject, at time: WallTime) {
        if let observed = data["observed"]?.string {
            let closed = observed == SupplyState.connected.rawValue
            if isClosed != nil, isClosed != closed { noteMove(at: time) }
            isClosed = closed
        }
        isSelfOpened = data["why"] == "self_opened"
        unconfirmed = nil
    }

    private mutating func noteMove(at time: WallTime) {
        moves.append(time)
        if moves.count > SwitchHistory.mostPerHour { moves.removeFirst() }
    }

    /// The gateway's own settings of a unit; false for those of the catalogue.
    private mutating func setting(_ data: JSONObject) -> Bool {
        let value = data["value"]
        switch data["setting"]?.string {
        case "wiring":
            let new = UnitWiring(value)
            if let new { positions.removeAll { !new.meters.contains($0.meter) } }
            wiring = new
            isTested = false
        case "tested": isTested = value?["passed"]?.bool ?? false
        case "disconnect_order": isDisconnectOrdered = value?.bool ?? false
        case "register":
            guard let object = value?.object,
                let position = ChargePosition(object, at: object["at"]?.string.flatMap { WallTime(text: $0) })
            else { return true }
            set(position)
        default: return false
        }
        return true
    }

    mutating func set(_ position: ChargePosition) {
        positions.removeAll { $0.meter == position.meter && $0.channel == position.channel }
        positions.append(position)
    }

    private mutating func credit(_ entry: JournalEntry) {
        let data = entry.draft.data
        do throws(CreditError) {
            guard let event = try CreditEvent.read(kind: entry.draft.kind, data: data, at: entry.draft.at) else {
                return
            }
            hasBegun = true
            do throws(CreditError) {
                try account.apply(event)
            } catch {
                try account.applyAsRecorded(event)
            }
            report.add(event)
            note(event, data)
        } catch {
            if case .contradiction(let why) = error {
                contradiction = contradiction ?? "record \(entry.draft.seq): \(why)"
            } else {
                contradiction = contradiction ?? "record \(entry.draft.seq) leads out of the ledger's range"
            }
        }
    }

    private mutating func note(_ event: CreditEvent, _ data: JSONObject) {
        switch event.change {
        case .charged(let charge):
            switch charge.cause {
            case .energy(_, _, let until), .export(_, _, let until):
                if let position = ChargePosition(data, at: until) { set(position) }
            case .standing, .timeDebt, .deduction: break
            }
        case .low(.exhausted): isExhaustionKnown = true
        case .low(.usable): isExhaustionKnown = false
        case .mode(.factory): positions = []
        default: break
        }
    }

    /// When the contact moved, in this boot's uptime. Without a trusted clock as little time as possible has passed:
    /// limits then last longer, never shorter.
    func history(at moment: Moment, newestAt: WallTime, isTrusted: Bool) -> SwitchHistory {
        let now = isTrusted ? max(moment.wall, newestAt) : newestAt
        func uptime(_ time: WallTime) -> Uptime { moment.uptime + -max(0, now - time) * 1000 }
        return SwitchHistory(moves: moves.map(uptime), remoteDisconnect: remoteDisconnect.map(uptime))
    }
}
