import Drivers
import Metering

/// The agent as one value: inputs in, effects out, no clock and no I/O. It only dispatches; each subject is its own
/// value in its own file.
public struct Agent: Sendable {
    /// When the agent wants its next `wake`; nil for never.
    public var nextWake: Uptime? { nil }

    public init(configuration: GatewayConfiguration, recovered: RecoveredState) {}

    /// Takes one input and says what is to be done, in order.
    public mutating func handle(_ input: Input, at moment: Moment) -> [Effect] { [] }
}
