import Drivers
import Intervals
import Metering

/// Back-fill: what the meter's own survey knows better than the box does.
extension ManagedMeter {
    /// Starts a run that is due: the meter's clock is read for it first.
    mutating func startBackfill(turn: inout Turn, _ context: MeterContext) {
        let isReady = context.trusted && context.fit && liveness.isAnswering && portDownText == nil
        guard backfill.begin(isReady: isReady, at: turn.moment) else { return }
        want(.clock, since: turn.moment.uptime)
    }

    /// Says once that the meter's clock is off, and once that it is right again. A box that does not trust its own
    /// clock cannot tell.
    mutating func noteDrift(_ difference: Int64, turn: inout Turn, _ context: MeterContext) {
        let isOff = difference.magnitude > UInt64(Backfill.clockAgreement)
        guard context.trusted, isOff != isDrifted, complaints.admit(at: turn.moment.uptime) else { return }
        isDrifted = isOff
        let message =
            isOff
            ? "the meter's clock is more than a minute off: its load survey is not used until it is set"
            : "the meter's clock agrees again"
        turn.append(
            .meterEvent,
            [
                "meter": .string(settings.serial.text), "event": .string(isOff ? "clock_drift" : "clock_agrees"),
                "offset_s": JSONValue(board.clockOffset), "message": .string(message),
            ])
    }

    /// The meter's clock was read, or could not be.
    mutating func backfillClock(_ difference: Int64?, turn: Turn) {
        guard let task = backfill.clockRead(difference, at: turn.moment) else { return }
        if edmi?.want == nil { want(.backfill, since: turn.moment.uptime) }
        edmi?.start(task)
    }

    /// Records came: better statements are written down at once, so that nothing is fetched twice.
    mutating func takeBackfill(turn: inout Turn) {
        guard backfill.isRunning, let (records, layout) = edmi?.takeBackfillRecords(), layout != nil else { return }
        let filled = backfill.take(records, layout)
        if !backfill.isRunning { edmi?.stopBackfill() }
        write(filled.intervals, filled.disagreements, turn: &turn)
    }

    private mutating func write(
        _ intervals: [Interval], _ disagreements: [SumDisagreement], turn: inout Turn
    ) {
        for interval in intervals {
            turn.append(.interval, key: .whole(interval.key), interval.record)
            if interval.end == lastStated?.end { lastStated = interval }
        }
        tell(intervals)
        for disagreement in disagreements where complaints.admit(at: turn.moment.uptime) {
            turn.alarm(.sumCheck, disagreement.record(meter: settings.serial))
        }
    }

    mutating func endBackfill(_ failure: EdmiFailure?, turn: inout Turn) {
        takeBackfill(turn: &turn)
        if failure == nil {
            let held = backfill.takeHeld()
            write(held.intervals, held.disagreements, turn: &turn)
        }
        edmi?.stopBackfill()
        for finding in backfill.end(failure, at: turn.moment.uptime) where complaints.admit(at: turn.moment.uptime) {
            switch finding {
            case .sum(let disagreement): turn.alarm(.sumCheck, disagreement.record(meter: settings.serial))
            case .shift(let channel, let intervals, let from, let to):
                turn.alarm(
                    .sumCheck,
                    [
                        "meter": .string(settings.serial.text), "channel": .string(channel.rawValue),
                        "why": "survey_shift", "from": .string(from.textSeconds), "to": .string(to.textSeconds),
                        "intervals": JSONValue(intervals), "message": .string(shiftMessage(intervals)),
                    ])
            }
        }
    }

    private func shiftMessage(_ intervals: Int) -> String {
        let configured = settings.surveyStampIsEnd ? "end" : "start"
        let other = settings.surveyStampIsEnd ? "start" : "end"
        // Taken later, a stamp means the start; what fits the other way is a wrong utc_offset or clock.
        let isStamp = (intervals == 1) == settings.surveyStampIsEnd
        let cure =
            isStamp
            ? "set survey_stamp = \"\(other)\" for this meter (it is \"\(configured)\")"
            : "compare the meter's clock and utc_offset"
        return "the load survey fits the registers one interval \(intervals == 1 ? "later" : "earlier"): \(cure); "
            + "nothing is taken from it until it fits"
    }
}

extension SumDisagreement {
    fileprivate func record(meter: MeterSerial) -> JSONObject {
        let (difference, overflow) = survey.subtractingReportingOverflow(register)
        return [
            "meter": .string(meter.text), "channel": .string(channel.rawValue), "why": "survey_sum",
            "from": .string(from.textSeconds), "to": .string(to.textSeconds), "survey": .integer(survey),
            "register": .integer(register), "difference": JSONValue(overflow ? nil : difference),
            "unit": .string(channel.unit),
            "message": "the load survey's intervals do not add up to what the register went on meanwhile",
        ]
    }
}
