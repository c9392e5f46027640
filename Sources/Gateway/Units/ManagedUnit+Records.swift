import Credit
import Drivers
import Metering

/// What happened to a unit becomes records, in order.
extension ManagedUnit {
    /// A `unit.setting` of the gateway's own.
    @discardableResult
    func write(
        _ setting: String, _ value: JSONValue, key: Turn.KeyRule = .sequence, more: JSONObject = JSONObject(),
        turn: inout Turn
    ) -> Int64 {
        var data: JSONObject = ["unit": .string(id), "setting": .string(setting), "value": value]
        for (name, member) in more.members { data[name] = member }
        return turn.append(.unitSetting, key: key, data)
    }

    /// Writes events down.
    /// - Parameters:
    ///   - charged: how far the register is charged with the energy charge among them, and from where.
    ///   - order: the command that caused them: its own event is named by it.
    mutating func record(
        _ events: [UnitEvent], charged: (position: ChargePosition, from: Int64)? = nil, by order: Order? = nil,
        as command: UnitCommand? = nil, turn: inout Turn, _ context: UnitContext
    ) {
        let named = command.flatMap { command in events.lastIndex { $0.isEffect(of: command) } }
        for (index, event) in events.enumerated() {
            switch event {
            case .credit(let credit, let balance):
                var data = credit.data(unit: id, balance: balance)
                if credit.isEnergy, let charged { add(charged, to: &data) }
                if let order { data["by"] = .string(order.publicID) }
                turn.append(credit.kind, key: key(of: credit, index == named ? order : nil), data)
                note(credit)
            case .supply(.decided(let decision, let notice, let protected)):
                journalledNotice = notice
                let news = SupplyNews.decided(decision, noticeUntil: notice, protectedUntil: protected)
                guard var data = news.data(unit: id) else { continue }
                plan(decision, data: &data, turn: turn, context)
                if let order { data["by"] = .string(order.publicID) }
                turn.append(.supplyDecided, data)
                if !decision.reason.isDoubt { lastReason = decision.reason }
            case .supply(.warning(let until)): warnedUntil = until
            }
        }
        if !events.isEmpty { mustShow = true }
        recordNotice(turn: &turn)
    }

    /// A notice that began, or fell away, without another decision: a restart must not forget it.
    private mutating func recordNotice(turn: inout Turn) {
        guard payment.supply.noticeUntil != journalledNotice, let decision = payment.supply.decision else { return }
        journalledNotice = payment.supply.noticeUntil
        let news = SupplyNews.decided(
            decision, noticeUntil: journalledNotice, protectedUntil: payment.supply.protectedUntil)
        if let data = news.data(unit: id) { turn.append(.supplyDecided, data) }
    }

    private func add(_ charged: (position: ChargePosition, from: Int64), to data: inout JSONObject) {
        data["meter"] = .string(charged.position.meter.text)
        data["epoch"] = JSONValue(charged.position.epoch)
        data["channel"] = .string(charged.position.channel.rawValue)
        data["from_register"] = .integer(charged.from)
        data["register"] = .integer(charged.position.register)
    }

    private func key(of event: CreditEvent, _ order: Order?) -> Turn.KeyRule {
        if let business = event.businessID { return .name("\(id)/\(business)") }
        return order.map { .name($0.id) } ?? .sequence
    }

    private mutating func note(_ event: CreditEvent) {
        report.add(event)
        guard case .mode(.factory) = event.change else { return }
        // What is used from now on is not charged, and no register before it counts afterwards.
        for meter in meters.indices {
            for slot in meters[meter].slots.indices { meters[meter].slots[slot].recorded = nil }
        }
    }

    /// Decides anew: what has fallen due is charged, and the switch follows.
    mutating func refresh(turn: inout Turn, _ context: UnitContext) {
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        if context.trusted {
            do throws(CreditError) {
                try payment.wake(
                    at: turn.instant(context), cause: isFirstWake ? .restart : .calendar, into: &events)
            } catch {
                chargeFault = error
            }
            isFirstWake = false
        } else {
            payment.reconsider(at: turn.instant(context), into: &events)
        }
        record(events, turn: &turn, context)
        reportTimeEnd(turn: &turn, context)
        act(turn: &turn, context)
    }

    /// Past the end of a unit's own daylight-saving table its supply is held until there is another: somebody must be
    /// told, or nobody sends one.
    private mutating func reportTimeEnd(turn: inout Turn, _ context: UnitContext) {
        let end = payment.account.clock.knownUntil
        guard context.trusted, turn.recordTime.seconds >= end, reportedTimeEnd != end else { return }
        reportedTimeEnd = end
        turn.alarm(
            .clockUntrusted,
            [
                "unit": .string(id), "reason": "local_time_unknown",
                "known_until": .string(WallTime(seconds: end).textSeconds),
                "message": "its daylight-saving table has ended; supply is held until there is another",
            ])
    }

    /// Decides anew without charging what has fallen due.
    mutating func reconsider(turn: inout Turn, _ context: UnitContext) {
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        payment.reconsider(at: turn.instant(context), into: &events)
        record(events, turn: &turn, context)
        act(turn: &turn, context)
    }
}

extension CreditEvent {
    /// A charge for what a register counted.
    fileprivate var isEnergy: Bool {
        guard case .charged(let charge) = change else { return false }
        switch charge.cause {
        case .energy, .export: return true
        case .standing, .timeDebt, .deduction: return false
        }
    }
}

extension UnitEvent {
    /// Whether this is what a command does, and not what follows from it.
    fileprivate func isEffect(of command: UnitCommand) -> Bool {
        guard case .credit(let event, _) = self else { return false }
        switch (command, event.change) {
        case (.set, .setting), (.setMode, .mode), (.setMode, .setting), (.setArrears, .arrears), (.pay, .toppedUp),
            (.reverse, .reversed), (.adjust, .adjusted), (.lend, .loan):
            return true
        default: return false
        }
    }
}
