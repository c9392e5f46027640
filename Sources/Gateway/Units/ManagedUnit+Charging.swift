import Credit
import Drivers
import Intervals
import Metering

/// Charging: from confirmed registers, at each interval boundary, and at once where the charge crosses a threshold. A
/// charge says how far the register is charged with it, so that after a crash the rest is charged, once.
extension ManagedUnit {
    /// The load survey is waited for so long before an outage is spread by time, microseconds.
    private static let surveyPatience: Int64 = 900_000_000

    /// The newest interval the journal has of a meter: how far the register was known before the start.
    mutating func resume(_ interval: Interval) {
        guard let index = meters.firstIndex(where: { $0.serial == interval.meter }) else { return }
        meters[index].knownUntil = interval.end
        for value in interval.values where value.channel.unit == "Wh" {
            guard let register = value.registerAtEnd else { continue }
            let known = meters[index].slots.firstIndex { $0.channel == value.channel }
            guard let known else {
                var slot = ChargeSlot(channel: value.channel)
                slot.position = ChargePosition(
                    meter: interval.meter, epoch: interval.epoch, channel: value.channel, register: register,
                    at: interval.end)
                meters[index].slots.append(slot)
                continue
            }
            // Nothing was used since the last charge: the time since then is no time of use.
            if let position = meters[index].slots[known].position, position.epoch == interval.epoch,
                position.register == register, position.at < interval.end
            {
                meters[index].slots[known].position?.at = interval.end
            }
        }
    }

    /// Takes what happened to a meter.
    mutating func observe(
        _ status: MeterStatus, _ news: [MeterNews], turn: inout Turn, _ context: UnitContext
    ) {
        guard let meter = meters.firstIndex(where: { $0.serial == status.serial }) else { return }
        note(status, meter: meter, turn: turn, context)
        mustShow = true
        for item in news {
            switch item {
            case .interval(let interval): take(interval, meter: meter, turn: &turn, context)
            case .reanchored(let channel, let before, let point):
                reanchor(meter, channel, before: before, to: point, turn: &turn, context)
            case .replaced(let last, let first): replace(meter, last, first, turn: &turn, context)
            }
        }
        for slot in meters[meter].slots.indices { fillGap(meter, slot, turn: &turn, context) }
        chargeIfItMatters(turn: &turn, context)
        anchor(turn: &turn, context)
        watchLoad(status, turn: &turn)
    }

    private mutating func note(_ status: MeterStatus, meter: Int, turn: Turn, _ context: UnitContext) {
        meters[meter].status = status
        for register in status.registers {
            let known = meters[meter].slots.firstIndex { $0.channel == register.channel }
            if known == nil { meters[meter].slots.append(ChargeSlot(channel: register.channel)) }
            let slot = known ?? meters[meter].slots.count - 1
            meters[meter].slots[slot].width = register.width
            // A register of another epoch is another register.
            if let position = meters[meter].slots[slot].position, position.epoch != status.epoch {
                meters[meter].slots[slot].position = nil
            }
            guard let point = register.point, point != meters[meter].slots[slot].point else { continue }
            meters[meter].slots[slot].point = point
            guard register.channel == .importWh else { continue }
            noteLateness(meter, point, at: time(of: point, turn, context), context)
            meters[meter].seen = point.moment.uptime
        }
    }

    /// - Parameter time: when the register stood so, as far as the clock is to be believed.
    private mutating func noteLateness(
        _ meter: Int, _ point: RegisterPoint, at time: WallTime, _ context: UnitContext
    ) {
        let limit = meters[meter].staleAfter
        if meters[meter].isSinceStart {
            noteStart(meter, at: time, context)
        } else if let seen = meters[meter].seen, point.moment.uptime - seen > limit {
            meters[meter].late = (time, .staleData)
        }
    }

    /// How long the box was off shows a clock that is right only: until then everything counts as learnt late.
    private mutating func noteStart(_ meter: Int, at time: WallTime, _ context: UnitContext) {
        let known = (meters[meter].slots.map { $0.position?.at } + [meters[meter].knownUntil]).compactMap(\.self).max()
        guard context.trusted else {
            if known != nil { meters[meter].late = (WallTime(milliseconds: .max), .restart) }
            return
        }
        meters[meter].isSinceStart = false
        meters[meter].late = nil
        guard let known, time - known > meters[meter].staleAfter / 1000 + context.length else { return }
        meters[meter].late = (time, .restart)
    }

    // MARK: Intervals

    private mutating func take(_ interval: Interval, meter: Int, turn: inout Turn, _ context: UnitContext) {
        for slot in meters[meter].slots.indices {
            let channel = meters[meter].slots[slot].channel
            guard let value = interval.values.first(where: { $0.channel == channel }) else { continue }
            if interval.revision > 0 {
                if let amount = value.value { fill(meter, slot, interval.end, amount) }
            } else if let register = value.registerAtEnd {
                reach(meter, slot, register, interval, turn: &turn, context)
            }
        }
    }

    /// The register is known at the end of an interval.
    private mutating func reach(
        _ meter: Int, _ slot: Int, _ register: Int64, _ interval: Interval, turn: inout Turn, _ context: UnitContext
    ) {
        let end = interval.end
        guard let position = meters[meter].slots[slot].position, position.epoch == interval.epoch else {
            meters[meter].slots[slot].position = ChargePosition(
                meter: interval.meter, epoch: interval.epoch, channel: meters[meter].slots[slot].channel,
                register: register, at: end)
            return
        }
        if meters[meter].slots[slot].gap != nil {
            meters[meter].slots[slot].gap?.targets.append((end, register))
            return
        }
        if end <= position.at {
            // Said late, after a charge in the middle of the next interval; or the clock was set back.
            guard position.at - end > 2 * context.length, register >= position.register else { return }
        }
        let isLong = end - position.at > context.length && register != position.register
        if isLong, context.trusted, meters[meter].status?.hasSurvey == true {
            meters[meter].slots[slot].gap = ChargeGap(
                targets: [(end, register)], deadline: turn.moment.uptime + Self.surveyPatience)
            return
        }
        place(meter, slot, register, at: end, turn: &turn, context)
    }

    private mutating func fill(_ meter: Int, _ slot: Int, _ end: WallTime, _ wattHours: Int64) {
        guard var gap = meters[meter].slots[slot].gap, let last = gap.targets.last, end <= last.end else { return }
        gap.fills.removeAll { $0.end == end }
        let place = gap.fills.firstIndex { $0.end > end } ?? gap.fills.count
        gap.fills.insert((end, wattHours), at: place)
        meters[meter].slots[slot].gap = gap
    }

    /// Charges a stretch that is told, or waited for long enough.
    private mutating func fillGap(_ meter: Int, _ slot: Int, turn: inout Turn, _ context: UnitContext) {
        guard let gap = meters[meter].slots[slot].gap, let position = meters[meter].slots[slot].position,
            let first = gap.targets.first
        else { return }
        let wanted = (first.end - position.at) / context.length
        let told = gap.fills.count { $0.end > position.at && $0.end <= first.end }
        guard Int64(told) >= wanted || turn.moment.uptime >= gap.deadline else { return }
        meters[meter].slots[slot].gap = nil
        for target in gap.targets {
            place(meter, slot, target.register, at: target.end, fills: gap.fills, turn: &turn, context)
        }
    }

    /// Charges stretches that were waited for long enough.
    mutating func fillGaps(turn: inout Turn, _ context: UnitContext) {
        for meter in meters.indices {
            for slot in meters[meter].slots.indices { fillGap(meter, slot, turn: &turn, context) }
        }
    }

    // MARK: Charging

    /// Charges everything between what is charged and a register, in the intervals it falls into.
    private mutating func place(
        _ meter: Int, _ slot: Int, _ register: Int64, at end: WallTime,
        fills: [(end: WallTime, wattHours: Int64)] = [], turn: inout Turn, _ context: UnitContext
    ) {
        guard let position = meters[meter].slots[slot].position else { return }
        guard let energy = meters[meter].slots[slot].advance(from: position.register, to: register) else {
            // It ran backwards: the meter's own judgement follows it from there, and so do we.
            meters[meter].slots[slot].position?.register = register
            meters[meter].slots[slot].position?.at = end
            return
        }
        let parts = EnergyPlacement.parts(
            of: energy, from: position.at, to: end, length: context.length, fills: fills)
        for part in parts {
            guard chargeFault == nil else { return }
            charge(meter, slot, part.wattHours, until: part.end, turn: &turn, context)
        }
    }

    private mutating func charge(
        _ meter: Int, _ slot: Int, _ wattHours: Int64, until end: WallTime, turn: inout Turn, _ context: UnitContext
    ) {
        guard var position = meters[meter].slots[slot].position else { return }
        let from = position.register
        position.register = meters[meter].slots[slot].moved(from, by: wattHours)
        position.at = end
        let isExport = meters[meter].slots[slot].isExport
        guard wattHours > 0, payment.account.mode != .factory,
            let tariff = payment.account.tariffNumber(isExport: isExport, at: end + -1)
        else {
            meters[meter].slots[slot].position = position
            return
        }
        payment.doubts = doubts(at: turn.moment, context)
        var events: [UnitEvent] = []
        do throws(CreditError) {
            try payment.charge(
                wattHours: wattHours, tariff: tariff, isExport: isExport, until: end, at: turn.instant(context),
                cause: cause(meter, end, context), into: &events)
            meters[meter].slots[slot].position = position
            meters[meter].slots[slot].recorded = position.register
        } catch {
            // Nothing of it happened; without knowing what was used nobody is cut off.
            chargeFault = error
        }
        record(events, charged: (position, from), turn: &turn, context)
    }

    /// Whether what ended then was learnt late.
    private func cause(_ meter: Int, _ end: WallTime, _ context: UnitContext) -> SupplyCause {
        guard let late = meters[meter].late, end + -context.length < late.until else { return .use }
        return late.cause
    }

    /// When a register stood so; by a clock that is wrong that is as good as now.
    private func time(of point: RegisterPoint, _ turn: Turn, _ context: UnitContext) -> WallTime {
        context.trusted ? min(point.moment.wall, turn.recordTime) : turn.recordTime
    }

    /// Charges all that is confirmed now, although no interval ends.
    mutating func flush(turn: inout Turn, _ context: UnitContext) {
        for meter in meters.indices {
            for slot in meters[meter].slots.indices {
                guard let pending = meters[meter].slots[slot].pending, pending > 0,
                    let point = meters[meter].slots[slot].point, let position = meters[meter].slots[slot].position
                else { continue }
                let end = max(time(of: point, turn, context), position.at)
                place(meter, slot, point.value, at: end, turn: &turn, context)
            }
        }
    }

    /// Charges at once where that changes what is usable, or what the customer is to be told.
    private mutating func chargeIfItMatters(turn: inout Turn, _ context: UnitContext) {
        guard context.trusted, chargeFault == nil, payment.account.mode != .factory else { return }
        guard !meters.contains(where: { $0.slots.contains { $0.gap != nil } }) else { return }
        var trial = payment.account
        var events: [CreditEvent] = []
        var isAny = false
        for meter in meters {
            for slot in meter.slots {
                guard let pending = slot.pending, pending > 0, let point = slot.point, let position = slot.position,
                    let tariff = trial.tariffNumber(isExport: slot.isExport, at: point.moment.wall + -1)
                else { continue }
                let end = max(time(of: point, turn, context), position.at)
                guard
                    (try? trial.charge(
                        wattHours: pending, tariff: tariff, isExport: slot.isExport, until: end, into: &events)) != nil
                else { return }
                isAny = true
            }
        }
        guard isAny, CreditLevel(trial) != CreditLevel(payment.account) else { return }
        flush(turn: &turn, context)
    }

    // MARK: Anchors

    /// Writes down where charging begins, where the journal would not know it after a restart.
    mutating func anchor(turn: inout Turn, _ context: UnitContext) {
        let account = payment.account
        for meter in meters.indices {
            guard let status = meters[meter].status else { continue }
            for slot in meters[meter].slots.indices {
                var item = meters[meter].slots[slot]
                let tariff = account.tariffNumber(isExport: item.isExport, at: turn.recordTime)
                let isCharged = account.mode != .factory && tariff != nil
                if item.position == nil, isCharged, let point = item.point {
                    item.position = ChargePosition(
                        meter: status.serial, epoch: status.epoch, channel: item.channel, register: point.value,
                        at: time(of: point, turn, context))
                }
                if let position = item.position, isCharged || item.recorded != nil,
                    item.recorded != position.register
                {
                    item.recorded = position.register
                    write("register", position.json, turn: &turn)
                }
                meters[meter].slots[slot] = item
            }
        }
    }

    /// The register began anew: what was confirmed before it is charged, nothing of the step is.
    private mutating func reanchor(
        _ meter: Int, _ channel: Channel, before: RegisterPoint?, to point: RegisterPoint, turn: inout Turn,
        _ context: UnitContext
    ) {
        guard let slot = meters[meter].slots.firstIndex(where: { $0.channel == channel }),
            let status = meters[meter].status
        else { return }
        if let gap = meters[meter].slots[slot].gap {
            meters[meter].slots[slot].gap = nil
            for target in gap.targets { place(meter, slot, target.register, at: target.end, turn: &turn, context) }
        }
        if let before, let position = meters[meter].slots[slot].position,
            let pending = meters[meter].slots[slot].advance(from: position.register, to: before.value), pending > 0
        {
            place(
                meter, slot, before.value, at: max(time(of: before, turn, context), position.at), turn: &turn, context)
        }
        meters[meter].slots[slot].position = ChargePosition(
            meter: status.serial, epoch: status.epoch, channel: channel, register: point.value,
            at: time(of: point, turn, context))
    }

    /// The meter was replaced: it is charged to its final readings, and the account goes on with the new one's.
    private mutating func replace(
        _ meter: Int, _ last: Interval, _ first: Interval, turn: inout Turn, _ context: UnitContext
    ) {
        for slot in meters[meter].slots.indices {
            let channel = meters[meter].slots[slot].channel
            meters[meter].slots[slot].gap = nil
            if let position = meters[meter].slots[slot].position,
                let final = last.values.first(where: { $0.channel == channel })?.registerAtEnd,
                meters[meter].slots[slot].advance(from: position.register, to: final) != nil
            {
                place(meter, slot, final, at: max(turn.recordTime, position.at), turn: &turn, context)
            }
            guard let initial = first.values.first(where: { $0.channel == channel })?.registerAtEnd else { continue }
            let begun = ChargePosition(
                meter: first.meter, epoch: first.epoch, channel: channel, register: initial, at: turn.recordTime)
            successors.removeAll { $0.meter == begun.meter && $0.channel == channel }
            successors.append(begun)
            write("register", begun.json, turn: &turn)
        }
    }
}

/// What people are told, and supply goes by.
private struct CreditLevel: Equatable {
    var isUsable: Bool
    var isLow: Bool
    var emergency: EmergencyState
    var isEmergencyLeft: Bool
    var isOnEmergencyCredit: Bool

    init(_ account: CreditAccount) {
        isUsable = account.isUsable
        isLow = account.isLow
        emergency = account.emergencyState
        isEmergencyLeft = account.emergencyLeft > 0
        isOnEmergencyCredit = account.balance <= 0
    }
}
