import Credit
import Metering

/// What happens to a unit in half an hour.
extension SoakUnit {
    /// Lives one half hour.
    mutating func live() {
        step += 1
        counts.steps += 1
        let end = home.start + step * Self.stepTime
        // One number decides about everything that may happen; most of the time nothing does.
        let roll = dice.next()
        begin(troubles: roll & 0xFFFF)
        if troubles.isAnything { counts.faultySteps += 1 }
        if troubles.isAny { auditor.doubt() }
        if truth < end {
            if let again = unanswered {
                unanswered = nil
                pass(to: truth + 1)
                command(again.name, again.args)
            }
            customer(roll >> 16 & 0xFFFF, before: end)
            if roll >> 32 & 0xFF < 2 {
                pass(to: instant(before: end))
                office(roll >> 40)
            }
            pass(to: end)
            meter(end)
        } else {
            use(end)
        }
        troubles.pass(step)
    }

    private mutating func instant(before end: Int64) -> Int64 { truth + dice.below(max(1, end - truth)) }

    // MARK: - The meter

    private mutating func use(_ end: Int64) {
        guard unit.supply.current == .connected || troubles.isSwitchStuck else { return }
        let slot = end / Self.stepTime % 48
        let isEvening = (15...21).contains(slot % 24)
        register += dice.below(home.load * (isEvening ? 4 : 2))
        if home.sun > 0, (18...30).contains(slot) { exported += dice.below(home.sun) }
    }

    private mutating func meter(_ end: Int64) {
        use(end)
        if troubles.isMeterSilent {
            // Somebody looks at the supply all the same.
            if !troubles.isClockUntrusted {
                turn(.wake, cause: .calendar) { unit, instant, events throws(CreditError) in
                    try unit.wake(at: instant, cause: .calendar, into: &events)
                }
            }
            return
        }
        let cause: SupplyCause = troubles.takeStale() ? .staleData : .use
        charge(cause)
    }

    private mutating func charge(_ cause: SupplyCause) {
        // Energy waits for a clock that is right, sometimes.
        if troubles.isClockUntrusted, troubles.holdsEnergy { return }
        let advance = register - charged
        let isDurable = turn(
            .charge(wattHours: advance, tariff: 1, isExport: false), cause: cause
        ) { unit, instant, events throws(CreditError) in
            try unit.charge(wattHours: advance, tariff: 1, at: instant, cause: cause, into: &events)
        }
        if isDurable { charged = register }
        let given = exported - exportCharged
        guard given > 0 else { return }
        let isGivenDurable = turn(
            .charge(wattHours: given, tariff: 2, isExport: true), cause: .use
        ) { unit, instant, events throws(CreditError) in
            try unit.charge(wattHours: given, tariff: 2, isExport: true, at: instant, into: &events)
        }
        if isGivenDurable { exportCharged = exported }
    }

    // MARK: - The customer

    private mutating func customer(_ roll: UInt64, before end: Int64) {
        if awayFor > 0 {
            awayFor -= 1
            return
        }
        if roll < 40 {
            awayFor = dice.below(400)
            return
        }
        let isDark = unit.supply.current != .connected
        if isDark || auditor.money.balance < home.topUpBelow, dice.below(home.slowness) == 0 {
            pass(to: instant(before: end))
            let amount = 10_000 + dice.below(2 * home.topUp)
            pay(amount)
        }
        if unit.supply.current == .armed, dice.below(3) == 0 || roll > 65_000 {
            pass(to: instant(before: end))
            press(.arm)
        }
        if unit.account.isEmergencyOffered, dice.below(12) == 0 || roll > 65_200 {
            pass(to: instant(before: end))
            press(.emergencyCredit)
        }
    }

    private mutating func press(_ button: UnitButton) {
        let mayArm = unit.supply.current == .armed
        let mayBorrow = auditor.isOffered && auditor.mode == "prepayment"
        counts.presses += 1
        if button == .arm, mayArm, !troubles.isJournalFull { auditor.supply.readyAt = truth }
        turn(.press(button.rawValue), cause: .use) { unit, instant, events throws(CreditError) in
            try unit.press(button, at: instant, into: &events)
        }
        let isRefused = if case .refused = counts.lastOutcome { true } else { false }
        if button == .emergencyCredit, !troubles.isJournalFull, isRefused, mayBorrow, wall.milliseconds < wakeAt {
            auditor.check(auditor.isSelected, "INV-1", "the customer may select emergency credit that is offered")
        }
    }

    private mutating func pay(_ amount: Int64) {
        nextID += 1
        command(
            "payment_add",
            ["payment_id": .string("p\(nextID)"), "amount_micro": .integer(amount), "currency": "AUD"])
    }

    // MARK: - The office

    private static let credit = ["payment_add", "payment_reverse", "credit_adjust", "loan_extend"]
    private static let commands = [
        "tariff_set", "emergency_credit_set", "low_credit_set", "arrears_set", "regular_deduction_set",
        "friendly_days_set", "special_days_set", "suggestion_set", "omnipower_set", "supply_mode_set",
        "operational_mode_set", "currency_set",
    ]

    private mutating func office(_ roll: UInt64) {
        nextID += 1
        let now = wall.milliseconds
        switch roll % 20 {
        case 0...6:
            let name = Self.commands[Int(dice.below(Int64(Self.commands.count)))]
            command(name, SoakHousehold.args(name, &dice, home, now))
        case 7:
            if dice.below(3) == 0 {
                command("daylight_saving_set", SoakHousehold.args("daylight_saving_set", &dice, home, now))
            }
        case 8:
            command(
                "credit_adjust",
                [
                    "adjustment_id": .string("a\(nextID)"),
                    "delta_micro": .integer(1 + dice.below(9_000_000) - 5_000_000),
                    "reason": "",
                ])
        case 9:
            command(
                "credit_set",
                [
                    "adjustment_id": .string("a\(nextID)"), "balance_micro": .integer(dice.below(9_000_000)),
                    "reason": "",
                ])
        case 10, 11:
            var args: JSONObject = [
                "loan_id": .string("l\(nextID)"), "amount_micro": .integer(1 + dice.below(3_000_000)),
            ]
            if dice.below(2) == 0 {
                args["expires_at"] = .string(WallTime(milliseconds: now - 60_000 + dice.below(400_000_000)).text)
            }
            command("loan_extend", .object(args))
        case 12, 13:
            command(
                "payment_reverse",
                [
                    "payment_id": .string("p\(nextID - Int(dice.below(12)))"), "reversal_id": .string("r\(nextID)"),
                    "reason": "bounced",
                ])
        case 14, 15, 16: repeatCommand()
        case 17: order(isDisconnect: true)
        case 18: order(isDisconnect: false)
        default: pay(1_000_000 + dice.below(40) * 1_000_000)
        }
    }

    /// The same again, or the same id with other content.
    private mutating func repeatCommand() {
        guard !sent.isEmpty else { return }
        let (name, args) = sent[Int(dice.below(Int64(sent.count)))]
        guard dice.below(3) == 0, var object = args.object else { return command(name, args) }
        for member in ["amount_micro", "delta_micro", "balance_micro"] where object[member] != nil {
            object[member] = .integer((object[member]?.integer ?? 0) + 10_000)
        }
        command(name, .object(object))
    }

    private mutating func order(isDisconnect: Bool) {
        auditor.now = instant(isDisconnect ? .disconnect : .allowSupply, isUse: true)
        if !isDisconnect {
            if !troubles.isJournalFull { auditor.supply.isDisconnectOrdered = false }
            if turn(
                .allowSupply, cause: .use,
                { unit, instant, events throws(CreditError) in unit.allowSupply(at: instant, into: &events) })
            {
                isDisconnectOrdered = false
            }
            return
        }
        let refusal = auditor.disconnection()
        // About a change of the clock the auditor does not reckon when a period ends.
        guard refusal != nil || !auditor.isNearChange(auditor.now) else { return }
        if refusal == nil, !troubles.isJournalFull { auditor.supply.isDisconnectOrdered = true }
        let isDurable = turn(.disconnect, cause: .use, predicted: refusal ?? .applied) {
            unit, instant, events throws(CreditError) in
            try unit.disconnect(at: instant, into: &events)
            return .applied
        }
        if isDurable { isDisconnectOrdered = unit.supply.isDisconnectOrdered }
        auditor.supply.isDisconnectOrdered = isDisconnectOrdered
    }

    /// Sends a command; one that is not answered because nothing could be recorded is sent again.
    mutating func command(_ name: String, _ args: JSONValue) {
        // With a clock in doubt the desk refuses everything but credit (contract §5).
        guard !troubles.isClockUntrusted || Self.credit.contains(name) else { return }
        let read: UnitCommand?
        do throws(ArgumentFault) {
            read = try UnitCommand.read(name, args)
        } catch {
            return auditor.find("INV-3", "arguments of \(name)", "read", "\(error)")
        }
        guard let read else { return }
        counts.commands += 1
        // A unit that becomes prepaid is told before it is cut.
        let isUse = name != "operational_mode_set"
        auditor.now = instant(.command(name, args), isUse: isUse)
        let predicted = auditor.outcome(name, args)
        let isDurable = turn(
            .command(name, args), cause: isUse ? .use : .calendar, predicted: predicted
        ) { unit, instant, events throws(CreditError) in
            try unit.carryOut(read, at: instant, into: &events)
        }
        if !isDurable {
            unanswered = (name, args)
        } else if counts.lastOutcome == .applied, ["payment_add", "credit_adjust", "loan_extend"].contains(name) {
            sent.append((name, args))
            if sent.count > 8 { sent.removeFirst() }
        }
    }
}
