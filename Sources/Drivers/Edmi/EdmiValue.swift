import Metering

/// A register's value (reference/edmi.md §4.1, "external" column).
public enum EdmiValue: Hashable, Sendable {
    case number(DecimalValue)
    case text(String)
    /// Date and time in the meter's own standard time.
    case time(CivilTime)
    /// Seconds since midnight.
    case timeOfDay(Int64)
    /// Types without a known layout.
    case bytes([UInt8])
    /// The meter's own mark for "no value": NaN, infinity, the start of 1996, an impossible date.
    case none

    /// Reads the whole of `data` as `type`; nil when its length is not that of the type.
    public init?(_ type: EdmiType, _ data: ArraySlice<UInt8>) {
        switch type {
        case .string, .stringOrLong, .efaString:
            guard data.last == 0, data.dropLast().allSatisfy({ $0 != 0 }) else { return nil }
            self = .text(EdmiText.printable(data.dropLast()))
        case .double, .doubleEnergy, .float, .floatEnergy, .powerFactor:
            guard let value = Self.real(data, mayBeWide: type != .powerFactor) else { return nil }
            self = value
        case .boolean:
            guard data.count == 1 else { return nil }
            self = .number(DecimalValue(mantissa: data.first == 0 ? 0 : 1))
        case .byte: self.init(integer: UInt8.self, data)
        case .hexShort: self.init(integer: UInt16.self, data)
        case .short: self.init(integer: Int16.self, data)
        case .long: self.init(integer: Int32.self, data)
        case .hexLong, .registerNumber: self.init(integer: UInt32.self, data)
        case .longLong: self.init(integer: Int64.self, data)
        case .time:
            guard data.count == 3 else { return nil }
            self = EdmiTime.secondsOfDay(data).map { .timeOfDay($0) } ?? .none
        case .date:
            guard data.count == 3 else { return nil }
            self = EdmiTime.date(data).map { .time($0) } ?? .none
        case .timeAndDate:
            guard data.count == 6 else { return nil }
            self = EdmiTime.time(data).map { .time($0) } ?? .none
        case .variableSpecial, .special, .waveform: self = .bytes([UInt8](data))
        case .none: return nil
        }
    }

    private init?<T: FixedWidthInteger>(integer: T.Type, _ data: ArraySlice<UInt8>) {
        guard data.count == T.bitWidth / 8, let value = Int64(exactly: data.bigEndian(at: 0) as T) else { return nil }
        self = .number(DecimalValue(mantissa: value))
    }

    /// The reply's size decides, whatever the type's letter says: 4 bytes are a float, 8 a double.
    private static func real(_ data: ArraySlice<UInt8>, mayBeWide: Bool) -> EdmiValue? {
        switch data.count {
        case 4: DecimalValue(Float(bitPattern: data.bigEndian(at: 0))).map { .number($0) } ?? EdmiValue.none
        case 8 where mayBeWide:
            DecimalValue(Double(bitPattern: data.bigEndian(at: 0))).map { .number($0) } ?? EdmiValue.none
        default: nil
        }
    }

    /// Bytes that a value of `type` takes at the start of `data`; nil for a type without a fixed or marked end, and
    /// when the text has no end. `narrow`: doubles are sent as floats.
    static func length(of type: EdmiType, in data: ArraySlice<UInt8>, narrow: Bool) -> Int? {
        switch type {
        case .string, .stringOrLong, .efaString:
            data.firstIndex(of: 0).map { $0 - data.startIndex + 1 }
        case .double, .doubleEnergy: narrow ? 4 : 8
        case .float, .floatEnergy, .powerFactor, .long, .hexLong, .registerNumber: 4
        case .boolean, .byte: 1
        case .hexShort, .short: 2
        case .longLong: 8
        case .time, .date: 3
        case .timeAndDate: 6
        case .variableSpecial, .special, .waveform, .none: nil
        }
    }
}

extension DecimalValue {
    /// The product; where it has more digits than fit, the last ones are dropped, rounding towards zero. Nil when it is
    /// out of range altogether. A double has 16 digits that mean something and 18 are kept.
    func roundedProduct(_ other: DecimalValue) -> DecimalValue? {
        var left = self
        var right = other.withoutTrailingZeros
        if left.mantissa == 0 || right.mantissa == 0 { return DecimalValue(mantissa: 0) }
        while true {
            if let product = left.multiplied(by: right) { return product }
            if left.mantissa.magnitude >= right.mantissa.magnitude {
                guard left.mantissa.magnitude > 9 else { return nil }
                left.mantissa /= 10
                left.exponent += 1
            } else {
                guard right.mantissa.magnitude > 9 else { return nil }
                right.mantissa /= 10
                right.exponent += 1
            }
        }
    }

    private var withoutTrailingZeros: DecimalValue {
        var result = self
        while result.mantissa != 0, result.mantissa % 10 == 0 {
            result.mantissa /= 10
            result.exponent += 1
        }
        return result
    }
}
