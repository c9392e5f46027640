import Credit
import Drivers
import Metering

extension Refusal {
    init(_ error: CreditError) {
        switch error {
        case .refused(let refusal):
            self.init(
                code: CommandCode(rawValue: refusal.code.rawValue) ?? .precondition, detail: refusal.detail,
                message: refusal.message)
        case .contradiction(let why): self.init(code: .precondition, detail: "contradiction", message: why)
        }
    }
}

/// What the desk asks of a unit.
extension ManagedUnit {
    /// Whether a command would be carried out now.
    func check(_ command: UnitCommand, turn: Turn, _ context: UnitContext) throws(Refusal) {
        var copy = payment
        copy.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        do throws(CreditError) {
            _ = try copy.carryOut(command, at: turn.instant(context), into: &events)
        } catch {
            throw Refusal(error)
        }
        if command.isForceOff { try checkOpening(copy.supply, at: turn.moment.uptime) }
    }

    /// An order to open that doubt or a limit holds is refused, not kept for later.
    private func checkOpening(_ supply: UnitSupply, at now: Uptime) throws(Refusal) {
        guard let decision = supply.decision, decision.isHeld, isConnected else { return }
        var reason = decision.reason
        // The dwell time passes in a minute; what holds after it would make the order lie in wait for hours.
        if reason == .dwell, supply.history.limitUntil(now) != nil || supply.history.remoteLimitUntil(now) != nil {
            reason = .switchLimit
        }
        let message = "supply is not cut now: \(reason.words)"
        switch reason {
        case .dwell: break
        case .switchLimit: throw Refusal(code: .limit, detail: reason.rawValue, message: message)
        case .friendlyPeriod, .specialDay, .protected:
            throw Refusal(code: .policy, detail: reason.rawValue, message: message)
        default: throw .precondition(reason.rawValue, message)
        }
    }

    mutating func carryOut(
        _ command: UnitCommand, order: Order, turn: inout Turn, _ context: UnitContext
    ) throws(Refusal) -> Outcome {
        if command.isForceOff { try check(command, turn: turn, context) }
        // What was used before a price or a mode changes is charged as it was then.
        if command.changesPrices { flush(turn: &turn, context) }
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        var outcome = OrderOutcome.applied
        var failure: CreditError?
        do throws(CreditError) {
            outcome = try payment.carryOut(command, at: turn.instant(context), into: &events)
        } catch {
            failure = error
        }
        record(events, by: order, as: command, turn: &turn, context)
        anchor(turn: &turn, context)
        act(turn: &turn, context)
        if let failure { throw Refusal(failure) }
        var result: JSONObject = [
            "balance_micro": .integer(payment.account.balance), "supply": .string(payment.supply.current.rawValue),
        ]
        if outcome == .alreadyApplied { result["already_applied"] = true }
        return Outcome(
            message: outcome == .alreadyApplied ? "it was applied before; nothing happened now" : "applied",
            result: .object(result))
    }

    // MARK: Supply

    func checkDisconnect(turn: Turn, _ context: UnitContext) throws(Refusal) {
        var copy = payment
        copy.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        do throws(CreditError) {
            try copy.disconnect(at: turn.instant(context), into: &events)
        } catch {
            throw Refusal(error)
        }
        try checkOpening(copy.supply, at: turn.moment.uptime)
    }

    mutating func disconnect(
        order: Order, turn: inout Turn, _ context: UnitContext
    ) throws(Refusal) -> UnitProgress {
        try checkDisconnect(turn: turn, context)
        disconnectBy = order.claims.exp.map { WallTime(seconds: $0) }
        write("disconnect_order", true, key: .name(order.id), turn: &turn)
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        do throws(CreditError) {
            try payment.disconnect(at: turn.instant(context), into: &events)
        } catch {
            throw Refusal(error)
        }
        record(events, by: order, turn: &turn, context)
        return awaitSwitch(
            order.id, closes: false, isDisconnect: true, expires: disconnectBy.map { $0 + Desk.grace * 1000 },
            turn: &turn, context)
    }

    mutating func reconnect(order: Order, turn: inout Turn, _ context: UnitContext) -> UnitProgress {
        if payment.supply.isDisconnectOrdered {
            write("disconnect_order", false, key: .name(order.id), turn: &turn)
        }
        isClosingAsked = true
        for waiter in waiters where waiter.isDisconnect { fail(waiter, Self.superseded) }
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        payment.allowSupply(at: turn.instant(context), into: &events)
        record(events, by: order, turn: &turn, context)
        return awaitSwitch(order.id, closes: true, isDisconnect: false, turn: &turn, context)
    }

    /// Waits for the switch where it is to move; the answer comes at once where there is nothing to wait for.
    mutating func awaitSwitch(
        _ id: String, closes: Bool, isDisconnect: Bool, expires: WallTime? = nil, turn: inout Turn,
        _ context: UnitContext
    ) -> UnitProgress {
        let waiter = SwitchWaiter(
            id: id, closes: closes, isDisconnect: isDisconnect,
            until: turn.moment.uptime + (longestDelay + 180) * 1_000_000, expires: expires)
        waiters.append(waiter)
        act(turn: &turn, context)
        guard let index = finished.firstIndex(where: { $0.id == id }) else { return .waiting }
        guard case .success(let outcome) = finished[index].result else { return .waiting }
        finished.remove(at: index)
        return .done(outcome)
    }

    /// What a waiting command is answered with when the switch is where it is to be, or need not move.
    private var supplyOutcome: Outcome {
        let decision = payment.supply.decision
        let state = payment.supply.current
        var result: JSONObject = [
            "supply": .string(state.rawValue), "reason": JSONValue(decision?.reason.rawValue),
            "observed": load?.isClosed.map { .string(Self.word($0)) } ?? .null,
            "observed_at": JSONValue(load?.seenAt?.wall.text),
        ]
        if decision?.isHeld == true { result["held"] = true }
        return Outcome(message: "supply is \(state.rawValue)", result: .object(result))
    }

    static let superseded = Refusal(
        code: .precondition, detail: "superseded", message: "something else was ordered or paid meanwhile")

    private mutating func fail(_ waiter: SwitchWaiter, _ refusal: Refusal) {
        waiters.removeAll { $0 == waiter }
        finished.append((waiter.id, .failure(refusal)))
    }

    /// The switch did not follow.
    mutating func failWaiters(closes: Bool, isSilent: Bool) {
        for waiter in waiters where waiter.closes == closes {
            fail(
                waiter,
                Refusal(
                    code: isSilent ? .noReply : .switchContradicted, detail: isSilent ? "switch" : "not_followed",
                    message: isSilent ? "the switch does not answer" : "the switch does not follow"))
        }
    }

    /// Ends the waiting of those who have what they wait for, or cannot get it.
    mutating func settleWaiters(turn: inout Turn) {
        for waiter in waiters {
            let decision = payment.supply.decision
            let isMoving = load?.move?.orderedSeq != nil
            if isConnected == waiter.closes, !isMoving, load?.isKnown == true || load == nil {
                waiters.removeAll { $0 == waiter }
                finished.append((waiter.id, .success(supplyOutcome)))
            } else if !isMoving, let end = end(of: waiter, decision, at: turn.moment.uptime) {
                if case .failure = end, waiter.isDisconnect { withdrawDisconnect(waiter, turn: &turn) }
                waiters.removeAll { $0 == waiter }
                finished.append((waiter.id, end))
            }
        }
    }

    private func end(
        of waiter: SwitchWaiter, _ decision: SupplyDecision?, at now: Uptime
    ) -> Result<Outcome, Refusal>? {
        guard let decision else { return nil }
        if waiter.closes, !decision.isHeld, decision.state != .connected {
            // Armed: the customer closes it. Or the credit is used up: supply may come back, and does not yet.
            return .success(supplyOutcome)
        }
        if !waiter.closes, !decision.isHeld, decision.state == .connected { return .failure(Self.superseded) }
        if !waiter.closes, decision.isHeld, [.friendlyPeriod, .specialDay, .protected].contains(decision.reason) {
            return waiter.isDisconnect
                ? .failure(
                    Refusal(
                        code: .policy, detail: decision.reason.rawValue,
                        message: "supply is not cut now: \(decision.reason.words)"))
                : .success(supplyOutcome)
        }
        guard now >= waiter.until else { return nil }
        if decision.isHeld {
            return waiter.isDisconnect
                ? .failure(.precondition(decision.reason.rawValue, "supply is held: \(decision.reason.words)"))
                : .success(supplyOutcome)
        }
        return .failure(
            Refusal(code: .noReply, detail: "switch", message: "the switch was not seen to follow in time"))
    }

    /// An order to cut the supply whose time passed before it was begun, held up or while the box was off, is not
    /// begun: the house it was meant for may be another one by now. True when there was one; decide anew after it.
    mutating func expireOrder(turn: inout Turn, _ context: UnitContext) -> Bool {
        guard context.trusted, isConnected, load?.isKnown == true, load?.move?.orderedSeq == nil else { return false }
        let late = waiters.first { waiter in
            waiter.isDisconnect && waiter.expires.map { $0 < turn.recordTime } ?? false
        }
        guard let late else { return false }
        withdrawDisconnect(late, turn: &turn)
        fail(
            late,
            Refusal(
                code: .expired, detail: "expired",
                message: "exp passed before supply could be cut; sign a new command"))
        return true
    }

    /// An order that came to nothing does not lie in wait.
    private mutating func withdrawDisconnect(_ waiter: SwitchWaiter, turn: inout Turn) {
        guard payment.supply.isDisconnectOrdered, isConnected else { return }
        write("disconnect_order", false, more: ["by": .string(waiter.id)], turn: &turn)
        payment.withdrawDisconnect()
        needsRefresh = true
    }

    // MARK: The customer

    mutating func press(_ button: UnitButton, turn: inout Turn, _ context: UnitContext) throws(Refusal) {
        if button == .nextPage {
            // The button that takes a text away leads back to the first page.
            page = isTextInFront && messages.contains(where: \.isCleared) ? 0 : page &+ 1
            isTextInFront = false
            leafedUntil = turn.moment.uptime + Self.leafTime
            clearedMessage = messages.first(where: \.isCleared) ?? clearedMessage
        }
        mustShow = true
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        var failure: CreditError?
        do throws(CreditError) {
            try payment.press(button, at: turn.instant(context), into: &events)
            if button == .arm { isClosingAsked = true }
        } catch {
            failure = error
        }
        record(events, turn: &turn, context)
        act(turn: &turn, context)
        if let failure { throw Refusal(failure) }
    }
}

extension UnitCommand {
    /// It orders supply to be cut.
    var isForceOff: Bool {
        if case .set(.supplyMode(let value)) = self { value.mode == .forceOff } else { false }
    }

    /// The contact that it asks for; nil when it asks for none.
    var ordersSwitch: Bool? {
        guard case .set(.supplyMode(let value)) = self else { return nil }
        switch value.mode {
        case .forceOff: return false
        case .forceOn: return true
        case .normal: return nil
        }
    }

    /// It changes what energy costs.
    var changesPrices: Bool {
        switch self {
        case .setMode, .set(.tariff), .set(.daylightSaving): true
        default: false
        }
    }
}
