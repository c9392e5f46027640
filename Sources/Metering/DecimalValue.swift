/// An exact decimal number, `mantissa × 10^exponent`: what a register said, without a binary fraction in between.
public struct DecimalValue: Hashable, Sendable {
    public var mantissa: Int64
    /// −18…18
    public var exponent: Int

    public init(mantissa: Int64, exponent: Int = 0) {
        self.mantissa = mantissa
        self.exponent = exponent
    }

    /// The shortest decimal that reads back as the same float: what a person sees on the meter.
    /// Nil for NaN, infinities and magnitudes of 10^18 or more.
    public init?(_ value: Float) { self.init(finite: value.isFinite, description: value.description) }

    /// The shortest decimal that reads back as the same double; nil as for `Float`.
    public init?(_ value: Double) { self.init(finite: value.isFinite, description: value.description) }

    private init?(finite: Bool, description: String) {
        guard finite else { return nil }
        self.init(text: description)
    }

    /// Reads `-12.50`, `3e-05`; nil when it is no number or does not fit.
    public init?(text: String) {
        var mantissa: Int64 = 0
        var exponent = 0
        var digits = 0
        var negative = false
        var afterPoint = false
        var bytes = text.utf8[...]
        if bytes.first == UInt8(ascii: "-") {
            negative = true
            bytes = bytes.dropFirst()
        }
        while let byte = bytes.first {
            if byte == UInt8(ascii: ".") && !afterPoint {
                afterPoint = true
            } else if (48...57).contains(byte) {
                let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
                let (sum, carried) = product.addingReportingOverflow(Int64(byte - 48))
                guard !overflow, !carried else { return nil }
                mantissa = sum
                digits += 1
                if afterPoint { exponent -= 1 }
            } else {
                break
            }
            bytes = bytes.dropFirst()
        }
        guard digits > 0 else { return nil }
        if let mark = bytes.first {
            guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E"),
                let power = Int(String(Substring(bytes.dropFirst()))), (-400...400).contains(power)
            else { return nil }
            exponent += power
        }
        self.init(mantissa: negative ? -mantissa : mantissa, exponent: exponent)
        normalise()
        // A magnitude below 10^-18 is zero for any meter; above 10^18 it is no reading.
        if self.exponent < -18 { self = DecimalValue(mantissa: 0) }
        guard self.exponent <= 18 else { return nil }
    }

    /// Drops trailing zeros of the fraction; a whole number keeps exponent 0 where it fits.
    private mutating func normalise() {
        if mantissa == 0 {
            exponent = 0
            return
        }
        while exponent < 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        while exponent > 0 {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            guard !overflow else { return }
            mantissa = product
            exponent -= 1
        }
    }

    /// This value times `factor × 10^power`, exactly; nil on overflow.
    public func scaled(by factor: Int64 = 1, power: Int) -> DecimalValue? {
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        var result = DecimalValue(mantissa: product, exponent: exponent + power)
        result.normalise()
        return (-18...18).contains(result.exponent) ? result : nil
    }

    /// The exact product; nil on overflow.
    public func multiplied(by other: DecimalValue) -> DecimalValue? {
        scaled(by: other.mantissa, power: other.exponent)
    }

    /// The greatest whole number not above this value; nil on overflow.
    public var flooredInteger: Int64? {
        if exponent >= 0 {
            var result = mantissa
            for _ in 0..<exponent {
                let (product, overflow) = result.multipliedReportingOverflow(by: 10)
                guard !overflow else { return nil }
                result = product
            }
            return result
        }
        var divisor: Int64 = 1
        for _ in 0..<(-exponent) { divisor *= 10 }
        return mantissa.flooredQuotient(by: divisor)
    }

    /// Plain decimal text without an exponent: `230.5`, `-0.003`, `20330000`.
    public var text: String {
        if exponent >= 0 { return String(mantissa) + String(repeating: "0", count: mantissa == 0 ? 0 : exponent) }
        let digits = String(mantissa.magnitude)
        let sign = mantissa < 0 ? "-" : ""
        let places = -exponent
        if digits.utf8.count <= places {
            return sign + "0." + String(repeating: "0", count: places - digits.utf8.count) + digits
        }
        return sign + digits.dropLast(places) + "." + digits.suffix(places)
    }
}
