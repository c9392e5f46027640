import Drivers
import Metering

/// What is wanted of a meter; the first goes first.
enum MeterWant: Int, Comparable, Sendable {
    /// The cumulative registers, right after an interval boundary.
    case boundary
    /// Every register, for somebody who waits: also those that are not polled.
    case read
    /// The registers that are polled.
    case poll
    /// To set the meter's clock.
    case setClock
    /// The meter's clock.
    case clock
    /// Its load survey, for somebody who waits.
    case survey
    /// Its load survey, for intervals that lack an actual value.
    case backfill

    static func < (left: MeterWant, right: MeterWant) -> Bool { left.rawValue < right.rawValue }

    var priority: BusPriority {
        switch self {
        case .boundary: .boundary
        case .read: .command
        case .poll: .poll
        case .setClock, .clock: .housekeeping
        case .survey, .backfill: .background
        }
    }
}

/// What a driver does when its meter has the wire.
enum DriverStep: Sendable {
    case send(BusOperation)
    /// Something came to its end; ask again.
    case event(DriverEvent)
    /// Nothing before this time.
    case wait(Uptime)
    /// Nothing to do.
    case idle
}

/// What came to its end.
enum DriverEvent: Sendable {
    /// A set of readings is complete, in the board; the failure is nil when the meter answered.
    case readings(MeterWant, MeterFailure?)
    /// The meter's own standard time, and when it was read.
    case clock(CivilTime, at: Moment)
    /// The meter's clock was set, or was not.
    case clockSet(EdmiFailure?)
    /// The survey is complete, or stopped here.
    case survey(MeterFailure?)
    /// The same of what is fetched for the intervals.
    case backfill(EdmiFailure?)
}

/// Why a meter gave no readings.
struct MeterFailure: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// Nothing useful came.
        case silent
        /// It answers, but does not let us in.
        case refused
        /// Another meter answers.
        case mismatch
    }

    var kind: Kind
    var why: NoData
    /// What happened, for people.
    var text: String
}

extension BusFailure {
    /// What happened, for people.
    var text: String {
        switch self {
        case .timeout: "no reply: check wiring, line settings, address and that the meter has power"
        case .badChecksum: "only damaged replies: check wiring, termination and baud rate"
        case .badFrame: "replies that do not fit the question: check that no other master uses the wire"
        case .exception(let code): "the meter answers with exception \(code): check model and address"
        case .portDown(let text): "the port is down: \(text)"
        }
    }
}
