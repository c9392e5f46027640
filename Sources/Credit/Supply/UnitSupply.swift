import Intervals
import Metering

/// What the box's operator has set for a unit's supply (contract §2).
public struct SupplyPolicy: Hashable, Sendable {
    public var neverDisconnect: Bool
    public var restore: RestorePolicy
    /// How supply comes back, until a command says otherwise.
    public var reconnect: ReconnectPolicy

    /// A policy; by default the unit may be disconnected, and comes back with usable credit, by the customer's hand.
    public init(
        neverDisconnect: Bool = false, restore: RestorePolicy = .usableCredit, reconnect: ReconnectPolicy = .button
    ) {
        self.reconnect = reconnect
        self.neverDisconnect = neverDisconnect
        self.restore = restore
    }
}

/// The instant of an evaluation.
public struct SupplyInstant: Hashable, Sendable {
    public var wall: WallTime
    public var uptime: Uptime
    /// How wrong the wall clock may be, milliseconds.
    public var uncertainty: Int64

    /// An instant.
    public init(wall: WallTime, uptime: Uptime, uncertainty: Int64 = 0) {
        self.wall = wall
        self.uptime = uptime
        self.uncertainty = uncertainty
    }
}

/// What the evaluation follows: some ways to run out of credit need a notice of 24 hours before supply is cut.
public enum SupplyCause: String, Sendable, CaseIterable {
    /// Energy used, an order, a button, or time.
    case use
    /// Charges by the calendar alone.
    case calendar
    /// What was caught up after the box was off.
    case restart
    /// What was caught up after the meter was silent.
    case staleData

    var needsNotice: Bool { self != .use }
}

/// What an evaluation gave.
public enum SupplyNews: Hashable, Sendable {
    /// The state, or the reason for it, is another one: a `supply.decided` record.
    case decided(SupplyDecision, noticeUntil: WallTime?, protectedUntil: WallTime?)
    /// Supply will be cut when the protected time ends then.
    case warning(until: WallTime)

    /// The data of a `supply.decided` record; nil for a warning.
    public func data(unit: String) -> JSONObject? {
        guard case .decided(let decision, let notice, let protected) = self else { return nil }
        var object: JSONObject = [
            "unit": .string(unit), "decided": .string(decision.state.rawValue),
            "reason": .string(decision.reason.rawValue), "held": .bool(decision.isHeld),
        ]
        object["notice_until"] = notice.map { .string($0.text) }
        object["protected_until"] = protected.map { .string($0.text) }
        return object
    }
}

/// The supply of one unit: what was decided last, and what the next decision needs to remember. The switch itself is
/// the gateway's: it says by `follow` when the contactor has moved.
public struct UnitSupply: Sendable {
    /// Time between learning that supply will be cut and the cut, where a notice is needed, milliseconds.
    public static let noticeTime: Int64 = 86_400_000
    /// A customer without credit is warned so long before a protected time ends, milliseconds.
    public static let warningTime: Int64 = 1_800_000

    public internal(set) var policy: SupplyPolicy
    /// What the switch is now.
    public private(set) var current: SupplyState
    public private(set) var decision: SupplyDecision?
    /// Since when the decision has stood.
    public private(set) var since: WallTime?
    /// A signed disconnect order stands.
    public var isDisconnectOrdered = false
    /// Whether the installer's test has passed since the switch or the meter last changed.
    public var isTested: Bool
    public internal(set) var history = SwitchHistory()
    /// When the notice of a disconnection is over; nil when none runs.
    public private(set) var noticeUntil: WallTime?
    private var wasUsable: Bool
    /// A notice is due, and begins when there is a clock to tell its end by.
    private var owesNotice = false
    /// The customer has asked for supply at the armed switch, and that holds until then.
    private var readyUntil: Uptime?
    private var warnedFor: WallTime?
    private var span = SupplyCalendar.Span(protection: nil, until: WallTime(milliseconds: .min))
    private var spanFrom = WallTime(milliseconds: .max)
    private var spanUncertainty: Int64 = 0

    /// Supply as it is found; nothing moves by this.
    /// - Parameter isExhaustionKnown: the last decision already went by credit that is used up, so that a restart
    ///   gives no new notice.
    public init(
        policy: SupplyPolicy, current: SupplyState, isTested: Bool, noticeUntil: WallTime? = nil,
        isExhaustionKnown: Bool = false
    ) {
        wasUsable = !isExhaustionKnown
        self.policy = policy
        self.current = current
        self.isTested = isTested
        self.noticeUntil = noticeUntil
    }

    /// Until when supply is protected by the calendar; nil when it is not now.
    public var protectedUntil: WallTime? { span.protection?.until }

    /// The unit's calendar or clock has changed: what was worked out from it is forgotten.
    public mutating func calendarChanged() { spanFrom = WallTime(milliseconds: .max) }

    /// Decides anew. The news is what is to be journalled; the gateway then orders the switch and calls `follow`.
    public mutating func evaluate(
        _ account: CreditAccount, at instant: SupplyInstant, doubts: SupplyDoubts = [], cause: SupplyCause = .use
    ) -> [SupplyNews] {
        noteCredit(account, at: instant.wall, cause: cause, hasClock: !doubts.contains(.clockUntrusted))
        let decision = SupplyDecision.decide(picture(account, at: instant, doubts: doubts))
        if decision.state == .disconnected || decision.reason == .switchLimit { readyUntil = nil }
        var news: [SupplyNews] = []
        if decision != self.decision {
            self.decision = decision
            since = instant.wall
            news.append(.decided(decision, noticeUntil: noticeUntil, protectedUntil: protectedUntil))
        }
        // Supply that is off already cannot be cut.
        if decision.isHeld, current == .connected, let protection = span.protection,
            decision.reason == protection.reason,
            warnedFor != protection.until, instant.wall >= protection.until + -Self.warningTime
        {
            let until = protection.until
            warnedFor = until
            news.append(.warning(until: until))
        }
        return news
    }

    /// The frozen picture of an instant.
    public mutating func picture(
        _ account: CreditAccount, at instant: SupplyInstant, doubts: SupplyDoubts
    ) -> SupplyPicture {
        refreshSpan(account, at: instant)
        var picture = SupplyPicture(current: current)
        picture.doubts = doubts
        if !account.settings.disconnection.isEnabled || !isTested { picture.doubts.insert(.notEnabled) }
        // Past the end of a zone's or a unit's own table nobody knows the local time.
        if instant.wall.seconds >= account.clock.knownUntil { picture.doubts.insert(.clockUntrusted) }
        picture.order = order(account, at: instant.wall)
        picture.mode = account.mode
        picture.neverDisconnect = policy.neverDisconnect
        picture.protection = span.protection
        picture.returnsForFriendlyPeriod = account.settings.friendlyDays?.requiresCreditAtStart == false
        picture.isUsable = account.isUsable
        picture.isOnEmergencyCredit = account.balance <= 0
        picture.isDebtCleared = account.isDebtCleared
        picture.reconnect = reconnect(account)
        picture.restore = policy.restore
        picture.isCustomerReady = readyUntil.map { instant.uptime < $0 } ?? false
        picture.isNoticePending =
            owesNotice || noticeUntil.map { instant.wall + -instant.uncertainty < $0 } ?? false
        picture.isDwelling = history.dwellUntil(instant.uptime) != nil
        picture.isLimitReached = history.limitUntil(instant.uptime) != nil
        if [.forceOff, .disconnect].contains(picture.order), history.remoteLimitUntil(instant.uptime) != nil {
            picture.isLimitReached = true
        }
        return picture
    }

    /// How supply comes back after it was cut.
    public func reconnect(_ account: CreditAccount) -> ReconnectPolicy {
        account.settings.disconnection.reconnect ?? policy.reconnect
    }

    /// The switch has moved to a state, by our order or by itself.
    public mutating func follow(_ state: SupplyState, at uptime: Uptime) {
        if (state == .connected) != (current == .connected) {
            let isRemote = decision.map { [.forceOff, .order].contains($0.reason) } ?? false
            history.moved(at: uptime, isRemoteDisconnect: isRemote && state == .disconnected)
            readyUntil = nil
        }
        current = state
    }

    /// A press of the button is remembered for the dwell time and a slow switch, not for hours, microseconds.
    static let readyTime = SwitchHistory.dwell * 2

    /// The customer asks for supply at the armed switch; evaluate after it.
    public mutating func customerIsReady(at uptime: Uptime) throws(CreditError) {
        guard current == .armed else {
            throw .refused(
                .precondition, "not_armed",
                current == .connected ? "supply is on already" : "supply is off; it is not ready to be switched on")
        }
        readyUntil = uptime + Self.readyTime
    }

    private func order(_ account: CreditAccount, at time: WallTime) -> SupplyPicture.Order {
        switch account.settings.supplyMode.mode(at: time) {
        case .forceOn: .forceOn
        case .forceOff: .forceOff
        case .normal: isDisconnectOrdered ? .disconnect : .none
        }
    }

    private mutating func noteCredit(
        _ account: CreditAccount, at time: WallTime, cause: SupplyCause, hasClock: Bool
    ) {
        let isUsable = account.isUsable || account.mode != .prepayment
        if isUsable {
            noticeUntil = nil
            owesNotice = false
        } else if wasUsable, cause.needsNotice {
            owesNotice = true
        }
        // By a clock that is wrong it would be over too early, or never.
        if owesNotice, hasClock {
            noticeUntil = time + Self.noticeTime
            owesNotice = false
        }
        wasUsable = isUsable
    }

    private mutating func refreshSpan(_ account: CreditAccount, at instant: SupplyInstant) {
        if instant.wall >= spanFrom, instant.wall < span.until, spanUncertainty == instant.uncertainty { return }
        let calendar = SupplyCalendar(
            friendly: account.settings.friendlyDays, special: account.settings.specialDays, clock: account.clock)
        span = calendar.span(at: instant.wall, uncertainty: instant.uncertainty)
        spanFrom = instant.wall
        spanUncertainty = instant.uncertainty
    }
}

extension UnitSupply {
    /// When to evaluate again although nothing happens: an edge of the calendar, a warning, the end of a notice, of a
    /// supply mode, or of what dwell and limits hold.
    public func nextWake(_ account: CreditAccount, after instant: SupplyInstant) -> WallTime {
        var wake = span.until
        func consider(_ time: WallTime?) {
            if let time, time > instant.wall { wake = min(wake, time) }
        }
        if let until = span.protection?.until, warnedFor != until { consider(until + -Self.warningTime) }
        consider(noticeUntil.map { $0 + instant.uncertainty })
        consider(account.settings.supplyMode.expiresAt)
        for end in [
            readyUntil, history.dwellUntil(instant.uptime), history.limitUntil(instant.uptime),
            history.remoteLimitUntil(instant.uptime),
        ] {
            // Rounded up, so that it is over by then.
            consider(end.map { instant.wall + ($0 - instant.uptime + 999) / 1000 })
        }
        return wake
    }

    /// Whether `force_off`, or a signed disconnect order, may be given now: inside protected time it is refused and not
    /// kept (design §7).
    public func checkDisconnectOrder(_ account: CreditAccount, at instant: SupplyInstant) throws(CreditError) {
        if policy.neverDisconnect {
            throw .refused(.policy, "never_disconnect", "this unit is never disconnected; its configuration says so")
        }
        let calendar = SupplyCalendar(
            friendly: account.settings.friendlyDays, special: account.settings.specialDays, clock: account.clock)
        if let protection = calendar.span(at: instant.wall, uncertainty: instant.uncertainty).protection {
            throw .refused(
                .policy, protection.reason.rawValue,
                "supply is not cut until \(protection.until.textSeconds); send it after that, or with execute_at")
        }
        guard account.settings.disconnection.isEnabled, isTested else {
            throw .refused(.precondition, "not_enabled", "disconnection is not enabled for this unit")
        }
    }

    /// Whether disconnection may be enabled: only after the installer's test.
    public func checkEnabling() throws(CreditError) {
        guard isTested else {
            throw .refused(
                .precondition, "not_tested", "run `meterside supply test` at this unit first, then enable it")
        }
    }
}
