import Metering

/// Why a task got no further.
public enum EdmiFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The meter did not answer in time, on any try.
    case noReply
    /// Only damaged or contradictory replies came.
    case damaged
    /// The port is closed; the text is the port's.
    case portDown(String)
    /// The meter refused user or password; nothing is sent to it until the back-off ends.
    case loginRefused
    /// The meter forgets the log-in at once.
    case notLoggedIn
    /// Another meter answers: its own serial number is given.
    case wrongMeter(found: String)
    /// The meter answered with an error that ends the task.
    case refused(EdmiRefusal)
    /// A well-framed reply contradicts itself or the protocol; the text says how.
    case malformed(String)

    /// The reason a reading is missing because of this failure.
    public var noData: NoData {
        switch self {
        case .noReply: .timeout
        case .damaged: .badChecksum
        case .portDown: .portDown
        case .loginRefused, .notLoggedIn: .refused
        case .wrongMeter: .wrongMeter
        case .refused(let refusal): refusal.noData
        case .malformed: .invalid
        }
    }

    /// What happened and what to do next, for people.
    public var description: String {
        switch self {
        case .noReply: "no reply: check wiring, baud rate, address and that the meter has power"
        case .damaged: "only damaged replies: check wiring, termination and baud rate"
        case .portDown(let text): "the port is down: \(text)"
        case .loginRefused: "the meter refused user or password: correct them; it is asked again after 15 minutes"
        case .notLoggedIn: "the meter drops the log-in at once: check that no other master uses it"
        case .wrongMeter(let found): "meter \(found) answers here: correct serial or address, or record a replacement"
        case .refused(let refusal): "the meter refused: \(refusal.text)"
        case .malformed(let text): "the meter's reply makes no sense: \(text)"
        }
    }
}

extension EdmiRefusal {
    /// The reason a reading is missing because of this refusal.
    public var noData: NoData {
        switch self {
        case .registerNotFound, .notImplemented, .wrongLength: .notPresent
        case .notReady: .timeout
        case .bare, .accessDenied, .notLoggedIn: .refused
        case .cannotWrite, .internalError, .outOfRange, .unknown: .invalid
        }
    }

    /// For people.
    public var text: String {
        switch self {
        case .bare: "no error code; user or password are probably wrong"
        case .cannotWrite: "cannot write (1)"
        case .notImplemented: "operation not implemented (2); is the dialect right?"
        case .registerNotFound: "register not found (3)"
        case .accessDenied: "access denied (4); use a log-in with more rights"
        case .wrongLength: "wrong length (5); is the dialect right?"
        case .internalError: "internal error (6)"
        case .notReady: "data not ready (7); try again later"
        case .outOfRange: "value out of range (8)"
        case .notLoggedIn: "not logged in (9)"
        case .unknown(let code): "unknown error (\(code))"
        }
    }
}
