/// Bits of a Modbus unit: coils, which can be read and ordered, and discrete inputs, which can be read.
///
/// Their requests have the form of a read of registers, five bytes of function, address and count, and travel as one
/// (Modbus Application Protocol v1.1b3 §6.1, §6.2, §6.5).
extension ModbusRead {
    /// Most bits one read may ask for (Modbus Application Protocol v1.1b3 §6.1).
    public static let mostBits: UInt16 = 2000

    /// The order to one coil: `FF00` or `0000` stand where a read has its count.
    public static func order(coil: UInt16, on: Bool) -> ModbusRead {
        ModbusRead(function: 5, address: coil, count: on ? 0xFF00 : 0)
    }

    /// A read of coils, 1…2000.
    public static func coils(_ first: UInt16, count: UInt16 = 1) -> ModbusRead {
        ModbusRead(function: 1, address: first, count: count)
    }

    /// A read of discrete inputs, 1…2000.
    public static func inputs(_ first: UInt16, count: UInt16 = 1) -> ModbusRead {
        ModbusRead(function: 2, address: first, count: count)
    }

    /// Whether the protocol allows this count for this function.
    public var isAllowed: Bool {
        switch function {
        case 1, 2: (1...Self.mostBits).contains(count)
        case 3, 4: (1...modbusLongestRead).contains(count)
        case 5: count == 0 || count == 0xFF00
        default: false
        }
    }

    /// The answer's bits as words of 0 and 1, or the echo of an order as one word; all of it checked.
    func bits(inAnswer message: ArraySlice<UInt8>) throws(ModbusFault) -> [UInt16] {
        guard function != 5 else {
            var echo: [UInt8] = []
            append(to: &echo)
            guard message.elementsEqual(echo) else { throw .wrongLength }
            return [count]
        }
        let start = message.startIndex
        let size = (Int(count) + 7) / 8
        guard Int(message[start + 1]) == size, message.count == size + 2 else { throw .wrongLength }
        return (0..<Int(count)).map { UInt16(message[start + 2 + $0 / 8] >> UInt8($0 % 8) & 1) }
    }
}
