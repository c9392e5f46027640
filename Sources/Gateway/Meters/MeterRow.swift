import Drivers
import Metering

/// One register of a meter's model as this meter uses it: direction and scale applied.
struct MeterRow: Hashable, Sendable {
    let name: RegisterName
    let register: String
    let unit: String
    /// Read for somebody who asks, not in every poll.
    let isDetail: Bool
    /// Multiplies the value; nil where that changes nothing.
    let factor: DecimalValue?
    /// Place among the kept channels, nil for what is not cumulative.
    let kept: Int?
    /// The rows of a meter and the channels it keeps, in the order of `Channel`.
    static func rows(of settings: MeterSettings) -> (rows: [MeterRow], kept: [KeptRegister]) {
        let names = settings.model.registers.map { name(of: $0, swapped: settings.swapImportExport) }
        var kept: [KeptRegister] = []
        for channel in Channel.allCases {
            guard let row = names.firstIndex(of: channel.name) else { continue }
            kept.append(KeptRegister(channel: channel, row: row, register: settings.model.registers[row], settings))
        }
        let rows = names.indices.map { index in
            MeterRow(
                settings.model.registers[index], name: names[index], scale: settings.scale,
                kept: kept.firstIndex { $0.row == index })
        }
        return (rows, kept)
    }

    private init(_ register: ModelRegister, name: RegisterName, scale: DecimalValue, kept: Int?) {
        self.name = name
        self.register = register.source.text
        unit = register.unit
        isDetail = register.isDetail
        let isScaled = Self.scaledUnits.contains(register.unit) && scale != DecimalValue(mantissa: 1)
        factor = isScaled ? scale : nil
        self.kept = kept
    }

    /// What a transformer the meter does not know multiplies; voltages and ratios stay.
    private static let scaledUnits = ["W", "VA", "var", "Wh", "VAh", "varh"]

    /// Import and export exchanged, per phase too, where the operator says that the meter is wired the other way.
    private static func name(of register: ModelRegister, swapped: Bool) -> RegisterName {
        let text = register.name.text
        guard swapped else { return register.name }
        if text.hasPrefix("import_") { return RegisterName("export_" + text.dropFirst("import_".count)) }
        if text.hasPrefix("export_") { return RegisterName("import_" + text.dropFirst("export_".count)) }
        return register.name
    }

    /// The value as this meter means it, or why there is none.
    func adjusted(_ value: Result<DecimalValue, MissingValue>) -> Result<DecimalValue, MissingValue> {
        guard let factor, case .success(let raw) = value else { return value }
        guard let product = raw.multiplied(by: factor) else { return .failure(MissingValue(.invalid)) }
        return .success(product)
    }
}

/// A cumulative register that intervals are kept from.
struct KeptRegister: Hashable, Sendable {
    let channel: Channel
    /// Index of its row.
    let row: Int
    /// Width at which it rolls over, scaled; nil for never.
    let width: Int64?
    let limit: ConnectionLimit

    init(channel: Channel, row: Int, register: ModelRegister, _ settings: MeterSettings) {
        self.channel = channel
        self.row = row
        width = register.rollover.flatMap {
            settings.scale.multiplied(by: DecimalValue(mantissa: $0))?.flooredInteger
        }
        // What the register steps by at 100 MWh: a float32 total in Wh by 8 Wh there (design §4).
        let step = register.step(at: DecimalValue(mantissa: 100_000_000)).multiplied(by: settings.scale)
        limit = ConnectionLimit(
            maxAmps: settings.maxAmps, phases: settings.phases,
            quantum: max(4, (step?.flooredInteger ?? 0).clamped))
    }
}

extension Int64 {
    /// Between 0 and a gigawatt-hour: a broken scale must not make the limit wrap.
    fileprivate var clamped: Int64 { Swift.min(Swift.max(self, 0), 1_000_000_000) }
}
