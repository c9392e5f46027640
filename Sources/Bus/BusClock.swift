import Metering

/// Where the wires get the time from; only the daemon reads clocks.
public protocol BusClock: Sendable {
    /// Both clocks, for the moment a reply carries.
    func now() -> Moment
    /// The uptime alone: called several times an exchange, so it should be cheap and must be fine-grained, because the
    /// silence between Modbus frames (1.75 ms at 115200 baud) is measured with it.
    func uptime() -> Uptime
}

extension BusClock {
    /// `now().uptime`.
    public func uptime() -> Uptime { now().uptime }
}
