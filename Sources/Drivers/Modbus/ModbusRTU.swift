import Metering

/// Modbus on a serial line, or the same bytes over TCP: unit, message, CRC (Modbus over Serial Line v1.02 §2.5.1).
public enum ModbusRTU {
    /// Longest frame in bytes.
    public static let longestFrame = 256

    /// CRC-16/MODBUS: polynomial A001 reflected, start FFFF. On the wire the low byte comes first.
    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var crc: UInt16 = 0xFFFF
        for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        return crc
    }

    /// As for a slice.
    public static func checksum(_ bytes: [UInt8]) -> UInt16 { checksum(bytes[...]) }

    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xA001 : crc >> 1 }
    }

    // MARK: - Client

    /// A read as it goes on the wire: 8 bytes.
    public static func request(_ read: ModbusRead, unit: UnitAddress) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(8)
        frame.append(unit.number)
        read.append(to: &frame)
        return sealed(frame)
    }

    /// Bytes of a good answer to `read`; an exception has 5.
    public static func answerLength(of read: ModbusRead) -> Int { 5 + 2 * Int(read.count) }

    /// The registers of the answer to `read`. Checksum, unit, function, byte count and length must all be right.
    public static func registers(
        in frame: [UInt8], of read: ModbusRead, unit: UnitAddress
    ) throws(ModbusFault) -> [UInt16] {
        let message = try opened(frame)
        guard frame[0] == unit.number else { throw .wrongUnit(frame[0]) }
        return try read.registers(inAnswer: message)
    }

    // MARK: - Server

    /// Bytes of the request that begins with `bytes`; nil while that is not known. Functions without a known length
    /// end with the silence of the line.
    public static func requestLength(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 2 else { return nil }
        switch bytes[1] {
        case 1...6: return 8
        case 15, 16: return bytes.count >= 7 ? 9 + Int(bytes[6]) : nil
        default: return nil
        }
    }

    /// The unit and the request in a frame.
    public static func request(in frame: [UInt8]) throws(ModbusFault) -> (unit: UnitAddress, request: ModbusRequest) {
        let message = try opened(frame)
        return (UnitAddress(frame[0]), try ModbusRequest(message: message))
    }

    /// An answer as it goes on the wire.
    public static func answer(_ answer: ModbusAnswer, function: UInt8, unit: UnitAddress) -> [UInt8] {
        var frame: [UInt8] = [unit.number]
        answer.append(to: &frame, function: function)
        return sealed(frame)
    }

    /// The frame with its checksum.
    private static func sealed(_ frame: [UInt8]) -> [UInt8] {
        let crc = checksum(frame)
        return frame + [UInt8(crc & 0xFF), UInt8(crc >> 8)]
    }

    /// The message part of a frame whose checksum is right.
    private static func opened(_ frame: [UInt8]) throws(ModbusFault) -> ArraySlice<UInt8> {
        guard (4...longestFrame).contains(frame.count) else { throw .wrongLength }
        let body = frame.dropLast(2)
        let crc = checksum(body)
        guard frame[body.endIndex] == UInt8(crc & 0xFF), frame[body.endIndex + 1] == UInt8(crc >> 8) else {
            throw .badChecksum
        }
        return body.dropFirst()
    }
}
