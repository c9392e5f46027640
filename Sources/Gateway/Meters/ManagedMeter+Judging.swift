import Intervals
import Metering

/// From readings to intervals: each reading is confirmed by the next, confirmed ones place the register at boundaries.
extension ManagedMeter {
    /// What a set of readings showed that must not be charged.
    private struct Findings {
        var fault: ReadingConfirmation.Fault
        var channels: [JSONValue] = []
    }

    /// The configuration says that the registers mean something else from now on.
    mutating func startRegistersAnew() {
        for index in kept.indices { confirmations[index].startAnew() }
    }

    var isStartingAnew: Bool { confirmations.contains(where: \.isOutdated) }

    mutating func judgeReadings(turn: inout Turn, _ context: MeterContext) {
        var findings: [Findings] = []
        for index in kept.indices {
            let row = kept[index].row
            let moment = board.moments[row]
            guard moment.uptime > judged[index] else { continue }
            judged[index] = moment.uptime
            guard case .success(let value) = board.values[row] else {
                if case .failure(let missing) = board.values[row] { keeper.miss(index, why: missing.reason) }
                continue
            }
            // Rounded down once, before any difference is taken.
            guard let whole = value.flooredInteger, whole >= 0 else {
                board.set(row, .failure(MissingValue(.invalid)), at: moment)
                keeper.miss(index, why: .invalid)
                continue
            }
            let point = RegisterPoint(value: whole, moment: moment, trusted: context.trusted)
            judge(point, index, findings: &findings, turn: &turn, context)
            if !context.fit { keeper.miss(index, why: .clock) }
        }
        report(findings, turn: &turn)
    }

    private mutating func judge(
        _ point: RegisterPoint, _ index: Int, findings: inout [Findings], turn: inout Turn, _ context: MeterContext
    ) {
        let before = confirmations[index].usable
        switch confirmations[index].take(point) {
        case .accepted(let confirmed):
            if let confirmed { note(confirmed, index, context) }
        case .suspect(let fault, let isFirst):
            keeper.miss(index, why: .unconfirmed)
            board.set(kept[index].row, .failure(MissingValue(.unconfirmed)), at: point.moment)
            if isFirst { add(fault, index, value: point.value, before: before, to: &findings) }
        case .dropped(let wrong):
            add(.implausible, index, value: wrong.value, before: before, to: &findings)
        case .reanchored(let anchor):
            keeper.breakSpan(index, why: .registerReset)
            if isBilled { news.append(.reanchored(kept[index].channel, before: before, to: anchor)) }
            note(anchor, index, context)
            guard complaints.admit(at: turn.moment.uptime) else { return }
            turn.append(
                .meterEvent,
                [
                    "meter": .string(settings.serial.text), "event": "register_reanchored",
                    "channel": .string(kept[index].channel.rawValue), "register_end": .integer(anchor.value),
                    "message": "two readings agree: the register is followed from here on",
                ])
        }
    }

    private mutating func note(_ point: RegisterPoint, _ index: Int, _ context: MeterContext) {
        guard context.fit else { return }
        keeper.note(index, value: point.value, at: point.moment, trusted: point.trusted)
    }

    private func add(
        _ fault: ReadingConfirmation.Fault, _ index: Int, value: Int64, before: RegisterPoint?,
        to findings: inout [Findings]
    ) {
        let channel: JSONValue = [
            "channel": .string(kept[index].channel.rawValue), "value": .integer(value),
            "confirmed": JSONValue(before?.value),
        ]
        if let known = findings.firstIndex(where: { $0.fault == fault }) {
            findings[known].channels.append(channel)
        } else {
            findings.append(Findings(fault: fault, channels: [channel]))
        }
    }

    private mutating func report(_ findings: [Findings], turn: inout Turn) {
        for finding in findings where complaints.admit(at: turn.moment.uptime) {
            let message =
                finding.fault == .registerReset
                ? "a register ran backwards: nothing is charged until two readings agree"
                : "a register went further than the connection can carry: the reading is not used"
            let data: JSONObject = [
                "meter": .string(settings.serial.text), "port": .string(settings.port.name),
                "why": .string(finding.fault.rawValue), "channels": .array(finding.channels),
                "message": .string(message),
            ]
            turn.append(.meterQuarantined, data)
            turn.alarm(finding.fault.alarm, data)
        }
    }

    /// Tells the payment unit of statements.
    mutating func tell(_ intervals: [Interval]) {
        guard isBilled, !intervals.isEmpty else { return }
        for interval in intervals { news.append(.interval(interval)) }
        hasNews = true
    }

    /// Writes the intervals that can be stated now; true when more are left for the next turn.
    @discardableResult
    mutating func stateIntervals(turn: inout Turn, _ context: MeterContext) -> Bool {
        guard context.fit, !kept.isEmpty, !isRetired else { return false }
        let intervals = keeper.take(now: turn.moment.wall, limit: Self.statementLimit)
        for interval in intervals { turn.append(.interval, key: .whole(interval.key), interval.record) }
        for interval in intervals { backfill.note(interval, at: turn.moment.uptime) }
        tell(intervals)
        if let last = intervals.last { lastStated = last }
        // Better statements about those, or older ones, that nothing measured will be had for.
        let substitutes = backfill.takeSubstitutes(most: Self.statementLimit - intervals.count)
        for interval in substitutes {
            turn.append(.interval, key: .whole(interval.key), interval.record)
            if interval.end == lastStated?.end { lastStated = interval }
        }
        return intervals.count == Self.statementLimit || backfill.hasSubstitutes
    }
}

extension ReadingConfirmation {
    init(_ kept: KeptRegister, resume: Interval?) {
        let remembered = resume.flatMap { interval -> RegisterPoint? in
            let value = interval.values.first { $0.channel == kept.channel }?.registerAtEnd
            return value.map { value in
                RegisterPoint(
                    value: value,
                    moment: Moment(
                        wall: interval.end, uptime: Uptime(microseconds: 0), kernelSynchronised: false),
                    trusted: true)
            }
        }
        self.init(width: kept.width, limit: kept.limit, remembered: remembered)
    }
}
