import Drivers
import Metering

/// What a request on a wire is for; the first goes first.
enum BusPriority: UInt8, Comparable, Sendable {
    /// Somebody waits for the answer.
    case command
    /// Cumulative registers at an interval boundary: late is worthless.
    case boundary
    case poll
    /// Clock and identity.
    case housekeeping
    /// Load survey and scan: only when nothing else wants the wire.
    case background

    static func < (left: BusPriority, right: BusPriority) -> Bool { left.rawValue < right.rawValue }
}

/// Who asked on a wire.
enum BusOwner: Hashable, Sendable {
    /// Index in the agent's list of meters.
    case meter(Int)
    case scan
    /// A payment unit's switch or buttons.
    case unit
    /// Nobody waits for the answer any more.
    case nobody
}

/// One wire and its single master: who goes next, and what is out there. Two requests may be outstanding, so that the
/// port's thread finds the next one waiting when it has finished one. A wire that answers in less than a millisecond
/// gets more at once, because waking its thread and the loop costs more than the exchange itself.
struct PortScheduler: Sendable {
    static let outstandingLimit = 2
    /// Few enough that a wire that suddenly falls silent does not keep a command waiting long.
    static let fastLimit = 8
    /// What is outstanding should be answered within so many microseconds.
    private static let moment: Int64 = 5000

    let id: PortID
    private(set) var isUp = true
    /// Why the port is down, for people.
    private(set) var downReason = ""
    /// While a scan runs on the port, polling pauses; boundaries and people do not wait for it.
    var isScanning = false
    private(set) var outstanding: [Outstanding] = []
    /// How long an exchange took of late, microseconds: rises at once, falls slowly.
    private var pace = PortScheduler.moment
    private var lastAnswer = Uptime(microseconds: 0)
    private var ready = BinaryHeap<Ready>()
    private var order: UInt64 = 0

    /// A request that the port's thread has.
    struct Outstanding: Hashable, Sendable {
        var request: UInt64
        var owner: BusOwner
        var sentAt: Uptime
    }

    /// A meter that wants the wire.
    private struct Ready: Comparable, Sendable {
        var priority: BusPriority
        var due: Uptime
        var order: UInt64
        var meter: Int
        var ticket: UInt32

        static func < (left: Ready, right: Ready) -> Bool {
            if left.priority != right.priority { return left.priority < right.priority }
            if left.due != right.due { return left.due < right.due }
            return left.order < right.order
        }
    }

    init(id: PortID) { self.id = id }

    /// Whether another request may go out.
    var hasRoom: Bool { isUp && outstanding.count < limit }

    private var limit: Int {
        if isScanning { return Self.outstandingLimit }
        return Int(min(Int64(Self.fastLimit), max(Int64(Self.outstandingLimit), Self.moment / max(1, pace))))
    }

    /// Puts a meter in line. `due` is since when it waits: of equals the longest waiting goes first. A newer ticket of
    /// the same meter makes older entries stale.
    mutating func enqueue(meter: Int, ticket: UInt32, priority: BusPriority, due: Uptime) {
        order += 1
        ready.insert(Ready(priority: priority, due: due, order: order, meter: meter, ticket: ticket))
    }

    /// The next meter in line with its ticket; nil when nobody waits, or only those that a scan holds back.
    mutating func next() -> (meter: Int, ticket: UInt32)? {
        guard hasRoom, let first = ready.first, !isScanning || first.priority < .poll else { return nil }
        // A survey goes out alone, or a live poll could find two of its exchanges before it.
        guard first.priority < .background || outstanding.isEmpty else { return nil }
        _ = ready.popFirst()
        return (first.meter, first.ticket)
    }

    mutating func sent(_ request: UInt64, by owner: BusOwner, at now: Uptime) {
        outstanding.append(Outstanding(request: request, owner: owner, sentAt: now))
    }

    /// Whose request a reply answers; nil for one nobody waits for any more. `moment` is when the port had it.
    mutating func answered(_ request: UInt64, at moment: Uptime) -> BusOwner? {
        guard let index = outstanding.firstIndex(where: { $0.request == request }) else { return nil }
        let done = outstanding.remove(at: index)
        pace = max(moment - max(done.sentAt, lastAnswer), pace - pace / 4)
        lastAnswer = max(lastAnswer, moment)
        return done.owner
    }

    /// Meters have new numbers (nil: gone) and will line up again.
    mutating func renumber(_ place: (Int) -> Int?) {
        ready.removeAll()
        for index in outstanding.indices {
            guard case .meter(let old) = outstanding[index].owner else { continue }
            outstanding[index].owner = place(old).map { .meter($0) } ?? .nobody
        }
    }

    /// What was out there is lost: replies that still come are nobody's.
    mutating func wentDown(_ reason: String) {
        isUp = false
        downReason = reason
        outstanding = []
        ready.removeAll()
    }

    mutating func cameUp() {
        isUp = true
        downReason = ""
    }
}
