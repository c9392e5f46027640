import Metering

/// Most registers one read may ask for (Modbus Application Protocol v1.1b3 §6.3).
public let modbusLongestRead: UInt16 = 125

/// What a device is asked, without the envelope of the wire.
public enum ModbusRequest: Hashable, Sendable {
    /// Registers, functions 3 and 4.
    case read(ModbusRead)
    /// Coils or discrete inputs, functions 1 and 2.
    case bits(ModbusRead)
    /// An order to one coil, function 5.
    case order(coil: UInt16, on: Bool)
    /// A function this code does not serve; the device answers exception 1.
    case other(function: UInt8)
    /// A read whose length or count is not allowed; the device answers exception 3.
    case malformed(function: UInt8)

    /// The function code as it came.
    public var function: UInt8 {
        switch self {
        case .read(let read), .bits(let read): read.function
        case .order: 5
        case .other(let function), .malformed(let function): function
        }
    }

    /// Reads the message part of a request: function and operands.
    init(message: ArraySlice<UInt8>) throws(ModbusFault) {
        guard let function = message.first else { throw .wrongLength }
        guard (1...5).contains(function) else {
            self = .other(function: function)
            return
        }
        let start = message.startIndex
        guard message.count == 5 else { throw .wrongLength }
        let read = ModbusRead(
            function: function, address: UInt16(message[start + 1]) << 8 | UInt16(message[start + 2]),
            count: UInt16(message[start + 3]) << 8 | UInt16(message[start + 4]))
        guard read.isAllowed else {
            self = .malformed(function: function)
            return
        }
        self =
            switch function {
            case 1, 2: .bits(read)
            case 5: .order(coil: read.address, on: read.count != 0)
            default: .read(read)
            }
    }
}

/// What a device answers to a read.
public enum ModbusAnswer: Hashable, Sendable {
    /// At most 125 registers.
    case registers([UInt16])
    /// At most 2000 bits.
    case bits([Bool])
    /// The echo of an order to a coil.
    case ordered(coil: UInt16, on: Bool)
    /// Code 1…255.
    case exception(UInt8)

    /// Appends function and data of the answer.
    func append(to bytes: inout [UInt8], function: UInt8) {
        switch self {
        case .registers(let words):
            bytes.append(function)
            bytes.append(UInt8(truncatingIfNeeded: words.count * 2))
            for word in words {
                bytes.append(UInt8(word >> 8))
                bytes.append(UInt8(word & 0xFF))
            }
        case .bits(let bits):
            bytes.append(function)
            bytes.append(UInt8(truncatingIfNeeded: (bits.count + 7) / 8))
            for first in stride(from: 0, to: bits.count, by: 8) {
                let byte = bits[first..<min(first + 8, bits.count)].enumerated().reduce(UInt8(0)) { byte, bit in
                    bit.element ? byte | 1 << UInt8(bit.offset) : byte
                }
                bytes.append(byte)
            }
        case .ordered(let coil, let on): ModbusRead.order(coil: coil, on: on).append(to: &bytes)
        case .exception(let code):
            bytes.append(function | 0x80)
            bytes.append(code)
        }
    }
}

extension ModbusRead {
    /// Appends function, address and count.
    func append(to bytes: inout [UInt8]) {
        bytes.append(function)
        bytes.append(UInt8(address >> 8))
        bytes.append(UInt8(address & 0xFF))
        bytes.append(UInt8(count >> 8))
        bytes.append(UInt8(count & 0xFF))
    }

    /// The registers in the message part of the answer to this read: function, byte count and data, all checked.
    func registers(inAnswer message: ArraySlice<UInt8>) throws(ModbusFault) -> [UInt16] {
        guard message.count >= 2 else { throw .wrongLength }
        let start = message.startIndex
        let answered = message[start]
        if answered == function | 0x80 {
            let code = message[start + 1]
            guard message.count == 2, code != 0 else { throw .wrongLength }
            throw .exception(code)
        }
        guard answered == function else { throw .wrongFunction(answered) }
        guard function >= 3, function != 5 else { return try bits(inAnswer: message) }
        let size = Int(count) * 2
        guard Int(message[start + 1]) == size, message.count == size + 2 else { throw .wrongLength }
        let data = message[(start + 2)...]
        return [UInt16](unsafeUninitializedCapacity: Int(count)) { words, filled in
            var index = data.startIndex
            for word in 0..<Int(count) {
                words.initializeElement(at: word, to: UInt16(data[index]) << 8 | UInt16(data[index + 1]))
                index += 2
            }
            filled = Int(count)
        }
    }
}
