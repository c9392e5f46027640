/// Error codes of `18 nn` (reference/edmi.md §3.1) and what is done about each.
public enum EdmiRefusal: Error, Hashable, Sendable {
    /// CAN without a code: the log-in was refused.
    case bare
    /// 1 cannot write: the write fails.
    case cannotWrite
    /// 2 operation not implemented: the other dialect's command is tried.
    case notImplemented
    /// 3 register not found: the register counts as not present until the next log-in.
    case registerNotFound
    /// 4 access denied: the value fails; another log-in is needed.
    case accessDenied
    /// 5 wrong length: the other dialect's command is tried.
    case wrongLength
    /// 6 bad type code or internal error: the value fails.
    case internalError
    /// 7 data not ready: the command is sent again later.
    case notReady
    /// 8 value out of range: the write fails.
    case outOfRange
    /// 9 not logged in: log in again and repeat the command once.
    case notLoggedIn
    /// A code that no source names.
    case unknown(UInt8)

    /// From the code byte; nil for a CAN without one.
    public init(code: UInt8?) {
        switch code {
        case nil: self = .bare
        case 1: self = .cannotWrite
        case 2: self = .notImplemented
        case 3: self = .registerNotFound
        case 4: self = .accessDenied
        case 5: self = .wrongLength
        case 6: self = .internalError
        case 7: self = .notReady
        case 8: self = .outOfRange
        case 9: self = .notLoggedIn
        case let code?: self = .unknown(code)
        }
    }

    /// The code byte; nil for a CAN without one.
    public var code: UInt8? {
        switch self {
        case .bare: nil
        case .cannotWrite: 1
        case .notImplemented: 2
        case .registerNotFound: 3
        case .accessDenied: 4
        case .wrongLength: 5
        case .internalError: 6
        case .notReady: 7
        case .outOfRange: 8
        case .notLoggedIn: 9
        case .unknown(let code): code
        }
    }

    /// Whether the same question may succeed as the other dialect's command.
    var suggestsOtherCommand: Bool { self == .notImplemented || self == .wrongLength }
}

/// An inner reply, before anyone asks what it answers.
public enum EdmiReply: Hashable, Sendable {
    case acknowledge
    case refusal(EdmiRefusal)
    /// Anything else: it must begin with the echo of its command.
    case data([UInt8])

    static let acknowledged: UInt8 = 0x06
    static let cancelled: UInt8 = 0x18

    /// Nil for an ACK or CAN with bytes too many, and for nothing.
    public init?(inner: [UInt8]) {
        switch (inner.first, inner.count) {
        case (nil, _): return nil
        case (Self.acknowledged, 1): self = .acknowledge
        case (Self.cancelled, 1): self = .refusal(.bare)
        case (Self.cancelled, 2): self = .refusal(EdmiRefusal(code: inner[1]))
        case (Self.acknowledged, _), (Self.cancelled, _): return nil
        default: self = .data(inner)
        }
    }
}
