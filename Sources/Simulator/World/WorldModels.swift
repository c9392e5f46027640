import Drivers
import Metering

/// Three small meter models for a world that has no files: the registers of each dialect that intervals and live values
/// need (addresses from reference/edmi.md §5 and the SDM630's map).
public enum WorldModels {
    public static let atlas = edmi(
        "world-atlas", .atlas, energy: [0x1E00, 0x1E10, 0x1E20, 0x1E30], type: .doubleEnergy, maxRegisters: 1)
    public static let genius = edmi(
        "world-genius", .genius, energy: [0x0069, 0x0169, 0x0269, 0x0369], type: .doubleEnergy, maxRegisters: 16)

    /// Whole watt-hours as 32-bit integers that roll over, as small meters have them.
    public static let modbus = MeterModel(
        name: "world-modbus", title: "Modbus meter of the simulated world", dialect: .modbus, verified: true,
        registers: [
            row("import_wh", .modbus(function: 4, address: 0, type: .uint32, order: .abcd), "Wh", 1_000_000_000),
            row("export_wh", .modbus(function: 4, address: 2, type: .uint32, order: .abcd), "Wh", 1_000_000_000),
            row("voltage_l1_v", .modbus(function: 4, address: 4, type: .float32, order: .abcd), "V", nil),
            row("power_w", .modbus(function: 4, address: 6, type: .int32, order: .abcd), "W", nil),
            row("frequency_hz", .modbus(function: 4, address: 8, type: .float32, order: .abcd), "Hz", nil),
        ],
        probe: ModelProbe(register: RegisterName("frequency_hz"), range: 45...65),
        timing: ModelTiming(timeout: 500, turnaround: 0, maxRegisters: 80, maxGap: 8), proofs: [])

    private static func edmi(
        _ name: String, _ dialect: MeterModel.Dialect, energy: [UInt32], type: EdmiType, maxRegisters: UInt16
    ) -> MeterModel {
        var rows = zip(Channel.allCases, energy).map { channel, address in
            row(channel.rawValue, .edmi(address: address, type: type), channel.unit, nil)
        }
        rows.append(row("voltage_l1_v", .edmi(address: 0xE000, type: .float), "V", nil))
        rows.append(row("power_w", .edmi(address: 0xE033, type: .float), "W", nil))
        rows.append(row("frequency_hz", .edmi(address: 0xE060, type: .float), "Hz", nil))
        return MeterModel(
            name: name, title: "EDMI meter of the simulated world", dialect: dialect, verified: true, registers: rows,
            probe: ModelProbe(register: RegisterName("serial"), range: nil),
            timing: ModelTiming(timeout: 1000, turnaround: 20, maxRegisters: maxRegisters, maxGap: 0), proofs: [])
    }

    private static func row(
        _ name: String, _ source: RegisterSource, _ unit: String, _ rollover: Int64?
    ) -> ModelRegister {
        ModelRegister(
            name: RegisterName(name), rawName: name, source: source, scale: DecimalValue(mantissa: 1), unit: unit,
            rollover: rollover)
    }
}
