import Metering

/// Modbus TCP: a header of seven bytes (transaction, protocol 0, length, unit) before the message, and no checksum
/// (Modbus Messaging on TCP/IP v1.0b §3.1.3).
public enum ModbusTCP {
    /// Longest frame in bytes.
    public static let longestFrame = 260

    /// A read as it goes on the wire: 12 bytes. The answer carries the same `transaction`.
    public static func request(_ read: ModbusRead, unit: UnitAddress, transaction: UInt16) -> [UInt8] {
        var message: [UInt8] = []
        read.append(to: &message)
        return framed(message, unit: unit, transaction: transaction)
    }

    /// The registers of the answer to `read`. Transaction, protocol, length, unit, function and byte count must all
    /// be right.
    public static func registers(
        in frame: [UInt8], of read: ModbusRead, unit: UnitAddress, transaction: UInt16
    ) throws(ModbusFault) -> [UInt16] {
        let header = try opened(frame)
        guard header.transaction == transaction else { throw .wrongTransaction(header.transaction) }
        guard header.unit == unit else { throw .wrongUnit(header.unit.number) }
        return try read.registers(inAnswer: frame[7...])
    }

    /// Bytes of the frame that begins with `bytes`, question or answer; nil while that is not known.
    public static func frameLength(_ bytes: [UInt8]) -> Int? {
        bytes.count >= 6 ? 6 + (Int(bytes[4]) << 8 | Int(bytes[5])) : nil
    }

    /// The unit, the transaction and the request in a frame.
    public static func request(
        in frame: [UInt8]
    ) throws(ModbusFault) -> (unit: UnitAddress, transaction: UInt16, request: ModbusRequest) {
        let header = try opened(frame)
        return (header.unit, header.transaction, try ModbusRequest(message: frame[7...]))
    }

    /// An answer as it goes on the wire.
    public static func answer(
        _ answer: ModbusAnswer, function: UInt8, unit: UnitAddress, transaction: UInt16
    ) -> [UInt8] {
        var message: [UInt8] = []
        answer.append(to: &message, function: function)
        return framed(message, unit: unit, transaction: transaction)
    }

    private static func framed(_ message: [UInt8], unit: UnitAddress, transaction: UInt16) -> [UInt8] {
        let length = UInt16(truncatingIfNeeded: message.count + 1)
        return [
            UInt8(transaction >> 8), UInt8(transaction & 0xFF), 0, 0, UInt8(length >> 8), UInt8(length & 0xFF),
            unit.number,
        ] + message
    }

    private static func opened(
        _ frame: [UInt8]
    ) throws(ModbusFault) -> (transaction: UInt16, unit: UnitAddress) {
        guard (8...longestFrame).contains(frame.count) else { throw .wrongLength }
        let identifier = UInt16(frame[2]) << 8 | UInt16(frame[3])
        guard identifier == 0 else { throw .wrongProtocol(identifier) }
        guard frameLength(frame) == frame.count else { throw .wrongLength }
        return (UInt16(frame[0]) << 8 | UInt16(frame[1]), UnitAddress(frame[6]))
    }
}
