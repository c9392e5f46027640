import Metering

/// The steps of commissioning that the journal keeps, in order.
enum CommissionStep: String, CaseIterable {
    case configuration
    case meters
    case clock
    case polls
    case wiring
    case register
    case validate
    case site
    case supply
    case han
    case connected
    case report

    /// For people.
    var title: String {
        switch self {
        case .configuration: "configuration written and taken up"
        case .meters: "meters answer with their serial numbers"
        case .clock: "clocks agree"
        case .polls: "the wire is reliable"
        case .wiring: "the wiring looks right"
        case .register: "meter registered with Reposit"
        case .validate: "Reposit sees the box"
        case .site: "site registered with Reposit"
        case .supply: "load switches follow"
        case .han: "bound to the utility's meter"
        case .connected: "connected"
        case .report: "report signed"
        }
    }
}

/// What the journal says of commissioning: a fold over its `commissioning` records.
struct CommissionState: Equatable {
    /// The newest of a step.
    struct Entry: Equatable {
        /// `begun`, `done`, `pending`, `failed` or `skipped`; `redo` when other answers touch what was done.
        var state: String
        var at: String
        var seq: Int64
        /// Counts on with every new beginning.
        var attempt: Int64
        var data: JSONValue
    }

    private(set) var run: Int64 = 1
    private(set) var entries: [CommissionStep: Entry] = [:]
    private(set) var beganAt: String?
    /// Of the configuration that commissioning wrote last.
    private(set) var configurationHash: String?

    /// The beginning of a run.
    init(run: Int64) { self.run = run }

    /// - Parameter answer: of `commission.show`.
    init(_ answer: JSONValue) {
        for record in answer.items("records") { take(record) }
    }

    private mutating func take(_ record: JSONValue) {
        guard let data = record["data"], let seq = record["seq"]?.integer, let at = record["at"]?.string,
            let state = data["state"]?.string
        else { return }
        let number = data["run"]?.integer ?? 1
        if number > run {
            run = number
            entries = [:]
            beganAt = nil
        }
        guard number == run, let step = data["step"]?.string.flatMap(CommissionStep.init(rawValue:)) else { return }
        note(
            step,
            Entry(
                state: state, at: at, seq: seq, attempt: data["attempt"]?.integer ?? 1, data: data["result"] ?? .null))
    }

    /// Whether nothing was ever done.
    var isEmpty: Bool { beganAt == nil }

    /// Takes what was just written. Other answers let steps be done once more.
    mutating func note(_ step: CommissionStep, _ entry: Entry) {
        if beganAt == nil { beganAt = entry.at }
        entries[step] = entry
        guard step == .configuration else { return }
        if let hash = entry.data["sha256"]?.string { configurationHash = hash }
        for word in entry.data["redo"]?.array ?? [] {
            if let step = word.string.flatMap(CommissionStep.init(rawValue:)) { entries[step]?.state = "redo" }
        }
    }

    /// Whether the last thing that went wrong was a key that is not accepted: perhaps it is a new one now.
    var hasRefusedKey: Bool {
        entries.values.contains { entry in
            guard entry.state == "failed", let code = entry.data["code"]?.string else { return false }
            return code == "upstream_unauthorised" || code == "upstream_forbidden"
        }
    }

    /// Whether nothing is left to do for a step.
    func isDone(_ step: CommissionStep) -> Bool { ["done", "skipped"].contains(entries[step]?.state) }

    func isSkipped(_ step: CommissionStep) -> Bool { entries[step]?.state == "skipped" }

    /// Why a step was not needed when it was looked at last; nil for one that was not skipped.
    func whySkipped(_ step: CommissionStep) -> String? {
        isSkipped(step) ? entries[step]?.data["why"]?.string : nil
    }

    /// The number of the attempt that is to be made now: the one that was interrupted, or the next.
    func attempt(_ step: CommissionStep) -> Int64 {
        guard let entry = entries[step] else { return 1 }
        return isOpen(step) ? entry.attempt : entry.attempt + 1
    }

    /// Whether the report tells of everything that was done.
    var isReported: Bool {
        let newest = CommissionStep.allCases.filter { $0 != .report }.compactMap { entries[$0]?.seq }.max() ?? 0
        return isDone(.report) && (entries[.report]?.seq ?? 0) > newest
    }

    /// Whether an attempt was begun and is not over, or its end is not known.
    func isOpen(_ step: CommissionStep) -> Bool { ["begun", "pending"].contains(entries[step]?.state) }
}
