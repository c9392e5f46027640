import Metering

extension WordOrder {
    /// Whether the least significant register comes first.
    var isWordSwapped: Bool { self == .cdab || self == .dcba }
    /// Whether the two bytes of each register are exchanged.
    var isByteSwapped: Bool { self == .badc || self == .dcba }

    /// The value's bits, most significant first, from `count` registers beginning at `start`.
    func bits(_ words: UnsafeBufferPointer<UInt16>, at start: Int, count: Int) -> UInt64 {
        var bits: UInt64 = 0
        for index in 0..<count {
            let word = words[start + (isWordSwapped ? count - 1 - index : index)]
            bits = bits << 16 | UInt64(isByteSwapped ? word.byteSwapped : word)
        }
        return bits
    }

    /// The registers that hold the low `16 × count` bits: the reverse of `bits`.
    public func registers(bits: UInt64, count: UInt16) -> [UInt16] {
        let words = (0..<Int(count)).map { index -> UInt16 in
            let place = isWordSwapped ? index : Int(count) - 1 - index
            let word = UInt16(truncatingIfNeeded: bits >> UInt64(16 * place))
            return isByteSwapped ? word.byteSwapped : word
        }
        return words
    }
}

extension ModbusType {
    /// The number these bits mean, exactly; nil for NaN, infinities and what does not fit a `DecimalValue`.
    public func value(bits: UInt64) -> DecimalValue? {
        switch self {
        case .int16: DecimalValue(mantissa: Int64(Int16(truncatingIfNeeded: bits)))
        case .uint16: DecimalValue(mantissa: Int64(UInt16(truncatingIfNeeded: bits)))
        case .int32: DecimalValue(mantissa: Int64(Int32(truncatingIfNeeded: bits)))
        case .uint32: DecimalValue(mantissa: Int64(UInt32(truncatingIfNeeded: bits)))
        case .int64: DecimalValue(mantissa: Int64(bitPattern: bits))
        case .uint64: Int64(exactly: bits).map { DecimalValue(mantissa: $0) }
        case .float32: DecimalValue(float: Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .float64: DecimalValue(Double(bitPattern: bits))
        }
    }

    /// Whether the value is a binary fraction.
    public var isFloat: Bool { self == .float32 || self == .float64 }
}

/// Where a row's value is among the registers of an answer, and how it becomes a number.
struct ModbusPlace: Hashable, Sendable {
    /// Of the value's first register.
    var offset: Int
    private let type: ModbusType
    private let order: WordOrder
    private let scale: DecimalValue
    private let invalid: [UInt64]

    /// Nil when the row is no Modbus register.
    init?(_ row: ModelRegister, offset: Int) {
        guard case .modbus(_, _, let type, let order) = row.source else { return nil }
        self.offset = offset
        self.type = type
        self.order = order
        scale = row.scale
        invalid = row.invalid
    }

    /// The value in the row's unit; `words` must hold all its registers.
    func value(in words: UnsafeBufferPointer<UInt16>) -> Result<DecimalValue, MissingValue> {
        let bits = order.bits(words, at: offset, count: Int(type.registerCount))
        for pattern in invalid where pattern == bits { return .failure(MissingValue(.invalid)) }
        guard let raw = type.value(bits: bits), let value = raw.multiplied(by: scale) ?? raw.roundedProduct(scale)
        else { return .failure(MissingValue(.invalid)) }
        return .success(value)
    }
}
