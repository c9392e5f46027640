import Drivers
import Metering

/// Which row of a model stands at which register, and how values get there: the reverse of `ModbusPlan`.
struct ModbusRegisterMap: Sendable {
    private struct Entry: Sendable {
        var function: UInt8
        var address: Int
        var type: ModbusType
        var order: WordOrder
        var row: ModelRegister

        var end: Int { address + Int(type.registerCount) }
    }

    /// Sorted by function and address.
    private let entries: [Entry]
    private let maxGap: Int

    init(_ model: MeterModel) {
        maxGap = Int(model.timing.maxGap)
        entries =
            model.registers.compactMap { row in
                guard case .modbus(let function, let address, let type, let order) = row.source else { return nil }
                return Entry(function: function, address: Int(address), type: type, order: order, row: row)
            }
            .sorted { ($0.function, $0.address) < ($1.function, $1.address) }
    }

    /// The registers a read gives; nil when it touches one the model does not have. Holes the model lets a request
    /// read over hold 0.
    func words(of read: ModbusRead, _ value: (RegisterName) -> DecimalValue?) -> [UInt16]? {
        let start = Int(read.address)
        let end = start + Int(read.count)
        var words = [UInt16](repeating: 0, count: Int(read.count))
        var covered = start
        var isFirst = true
        for entry in entries where entry.function == read.function && entry.end > start && entry.address < end {
            guard entry.address - covered <= (isFirst ? 0 : maxGap) else { return nil }
            isFirst = false
            covered = max(covered, entry.end)
            guard let bits = Self.bits(of: entry.row, entry.type, value(entry.row.name)) else { return nil }
            let registers = entry.order.registers(bits: bits, count: entry.type.registerCount)
            for (index, word) in registers.enumerated() where (start..<end).contains(entry.address + index) {
                words[entry.address + index - start] = word
            }
        }
        return !isFirst && covered >= end ? words : nil
    }

    /// The bits that say `value`, or "no value"; nil when the row has no mark for that.
    private static func bits(of row: ModelRegister, _ type: ModbusType, _ value: DecimalValue?) -> UInt64? {
        if let value, let bits = type.bits(of: value, scale: row.scale) { return bits }
        if let mark = row.invalid.first { return mark }
        switch type {
        case .float32: return UInt64(Float.nan.bitPattern)
        case .float64: return Double.nan.bitPattern
        default: return nil
        }
    }
}

extension ModbusType {
    /// The bits of `value ÷ scale`, rounded to the nearest the type can hold; nil when it does not fit.
    func bits(of value: DecimalValue, scale: DecimalValue) -> UInt64? {
        switch self {
        case .float32: return UInt64(Float(quotient(value, scale)).bitPattern)
        case .float64: return quotient(value, scale).bitPattern
        default: break
        }
        guard let number = rounded(value, scale) else { return nil }
        switch self {
        case .int16: return Int16(exactly: number).map { UInt64(UInt16(bitPattern: $0)) }
        case .uint16: return UInt16(exactly: number).map { UInt64($0) }
        case .int32: return Int32(exactly: number).map { UInt64(UInt32(bitPattern: $0)) }
        case .uint32: return UInt32(exactly: number).map { UInt64($0) }
        case .uint64: return UInt64(exactly: number)
        default: return UInt64(bitPattern: number)
        }
    }

    private func quotient(_ value: DecimalValue, _ scale: DecimalValue) -> Double {
        let power = Self.power(of: abs(value.exponent - scale.exponent))
        let ratio = Double(value.mantissa) / Double(scale.mantissa)
        return value.exponent < scale.exponent ? ratio / power : ratio * power
    }

    private func rounded(_ value: DecimalValue, _ scale: DecimalValue) -> Int64? {
        var numerator = value.mantissa
        var denominator = scale.mantissa
        for _ in 0..<abs(value.exponent - scale.exponent) {
            let isNumerator = value.exponent > scale.exponent
            let (product, overflow) = (isNumerator ? numerator : denominator).multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            if isNumerator { numerator = product } else { denominator = product }
        }
        guard denominator != 0, numerator != .min, denominator != .min else { return nil }
        let half = Int64(denominator.magnitude / 2)
        let (sum, overflow) = numerator.addingReportingOverflow(numerator < 0 ? -half : half)
        return overflow ? nil : sum / denominator
    }

    private static func power(of exponent: Int) -> Double {
        var power = 1.0
        for _ in 0..<exponent { power *= 10 }
        return power
    }
}
