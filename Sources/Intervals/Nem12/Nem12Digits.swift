/// Decimal text of values, the writer's inner loop.
enum Nem12Digits {
    /// Writes a comma and a value for each of `values` (millionths), so many decimals. Stops at the first value that
    /// cannot be written exactly, and gives its place.
    static func write(
        _ values: UnsafeBufferPointer<Int64>, decimals: Int, to buffer: UnsafeMutableBufferPointer<UInt8>
    ) -> (length: Int, bad: Int?) {
        guard let out = buffer.baseAddress, buffer.count >= values.count * 17 else { return (0, 0) }
        let unit = UInt64(Nem12Value.powers[6 - decimals])
        var length = 0
        for index in 0..<values.count {
            let value = UInt64(bitPattern: values[index])
            guard value <= 999_999_999_999_999 else { return (length, index) }
            out[length] = 0x2C
            length &+= 1
            // Constant divisors: the compiler turns them into multiplications.
            switch decimals {
            case 3:
                let scaled = value / 1000
                guard scaled &* 1000 == value else { return (length, index) }
                let whole = scaled / 1000
                length &+= writeWhole(whole, out + length)
                writeThree(scaled &- whole &* 1000, out + length)
                length &+= 4
            default:
                let scaled = value / unit
                guard scaled &* unit == value else { return (length, index) }
                length &+= writeWhole(value / 1_000_000, out + length)
                length &+= writeFraction(value % 1_000_000 / unit, decimals, out + length)
            }
        }
        return (length, nil)
    }

    @inline(__always)
    private static func writeWhole(_ value: UInt64, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 10 {
            out[0] = 48 &+ UInt8(truncatingIfNeeded: value)
            return 1
        }
        var digits = 0
        var rest = value
        while rest > 0 {
            rest /= 10
            digits &+= 1
        }
        rest = value
        var place = digits
        while place > 0 {
            place &-= 1
            let quotient = rest / 10
            out[place] = 48 &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            rest = quotient
        }
        return digits
    }

    /// A point and three digits.
    @inline(__always)
    private static func writeThree(_ value: UInt64, _ out: UnsafeMutablePointer<UInt8>) {
        let hundreds = value / 100
        let rest = value &- hundreds &* 100
        let tens = rest / 10
        out[0] = 0x2E
        out[1] = 48 &+ UInt8(truncatingIfNeeded: hundreds)
        out[2] = 48 &+ UInt8(truncatingIfNeeded: tens)
        out[3] = 48 &+ UInt8(truncatingIfNeeded: rest &- tens &* 10)
    }

    /// A point and so many digits; nothing for none.
    private static func writeFraction(_ value: UInt64, _ decimals: Int, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        guard decimals > 0 else { return 0 }
        out[0] = 0x2E
        var rest = value
        for place in stride(from: decimals, to: 0, by: -1) {
            out[place] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        return decimals + 1
    }
}
