import Drivers
import Gateway
import Metering

/// What a meter of the world measures: a household, less what resets took away.
struct WorldRegisters: Sendable {
    let model: MeterModel
    let load: HouseholdLoad
    /// Taken off every cumulative register, milliwatt-hours in the order of `Channel`.
    var taken: [Int64] = [0, 0, 0, 0]
    /// Added to the import register of the next reply only: a frame that is wrong although its checksum is right.
    var forgery: Int64 = 0
    /// Stretches without power, in which nothing is counted.
    var darkness: [ClosedRange<WallTime>] = []

    /// Whole units as the meter counts them; before any rollover.
    func whole(_ channel: Channel, at time: WallTime) -> Int64 {
        let index = Channel.allCases.firstIndex(of: channel) ?? 0
        return (milli(channel, at: time) - taken[index]).flooredQuotient(by: 1000)
    }

    func milli(_ channel: Channel, at time: WallTime) -> Int64 {
        let drawn = { (time: WallTime) in load.value(of: channel.name, at: time)?.scaled(power: 3)?.flooredInteger ?? 0
        }
        var milli = drawn(time)
        for dark in darkness where dark.lowerBound < time {
            milli -= drawn(min(time, dark.upperBound)) - drawn(dark.lowerBound)
        }
        return milli
    }

    /// Width at which a register rolls over; nil for never.
    func width(_ name: RegisterName) -> Int64? { model.registers.first { $0.name == name }?.rollover }

    func value(of name: RegisterName, at time: WallTime) -> DecimalValue? {
        guard let channel = Channel(rawValue: name.text) else { return load.value(of: name, at: time) }
        let width = width(name)
        let whole = whole(channel, at: time) + (channel == .importWh ? forgery : 0)
        return DecimalValue(mantissa: width.map { whole.flooredRemainder(by: $0) } ?? whole)
    }
}

/// A meter of the world: the household behind it and what was done to its registers.
public struct WorldMeter: Sendable {
    public private(set) var settings: MeterSettings
    private var registers: WorldRegisters
    private var edmi: EdmiMeterSimulator?
    private var modbus: ModbusMeterSimulator?
    /// The meter does not answer before this, microseconds of the world.
    public var silentUntil: Int64 = 0
    /// Another meter hangs here before this.
    public var strangerUntil: Int64 = 0
    /// A meter whose load survey, if it has one, has intervals of `surveyMinutes`.
    public init(settings: MeterSettings, load: HouseholdLoad, surveyMinutes: Int) {
        self.settings = settings
        registers = WorldRegisters(model: settings.model, load: load)
        if settings.model.dialect == .modbus {
            modbus = ModbusMeterSimulator(
                model: settings.model, unit: UnitAddress(UInt8(truncatingIfNeeded: settings.address)))
        } else {
            var device = EdmiMeterSettings(
                dialect: settings.model.dialect, serial: settings.serial.text, address: settings.address,
                utcOffsetMinutes: settings.utcOffsetMinutes,
                survey: EdmiMeterSurvey(intervalMinutes: Int64(surveyMinutes), capacity: 10_000), load: load)
            device.registerWidth = registers.width(Channel.importWh.name)
            edmi = EdmiMeterSimulator(device)
        }
    }

    /// The load survey of an EDMI meter: its length, what is stored, when the meter had no power.
    public var survey: EdmiMeterSurvey? {
        get { edmi?.settings.survey }
        set { if let newValue { edmi?.settings.survey = newValue } }
    }

    /// How far the clock of an EDMI meter is wrong, seconds.
    public var clockErrorSeconds: Int64 {
        get { edmi?.settings.clockErrorSeconds ?? 0 }
        set { edmi?.settings.clockErrorSeconds = newValue }
    }

    /// Whether the user may set the clock of an EDMI meter.
    public var allowsClock: Bool {
        get { edmi?.settings.allowsClock ?? false }
        set { edmi?.settings.allowsClock = newValue }
    }

    /// Whole units on the register at a true time, as the meter counts them; before any rollover.
    public func register(_ channel: Channel, at time: WallTime) -> Int64 { registers.whole(channel, at: time) }

    /// The registers start again from zero.
    public mutating func reset(at time: WallTime) {
        registers.taken = Channel.allCases.map { registers.milli($0, at: time) }
    }

    /// The meter had or will have no power for a while: it is silent, counts nothing, and its survey has a hole.
    public mutating func darken(_ range: ClosedRange<WallTime>, until elapsed: Int64) {
        registers.darkness.append(range)
        silentUntil = max(silentUntil, elapsed)
        let offset = Int64(settings.utcOffsetMinutes) * 60
        survey?.outages.append((range.lowerBound.seconds + offset)...(range.upperBound.seconds + offset))
    }

    /// The next reply's import register is wrong by so much, whole units.
    public mutating func forge(by units: Int64) { registers.forgery = units }

    /// The reply frame to a request frame; empty for silence.
    mutating func answer(_ frame: [UInt8], at time: WallTime, elapsed: Int64) -> [UInt8] {
        guard elapsed >= silentUntil else { return [] }
        defer { registers.forgery = 0 }
        // Only the registers are lent out: a copy of the meter would hold the one before it, and so on.
        let reader = registers
        if edmi != nil {
            edmi?.settings.values = { name, time in reader.value(of: name, at: time) }
            edmi?.settings.serial = elapsed < strangerUntil ? "999999999" : settings.serial.text
            return edmi?.receive(frame, at: time) ?? []
        }
        return modbus?.answer(rtu: frame) { reader.value(of: $0, at: time) }?.bytes ?? []
    }
}
