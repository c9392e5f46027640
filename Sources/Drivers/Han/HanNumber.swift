import Metering

/// A number as a HAN adapter prints it: `0x` and hexadecimal digits of any count, or decimal digits.
public struct HanNumber: Hashable, Sendable {
    public var value: UInt64
    /// Hexadecimal digits printed; nil for a decimal number. They give the width of a signed value.
    public var hexDigits: Int?

    /// Nil for anything else, and for what does not fit 64 bits.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.count > 2, bytes[0] == UInt8(ascii: "0"), bytes[1] | 0x20 == UInt8(ascii: "x") {
            var value: UInt64 = 0
            for byte in bytes.dropFirst(2) {
                guard let digit = HanHexadecimal.digit(byte), value >> 60 == 0 else { return nil }
                value = value << 4 | UInt64(digit)
            }
            self.value = value
            hexDigits = bytes.count - 2
            return
        }
        guard !bytes.isEmpty, bytes.allSatisfy({ (48...57).contains($0) }), let value = UInt64(text) else { return nil }
        self.value = value
    }

    /// The number as signed: its top bit is the sign where it is printed in 6 digits (24 bits) or 8 (32 bits). Nil when
    /// it does not fit.
    public var signed: Int64? {
        switch hexDigits {
        case 6 where value & 0x80_0000 != 0: Int64(value) - 0x100_0000
        case 8 where value & 0x8000_0000 != 0: Int64(value) - 0x1_0000_0000
        default: Int64(exactly: value)
        }
    }

    /// Seconds since 2000-01-01T00:00:00Z as a time; nil for the marks of "none", all ones in 24 or 32 bits.
    public var time: WallTime? {
        guard value != 0xFFFF_FFFF, value != 0xFF_FFFF, value < 0x1_0000_0000 else { return nil }
        return WallTime(seconds: Int64(value) + Self.epoch)
    }

    /// 2000-01-01T00:00:00Z in seconds since 1970.
    static let epoch: Int64 = 946_684_800
}

/// A raw count of a meter with its multiplier and divisor, computed exactly.
public enum HanScale {
    /// Decimal places kept where the divisor is no product of twos and fives; the rest is cut off towards zero.
    private static let places = 9

    /// `raw × multiplier / divisor`, where 0 stands for 1 in both. Nil when it does not fit.
    public static func value(_ raw: Int64, multiplier: UInt64, divisor: UInt64) -> DecimalValue? {
        guard var top = Int64(exactly: multiplier == 0 ? 1 : multiplier),
            var bottom = Int64(exactly: divisor == 0 ? 1 : divisor)
        else { return nil }
        var raw = raw
        reduce(&raw, &bottom)
        reduce(&top, &bottom)
        let (product, overflow) = raw.multipliedReportingOverflow(by: top)
        guard !overflow else { return nil }
        return quotient(product, bottom)
    }

    private static func reduce(_ top: inout Int64, _ bottom: inout Int64) {
        var (left, right) = (top.magnitude, bottom.magnitude)
        while right != 0 { (left, right) = (right, left % right) }
        guard left > 1, let divisor = Int64(exactly: left) else { return }
        top /= divisor
        bottom /= divisor
    }

    private static func quotient(_ number: Int64, _ divisor: Int64) -> DecimalValue? {
        var number = number
        var divisor = divisor
        var places = 0
        while divisor % 10 == 0 {
            divisor /= 10
            places += 1
        }
        while divisor > 1, divisor % 2 == 0 || divisor % 5 == 0, places < 18 {
            let isEven = divisor % 2 == 0
            divisor /= isEven ? 2 : 5
            let (product, overflow) = number.multipliedReportingOverflow(by: isEven ? 5 : 2)
            guard !overflow else { return nil }
            number = product
            places += 1
        }
        guard divisor > 1 else { return DecimalValue(mantissa: number).scaled(power: -places) }
        return cut(number, divisor, places)
    }

    /// Division that does not end.
    private static func cut(_ number: Int64, _ divisor: Int64, _ places: Int) -> DecimalValue? {
        var whole = number / divisor
        var rest = number % divisor
        var digits = places
        while digits < Self.places, rest != 0 {
            let (next, overflow) = rest.multipliedReportingOverflow(by: 10)
            let (shifted, full) = whole.multipliedReportingOverflow(by: 10)
            guard !overflow, !full else { break }
            let (sum, carried) = shifted.addingReportingOverflow(next / divisor)
            guard !carried else { break }
            whole = sum
            rest = next % divisor
            digits += 1
        }
        return DecimalValue(mantissa: whole).scaled(power: -digits)
    }
}
