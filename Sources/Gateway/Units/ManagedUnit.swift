import Credit
import Drivers
import Intervals
import Metering

/// What a payment unit must know of the agent's state in a turn.
struct UnitContext: Sendable {
    var box: String
    var zone: ZoneRules
    /// The wall clock is trusted, and how wrong it may be, milliseconds.
    var trusted: Bool
    var uncertainty: Int64
    /// The box is in its safe state, or cannot make records durable: no switch is moved.
    var holdsSupply: Bool
    /// An interval, milliseconds.
    var length: Int64
}

extension Turn {
    func instant(_ context: UnitContext, later milliseconds: Int64 = 0) -> SupplyInstant {
        SupplyInstant(
            wall: recordTime, uptime: moment.uptime, uncertainty: context.uncertainty + milliseconds)
    }
}

/// A meter that a unit is charged by.
struct BilledMeter: Sendable {
    let serial: MeterSerial
    /// Nil until it was heard of.
    var status: MeterStatus?
    var slots: [ChargeSlot] = []
    /// When the newest confirmed reading was made.
    var seen: Uptime?
    /// Until when the journal knows the register, from before the start.
    var knownUntil: WallTime?
    /// No reading was confirmed yet under a clock that is right.
    var isSinceStart = true
    /// What was used up to then is learnt late: a disconnection that follows from it needs a notice.
    var late: (until: WallTime, cause: SupplyCause)?

    init(serial: MeterSerial) { self.serial = serial }

    /// No good reading for so long makes the data stale, microseconds.
    var staleAfter: Int64 { max(300, 10 * Int64(status?.pollSeconds ?? 30)) * 1_000_000 }
}

/// A movement that is decided and not yet ordered.
struct PendingMove: Hashable, Sendable {
    var closes: Bool
    var reason: SupplyReason
    /// The random delay ends then.
    var notBefore: Uptime
    var since: Uptime
    /// A fresh reading was asked for.
    var hasAsked = false
}

/// Somebody waits for the switch.
struct SwitchWaiter: Hashable, Sendable {
    var id: String
    var closes: Bool
    /// It gave the disconnect order, which falls with it.
    var isDisconnect: Bool
    var until: Uptime
    /// It is not begun after this; nil for one without end.
    var expires: WallTime?
}

/// One configured payment unit: its account, its meters, its switch, and what the customer does.
struct ManagedUnit: Sendable {
    var settings: UnitSettings
    var payment: PaymentUnit
    var meters: [BilledMeter]
    var load: LoadSwitch?
    /// Seconds.
    var longestDelay: Int64
    var buttons: ButtonWatch?
    var wiring: UnitWiring
    var report: UnitReport
    var startedAt: Uptime
    /// Records contradict each other: nothing is opened until somebody has looked.
    var contradiction: String?

    var pending: PendingMove?
    var waiters: [SwitchWaiter] = []
    var finished: [(id: String, result: Result<Outcome, Refusal>)] = []
    var test: SupplyTest?
    /// The contact opened by itself: a hand may be at work, so only a hand or an order closes it.
    var isSelfOpened: Bool
    var isClosingAsked = false
    /// The order whose end the journal does not know.
    var unconfirmed: UnconfirmedOrder?
    var lastFailed: SwitchMove?
    /// When the contact was seen to open, and whether load through it was reported.
    var openSince: Uptime?
    var loadLooks = 0
    var isLoadReported = false
    var isUnreachableReported = false
    /// Which end of the local time's table people were told of, seconds since 1970.
    var reportedTimeEnd: Int64?
    /// The journal knows where the contact was.
    var wasSeen: Bool
    /// A test was cut short while the contact was open.
    var isTestOpen: Bool
    /// Something changed that the next decision goes by.
    var needsRefresh = false

    var isFirstWake = true
    var lastReason: SupplyReason?
    var journalledNotice: WallTime?
    /// The exp of the newest order to disconnect; nil for one without.
    var disconnectBy: WallTime?
    var recoveredDelay: (reason: SupplyReason, notBefore: WallTime)?
    var page = 0
    /// What the display shows, and until when it warns of the end of a protected time.
    var shown: [String] = []
    var warnedUntil: WallTime?
    var messages: [DisplayMessage] = []
    /// The customer has taken it away with the page button.
    var clearedMessage: DisplayMessage?
    /// A text for a while is what the display shows, until its time is over or the button leafs on.
    var isTextInFront = false
    /// The customer looks at a page until then.
    var leafedUntil: Uptime?
    /// What the display has told of the supply.
    var shownState: SupplyState?
    var mustShow = true
    /// Why the last charge could not be made; holds supply.
    var chargeFault: CreditError?
    /// Where charging begins of meters that took the place of one of these and are not configured yet.
    var successors: [ChargePosition] = []
    /// Meters of which a fresh reading is wanted.
    var wantedPolls: [MeterSerial] = []

    var id: String { settings.id }

    init(
        _ settings: UnitSettings, _ loadSwitch: SwitchSettings?, memory: UnitMemory, newestAt: WallTime,
        _ context: UnitContext, at moment: Moment
    ) {
        self.settings = settings
        wiring = UnitWiring(settings, loadSwitch)
        longestDelay = max(0, loadSwitch?.remoteDelaySeconds ?? 0)
        load = loadSwitch.flatMap { LoadSwitch($0, expected: memory.isClosed, at: moment.uptime) }
        buttons = settings.buttons.flatMap { ButtonWatch($0, at: moment.uptime) }
        report = memory.report
        startedAt = moment.uptime
        contradiction = memory.contradiction
        isSelfOpened = memory.isSelfOpened
        unconfirmed = memory.unconfirmed
        wasSeen = memory.isClosed != nil
        isTestOpen = memory.isTestOpen
        journalledNotice = memory.noticeUntil
        lastReason = memory.lastReason
        recoveredDelay = memory.delay.map { ($0.reason, $0.notBefore) }
        // Supply as it was seen last; nothing moves by a start.
        var current = SupplyState.connected
        if load != nil, memory.isClosed == false {
            current = memory.decided?.state == .armed || memory.isSelfOpened ? .armed : .disconnected
        }
        var supply = UnitSupply(
            policy: settings.policy, current: current, isTested: memory.isTested && memory.wiring == wiring,
            noticeUntil: memory.noticeUntil,
            // A notice that waits for a clock is not recorded: it begins anew. And what was used up under a mode that
            // is billed later says nothing about supply yet.
            isExhaustionKnown: memory.isExhaustionKnown && memory.account.mode == .prepayment
                && memory.decided?.reason != .clockUntrusted)
        supply.isDisconnectOrdered = memory.isDisconnectOrdered
        payment = PaymentUnit(account: memory.account, supply: supply)
        var policy = settings.policy
        policy.reconnect = loadSwitch?.reconnect ?? .button
        payment.configure(limits: settings.limits, zone: context.zone, policy: policy)
        payment.restore(memory.history(at: moment, newestAt: newestAt, isTrusted: context.trusted))
        meters = settings.meters.map { BilledMeter(serial: $0) }
        for index in meters.indices {
            for position in memory.positions where position.meter == meters[index].serial {
                var slot = ChargeSlot(channel: position.channel)
                slot.position = position
                slot.recorded = position.register
                meters[index].slots.append(slot)
            }
        }
    }

    // MARK: Doubt

    /// What makes the box doubt now.
    func doubts(at moment: Moment, _ context: UnitContext) -> SupplyDoubts {
        var doubts: SupplyDoubts = []
        if context.holdsSupply { doubts.insert(.safeState) }
        if contradiction != nil || chargeFault != nil { doubts.insert(.journalFault) }
        if !context.trusted { doubts.insert(.clockUntrusted) }
        for meter in meters {
            guard let status = meter.status else {
                doubts.insert(moment.uptime - startedAt > meter.staleAfter ? .dataStale : .readingUnconfirmed)
                continue
            }
            if status.isWrong { doubts.insert(.wrongMeter) }
            if moment.uptime - (status.lastGood?.uptime ?? startedAt) > meter.staleAfter { doubts.insert(.dataStale) }
            if meter.seen == nil || status.registers.contains(where: \.isInDoubt) {
                doubts.insert(.readingUnconfirmed)
            }
        }
        return doubts
    }

    /// Whether every meter has just been read, after `since`, and nothing contradicts: what an opening goes by.
    func isFresh(since: Uptime?, at moment: Moment) -> Bool {
        meters.allSatisfy { meter in
            guard let status = meter.status, let last = status.lastGood?.uptime, let seen = meter.seen else {
                return false
            }
            let polls = 2 * Int64(status.pollSeconds) * 1_000_000 + 5_000_000
            return moment.uptime - last <= polls && !status.isWrong && moment.uptime - seen <= 2 * polls
                && !status.registers.contains(where: \.isInDoubt) && since.map { last > $0 } ?? true
        }
    }

    // MARK: Time

    /// When this unit wants its turn although nothing happens.
    func nextWake(after turn: Turn, _ context: UnitContext) -> Uptime {
        let now = turn.moment.uptime
        let instant = turn.instant(context)
        // Before its first decision a unit wants its turn at no instant at all: the difference would overflow.
        let next = min(payment.nextWake(after: instant), instant.wall + 3_600_000)
        // What is due and cannot be done now is not tried without a pause.
        let pause: Int64 = context.trusted && chargeFault == nil ? (isFirstWake ? 1 : 1000) : 60_000
        let wait = next > instant.wall ? next - instant.wall : pause
        var wake = now + wait * 1000
        func consider(_ time: Uptime?) {
            if let time, time > now { wake = min(wake, time) }
        }
        for meter in meters {
            consider((meter.status?.lastGood?.uptime ?? startedAt) + meter.staleAfter + 1)
            for slot in meter.slots { consider(slot.gap?.deadline) }
        }
        consider(pending?.notBefore)
        consider(load?.lookAt)
        consider(load?.retryAt)
        consider(buttons?.lookAt)
        if let load, load.request != nil { consider(load.requestedAt + LoadSwitch.longestAnswer) }
        if let buttons, buttons.request != nil { consider(buttons.requestedAt + LoadSwitch.longestAnswer) }
        consider(test?.nextWake(after: now))
        for waiter in waiters { consider(waiter.until) }
        return wake
    }
}
