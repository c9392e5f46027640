import Drivers
import Intervals
import Metering

/// Everything the agent must know before its first turn; made from the checked configuration file.
public struct GatewayConfiguration: Hashable, Sendable {
    public var box: BoxSettings
    public var ports: [PortSettings]
    public var meters: [MeterSettings]
    public var units: [UnitSettings]
    public var switches: [SwitchSettings]
    public var han: HanSettings?
    /// Names of the upstream systems that are configured: `reposit`, `redex`, `powerbox`.
    public var systems: [String]

    public init(
        box: BoxSettings, ports: [PortSettings], meters: [MeterSettings], units: [UnitSettings] = [],
        switches: [SwitchSettings] = [], han: HanSettings? = nil, systems: [String] = []
    ) {
        self.systems = systems
        self.han = han
        self.box = box
        self.ports = ports
        self.meters = meters
        self.units = units
        self.switches = switches
    }
}

/// `[box]`.
public struct BoxSettings: Hashable, Sendable {
    public var id: String
    public var version: String
    /// 5, 15 or 30.
    public var intervalMinutes: Int
    /// `clock = "host"`: the operator vouches for the host's clock.
    public var clockFromHost: Bool
    /// The wall clock is never trusted before this: the build date.
    public var builtAt: WallTime
    /// Whether an `[mqtt]` section exists; without it nothing waits for receipts.
    public var hasMqtt: Bool
    /// No configuration file: the sockets answer, only a scan works.
    public var unconfigured: Bool
    /// Local time of the box.
    public var zone: ZoneRules
    /// ISO 4217; nil when none is configured.
    public var currency: String?

    public init(
        id: String, version: String, intervalMinutes: Int, clockFromHost: Bool, builtAt: WallTime, hasMqtt: Bool,
        unconfigured: Bool, zone: ZoneRules = .fixed(0), currency: String? = nil
    ) {
        self.zone = zone
        self.currency = currency
        self.id = id
        self.version = version
        self.intervalMinutes = intervalMinutes
        self.clockFromHost = clockFromHost
        self.builtAt = builtAt
        self.hasMqtt = hasMqtt
        self.unconfigured = unconfigured
    }
}

/// `[[port]]`, as far as the agent plans with it.
public struct PortSettings: Hashable, Sendable {
    public var id: PortID
    public var wire: PortProtocol
    /// Nil for TCP, where a poll costs no bus time.
    public var line: LineSettings?

    public init(id: PortID, wire: PortProtocol, line: LineSettings?) {
        self.id = id
        self.wire = wire
        self.line = line
    }
}

/// A port speaks one protocol.
public enum PortProtocol: String, Hashable, Sendable {
    case edmi, modbus
}

/// `[[meter]]`.
public struct MeterSettings: Hashable, Sendable {
    public var serial: MeterSerial
    public var model: MeterModel
    public var port: PortID
    /// EDMI serial as a number for addressed sessions, or the Modbus unit.
    public var address: UInt32
    /// EDMI 'E' framing.
    public var addressed: Bool
    public var user: String
    public var password: Secret
    /// EDMI master id in addressed frames, default 1.
    public var sourceID: UInt32
    /// Send `X` at the end of a session (off by default: it hangs up modems, reference/edmi.md §3).
    public var logoff: Bool
    public var nmi: NMI?
    /// `grid`, `sga` …: copied into live values and used by upstream systems.
    public var role: String
    /// 1…3600
    public var pollSeconds: Int
    /// Largest current a phase of the connection can carry, for the plausibility of an advance.
    public var maxAmps: Int
    /// 1 or 3
    public var phases: Int
    public var swapImportExport: Bool
    public var scale: DecimalValue
    /// The meter's own standard time, minutes east of UTC.
    public var utcOffsetMinutes: Int
    public var surveyStampIsEnd: Bool
    public var setClock: Bool
    /// How intervals that were not measured and cannot be fetched are filled.
    public var substitute = SubstitutionMethod.none
    /// Milliseconds.
    public var timeout: Int64
    /// Milliseconds.
    public var turnaround: Int64

    public init(
        serial: MeterSerial, model: MeterModel, port: PortID, address: UInt32, addressed: Bool = false,
        user: String = "", password: Secret = Secret([]), sourceID: UInt32 = 1, logoff: Bool = false, nmi: NMI? = nil,
        role: String = "grid", pollSeconds: Int = 30, maxAmps: Int = 100, phases: Int = 3,
        swapImportExport: Bool = false, scale: DecimalValue = DecimalValue(mantissa: 1), utcOffsetMinutes: Int = 600,
        surveyStampIsEnd: Bool = true, setClock: Bool = false, timeout: Int64? = nil, turnaround: Int64? = nil
    ) {
        self.serial = serial
        self.model = model
        self.port = port
        self.address = address
        self.addressed = addressed
        self.user = user
        self.password = password
        self.sourceID = sourceID
        self.logoff = logoff
        self.nmi = nmi
        self.role = role
        self.pollSeconds = pollSeconds
        self.maxAmps = maxAmps
        self.phases = phases
        self.swapImportExport = swapImportExport
        self.scale = scale
        self.utcOffsetMinutes = utcOffsetMinutes
        self.surveyStampIsEnd = surveyStampIsEnd
        self.setClock = setClock
        self.timeout = timeout ?? model.timing.timeout
        self.turnaround = turnaround ?? model.timing.turnaround
    }
}

/// What the journal gave back at start.
public struct RecoveredState: Sendable {
    /// Sequence and time of the newest record; 0 and the epoch for an empty journal.
    public var head: Int64
    public var newestAt: WallTime
    /// Highest sequence the cloud has acknowledged.
    public var acknowledged: Int64
    /// The newest interval of each meter, by serial and epoch.
    public var intervals: [Interval]
    /// Keys in force: the folder's and the journal's, less the revoked.
    public var keys: [SigningKey]
    public var revokedKeys: [String]
    /// Highest `ctr` accepted for each kid.
    public var counters: [KeyCounter]
    /// Hash of the newest record; 64 zeros for an empty journal.
    public var hash: String
    /// `data` of every `command.scheduled` record whose command has no `command.done` or `command.refused` yet.
    public var scheduled: [JSONObject]
    /// `data` of every `command.received` record whose command was neither scheduled nor answered: the process ended
    /// while it was carried out.
    public var unfinished: [JSONObject] = []
    /// What like-day substitutes are made from, of the meters that are to have them.
    public var likeDays: [LikeDays] = []
    /// What the newest statements about intervals lack, of every meter: see `GapLedger`.
    public var gaps: [IntervalGap]
    /// What the records of the payment units say (kinds `credit.*`, `unit.*`, `supply.*`); nil when there are none.
    public var units: UnitFold?
    /// Ids of `scheduled` commands that left a record of their own (`unit.*`, `supply.*`) before the process ended:
    /// they are taken up, not done again.
    public var begun: [String] = []
    /// `data` of the newest `han.state` record.
    public var han: JSONObject?

    public init(
        head: Int64, newestAt: WallTime, acknowledged: Int64, intervals: [Interval], keys: [SigningKey],
        revokedKeys: [String], counters: [KeyCounter], hash: String, scheduled: [JSONObject] = [],
        gaps: [IntervalGap] = [], units: UnitFold? = nil, han: JSONObject? = nil
    ) {
        self.han = han
        self.units = units
        self.head = head
        self.newestAt = newestAt
        self.acknowledged = acknowledged
        self.intervals = intervals
        self.keys = keys
        self.revokedKeys = revokedKeys
        self.counters = counters
        self.hash = hash
        self.scheduled = scheduled
        self.gaps = gaps
    }

    /// A box that never ran.
    public static let empty = RecoveredState(
        head: 0, newestAt: WallTime(milliseconds: 0), acknowledged: 0, intervals: [], keys: [], revokedKeys: [],
        counters: [], hash: String(repeating: "0", count: 64))
}

/// The highest command counter seen from a key.
public struct KeyCounter: Hashable, Sendable {
    public var kid: String
    public var counter: Int64
    public init(kid: String, counter: Int64) {
        self.kid = kid
        self.counter = counter
    }
}
