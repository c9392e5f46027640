import Drivers
import Metering

/// Cuts a stream of bytes into Modbus requests, for a simulated meter behind a pseudo-terminal or a socket.
public struct ModbusRequestSplitter: Sendable {
    /// How requests stand in the stream.
    public enum Framing: Hashable, Sendable { case rtu, tcp }

    private let framing: Framing
    private var pending: [UInt8] = []

    public init(_ framing: Framing) { self.framing = framing }

    /// Takes the next bytes and returns the whole requests in them. Bytes that can begin no request are dropped one
    /// after the other until a good one begins.
    public mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        pending += bytes
        var requests: [[UInt8]] = []
        while let length = length() {
            guard length > 0, pending.count >= length else {
                if length > 0 { break }
                pending.removeFirst()
                continue
            }
            let request = Array(pending.prefix(length))
            if isGood(request) {
                requests.append(request)
                pending.removeFirst(length)
            } else {
                pending.removeFirst()
            }
        }
        return requests
    }

    /// The silence of the line ended what came so far.
    public mutating func reset() { pending.removeAll() }

    /// Bytes of the request that begins the stream, 0 when none can begin so, nil while that is not known.
    private func length() -> Int? {
        switch framing {
        case .rtu:
            guard pending.count >= 2 else { return nil }
            if let length = ModbusRTU.requestLength(pending) { return length }
            return pending[1] == 15 || pending[1] == 16 ? nil : 0
        case .tcp:
            guard let length = ModbusTCP.frameLength(pending) else { return nil }
            return (8...ModbusTCP.longestFrame).contains(length) && pending[2] == 0 && pending[3] == 0 ? length : 0
        }
    }

    private func isGood(_ request: [UInt8]) -> Bool {
        switch framing {
        case .rtu: (try? ModbusRTU.request(in: request)) != nil
        case .tcp: (try? ModbusTCP.request(in: request)) != nil
        }
    }
}
