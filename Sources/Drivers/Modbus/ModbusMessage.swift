import Metering

/// Most registers one read may ask for (Modbus Application Protocol v1.1b3 §6.3).
public let modbusLongestRead: UInt16 = 125

/// What a device is asked, without the envelope of the wire.
public enum ModbusRequest: Hashable, Sendable {
    case read(ModbusRead)
    /// A function this code does not serve; the device answers exception 1.
    case other(function: UInt8)
    /// A read whose length or count is not allowed; the device answers exception 3.
    case malformed(function: UInt8)

    /// The function code as it came.
    public var function: UInt8 {
        switch self {
        case .read(let read): read.function
        case .other(let function), .malformed(let function): function
        }
    }

    /// Reads the message part of a request: function and operands.
    init(message: ArraySlice<UInt8>) throws(ModbusFault) {
        guard let function = message.first else { throw .wrongLength }
        guard function == 3 || function == 4 else {
            self = .other(function: function)
            return
        }
        let start = message.startIndex
        guard message.count == 5 else { throw .wrongLength }
        let count = UInt16(message[start + 3]) << 8 | UInt16(message[start + 4])
        guard (1...modbusLongestRead).contains(count) else {
            self = .malformed(function: function)
            return
        }
        let address = UInt16(message[start + 1]) << 8 | UInt16(message[start + 2])
        self = .read(ModbusRead(function: function, address: address, count: count))
    }
}

/// What a device answers to a read.
public enum ModbusAnswer: Hashable, Sendable {
    /// At most 125 registers.
    case registers([UInt16])
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
