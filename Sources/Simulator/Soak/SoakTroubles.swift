import Credit
import Metering

/// What is wrong with the box, its meter and its switch at the moment, and until which step.
struct SoakTroubles: Sendable {
    /// How wrong the box's clock is, milliseconds.
    var skew: Int64 = 0
    /// How wrong the box thinks its clock may be, milliseconds.
    var uncertainty: Int64 = 2000
    var clockUntil: Int64 = 0
    var silentUntil: Int64 = 0
    var unconfirmedUntil: Int64 = 0
    var wrongMeterUntil: Int64 = 0
    var journalFullUntil: Int64 = 0
    var stuckUntil: Int64 = 0
    var isClockUntrusted = false
    /// Whether energy waits until the clock is right.
    var holdsEnergy = false
    var isMeterSilent = false
    var isUnconfirmed = false
    var isWrongMeter = false
    var isJournalFull = false
    var isSwitchStuck = false
    var wasSilent = false
    /// The box was off, or its clock was set, in this step.
    var isJolted = false

    /// What makes the box hold the supply.
    var doubts: SupplyDoubts {
        var doubts: SupplyDoubts = []
        if isClockUntrusted { doubts.insert(.clockUntrusted) }
        if isMeterSilent { doubts.insert(.dataStale) }
        if isUnconfirmed { doubts.insert(.readingUnconfirmed) }
        if isWrongMeter { doubts.insert(.wrongMeter) }
        if isJournalFull { doubts.insert(.journalFault) }
        return doubts
    }

    var isAny: Bool { isClockUntrusted || isMeterSilent || isUnconfirmed || isWrongMeter || isJournalFull }

    var isAnything: Bool { isAny || isSwitchStuck || isJolted || skew != 0 }

    /// The meter was silent and is not any more.
    mutating func takeStale() -> Bool {
        defer { wasSilent = false }
        return wasSilent
    }

    /// A step is over; what was to last until then is over too.
    mutating func pass(_ step: Int64) {
        isJolted = false
        if isClockUntrusted, step >= clockUntil {
            isClockUntrusted = false
            skew = 0
        }
        if isMeterSilent, step >= silentUntil {
            isMeterSilent = false
            wasSilent = true
        }
        if isUnconfirmed, step >= unconfirmedUntil { isUnconfirmed = false }
        if isWrongMeter, step >= wrongMeterUntil { isWrongMeter = false }
        if isJournalFull, step >= journalFullUntil { isJournalFull = false }
        if isSwitchStuck, step >= stuckUntil { isSwitchStuck = false }
    }
}

extension SoakUnit {
    /// Perhaps something goes wrong now.
    mutating func begin(troubles roll: UInt64) {
        guard roll < 700 else { return }
        let last = step + dice.below(6)
        switch roll / 50 {
        case 0, 1: restart()
        case 2, 3: stepClock()
        case 4:
            // A clock that is a little wrong, and known to be.
            if !troubles.isClockUntrusted {
                troubles.uncertainty = dice.below(2) == 0 ? 2000 : 120_000
                troubles.skew = dice.below(2 * troubles.uncertainty) - troubles.uncertainty
                pass(to: truth)
            }
        case 5, 6:
            troubles.isMeterSilent = true
            troubles.silentUntil = dice.below(8) == 0 ? step + dice.below(200) : last
        case 7:
            troubles.isUnconfirmed = true
            troubles.unconfirmedUntil = last
        case 8:
            troubles.isWrongMeter = true
            troubles.wrongMeterUntil = last
        case 9, 10:
            troubles.isJournalFull = true
            troubles.journalFullUntil = last
        case 11:
            troubles.isSwitchStuck = true
            troubles.stuckUntil = last
        case 12: openItself()
        default:
            if !troubles.isClockUntrusted { troubles.skew = 0 }
        }
    }

    /// The clock jumps by an hour, a day or a year, is noticed to have jumped, and is put right some time later.
    private mutating func stepClock() {
        let jumps: [Int64] = [3_600_000, -3_600_000, 86_400_000, -86_400_000, 31_536_000_000, -31_536_000_000, 700_000]
        troubles.skew = jumps[Int(dice.below(Int64(jumps.count)))]
        troubles.isClockUntrusted = true
        troubles.holdsEnergy = dice.below(2) == 0
        troubles.clockUntil = step + dice.below(20)
    }

    private mutating func openItself() {
        guard unit.supply.current == .connected else { return }
        troubles.isJolted = true
        moves.append(truth)
        auditor.openedItself(at: truth)
        unit.follow(.disconnected, at: supplyInstant.uptime)
    }

    /// The box stops, with or without the turn it was in, and starts again from its journal some time later.
    mutating func restart() {
        troubles.isJolted = true
        counts.restarts += 1
        replay()
        truth += 3000 + (dice.below(4) == 0 ? dice.below(30_000_000) : dice.below(60_000))
        if dice.below(2) == 0 { booted = truth - 4000 }
        var history = SwitchHistory(
            moves: moves.suffix(5).map { Uptime(microseconds: ($0 - booted) * 1000) },
            remoteDisconnect: remoteMove.map { Uptime(microseconds: ($0 - booted) * 1000) })
        history.moved(at: supplyInstant.uptime)
        moves.append(truth)
        if moves.count > 6 { moves.removeFirst(moves.count - 6) }
        // What the gateway reads of its own records.
        let isKnown = auditor.saidExhausted && lastDecision?.reason != .clockUntrusted
        let state = lastDecision?.state == .armed ? SupplyState.armed : .disconnected
        let isClosed = unit.supply.current == .connected
        var supply = Self.supply(
            home, current: isClosed ? .connected : state, notice: lastNotice, isKnown: isKnown)
        supply.isDisconnectOrdered = isDisconnectOrdered
        auditor.restarted(state: isClosed ? 2 : state == .armed ? 1 : 0, knowsExhaustion: isKnown, at: truth)
        unit = PaymentUnit(account: base, supply: supply)
        unit.restore(history)
        wakeAt = .max / 2
        // Nothing is known of the meter until it has been read twice.
        troubles.isMeterSilent = true
        troubles.silentUntil = max(troubles.silentUntil, step)
        guard !troubles.isClockUntrusted else { return }
        turn(.wake, cause: .restart) { unit, instant, events throws(CreditError) in
            try unit.wake(at: instant, cause: .restart, into: &events)
        }
    }

    /// The account that the journal alone gives must be the account that was; a few records go by their text.
    private mutating func replay() {
        for event in journal {
            var read = event
            if dice.below(100) == 0 {
                let data = event.data(unit: "unit-1", balance: base.balance)
                do {
                    let text = JSONWriter.canonical(.object(data))
                    let again = try CreditEvent.read(
                        kind: event.kind, data: try JSONReader.read(text).object ?? JSONObject(), at: event.at)
                    let text2 = again.map {
                        JSONWriter.canonical(.object($0.data(unit: "unit-1", balance: base.balance)))
                    }
                    auditor.check(text == text2, "INV-4", "a record is read back as it was: \(data)")
                    read = again ?? event
                } catch {
                    auditor.find("INV-4", "a record reads", "\(data)", "\(error)")
                }
                counts.recordsByText += 1
            }
            do throws(CreditError) {
                try base.apply(read)
            } catch {
                auditor.find("INV-4", "a record is applied again", "\(read)", "\(error)")
            }
        }
        journal.removeAll(keepingCapacity: true)
        auditor.check(base.isSame(as: unit.account), "INV-4", "a start gives the account that was")
    }
}
