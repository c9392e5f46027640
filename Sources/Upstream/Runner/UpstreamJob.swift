import Metering

/// Work that somebody gave the runner.
public struct UpstreamJob: Hashable, Sendable {
    /// How long it is tried, and who waits for it.
    public enum Mode: Hashable, Sendable {
        /// Somebody waits: a few tries until this time, then a clear failure. `patient`: an answer "not yet" is asked
        /// again until then.
        case attended(until: Uptime, patient: Bool)
        /// Nobody waits: tried until it is done, or parked when it is refused for good.
        case background
    }

    /// What the job is called in records: a command's id, an event's id, `cli.<number>`.
    public var id: String
    public var system: String
    public var work: UpstreamWork
    public var mode: Mode
    /// Do it although the journal says that just this was done, or that its outcome is not known.
    public var again: Bool

    public init(id: String, system: String, work: UpstreamWork, mode: Mode, again: Bool = false) {
        self.id = id
        self.system = system
        self.work = work
        self.mode = mode
        self.again = again
    }
}

/// How a job ended.
public enum UpstreamSettlement: Hashable, Sendable {
    case done(JSONObject)
    /// Answered well, and it is not so; the words are the server's.
    case notYet(String)
    case failed(UpstreamFault)
    /// Refused for good, or not to be repeated: it waits, parked, for a person.
    case parked(code: String, String)
}

/// A record the runner wants in the journal.
public struct UpstreamNote: Hashable, Sendable {
    /// Comes back with `recorded` once it is durable.
    public var token: UInt64
    public var kind: JournalKind
    public var data: JSONObject
}

/// What the runner wants done.
public enum UpstreamAction: Hashable, Sendable {
    case record(UpstreamNote)
    /// Send it and tell `replied` under this number.
    case send(UInt64, HttpsEndpoint, HttpsRequest)
    case settled(UInt64, UpstreamSettlement)
    /// For whoever waits for the job.
    case progress(UInt64, String)
}

/// A job on its way.
struct RunningJob: Sendable {
    enum State: Hashable, Sendable {
        case waiting
        /// Waits until its `upstream.sent` is durable.
        case recording(UInt64)
        case flying(UInt64)
    }

    let number: UInt64
    let job: UpstreamJob
    let operation: UpstreamOperation
    var state = State.waiting
    var notBefore: Uptime
    var attempts = 0
    /// Answers "not yet".
    var polls = 0
    /// A new token was got for it.
    var isRenewed = false
    /// It was sent once and no full answer came.
    var wasUnknown = false
    /// The page to ask for, and the items of those before it.
    var page: Int64?
    var items: [JSONValue] = []

    var isAttended: Bool { if case .attended = job.mode { true } else { false } }

    /// Whether it asks for just the change that an earlier one is about.
    func isTwin(of other: RunningJob) -> Bool {
        operation.changes && isAttended && !job.again && other.isAttended && other.number < number
            && other.job.system == job.system && other.job.work == job.work
    }

    /// The work with the page to ask for.
    var work: UpstreamWork {
        var work = job.work
        if let page { work.args["page"] = .integer(page) }
        return work
    }
}
