import Metering

extension ModelRegister {
    /// The smallest step the value can make at `value`, in the row's unit: the coarser of what the maker states and
    /// what the type can hold. A float32 total in Wh steps by 2 Wh above 16.8 MWh (2^24 Wh).
    public func step(at value: DecimalValue) -> DecimalValue {
        let byType = typeStep(at: value)
        guard let resolution, let byType else {
            return resolution ?? byType ?? DecimalValue(mantissa: 0)
        }
        return byType.isLess(than: resolution) ? resolution : byType
    }

    /// Nil where the type sets no limit that matters (64-bit floats, EDMI types to be asked for).
    private func typeStep(at value: DecimalValue) -> DecimalValue? {
        let unsigned = DecimalValue(mantissa: Int64(clamping: scale.mantissa.magnitude), exponent: scale.exponent)
        switch source {
        case .modbus(_, _, .float32, _), .edmi(_, .float?), .edmi(_, .floatEnergy?), .edmi(_, .powerFactor?):
            let raw = Float(abs(value.approximation / scale.approximation))
            return DecimalValue(Double(raw.ulp)).flatMap { $0.multiplied(by: unsigned) }
        case .modbus(_, _, .float64, _), .edmi:
            return nil
        case .modbus:
            return unsigned
        }
    }
}

extension DecimalValue {
    /// Near enough to compare magnitudes; never a value that is kept.
    fileprivate var approximation: Double {
        var power = 1.0
        for _ in 0..<exponent.magnitude { power *= 10 }
        return exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
    }

    fileprivate func isLess(than other: DecimalValue) -> Bool { approximation < other.approximation }
}
