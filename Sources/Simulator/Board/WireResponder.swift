import Metering

/// Bytes in, bytes out: everything that answers on one wire.
public protocol WireResponder: Sendable {
    /// Takes what came over the wire and gives what goes back, empty for nothing (yet).
    ///
    /// - Parameters:
    ///   - time: UTC as the meters' clocks have it.
    ///   - faults: what is to go wrong; counts in it are used up.
    mutating func receive(_ bytes: [UInt8], at time: WallTime, faults: inout BoardFaults) -> [UInt8]

    /// The wire fell silent: a frame that was not whole by now never will be.
    mutating func silence()
}

/// What is to go wrong on a board, by order of a person.
public struct BoardFaults: Hashable, Sendable {
    /// Meters that do not answer before an instant, by serial.
    private var silentUntil: [String: WallTime] = [:]
    private var refusing: [String] = []
    /// Seconds that a meter's clock runs ahead, by serial.
    private var clockOffsets: [String: Int64] = [:]
    /// Replies still to be damaged, by port.
    private var damaged: [String: Int] = [:]
    /// The relays of the board, which are more than their faults: every wire must know where supply is cut.
    public internal(set) var relays: [RelaySimulator]

    public init(relays: [BoardRelay] = []) { self.relays = relays.map { RelaySimulator($0) } }

    /// Follows an order as far as it concerns what meters answer; `time` is the meters' UTC.
    public mutating func apply(_ order: BoardOrder, at time: WallTime) {
        switch order {
        case .silent(let serial, let seconds): silentUntil[serial] = time + seconds * 1000
        case .garble(let port, let replies): damaged[port] = replies
        case .refuse(let serial): refusing.append(serial)
        case .accept(let serial): refusing.removeAll { $0 == serial }
        case .clock(let serial, let seconds): clockOffsets[serial] = seconds
        case .relay(let name, let fate): change(name) { $0.suffer(fate, at: time) }
        case .press(let name, let button, let seconds):
            change(name) { $0.press(button, until: time + seconds * 1000) }
        case .unplug, .plug, .stats, .help, .quit: break
        }
    }

    private mutating func change(_ name: String, _ body: (inout RelaySimulator) -> Void) {
        for index in relays.indices where relays[index].relay.name == name { body(&relays[index]) }
    }

    /// When the house behind a meter had no supply.
    func interruptions(of serial: String) -> [SupplyInterruption] {
        relays.first { $0.relay.meter == serial }?.interruptions ?? []
    }

    func isSilent(_ serial: String, at time: WallTime) -> Bool { silentUntil[serial].map { time < $0 } ?? false }
    func refusesLogin(_ serial: String) -> Bool { refusing.contains(serial) }
    func clockError(of serial: String) -> Int64 { clockOffsets[serial] ?? 0 }

    /// The reply as it arrives: damaged while the port is out of order.
    mutating func deliver(_ reply: [UInt8], on port: String) -> [UInt8] {
        guard !reply.isEmpty, let left = damaged[port], left > 0 else { return reply }
        damaged[port] = left - 1
        var bytes = reply
        // One bit in the middle: what a checksum must find.
        bytes[bytes.count / 2] ^= 0x04
        return bytes
    }
}
