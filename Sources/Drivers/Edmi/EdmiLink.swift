import Metering

/// Everything a session must know about one meter and the way to it.
public struct EdmiLink: Hashable, Sendable {
    /// `.genius` or `.atlas`.
    public var dialect: MeterModel.Dialect
    /// What register F002 must say; nil to take any meter (a scan).
    public var serial: MeterSerial?
    /// The meter's number in 'E' envelopes; nil for a plain (point-to-point) line.
    public var address: UInt32?
    /// The master's number in 'E' envelopes.
    public var master: UInt32
    public var user: String
    public var password: Secret
    /// Whether `logOff` sends `X`.
    public var sendsExit: Bool
    /// From the last byte sent to the first of the reply, microseconds; time for the reply's own bytes is added.
    public var timeout: Int64
    /// Longest silence inside a reply, microseconds.
    public var interCharacter: Int64
    /// Silence before sending, microseconds.
    public var turnaround: Int64
    /// Times a frame is sent before giving up, 1…5.
    public var tries: Int
    /// The serial line, for the time a reply takes; nil for TCP.
    public var line: LineSettings?
    /// Most data bytes asked for in one survey read, 64…2048: how long one exchange may hold the wire.
    public var maxDataBytes: Int

    /// Defaults are those recommended in reference/edmi.md §3: 2 s, 200 ms, 50 ms, 3 tries.
    public init(
        dialect: MeterModel.Dialect, serial: MeterSerial?, address: UInt32?, master: UInt32 = 1, user: String,
        password: Secret, sendsExit: Bool = false, timeout: Int64 = 2_000_000, interCharacter: Int64 = 200_000,
        turnaround: Int64 = 50_000, tries: Int = 3,
        line: LineSettings? = nil, maxDataBytes: Int = 512
    ) {
        self.dialect = dialect
        self.serial = serial
        self.address = address
        self.master = master
        self.user = user
        self.password = password
        self.sendsExit = sendsExit
        self.timeout = timeout
        self.interCharacter = interCharacter
        self.turnaround = turnaround
        self.tries = min(max(tries, 1), 5)
        self.line = line
        self.maxDataBytes = min(max(maxDataBytes, 64), 2048)
    }
}
