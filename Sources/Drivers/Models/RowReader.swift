import Metering

/// Reads one `[[register]]` of a model file.
enum RowReader {
    /// The row; nil when something in it is wrong, which the reader remembers.
    static func row(
        _ table: SettingsReader, _ dialect: MeterModel.Dialect, _ timing: ModelTiming?
    ) -> ModelRegister? {
        let name = table.require("name", .registerName)
        let raw = table.require("raw", .text(longest: 80))
        let scale = table.take("scale", .decimal(notZero: true)) ?? DecimalValue(mantissa: 1)
        if abs(scale.exponent) > 9 || scale.mantissa.magnitude > 1_000_000_000_000 {
            table.fault("scale", "is not allowed; write a number of at most 12 digits")
        }
        let source = dialect == .modbus ? modbus(table, timing) : edmi(table, dialect)
        let unit = name.flatMap { RegisterUnit.of($0) }
        let rollover: Int64? = table.take("rollover", .integer(1...Int64.max))
        if rollover != nil, unit != "Wh", unit != "varh" {
            table.fault("rollover", "is only for cumulative registers, whose names end in _wh or _varh; leave it out")
        }
        let resolution = table.take("resolution", .decimal(notZero: true))
        if let resolution, resolution.mantissa < 0 || abs(resolution.exponent) > 9 {
            table.fault("resolution", "is not allowed; write a number above 0")
        }
        let isDetail = table.take("detail", .flag) ?? false
        if isDetail, name.flatMap(Channel.init) != nil {
            table.fault("detail", "is not allowed for a channel that intervals are kept of; leave it out")
        }
        var invalid: [UInt64] = []
        if case .modbus(_, _, let type, _)? = source {
            invalid = table.take("invalid", .list(of: .bits(of: type))) ?? []
        }
        guard let name, let raw, let source, let unit else { return nil }
        return ModelRegister(
            name: RegisterName(name), rawName: raw, source: source, scale: scale, unit: unit, rollover: rollover,
            invalid: invalid, resolution: resolution, isDetail: isDetail)
    }

    private static func modbus(_ table: SettingsReader, _ timing: ModelTiming?) -> RegisterSource? {
        let function: Int? = table.require(
            "function", SettingsRule<Int>.integer(3...4).map("3 (holding registers) or 4 (input registers)") { $0 })
        let address: Int? = table.require("address", .integer(0...0xFFFF))
        let type: ModbusType? = table.require("type", .word)
        let order: WordOrder = table.take("order", .word) ?? .abcd
        guard let function, let address, let type else { return nil }
        if address + Int(type.registerCount) > 0x10000 {
            table.fault("address", "is not allowed; \(type.rawValue) would end beyond register 65535")
        }
        if let timing, type.registerCount > timing.maxRegisters {
            table.fault(
                "type", "takes \(type.registerCount) registers, more than timing.max_registers allows in one request")
        }
        return .modbus(
            function: UInt8(function), address: UInt16(truncatingIfNeeded: address), type: type, order: order)
    }

    private static func edmi(_ table: SettingsReader, _ dialect: MeterModel.Dialect) -> RegisterSource? {
        let highest: Int64 = dialect == .atlas ? 0xFFFF : 0xFFFF_FFFF
        let address: Int64? = table.require("address", .integer(0...highest))
        let type = table.take("type", .edmiType)
        return address.map { .edmi(address: UInt32(truncatingIfNeeded: $0), type: type) }
    }
}

/// The unit that a register's name ends in.
enum RegisterUnit {
    /// Endings as the outside contract writes them; `_wh` also ends in `h`, so whole words are compared.
    private static let endings: [(ending: String, unit: String)] = [
        ("v", "V"), ("a", "A"), ("w", "W"), ("var", "var"), ("va", "VA"), ("wh", "Wh"), ("varh", "varh"),
        ("vah", "VAh"), ("hz", "Hz"), ("percent", "%"), ("deg", "°"),
    ]

    /// The unit of `name`, empty for a power factor; nil when the name ends in none.
    static func of(_ name: String) -> String? {
        if name == "power_factor" || name.hasPrefix("power_factor_") { return "" }
        guard let ending = name.split(separator: "_").last, ending.utf8.count < name.utf8.count else { return nil }
        return endings.first { $0.ending == ending }?.unit
    }
}

extension SettingsRule where Value == String {
    /// A register's name in the outside contract.
    fileprivate static var registerName: Self {
        Self(
            "a name of small letters, digits and _ that ends in its unit (_v _a _w _var _va _wh _varh _vah _hz "
                + "_percent _deg), or power_factor"
        ) { node in
            guard case .string(let text) = node.value, (1...40).contains(text.utf8.count),
                let first = text.utf8.first, (0x61...0x7A).contains(first),
                text.utf8.allSatisfy({
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
                }), RegisterUnit.of(text) != nil
            else { return nil }
            return text
        }
    }
}

extension SettingsRule where Value == EdmiType {
    fileprivate static var edmiType: Self {
        let letters = EdmiType.allCases.map { String(Unicode.Scalar($0.rawValue)) }.joined(separator: " ")
        return Self("one of the type letters \(letters) in quotes, or leave it out to ask the meter") { node in
            guard case .string(let text) = node.value, text.utf8.count == 1 else { return nil }
            return text.utf8.first.flatMap(EdmiType.init)
        }
    }
}

extension SettingsRule where Value == UInt64 {
    /// A bit pattern in hex digits, exactly as wide as the type.
    fileprivate static func bits(of type: ModbusType) -> Self {
        let digits = Int(type.registerCount) * 4
        return Self("\(digits) hex digits in quotes") { node in
            guard case .string(let text) = node.value, text.utf8.count == digits, !text.hasPrefix("+") else {
                return nil
            }
            return UInt64(text, radix: 16)
        }
    }
}
