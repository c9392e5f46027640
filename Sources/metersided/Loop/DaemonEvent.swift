import Bus
import Drivers
import Gateway
import Upstream

/// What threads tell the loop.
enum DaemonEvent: Sendable {
    case bus(BusEvent)
    case mqtt(MqttEvent)
    /// What became of a request to an upstream system.
    case https(UInt64, HttpsResult)
    case han(HanEvent)
}

/// What waits for the agent.
enum Arrival {
    case input(Input)
    /// A message on `command`: its envelope is made at the last moment, because the command before it may have added
    /// or revoked the key, or used the id.
    case signedCommand([UInt8], retained: Bool)
}
