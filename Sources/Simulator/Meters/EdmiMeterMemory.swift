import Drivers
import Metering

/// A simulated register: how it is typed and what it holds on the wire.
struct EdmiMeterRegister {
    var type: EdmiType
    var unit: EdmiUnit
    var name: String
    var bytes: [UInt8]

    init(float value: Double, _ unit: EdmiUnit, _ name: String, type: EdmiType = .float) {
        self.init(type, unit, name, EdmiMeterRegister.bigEndian(Float(value).bitPattern))
    }

    init(double value: Double, _ unit: EdmiUnit, _ name: String) {
        self.init(.doubleEnergy, unit, name, EdmiMeterRegister.bigEndian(value.bitPattern))
    }

    init(_ text: String, _ name: String) { self.init(.string, .none, name, [UInt8](text.utf8) + [0]) }

    init(_ type: EdmiType, _ name: String, _ value: some FixedWidthInteger) {
        self.init(type, .none, name, EdmiMeterRegister.bigEndian(value))
    }

    init(time seconds: Int64, _ name: String) {
        let bytes = EdmiTime.bytes(CivilTime(seconds: seconds)) ?? [1, 1, 96, 0, 0, 0]
        self.init(.timeAndDate, .none, name, bytes)
    }

    private init(_ type: EdmiType, _ unit: EdmiUnit, _ name: String, _ bytes: [UInt8]) {
        self.type = type
        self.unit = unit
        self.name = name
        self.bytes = bytes
    }

    static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        stride(from: T.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}

/// What the registers of a simulated meter hold at one instant (reference/edmi.md §5, §6).
struct EdmiMeterMemory {
    let settings: EdmiMeterSettings
    let now: WallTime

    /// On the meter's own clock, seconds since 1970.
    var seconds: Int64 { settings.meterSeconds(now) }

    // MARK: Commands

    /// `R` and `I`.
    func short(_ inner: [UInt8]) -> [UInt8] {
        guard inner.count == 3 else { return EdmiMeterSimulator.cancel(5) }
        return reply(inner, UInt32(inner[1]) << 8 | UInt32(inner[2]), describe: inner[0] == 0x49)
    }

    /// `M` and `O`.
    func long(_ inner: [UInt8]) -> [UInt8] {
        guard inner.count == 5 else { return EdmiMeterSimulator.cancel(5) }
        return reply(inner, inner[1...].reduce(0) { $0 << 8 | UInt32($1) }, describe: inner[0] == 0x4F)
    }

    private func reply(_ inner: [UInt8], _ address: UInt32, describe: Bool) -> [UInt8] {
        guard let register = register(address) else { return EdmiMeterSimulator.cancel(3) }
        guard describe else { return inner + register.bytes }
        return inner + [register.type.rawValue, register.unit.rawValue] + register.name.utf8 + [0]
    }

    // MARK: Registers

    func register(_ address: UInt32) -> EdmiMeterRegister? {
        if address > 0xFFFF { return EdmiMeterFile(memory: self).geniusRegister(address) }
        switch address {
        case 0xF000: return EdmiMeterRegister(settings.dialect == .genius ? "Mk6E" : "Mk10E", "Model id")
        case 0xF001: return EdmiMeterRegister("Simulated", "Equipment type")
        case 0xF002: return EdmiMeterRegister(settings.serial, "Serial number")
        case 0xF003: return EdmiMeterRegister("1.36", "Software version")
        case 0xF03D: return EdmiMeterRegister(time: seconds, "Time and date")
        case 0xF032: return EdmiMeterRegister(.long, "Billing resets", Int32(0))
        case 0xF700...0xF703:
            return settings.dialect == .genius
                ? EdmiMeterRegister(float: 1, .none, "Transformer ratio")
                : EdmiMeterRegister(.long, "Transformer ratio", Int32(1))
        case 0xE000...0xE0FF: return instantaneous(address)
        default: return energy(address) ?? EdmiMeterFile(memory: self).atlasRegister(address)
        }
    }

    /// A quantity of the meter; nil when it measures no such thing.
    func value(_ name: String, at time: WallTime? = nil) -> Double? {
        settings.values(RegisterName(name), time ?? now).flatMap { Double($0.text) }
    }

    private func instantaneous(_ address: UInt32) -> EdmiMeterRegister? {
        let phase = Int(address & 0x0F) + 1
        let isPhase = (1...3).contains(phase)
        let letter = isPhase ? ["A", "B", "C"][phase - 1] : ""
        let number: (name: String, unit: EdmiUnit, title: String)?
        switch address & 0xFFF0 {
        case 0xE000 where isPhase: number = ("voltage_l\(phase)_v", .volt, "Voltage phase \(letter)")
        case 0xE010 where isPhase: number = ("current_l\(phase)_a", .amp, "Current phase \(letter)")
        case 0xE030 where isPhase: number = ("power_l\(phase)_w", .watt, "Watts phase \(letter)")
        case 0xE040 where isPhase: number = ("reactive_l\(phase)_var", .var, "Vars phase \(letter)")
        case 0xE050 where isPhase: number = ("apparent_l\(phase)_va", .voltAmp, "VA phase \(letter)")
        case 0xE030 where phase == 4: number = ("power_w", .watt, "Watts total")
        case 0xE040 where phase == 4: number = ("reactive_var", .var, "Vars total")
        case 0xE050 where phase == 4: number = ("apparent_va", .voltAmp, "VA total")
        case 0xE060 where phase == 1: number = ("frequency_hz", .hertz, "Frequency")
        default: number = nil
        }
        if let number {
            return value(number.name).map { EdmiMeterRegister(float: $0, number.unit, number.title) }
        }
        switch address {
        case 0xE004...0xE006:
            return value("voltage_l1_v").map { EdmiMeterRegister(float: $0 * 1.732, .volt, "Voltage line to line") }
        case 0xE00A...0xE00C: return EdmiMeterRegister(float: 1.5, .percent, "Voltage distortion")
        case 0xE013 where settings.dialect == .atlas: return EdmiMeterRegister(float: 0.05, .amp, "Current neutral")
        case 0xE020...0xE022: return EdmiMeterRegister(float: -11.5, .degree, "Phase angle")
        case 0xE026:
            return value("power_factor").map {
                EdmiMeterRegister(float: $0, .powerFactor, "Power factor", type: .powerFactor)
            }
        default: return nil
        }
    }

    static let channels = ["import_wh", "export_wh", "import_varh", "export_varh"]

    /// Lifetime totals, unified and by rate; all energy is rate 1 (reference/edmi.md §5.2, §5.3).
    private func energy(_ address: UInt32) -> EdmiMeterRegister? {
        let isGenius = settings.dialect == .genius
        let channel = Int(isGenius ? address >> 8 : address >> 4 & 0x1F)
        guard channel < Self.channels.count, isGenius || address >> 9 == 0x0F else { return nil }
        guard let total = value(Self.channels[channel]) else { return nil }
        let rate: UInt32
        if isGenius {
            guard address & 0xF0 == 0x60, address & 0x0F <= 9, address & 0x0F != 8 else { return nil }
            rate = address & 0x0F == 9 ? 0 : (address & 0x0F) + 1
        } else {
            guard address & 0x0F <= 8 else { return nil }
            rate = address & 0x0F
        }
        let unit: EdmiUnit = channel < 2 ? .wattHour : .varHour
        let title = "Channel \(channel) lifetime" + (rate == 0 ? "" : " rate \(rate)")
        let shown = rate <= 1 ? total : 0
        return isGenius
            ? EdmiMeterRegister(double: shown, unit, title)
            : EdmiMeterRegister(float: shown, unit, title, type: .floatEnergy)
    }
}
