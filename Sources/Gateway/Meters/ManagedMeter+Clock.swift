import Drivers
import Metering

/// Whether a meter's clock is set, and what was done about it. Off unless the operator said `set_clock = true`.
struct ClockSetting: Sendable {
    /// Less than this is left alone, milliseconds: clocks have whole seconds, and wires take time.
    static let smallest: Int64 = 5000
    /// More than this is no drift: somebody must look (a wrong utc_offset, daylight saving, a dead battery).
    static let largest: Int64 = 120_000
    /// The clock is only set this far from a boundary, before and after, milliseconds: no interval begins twice.
    private static let clear: Int64 = 30_000
    /// Boundaries of every survey of 5, 15, 30 and 60 minutes.
    private static let slot: Int64 = 300_000

    let isAllowed: Bool
    /// The meter does not let us: asked again after the next start or change of its configuration.
    var isRefused = false
    /// What the clock was off before it was set, until it was read again.
    var before: Int64?
    var attempts = RateLimit(limit: 4, seconds: 86_400)

    init(isAllowed: Bool) { self.isAllowed = isAllowed }

    /// Whether a clock that is off by so much is to be set.
    func isWanted(_ difference: Int64) -> Bool {
        let size = difference.magnitude
        return isAllowed && !isRefused && size > UInt64(Self.smallest) && size <= UInt64(Self.largest)
    }

    /// Whether it can be set now: old and new time lie in the same stretch between boundaries, well inside it.
    static func isClear(_ wall: WallTime, difference: Int64) -> Bool {
        let now = wall.milliseconds
        let shown = now + difference
        guard now.flooredQuotient(by: slot) == shown.flooredQuotient(by: slot) else { return false }
        return [now, shown].allSatisfy { (clear...(slot - clear)).contains($0.flooredRemainder(by: slot)) }
    }
}

/// Setting a meter's clock: bounded, written down before and after, and never from a clock that is itself in doubt.
extension ManagedMeter {
    private static let retry: Int64 = 60_000_000

    /// The meter's clock was read: true when it is set now, and will be read again.
    mutating func correctClock(_ difference: Int64, turn: inout Turn, _ context: MeterContext) -> Bool {
        if let before = setting.before {
            setting.before = nil
            note("clock_set", before: before, "the meter's clock was set and read again", turn: &turn)
            return false
        }
        guard setting.isWanted(difference), context.trusted, context.teaches else { return false }
        guard ClockSetting.isClear(turn.moment.wall, difference: difference) else {
            nextClock = turn.moment.uptime + Self.retry
            return false
        }
        guard setting.attempts.admit(at: turn.moment.uptime) else { return false }
        setting.before = difference
        note("clock_setting", before: difference, "the meter's clock is being set to the box's", turn: &turn)
        want(.setClock, since: turn.moment.uptime)
        edmi?.startSettingClock()
        return true
    }

    /// The meter took the time, or did not; its clock is read again either way.
    mutating func clockSet(_ failure: EdmiFailure?, turn: inout Turn) {
        if let failure {
            if case .refused = failure { setting.isRefused = true }
            let message = "the meter's clock could not be set: \(failure.description)"
            note("clock_set_failed", before: setting.before ?? 0, message, turn: &turn)
            setting.before = nil
        }
        want(.clock, since: turn.moment.uptime)
    }

    private func note(_ event: String, before: Int64, _ message: String, turn: inout Turn) {
        turn.append(
            .meterEvent,
            [
                "meter": .string(settings.serial.text), "event": .string(event),
                "offset_s": JSONValue(board.clockOffset),
                "offset_before_s": .integer((before + 999).flooredQuotient(by: 1000)), "message": .string(message),
            ])
    }
}
