import Metering

/// Moves a load switch, or only looks at it: one job for a port's thread, done without leaving the wire.
public struct ContactJob: Hashable, Sendable {
    /// Where the switch is.
    public enum Place: Hashable, Sendable {
        /// A coil (function 5 and 1) and, if there is one, the discrete input (function 2) that shows the contact.
        case coil(unit: UnitAddress, coil: UInt16, feedback: UInt16?)
        /// The port itself is a GPIO output with or without a feedback line.
        case line
    }

    public var place: Place
    /// True closes the contact (supply on), false opens it; nil moves nothing.
    public var order: Bool?
    /// Whole reply, from the last byte sent, microseconds.
    public var timeout: Int64
    /// Silence before each request beyond the 3.5 characters of the line, microseconds.
    public var turnaround: Int64
    /// Times each request is sent before giving up, 1…5.
    public var tries: Int
    /// An order that is not begun by then is not sent at all, and the job fails: what allowed it was checked for so
    /// long only. Nil for never.
    public var deadline: Uptime?

    /// A job; it looks at the output and the feedback after the order, if there is one.
    public init(
        place: Place, order: Bool? = nil, timeout: Int64 = 500_000, turnaround: Int64 = 0, tries: Int = 3,
        deadline: Uptime? = nil
    ) {
        self.deadline = deadline
        self.place = place
        self.order = order
        self.timeout = timeout
        self.turnaround = turnaround
        self.tries = tries
    }
}

/// What a load switch shows; true is closed.
public struct ContactState: Hashable, Sendable {
    /// The coil or line as it reads back; nil when it cannot be read.
    public var output: Bool?
    /// The contact itself; nil when there is no feedback or it cannot be read.
    public var feedback: Bool?

    /// A state.
    public init(output: Bool?, feedback: Bool?) {
        self.output = output
        self.feedback = feedback
    }
}

/// Reads inputs once: buttons of a payment unit.
public struct InputsJob: Hashable, Sendable {
    /// The Modbus unit; ignored on a GPIO port, which knows its lines.
    public var unit: UnitAddress
    /// Discrete inputs, in the order of the answer; on a GPIO port indices into its lines.
    public var inputs: [UInt16]
    /// Whole reply, from the last byte sent, microseconds.
    public var timeout: Int64

    /// A job.
    public init(unit: UnitAddress, inputs: [UInt16], timeout: Int64 = 500_000) {
        self.unit = unit
        self.inputs = inputs
        self.timeout = timeout
    }
}
