import Metering

/// When a house had no supply.
public struct SupplyInterruption: Hashable, Sendable {
    public var from: WallTime
    /// Nil while it lasts.
    public var to: WallTime?

    public init(from: WallTime, to: WallTime?) {
        self.from = from
        self.to = to
    }

    func contains(_ time: WallTime) -> Bool { from <= time && to.map { time < $0 } ?? true }
}

/// What a household draws and a roof gives, as a pure function of time: no state; any instant can be asked for in any
/// order. Power is exactly the slope of imported less exported energy.
public struct HouseholdLoad: Hashable, Sendable {
    /// Register totals less what the functions below count up to 2026, watt-hours: meters do not start at nothing.
    private let importedBefore: Int64
    private let exportedBefore: Int64
    private let seed: UInt64
    private let hasSolar: Bool
    private let appliances: [Appliance]
    /// When the house had no supply: its meter then counts nothing. In order, none touching the next; the last one may
    /// have no end yet.
    public var interruptions: [SupplyInterruption] = []

    /// Average draw per half hour of the (UTC) day, watts.
    private static let profile: [Int64] = [
        260, 240, 230, 220, 220, 230, 260, 340, 520, 780, 960, 880, 720, 610, 560, 540, 560, 620, 660, 600, 560, 540,
        560, 620, 700, 760, 820, 900, 1060, 1280, 1520, 1740, 1960, 2100, 2160, 2040, 1880, 1720, 1560, 1380, 1200,
        1020, 860, 700, 560, 440, 360, 300,
    ]
    /// What the roof gives per half hour, watts; the sun of UTC+10.
    private static let sun: [Int64] = [
        3020, 3420, 3720, 3940, 4060, 4060, 3940, 3720, 3420, 3020, 2560, 2060, 1560, 1080, 620, 240, 60, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 240, 620, 1080, 1560, 2060, 2560, 2800,
    ]
    /// 2026-01-01T00:00:00Z, milliseconds.
    private static let epoch2026: Int64 = 1_767_225_600_000

    /// Something that is on for `on` of every `period` milliseconds.
    private struct Appliance: Hashable, Sendable {
        var watts: Int64
        var on: Int64
        var period: Int64
        var phase: Int64

        /// Watt-milliseconds up to `time`.
        func energy(until time: Int64) -> Int64 {
            let shifted = time + phase
            let cycles = shifted.flooredQuotient(by: period)
            return watts * (cycles * on + min(shifted.flooredRemainder(by: period), on))
        }

        func power(at time: Int64) -> Int64 { (time + phase).flooredRemainder(by: period) < on ? watts : 0 }
    }

    /// A household; `seed` decides when its appliances run and what its registers started from.
    public init(seed: UInt64, hasSolar: Bool = false) {
        var generator = SeededGenerator(seed: seed)
        self.seed = generator.next()
        self.hasSolar = hasSolar
        // A refrigerator, a kettle and a washing machine, each on its own time.
        appliances = [
            Appliance(watts: 120, on: 720_000, period: 1_800_000, phase: generator.below(1_800_000)),
            Appliance(watts: 2000, on: 180_000, period: 10_500_000, phase: generator.below(10_500_000)),
            Appliance(watts: 900, on: 3_600_000, period: 97_200_000, phase: generator.below(97_200_000)),
        ]
        importedBefore =
            4_000_000 + generator.below(16_000_000)
            - Self.energy(Self.profile, until: Self.epoch2026) / 3_600_000
        exportedBefore =
            1_000_000 + generator.below(2_000_000)
            - (hasSolar ? Self.energy(Self.sun, until: Self.epoch2026) / 3_600_000 : 0)
    }

    /// Watt-milliseconds of a day's profile up to `time`.
    private static func energy(_ profile: [Int64], until time: Int64) -> Int64 {
        let slot: Int64 = 1_800_000
        let day = slot * 48
        let rest = time.flooredRemainder(by: day)
        var energy = time.flooredQuotient(by: day) * profile.reduce(0, +) * slot
        for index in 0..<Int(rest / slot) { energy += profile[index] * slot }
        return energy + profile[Int(rest / slot)] * (rest % slot)
    }

    private static func power(_ profile: [Int64], at time: Int64) -> Int64 {
        profile[Int(time.flooredRemainder(by: 86_400_000) / 1_800_000)]
    }

    /// Energy taken from the network, milliwatt-hours on the register.
    public func imported(at time: WallTime) -> Int64 { counted(until: time, drawn) }

    /// Energy given to the network, milliwatt-hours on the register.
    public func exported(at time: WallTime) -> Int64 { counted(until: time, given) }

    /// What a register counts that stands still while there is no supply.
    private func counted(until time: WallTime, _ register: (WallTime) -> Int64) -> Int64 {
        var value = register(time)
        for interruption in interruptions where interruption.from < time {
            value -= register(interruption.to.map { min($0, time) } ?? time) - register(interruption.from)
        }
        return value
    }

    private func drawn(until time: WallTime) -> Int64 {
        var energy = Self.energy(Self.profile, until: time.milliseconds)
        for appliance in appliances {
            energy += appliance.energy(until: time.milliseconds) - appliance.energy(until: Self.epoch2026)
        }
        return importedBefore * 1000 + energy / 3600
    }

    private func given(until time: WallTime) -> Int64 {
        exportedBefore * 1000 + (hasSolar ? Self.energy(Self.sun, until: time.milliseconds) / 3600 : 0)
    }

    /// Watts: draw less what the roof gives.
    public func power(at time: WallTime) -> Int64 {
        guard !interruptions.contains(where: { $0.contains(time) }) else { return 0 }
        var watts = Self.power(Self.profile, at: time.milliseconds)
        for appliance in appliances { watts += appliance.power(at: time.milliseconds) }
        return watts - (hasSolar ? Self.power(Self.sun, at: time.milliseconds) : 0)
    }

    /// A small number that wanders from second to second: `-span ... span`.
    private func wobble(_ time: WallTime, _ salt: UInt64, span: Int64) -> Int64 {
        var generator = SeededGenerator(seed: seed ^ salt &* 0x9E37 ^ UInt64(bitPattern: time.seconds))
        return generator.below(2 * span + 1) - span
    }

    /// The value of a register by its name in the outside contract, in the unit of that name; nil for one that a
    /// household's meter does not have. Phases share the load equally.
    public func value(of name: RegisterName, at time: WallTime) -> DecimalValue? {
        switch name.text {
        case "import_wh": milli(imported(at: time))
        case "export_wh": milli(exported(at: time))
        case "import_varh": milli(imported(at: time) / 5)
        case "export_varh": milli(exported(at: time) / 8)
        case "frequency_hz": DecimalValue(mantissa: 5000 + wobble(time, 1, span: 3), exponent: -2)
        case "power_w": DecimalValue(mantissa: power(at: time))
        case "reactive_var": DecimalValue(mantissa: power(at: time) / 5)
        case "apparent_va": DecimalValue(mantissa: abs(power(at: time)) * 102 / 100)
        case "power_factor": milli(980)
        default: phaseValue(name.text, at: time)
        }
    }

    private func phaseValue(_ text: String, at time: WallTime) -> DecimalValue? {
        guard let phase = (1...3).first(where: { text.contains("_l\($0)_") }) else { return nil }
        let millivolts = 230_000 + wobble(time, UInt64(phase), span: 900)
        let watts = power(at: time) / 3
        if text.hasPrefix("voltage_") { return milli(millivolts) }
        if text.hasPrefix("current_") { return milli(abs(watts) * 1_000_000 / millivolts) }
        if text.hasPrefix("power_l") { return DecimalValue(mantissa: watts) }
        if text.hasPrefix("reactive_l") { return DecimalValue(mantissa: watts / 5) }
        if text.hasPrefix("apparent_l") { return DecimalValue(mantissa: abs(watts) * 102 / 100) }
        return nil
    }

    private func milli(_ thousandths: Int64) -> DecimalValue { DecimalValue(mantissa: thousandths, exponent: -3) }
}
