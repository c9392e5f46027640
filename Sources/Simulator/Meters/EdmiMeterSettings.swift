import Drivers
import Metering

/// What a simulated EDMI meter is and how it misbehaves. What it measures is a pure function of time, so that a board
/// process and a world that run at different speeds show the same values.
public struct EdmiMeterSettings: Sendable {
    /// A log-in the meter takes.
    public struct User: Hashable, Sendable {
        public var name: String
        public var password: String

        public init(name: String, password: String) {
            self.name = name
            self.password = password
        }
    }

    /// `.genius` or `.atlas`.
    public var dialect: MeterModel.Dialect
    /// What F002 says.
    public var serial: String
    /// The number it answers to in 'E' envelopes.
    public var address: UInt32
    public var users: [User]
    /// The meter's own standard time, minutes east of UTC, and how far its clock is wrong, seconds.
    public var utcOffsetMinutes: Int
    public var clockErrorSeconds: Int64
    /// The meter logs its user off after so much silence.
    public var inactivitySeconds: Int64
    /// Every log-in is refused.
    public var refusesLogin = false
    /// `M` with FFF0 and with FFF1 are known (Genius).
    public var hasBatch = true
    public var hasStatusBatch = true
    public var survey: EdmiMeterSurvey
    /// Width at which the cumulative registers roll over, whole units; nil for never.
    public var registerWidth: Int64?
    /// Whether a user of this meter may set its clock.
    public var allowsClock = false
    /// A quantity by its name in the outside contract at a true time; nil for one the meter does not measure.
    public var values: @Sendable (RegisterName, WallTime) -> DecimalValue?

    /// A meter whose user is READER with password READER and whose address is its serial.
    public init(
        dialect: MeterModel.Dialect, serial: String, address: UInt32? = nil, utcOffsetMinutes: Int = 600,
        survey: EdmiMeterSurvey = EdmiMeterSurvey(),
        values: @escaping @Sendable (RegisterName, WallTime) -> DecimalValue?
    ) {
        self.dialect = dialect
        self.serial = serial
        self.address = address ?? UInt32(serial) ?? 0
        users = [User(name: "READER", password: "READER")]
        self.utcOffsetMinutes = utcOffsetMinutes
        clockErrorSeconds = 0
        inactivitySeconds = 900
        self.survey = survey
        self.values = values
    }

    /// The same with a household behind it.
    public init(
        dialect: MeterModel.Dialect, serial: String, address: UInt32? = nil, utcOffsetMinutes: Int = 600,
        survey: EdmiMeterSurvey = EdmiMeterSurvey(), load: HouseholdLoad
    ) {
        self.init(
            dialect: dialect, serial: serial, address: address, utcOffsetMinutes: utcOffsetMinutes, survey: survey,
            values: { load.value(of: $0, at: $1) })
    }

    /// Seconds since 1970 on the meter's own clock.
    func meterSeconds(_ now: WallTime) -> Int64 {
        now.seconds + Int64(utcOffsetMinutes) * 60 + clockErrorSeconds
    }

    /// True time at which the meter's clock, were it right, shows `seconds`.
    func trueTime(meterSeconds seconds: Int64) -> WallTime {
        WallTime(seconds: seconds - Int64(utcOffsetMinutes) * 60)
    }
}

/// One way to treat one reply.
public enum EdmiMeterFault: Hashable, Sendable {
    case none
    /// No reply.
    case drop
    /// The reply comes before the next one.
    case late
    /// The reply comes twice.
    case twice
    /// These bytes come in its place.
    case garbage([UInt8])
    /// These bytes come before it.
    case noise([UInt8])
    /// A bit of the frame is flipped.
    case badChecksum
    /// Only the first half comes.
    case truncated
    /// The same reply twice inside one frame (reference/edmi.md §6.2, quirk b).
    case repeated
    /// CAN with this code, or without one; the command is not carried out.
    case refuse(UInt8?)
    /// The session is forgotten just before the command.
    case forget
}

/// The load survey of a simulated meter: records are a pure function of their number.
public struct EdmiMeterSurvey: Hashable, Sendable {
    /// Whole minutes, 1…63.
    public var intervalMinutes: Int64
    /// Stamp of record 0 (its end) in seconds since 1970 of the meter's own time.
    public var origin: Int64
    /// Records kept; older ones are gone.
    public var capacity: Int64
    /// Records tell their status; without it a Genius meter's layout has no channel 0.
    public var hasStatus = true
    /// High half of a Genius survey's registers. Its event log is 0x100 above.
    public var base: UInt32 = 0x0305
    /// Stretches of the meter's own time (seconds) in which it had no power.
    public var outages: [ClosedRange<Int64>]

    /// Record 0 ends at midnight, 1 January 2026 unless another origin is given.
    public init(
        intervalMinutes: Int64 = 30, origin: Int64 = 1_767_225_600, capacity: Int64 = 5000,
        outages: [ClosedRange<Int64>] = []
    ) {
        self.intervalMinutes = intervalMinutes
        self.origin = origin
        self.capacity = capacity
        self.outages = outages
    }

    /// Seconds.
    public var interval: Int64 { intervalMinutes * 60 }

    /// The records there are when the meter's clock shows `seconds`.
    public func stored(at seconds: Int64) -> Range<Int64> {
        let end = max(0, (seconds - origin).flooredQuotient(by: interval) + 1)
        return max(0, end - capacity)..<end
    }

    /// The end of record `number`'s interval, seconds of the meter's own time.
    public func stamp(_ number: Int64) -> Int64 { origin + number * interval }

    /// Whether the meter had no power in the whole of this interval.
    public func isMissing(_ number: Int64) -> Bool {
        outages.contains { $0.lowerBound <= stamp(number) - interval && stamp(number) <= $0.upperBound }
    }

    /// Whether the power failed in a part of this interval.
    public func isPartial(_ number: Int64) -> Bool {
        !isMissing(number)
            && outages.contains { $0.lowerBound < stamp(number) && stamp(number) - interval < $0.upperBound }
    }
}
