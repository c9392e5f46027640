import Credit
import Intervals
import Metering

/// One payment unit in its world: a household, an office, a meter, a switch and a box, all of which may misbehave, and
/// the auditor that looks at everything that happened. The same seed gives the same life.
struct SoakUnit {
    /// Half an hour, milliseconds.
    static let stepTime: Int64 = 1_800_000

    let home: SoakHousehold
    var dice: SeededGenerator
    var unit: PaymentUnit
    var auditor: Auditor
    var troubles = SoakTroubles()
    var digest = TraceDigest()
    var counts = SoakCounts()

    /// The world's clock, milliseconds since 1970.
    var truth: Int64
    /// When the machine started, by the world's clock.
    var booted: Int64
    /// Where the unit wants to be woken, by the box's clock.
    var wakeAt: Int64 = 0
    /// The meter's register, and what of it the records and the box's memory account for, Wh.
    var register: Int64 = 0
    var charged: Int64 = 0
    var exported: Int64 = 0
    var exportCharged: Int64 = 0

    /// The account at the last start, as the journal alone gave it, and its records since.
    var base: CreditAccount
    var journal: [CreditEvent] = []
    /// What a start would read of the last decision.
    var lastDecision: SupplyDecision?
    var lastNotice: WallTime?
    var isDisconnectOrdered = false
    /// Contact movements, uptime of this machine's start in microseconds.
    var moves: [Int64] = []
    var remoteMove: Int64?

    var events: [UnitEvent] = []
    var lines: [TraceLine] = []
    /// Commands that were sent and may be sent again, and one that was never answered.
    var sent: [(name: String, args: JSONValue)] = []
    var unanswered: (name: String, args: JSONValue)?
    var nextID = 0
    /// Half hours for which nobody is at home.
    var awayFor: Int64 = 0
    var step: Int64 = 0
    /// The last things that happened, for people; nil when nobody asked.
    var trail: [String]?

    /// - Throws: what a setting of the household is refused for: a bug of the generator.
    init(seed: UInt64) throws(SoakFault) {
        var dice = SeededGenerator(seed: seed)
        let home = SoakHousehold(&dice)
        self.home = home
        self.dice = dice
        truth = home.start
        booted = home.start - 1_000_000
        let account = CreditAccount(
            unit: "unit-1", zone: home.zone.rules,
            limits: AccountLimits(
                maxBalance: home.limits.maxBalance, maxCredit: home.limits.maxCredit,
                floorFirst: home.limits.floorFirst, currency: home.limits.currency))
        base = account
        unit = PaymentUnit(account: account, supply: Self.supply(home, current: .connected))
        auditor = Auditor(limits: home.limits, clock: AuditClock(home.zone))
        try open()
    }

    static func supply(
        _ home: SoakHousehold, current: SupplyState, notice: WallTime? = nil, isKnown: Bool = false
    ) -> UnitSupply {
        UnitSupply(
            policy: SupplyPolicy(
                neverDisconnect: home.limits.neverDisconnect,
                restore: home.limits.needsDebtCleared ? .debtCleared : .usableCredit),
            current: current, isTested: true, noticeUntil: notice, isExhaustionKnown: isKnown)
    }

    /// The account begins, and the office sets it up.
    private mutating func open() throws(SoakFault) {
        var account = unit.account
        var credit: [CreditEvent] = []
        do throws(CreditError) {
            try account.open(
                CreditRegisters(balance: min(home.openingBalance, home.limits.maxBalance)),
                at: WallTime(milliseconds: truth), into: &credit)
        } catch {
            throw SoakFault(text: "an account cannot be opened: \(error)")
        }
        unit = PaymentUnit(account: account, supply: unit.supply)
        auditor.begin(instant(.wake, isUse: true))
        for event in credit { write(event) }
        auditor.end(found: TraceMoney(account.registers))
        for (name, args) in home.settings {
            command(name, args)
            if counts.lastOutcome != .applied { throw SoakFault(text: "\(name) \(args): \(counts.lastOutcome)") }
        }
    }

    // MARK: - Time

    var wall: WallTime { WallTime(milliseconds: truth + troubles.skew) }
    var supplyInstant: SupplyInstant {
        SupplyInstant(
            wall: wall, uptime: Uptime(microseconds: (truth - booted) * 1000), uncertainty: troubles.uncertainty)
    }

    func instant(_ act: TraceAct, isUse: Bool) -> AuditInstant {
        AuditInstant(
            act: act, wall: truth + troubles.skew, truth: truth, uptime: truth, uncertainty: troubles.uncertainty,
            isClockTrusted: !troubles.isClockUntrusted, isInDoubt: troubles.isAny, isUse: isUse, isTested: true)
    }

    /// Lets time pass: the unit is woken when it asked for it.
    mutating func pass(to target: Int64) {
        var rest = 64
        while rest > 0, !troubles.isClockUntrusted, wakeAt - troubles.skew <= target {
            let before = wall.milliseconds
            truth = max(truth, wakeAt - troubles.skew)
            turn(.wake, cause: .calendar) { unit, instant, events throws(CreditError) in
                try unit.wake(at: instant, into: &events)
            }
            if wakeAt <= before || auditor.violation != nil { break }
            rest -= 1
        }
        truth = max(truth, target)
    }

    // MARK: - A turn

    /// One turn: the unit handles something, the journal makes its events durable, the auditor looks, the switch obeys.
    /// - Returns: whether it was made durable.
    @discardableResult
    mutating func turn(
        _ act: TraceAct, cause: SupplyCause, predicted: TraceOutcome? = nil,
        _ body: (inout PaymentUnit, SupplyInstant, inout [UnitEvent]) throws(CreditError) -> OrderOutcome
    ) -> Bool {
        events.removeAll(keepingCapacity: true)
        unit.doubts = troubles.doubts
        let isLost = troubles.isJournalFull
        let saved = isLost ? unit : nil
        let time = supplyInstant
        var outcome = TraceOutcome.applied
        do throws(CreditError) {
            if try body(&unit, time, &events) == .alreadyApplied { outcome = .alreadyApplied }
        } catch {
            if case .refused(let refusal) = error { outcome = .refused(refusal.code.rawValue, refusal.detail) }
            if case .contradiction(let why) = error { outcome = .refused("contradiction", why) }
        }
        if let saved {
            // Nothing of it has happened: no record, no order, no answer.
            unit = saved
            counts.lost += 1
            return false
        }
        counts.lastOutcome = outcome
        counts.turns += 1
        auditor.begin(instant(act, isUse: cause == .use))
        if let predicted, predicted != outcome {
            auditor.find("INV-3", "the answer to \(act.words)", "\(predicted)", "\(outcome)")
        }
        for event in events {
            switch event {
            case .credit(let credit, let balance):
                write(credit)
                auditor.equal(balance, auditor.money.balance, "INV-1", "the balance of a record")
            case .supply(let news):
                let record = TraceRecord(news, at: time.wall)
                if case .decided(let decision, _, _) = news { lastDecision = decision }
                note(record)
            }
        }
        let isRefused = if case .refused = outcome { true } else { false }
        auditor.end(found: TraceMoney(unit.account.registers), isDecided: !isRefused)
        lastNotice = unit.supply.noticeUntil
        obey()
        if trail != nil { tell(act, outcome) }
        wakeAt = max(0, unit.nextWake(after: time).milliseconds)
        return true
    }

    @discardableResult
    mutating func turn(
        _ act: TraceAct, cause: SupplyCause,
        _ body: (inout PaymentUnit, SupplyInstant, inout [UnitEvent]) throws(CreditError) -> Void
    ) -> Bool {
        turn(act, cause: cause, predicted: nil) { unit, instant, events throws(CreditError) in
            try body(&unit, instant, &events)
            return .applied
        }
    }

    private mutating func write(_ event: CreditEvent) {
        journal.append(event)
        note(TraceRecord(event, lines: &lines))
        lines.removeAll(keepingCapacity: true)
    }

    private mutating func note(_ record: TraceRecord) {
        counts.records += 1
        auditor.take(record, lines)
        if trail != nil { tell(record) }
        digest.add(record, lines)
    }

    /// The switch does what was decided, unless it is stuck.
    private mutating func obey() {
        guard let decision = unit.supply.decision, decision.state != unit.supply.current else { return }
        let contact = decision.state == .connected
        if contact != (unit.supply.current == .connected) {
            // As the gateway does: everything is looked at again in the turn of the order.
            guard !troubles.isSwitchStuck, unit.preview(at: supplyInstant) == decision else { return }
            counts.switchings += 1
            moves.append(truth)
            if !contact, decision.reason == .forceOff || decision.reason == .order { remoteMove = truth }
        }
        auditor.moved(to: TraceDecision(decision, noticeUntil: nil).state, at: auditor.now)
        unit.follow(decision.state, at: supplyInstant.uptime)
        digest.add(contact ? 1 : 0)
    }
}

/// What the world itself did wrong.
struct SoakFault: Error, Hashable, Sendable {
    var text: String
}
