import Drivers
import Intervals
import Metering

/// What a payment unit hears of its meter, in the order in which it happened.
enum MeterNews: Sendable {
    /// An interval was stated, or stated better.
    case interval(Interval)
    /// The register began anew: it is followed from the second point on. `before` is the last that counted.
    case reanchored(Channel, before: RegisterPoint?, to: RegisterPoint)
    /// The meter is gone: its last statement, and the first of the meter after it.
    case replaced(last: Interval, first: Interval)
}

/// How a billed meter stands at the end of a set of readings.
struct MeterStatus: Sendable {
    /// The newest confirmed reading of a channel.
    struct Register: Sendable {
        var channel: Channel
        var width: Int64?
        var point: RegisterPoint?
        /// A reading contradicts the ones before and is not resolved yet.
        var isInDoubt: Bool
    }

    var serial: MeterSerial
    var epoch: Int
    var pollSeconds: Int
    /// It has a load survey of its own, whose intervals may come later.
    var hasSurvey: Bool
    var registers: [Register]
    var lastGood: Moment?
    /// Another meter answers, or this one was replaced.
    var isWrong: Bool
    /// Whole watts, when the newest reading of the power is there.
    var powerWatts: Int64?
    var powerAt: Uptime?
}

extension ManagedMeter {
    /// How this meter stands.
    var billing: MeterStatus {
        let power = board.rows.firstIndex { $0.name == RegisterName("power_w") }
        var watts: Int64?
        if let power, case .success(let value) = board.values[power] { watts = value.flooredInteger }
        return MeterStatus(
            serial: settings.serial, epoch: keeper.epoch, pollSeconds: settings.pollSeconds, hasSurvey: edmi != nil,
            registers: kept.indices.compactMap { index in
                guard kept[index].channel.unit == "Wh" else { return nil }
                return MeterStatus.Register(
                    channel: kept[index].channel, width: kept[index].width,
                    point: confirmations[index].isFresh ? confirmations[index].usable : nil,
                    isInDoubt: confirmations[index].isInDoubt)
            },
            lastGood: liveness.lastGood, isWrong: isRetired || liveness.state == .mismatch, powerWatts: watts,
            powerAt: power.map { board.moments[$0].uptime })
    }

    /// A payment unit wants a fresh reading now, out of turn.
    mutating func pollSoon(at now: Uptime) {
        guard !isRetired, portDownText == nil, nextPoll != nil else { return }
        nextPoll = now
    }
}
