import Metering

/// The outbox: what the cloud has, what is on its way, and what is sent next (contract §3).
///
/// It holds no records, only three numbers: the journal is the queue. A record leaves it when the cloud *application*
/// says that it holds it; a broker's acknowledgement counts for nothing.
struct Delivery: Sendable {
    /// The cloud holds everything up to here.
    private(set) var acknowledged: Int64
    private(set) var isConnected = false
    /// The cloud claimed to hold records this box never wrote: the journal may be an old copy. Supply holds.
    private(set) var rollbackSuspected = false
    /// When something is due although nothing happens.
    private(set) var nextWake: Uptime?

    private let box: String
    private let version: String
    private let hasMqtt: Bool
    /// Sent on this connection up to here.
    private var sent: Int64
    /// The last receipt that moved the cursor, or the first record sent after it.
    private var waitingSince: Uptime?
    /// Microseconds without a receipt until everything is sent again.
    private var patience = Delivery.firstPatience
    private var audits = RateLimit(limit: 60, seconds: 3600)
    private var resentInWindow: Int64 = 0
    private var resendWindow: Uptime?

    /// - Parameter acknowledged: the cursor kept beside the journal.
    init(box: String, version: String, acknowledged: Int64, hasMqtt: Bool) {
        self.box = box
        self.version = version
        self.acknowledged = acknowledged
        self.hasMqtt = hasMqtt
        sent = acknowledged
    }

    /// The broker accepted the connection: it may know nothing of the last one, so all that has no receipt goes again.
    mutating func connected(turn: inout Turn) {
        isConnected = true
        turn.isConnected = true
        sent = acknowledged
        waitingSince = nil
        patience = Self.firstPatience
        turn.publish(
            "state",
            JSONWriter.compact([
                "state": "online", "version": .string(version), "head": .integer(turn.head),
                "at": .string(turn.moment.wall.text),
            ]), retained: true)
    }

    /// The broker is gone; nothing is sent until it is back.
    mutating func disconnected(reason: String, turn: inout Turn) {
        isConnected = false
        turn.isConnected = false
        waitingSince = nil
    }

    /// A message on `receipt`: `{"upto": seq}` or `{"resend": [from, to]}`.
    mutating func receipt(_ payload: [UInt8], retained: Bool, turn: inout Turn) {
        if retained { return audit("retained", turn: &turn) }
        guard payload.count <= Self.longestReceipt, let object = (try? JSONReader.read(payload))?.object else {
            return audit("malformed", turn: &turn)
        }
        let upto = object["upto"]
        let range = object["resend"]
        guard upto != nil || range != nil else { return audit("malformed", turn: &turn) }
        if let upto {
            guard let seq = upto.integer, (0...Self.largestSequence).contains(seq) else {
                return audit("malformed", turn: &turn)
            }
            acknowledge(seq, turn: &turn)
        }
        if let range { resend(range, turn: &turn) }
    }

    /// Sends what may be sent; called at the end of every turn.
    mutating func advance(turn: inout Turn) {
        let now = turn.moment.uptime
        if let count = audits.takeHeldBack(at: now) {
            turn.append(
                .commandRefused,
                ["topic": "receipt", "detail": "not_recorded", "count": .integer(Int64(count))])
        }
        defer { nextWake = [audits.nextWake, deadline].compactMap(\.self).min() }
        guard hasMqtt, isConnected else { return }
        if let deadline, now >= deadline {
            sent = acknowledged
            waitingSince = nil
            patience = min(patience * 2, Self.longestPatience)
        }
        let limit = min(turn.head, acknowledged + Self.mostInFlight)
        guard sent < limit else { return }
        if waitingSince == nil { waitingSince = now }
        send(from: sent + 1, to: limit, turn: &turn)
        sent = limit
    }

    /// `outbox show`. Only the journal knows how old the oldest record is.
    func outboxJSON(head: Int64, oldestAt: WallTime?) -> JSONValue {
        let pending = hasMqtt ? max(0, head - acknowledged) : 0
        return [
            "pending": .integer(pending), "oldest_at": pending > 0 ? JSONValue(oldestAt?.text) : .null,
            "acknowledged": .integer(acknowledged), "parked": [],
        ]
    }

    // MARK: Receipts

    private mutating func acknowledge(_ seq: Int64, turn: inout Turn) {
        guard seq <= turn.head else {
            if !rollbackSuspected {
                rollbackSuspected = true
                turn.alarm(.rollbackSuspected, ["upto": .integer(seq), "head": .integer(turn.head)])
            }
            return
        }
        guard seq > acknowledged else { return }
        acknowledged = seq
        sent = max(sent, seq)
        patience = Self.firstPatience
        waitingSince = sent > seq ? turn.moment.uptime : nil
        turn.emit(.saveCursor(seq))
    }

    private mutating func resend(_ range: JSONValue, turn: inout Turn) {
        guard let bounds = range.array, bounds.count == 2, let from = bounds[0].integer, let to = bounds[1].integer,
            from >= 1, from <= to, from <= turn.head, to - from < Self.longestResend
        else { return audit("malformed", turn: &turn) }
        guard isConnected else { return }
        let last = min(to, turn.head)
        let now = turn.moment.uptime
        if resendWindow.map({ now - $0 >= Self.minute }) ?? true {
            resendWindow = now
            resentInWindow = 0
        }
        // The journal is read from flash for every resend: a peer that asks without end is answered slowly.
        guard resentInWindow < 2 * Self.longestResend else { return audit("too_many_resends", turn: &turn) }
        resentInWindow += last - from + 1
        send(from: from, to: last, turn: &turn)
    }

    private func send(from: Int64, to: Int64, turn: inout Turn) {
        var first = from
        while first <= to {
            let last = min(first + Self.mostInMessage - 1, to)
            turn.emit(.sendJournal(from: first, to: last))
            first = last + 1
        }
    }

    private mutating func audit(_ detail: String, turn: inout Turn) {
        guard audits.admit(at: turn.moment.uptime) else { return }
        turn.append(.commandRefused, ["topic": "receipt", "detail": .string(detail)])
    }

    private var deadline: Uptime? {
        guard isConnected, let waitingSince else { return nil }
        return waitingSince + patience
    }

    // MARK: Bounds

    private static let minute: Int64 = 60_000_000
    private static let firstPatience = 5 * minute
    private static let longestPatience = 60 * minute
    private static let mostInFlight: Int64 = 5000
    /// 64 KiB is the other bound; only the edge knows the bytes.
    private static let mostInMessage: Int64 = 200
    private static let longestResend: Int64 = 10_000
    private static let longestReceipt = 1024
    /// Records hold no greater numbers (contract §4).
    private static let largestSequence: Int64 = 9_007_199_254_740_991
}
