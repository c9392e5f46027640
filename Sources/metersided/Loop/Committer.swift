import Drivers
import Gateway
import Journal
import Metering

/// Makes the records of a batch of turns durable before anything else of those turns is done. When the disk is full,
/// records and effects wait here, in order, and nothing of them is seen outside until they are durable.
struct Committer {
    /// Records that may wait for room on the disk; beyond it the process ends, and starts again from the journal.
    static let limit = 20_000

    private(set) var drafts: [JournalDraft] = []
    private var deferred: [Effect] = []
    private var retryAt: Uptime?

    /// Whether the disk refused the last append.
    var isStalled: Bool { retryAt != nil }
    /// When to try again.
    var nextWake: Uptime? { retryAt }

    /// What came of an attempt.
    enum Outcome {
        /// These records are durable and these effects may be carried out.
        case done([JournalEntry], [Effect])
        /// Nothing durable; wires and live values may go on, and these orders to switches are answered as failed.
        case waiting([Effect], refused: [BusRequest])
        /// The outcome of the write is not known, or the journal is not to be trusted: the process must end.
        case fatal(JournalError)
    }

    /// Takes the effects of a batch, appends, and says what may be done now.
    mutating func commit(_ effects: [Effect], to journal: JournalStore, at now: Uptime) -> Outcome {
        var rest: [Effect] = []
        for effect in effects {
            if case .append(let draft) = effect { drafts.append(draft) } else { rest.append(effect) }
        }
        if let retryAt, now < retryAt { return hold(rest) }
        guard !drafts.isEmpty else { return .done([], rest) }
        do throws(JournalError) {
            let entries = try journal.append(drafts)
            drafts.removeAll(keepingCapacity: true)
            defer { deferred = [] }
            retryAt = nil
            return .done(entries, deferred + rest)
        } catch {
            guard case .full = error, drafts.count < Self.limit else { return .fatal(error) }
            retryAt = now + 5_000_000
            return hold(rest)
        }
    }

    /// Requests to wires go on while the disk is full; everything that tells of a record waits for it. An order to a
    /// load switch does neither: its record is not durable now, and later it may no longer be right.
    private mutating func hold(_ effects: [Effect]) -> Outcome {
        var free: [Effect] = []
        var refused: [BusRequest] = []
        for effect in effects {
            switch effect {
            case .bus(let request) where request.movesSwitch: refused.append(request)
            case .bus, .han: free.append(effect)
            default: deferred.append(effect)
            }
        }
        if deferred.count > Self.limit { deferred.removeAll { if case .publish = $0 { true } else { false } } }
        return .waiting(free, refused: refused)
    }
}

extension BusRequest {
    /// Whether it orders a load switch to move.
    var movesSwitch: Bool { if case .contact(let job) = operation { job.order != nil } else { false } }
}
