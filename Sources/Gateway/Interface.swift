import Credit
import Drivers
import Metering

/// Everything that can happen to the agent. There is no other way in.
public enum Input: Hashable, Sendable {
    /// The time the agent asked for (`nextWake`) has come.
    case wake
    /// A port answered a `BusRequest`.
    case reply(BusReply)
    /// A port's device was opened (again), or is gone; the text is for people.
    case portUp(PortID)
    case portDown(PortID, String)
    /// The broker accepted our connection.
    case mqttConnected
    case mqttDisconnected(String)
    /// A message on `receipt`.
    case receipt([UInt8], retained: Bool)
    /// A command from the broker (no token) or from the control socket (answered under the token).
    case command(Envelope, token: UInt64?)
    /// Something the control socket asks that needs the agent.
    case request(ControlRequest, token: UInt64)
    /// The HAN adapter said something, came or went.
    case han(HanEvent)
    /// The client of this token went away: stop what runs for it.
    case cancel(token: UInt64)
    /// A new configuration was checked and is to be used from now on.
    case reconfigure(GatewayConfiguration, keys: [SigningKey])
    /// Another client took over our session at the broker.
    case identityClash
    /// The state of the storage has changed.
    case storage(StorageState)
    /// An upstream system's answer to `Effect.upstream`, by the command's id.
    case upstream(id: String, Result<JSONValue, ControlFailure>)
    /// The upstream runner wants this in the journal; `Effect.upstreamRecorded` says when it is.
    case upstreamRecord(UpstreamRecord)
    /// The process is about to end.
    case stop
}

/// What the control socket may ask of the agent; everything else the daemon answers from the journal.
public enum ControlRequest: Hashable, Sendable {
    case status
    case meterList
    /// Reads now, from the wire.
    case meterRead(MeterSerial)
    /// Every new set of readings as progress until cancelled.
    case meterWatch(MeterSerial)
    /// Load survey records whose end lies in `(from, to]`.
    case meterSurvey(MeterSerial, from: WallTime, to: WallTime)
    /// Looks for meters on a port that no configured meter uses, or on any port; never writes.
    case meterScan(ScanOrder)
    /// What intervals lack an actual value, of one meter or of all; answered at once.
    case intervalGaps(MeterSerial?)
    case outbox
    case keyList
    /// `han status`.
    case hanStatus
    case unitList
    case unitShow(String)
    case creditShow(String)
    case supplyShow(String)
    /// Opens and closes the unit's switch and looks whether it follows: progress for each step, then the answer.
    case supplyTest(unit: String)
    /// `[from, to)`; nil is as far back as the box remembers, and now.
    case creditReport(String, from: WallTime?, to: WallTime?)
    case requestList(JSONObject)
    case requestShow(String)
    case scheduleList(JSONObject)
    /// The installer presses a button of the unit for the customer.
    case press(unit: String, UnitButton)
    /// The page that the unit's display shows, as lines.
    case unitPage(String)
    /// A step of commissioning for the journal; answered with the record's number.
    case commissionNote(JSONObject)
}

/// What a scan may try. Order of likelihood is the agent's own.
public struct ScanOrder: Hashable, Sendable {
    public var port: PortID
    /// Nil to try both.
    public var wire: PortProtocol?
    /// Nil to sweep the usual ones; empty for TCP.
    public var lines: [LineSettings]?
    /// Modbus units to try; nil for 1…247.
    public var units: [UInt8]?
    /// EDMI serial numbers to try addressed; a plain session is always tried first.
    public var serials: [UInt32]
    /// EDMI log-in; nil to identify without logging in, which only shows that something answers.
    public var user: String?
    public var password: Secret?
    /// Models whose probe is tried, in order; all models when empty.
    public var models: [MeterModel]

    public init(
        port: PortID, wire: PortProtocol?, lines: [LineSettings]?, units: [UInt8]?, serials: [UInt32], user: String?,
        password: Secret?, models: [MeterModel]
    ) {
        self.port = port
        self.wire = wire
        self.lines = lines
        self.units = units
        self.serials = serials
        self.user = user
        self.password = password
        self.models = models
    }
}

/// What the agent wants done. Appends of a turn are durable before anything else of it is done.
public enum Effect: Hashable, Sendable {
    case append(JournalDraft)
    case bus(BusRequest)
    /// To the broker, only while connected; dropped when the transport is full.
    case publish(Publication)
    /// Publish the records of these sequences, inclusive, on `journal`.
    case sendJournal(from: Int64, to: Int64)
    /// The cloud holds everything up to here.
    case saveCursor(Int64)
    case answer(token: UInt64, Result<JSONValue, ControlFailure>)
    case progress(token: UInt64, JSONValue)
    /// What the unit's display shows from now on.
    case display(unit: String, lines: [String])
    /// A command for an upstream system.
    case upstream(UpstreamOrder)
    /// Bytes to the HAN adapter: one command.
    case han([UInt8])
    /// The record that the upstream runner asked for under this token is durable.
    case upstreamRecorded(UInt64)
}

/// A message below `meterside/<box>/`, QoS 1.
public struct Publication: Hashable, Sendable {
    /// `state`, `meter/217072470/live`, `result/<jti>`, `alarm`.
    public var topic: String
    public var payload: [UInt8]
    public var retained: Bool

    public init(topic: String, payload: [UInt8], retained: Bool) {
        self.topic = topic
        self.payload = payload
        self.retained = retained
    }
}

/// Why a control request failed, in words that say what to do next.
public struct ControlFailure: Error, Hashable, Sendable {
    /// A stable snake_case word: `no_reply`, `unknown_meter`, `refused`, `port_down`, `busy`, `unsupported`, `usage` …
    public var code: String
    public var message: String
    public var hint: String

    public init(code: String, message: String, hint: String) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
