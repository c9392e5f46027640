import Metering

/// What the auditor remembers of the switch: movements as the contact made them, and what the customer was promised.
struct AuditSupply: Sendable {
    /// The standing charges of a day, one for each tariff.
    var standingDay = Int64.min
    var standingTariff: Int64 = 0
    var owesStanding = false

    var decision: TraceDecision?
    /// Whether current can flow.
    var isClosed = true
    /// What the product has been told: 0 disconnected, 1 armed, 2 connected.
    var state = 2
    var isDisconnectOrdered = false
    /// When the customer pressed the button of the armed switch last, and it has not closed since, uptime.
    var readyAt: Int64?
    /// When the contact moved, uptime in milliseconds, newest last, six at most.
    var moves: [Int64] = []
    var remoteMove: Int64?

    var wasUsable = true
    /// Something fell due in this turn, and the account has not been looked at since.
    var hasDue = false
    /// When the notice is over by the world's clock, milliseconds; nil when none runs.
    var noticeUntil: Int64?
    var before = AuditInstant()
}

/// Every permission to move the switch, reckoned anew.
extension Auditor {
    static let dayMilliseconds: Int64 = 86_400_000
    /// A promise by one clock is kept by another, each wrong by at most two minutes, before and after.
    static let clockSlack: Int64 = 720_000

    /// A turn begins: what was allowed a minute ago must have been done by then.
    mutating func begin(_ instant: AuditInstant) {
        let before = supply.before
        if supply.isClosed, supply.decision?.state == 2, !before.isInDoubt, instant.act != .disconnect,
            !isUsable || supply.isDisconnectOrdered || settings.supplyMode == "force_off"
        {
            var late = instant
            late.wall -= 61_000
            late.truth -= 61_000
            late.uptime -= 61_000
            late.isInDoubt = false
            late.uncertainty = max(before.uncertainty, instant.uncertainty)
            if late.truth > before.truth, mustOpen(late) {
                now = instant
                find("INV-12", "a due disconnection comes within 60 s", "disconnected", "connected")
            }
        }
        now = instant
    }

    /// Something is in doubt from now on.
    mutating func doubt() { supply.before.isInDoubt = true }

    /// A turn is over and durable.
    /// - Parameters:
    ///   - found: the registers of the product.
    ///   - isDecided: supply was looked at in this turn: not when an order about it was refused at once.
    mutating func end(found: TraceMoney, isDecided: Bool = true) {
        if found != money { find("INV-1", "registers", "\(money)", "\(found)") }
        if owesCharge || owesCleared != nil || supply.owesStanding {
            find("INV-1", "what was begun is finished in the turn", "nothing open", "something is missing")
        }
        checkSettled("at the end of a turn")
        endDue()
        noteUsable(needsNotice: !now.isUse)
        if now.isClockTrusted, !now.act.leavesDues {
            if let due = firstDue(), due.at <= now.wall {
                passEmptyDues(to: now.wall)
                if let due = firstDue(), due.at <= now.wall {
                    find("INV-1", "what is due is charged", "\(due)", "nothing")
                }
            }
        }
        if isDecided { checkDecision() }
        supply.before = now
    }

    mutating func noteDueUse() { supply.hasDue = true }

    /// What fell due comes before anything else of a turn, and is looked at by itself.
    mutating func endDue() {
        guard supply.hasDue else { return }
        supply.hasDue = false
        noteUsable(needsNotice: true)
    }

    private mutating func noteUsable(needsNotice: Bool) {
        let isUsable = isUsable || mode != "prepayment"
        if isUsable {
            supply.noticeUntil = nil
        } else if supply.wasUsable && needsNotice || supply.noticeUntil == .max {
            // The promise is made by the world's clock; it begins when the box knows the time.
            supply.noticeUntil =
                now.isClockTrusted ? now.truth + Self.dayMilliseconds - 2 * now.uncertainty : .max
        }
        supply.wasUsable = isUsable
    }

    // MARK: - Decisions

    mutating func takeDecision(_ decision: TraceDecision) {
        supply.decision = decision
        if decision.isHeld { equal(Int64(decision.state), Int64(supply.state), "INV-5", "what is held stays") }
    }

    mutating func takeWarning(_ record: TraceRecord) {
        let order = order(at: now.wall)
        let mustGo = order == "normal" ? mode == "prepayment" && !isUsable : order != "force_on"
        let remaining = record.until - now.wall
        check(
            remaining > 0 && remaining <= 1_800_000 && supply.isClosed && mustGo, "INV-6",
            "a warning comes in the last half hour of a protected time, before a cut")
    }

    /// Nothing wrong may be decided, and nothing right left out.
    private mutating func checkDecision() {
        guard let decision = supply.decision else { return }
        if supply.isClosed {
            if decision.state < 2 {
                // A contact that does not follow is asked again; the decision is looked at each time.
                if let refusal = refusalToOpen(now) {
                    find(refusal.rule, "the switch may be opened", "no: \(refusal.why)", decision.reason)
                }
            } else if supply.state == 2, mustOpen(now) {
                find("INV-12", "a due disconnection is decided", "disconnected", decision.reason)
            }
            return
        }
        let wanted = wantedWhenOpen()
        if decision.state == 2, !wanted.mayClose {
            find("INV-5", "the switch may be closed", "no", decision.reason)
        }
        if wanted.mustClose, decision.state != 2 {
            find("INV-12", "credited supply is closed", "connected", "\(decision)")
        }
        if wanted.mustArm, decision.state == 0 {
            find("INV-12", "credited supply is armed", "armed", "\(decision)")
        }
        if decision.state == 0 { supply.readyAt = nil }
    }

    struct Refusal: Sendable {
        var rule: StaticString
        var why: String
    }

    private func order(at time: Int64) -> String {
        let order = settings.order(at: time)
        return order == "normal" && supply.isDisconnectOrdered ? "disconnect" : order
    }

    /// Why a closed switch may not be opened at an instant; nil when it may.
    mutating func refusalToOpen(_ instant: AuditInstant) -> Refusal? {
        let order = order(at: instant.wall)
        let isForced = order == "force_off" || order == "disconnect"
        guard isForced || order == "normal" && mode == "prepayment" && !isUsable else {
            return Refusal(rule: "INV-5", why: "no reason to")
        }
        if instant.isInDoubt || !instant.isTested || !settings.isEnabled {
            return Refusal(rule: "INV-11", why: "doubt, or not enabled")
        }
        if AuditClock.floor(instant.wall, 1000) >= clock.knownUntil {
            return Refusal(rule: "INV-11", why: "the local time is not known")
        }
        if limits.neverDisconnect { return Refusal(rule: "INV-5", why: "never") }
        if !isForced, let until = supply.noticeUntil, instant.truth < until {
            return Refusal(rule: "INV-5", why: "the notice runs")
        }
        if isStill(instant.uptime) { return Refusal(rule: "INV-5", why: "dwell or limit") }
        if isForced, let move = supply.remoteMove, instant.uptime - move < Self.dayMilliseconds {
            return Refusal(rule: "INV-5", why: "one disconnection by order a day")
        }
        // The world's own instant lies within the uncertainty of the box's clock.
        let from = instant.wall - instant.uncertainty
        let to = instant.wall + instant.uncertainty
        if settings.calendar.isProtected(from, to, clock: &clock) {
            return Refusal(rule: "INV-6", why: "protected time")
        }
        return nil
    }

    /// Whether a closed switch must be opened: it may, and has been allowed to for longer than clocks can differ.
    private mutating func mustOpen(_ instant: AuditInstant) -> Bool {
        var early = instant
        early.truth -= Self.clockSlack
        return refusalToOpen(early) == nil && refusalToOpen(instant) == nil && !isNearChange(instant)
    }

    /// Dwell time or hourly limit.
    private func isStill(_ uptime: Int64) -> Bool {
        guard let last = supply.moves.last else { return false }
        if uptime - last < 60_000 { return true }
        return supply.moves.count == 6 && uptime - supply.moves[0] < 3_600_000
    }

    private mutating func wantedWhenOpen() -> (mayClose: Bool, mustClose: Bool, mustArm: Bool) {
        let order = order(at: now.wall)
        let isStill = isStill(now.uptime)
        if order == "force_on" { return (!isStill, !isStill, false) }
        guard order == "normal", mode != "factory" else { return (false, false, false) }
        if mode == "credit" { return (!isStill, !isStill, false) }
        // A press is remembered for two minutes.
        let pressed = supply.readyAt.map { now.uptime - $0 } ?? .max
        let byHand = settings.reconnectsItself || pressed < 120_000
        let isRestored = isUsable && (!limits.needsDebtCleared || isDebtCleared)
        if isRestored { return (byHand && !isStill, byHand && !isStill, !byHand) }
        let returns = !isUsable && settings.calendar.returnsForFriendly
        return (returns && byHand && !isStill, false, false)
    }

    /// Near a change of the clock a reading alone does not tell when a period begins and ends: there the product may
    /// protect more.
    func isNearChange(_ instant: AuditInstant) -> Bool {
        clock.isNearChange(AuditClock.floor(instant.wall, 1000), within: 14_400)
    }

    // MARK: - The contact

    /// The contact has moved by our order: every guard must hold at this very instant.
    mutating func moved(to state: Int, at instant: AuditInstant) {
        let closes = state == 2
        guard closes != supply.isClosed else {
            supply.state = state
            return
        }
        now = instant
        if closes {
            check(wantedWhenOpen().mayClose, "INV-5", "the contact may close")
        } else if let refusal = refusalToOpen(instant) {
            find(refusal.rule, "the contact may open", "no: \(refusal.why)", supply.decision?.reason ?? "")
        }
        if !closes, ["force_off", "order"].contains(supply.decision?.reason ?? "") {
            supply.remoteMove = instant.uptime
        }
        note(move: instant.uptime, closes: closes)
        supply.state = state
    }

    /// The contact opened by itself: nobody's decision.
    mutating func openedItself(at uptime: Int64) {
        note(move: uptime, closes: false)
        supply.state = 0
    }

    private mutating func note(move uptime: Int64, closes: Bool) {
        supply.isClosed = closes
        supply.readyAt = nil
        supply.moves.append(uptime)
        if supply.moves.count > 6 { supply.moves.removeFirst() }
    }

    /// The box has started again: the contact is where it was, and nothing has moved by that.
    /// - Parameter knowsExhaustion: the last durable decision went by credit that is used up.
    mutating func restarted(state: Int, knowsExhaustion: Bool, at uptime: Int64) {
        check((state == 2) == supply.isClosed, "INV-11", "a start moves nothing")
        supply.state = state
        supply.readyAt = nil
        supply.decision = nil
        supply.wasUsable = !knowsExhaustion
        // A start counts as a movement.
        supply.moves.append(uptime)
        if supply.moves.count > 6 { supply.moves.removeFirst() }
    }
}
