import Credit
import Drivers
import Intervals
import Metering

/// A unit begins, or its configuration changes.
extension ManagedUnit {
    /// Starts with what the journal knows: a new unit's account begins, and a change of wiring is written down.
    mutating func begin(
        _ memory: UnitMemory?, _ intervals: [Interval], turn: inout Turn, _ context: UnitContext
    ) {
        if memory?.hasBegun != true {
            var events: [UnitEvent] = []
            do throws(CreditError) {
                try payment.open(at: turn.instant(context), into: &events)
            } catch {
                chargeFault = error
            }
            record(events, turn: &turn, context)
        }
        if let contradiction {
            turn.alarm(.journalCorrupt, ["unit": .string(id), "message": .string(contradiction)])
        }
        if memory?.wiring != wiring { write("wiring", wiring.json, turn: &turn) }
        // A meter that is new to the unit is charged from its first reading on, whatever it counted for others.
        for interval in newest(intervals) where memory?.wiring?.meters.contains(interval.meter) == true {
            resume(interval)
        }
        payment.doubts = doubts(at: turn.moment, context)
    }

    /// The newest interval of each of the unit's meters.
    private func newest(_ intervals: [Interval]) -> [Interval] {
        settings.meters.compactMap { serial in
            intervals.filter { $0.meter == serial }.max { ($0.epoch, $0.end) < ($1.epoch, $1.end) }
        }
    }

    /// Takes over a changed configuration: the account goes on; another switch or meter must be tested anew.
    mutating func reconfigure(
        _ new: UnitSettings, _ loadSwitch: SwitchSettings?, turn: inout Turn, _ context: UnitContext
    ) {
        let now = turn.moment.uptime
        let before = (settings, wiring)
        if new.meters != settings.meters { flush(turn: &turn, context) }
        settings = new
        wiring = UnitWiring(new, loadSwitch)
        var policy = new.policy
        policy.reconnect = loadSwitch?.reconnect ?? .button
        payment.configure(limits: new.limits, zone: context.zone, policy: policy)
        longestDelay = max(0, loadSwitch?.remoteDelaySeconds ?? 0)
        if before.0.buttons != new.buttons { buttons = new.buttons.flatMap { ButtonWatch($0, at: now) } }
        if load?.settings != loadSwitch {
            let isSame = before.1.loadSwitch == wiring.loadSwitch
            let expected = isSame ? load?.isClosed ?? load?.expected : nil
            if let move = load?.move, move.orderedSeq != nil {
                unconfirmed = UnconfirmedOrder(closes: move.closes, reason: move.reason, seq: move.orderedSeq ?? 0)
            }
            load = loadSwitch.flatMap { LoadSwitch($0, expected: expected, at: now) }
            if !isSame {
                // Another contact: where it is shows the first look.
                wasSeen = false
                unconfirmed = nil
                isSelfOpened = false
                if load == nil { payment.follow(.connected, at: now) }
            }
            interruptTest(turn: &turn)
            if test != nil { isTestOpen = true }
            test = nil
            pending = nil
        }
        guard wiring != before.1 else { return }
        interruptTest(turn: &turn)
        write("wiring", wiring.json, turn: &turn)
        payment.setTested(false)
        let old = meters
        meters = new.meters.map { serial in old.first { $0.serial == serial } ?? BilledMeter(serial: serial) }
        for index in meters.indices where meters[index].slots.isEmpty {
            for position in successors where position.meter == meters[index].serial {
                var slot = ChargeSlot(channel: position.channel)
                slot.position = position
                slot.recorded = position.register
                meters[index].slots.append(slot)
            }
        }
        successors.removeAll { new.meters.contains($0.meter) }
    }

    /// The port cannot be asked now, or does not answer: a look that was due has no answer.
    mutating func portMissed(isUp: (PortID) -> Bool, turn: inout Turn, _ context: UnitContext) {
        load?.expire(at: turn.moment.uptime)
        buttons?.expire(at: turn.moment.uptime)
        guard let port = load?.port, !isUp(port), let news = load?.missLook(at: turn.moment.uptime) else { return }
        take(news, turn: &turn, context)
    }
}
