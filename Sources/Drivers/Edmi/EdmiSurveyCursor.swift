import Metering

/// Where a survey download stands. Records are kept back until the meter's buffer is seen not to have rolled under
/// them.
struct EdmiSurveyCursor: Hashable, Sendable {
    /// Blocks between two looks at the buffer's start.
    private static let blocksPerCheck = 8
    private static let restartsAllowed = 3
    /// More records than any meter stores; beyond it a counter lies.
    static let mostRecords: Int64 = 1_000_000

    /// First stored record when the present stretch was begun.
    private(set) var first: Int64
    /// The next record to ask for, and the first one not to.
    private(set) var next: Int64
    let end: Int64
    private var stretchStart: Int64
    private var blocks = 0
    private var restarts = 0
    private var held: [EdmiSurveyRecord] = []
    private(set) var confirmed: [EdmiSurveyRecord] = []

    /// Records stored are `stored`; wanted those stamped after `after` up to `through`, and not before `start`.
    /// `origin` is the stamp of record 0 in seconds, `interval` in seconds, above 0.
    init(
        stored: Range<Int64>, origin: Int64, interval: Int64, after: CivilTime?, through: CivilTime?, start: Int64?
    ) {
        var from = max(stored.lowerBound, start ?? stored.lowerBound)
        var to = stored.upperBound
        if let after { from = max(from, (after.seconds - origin).flooredQuotient(by: interval) + 1) }
        if let through { to = min(to, (through.seconds - origin).flooredQuotient(by: interval) + 1) }
        first = stored.lowerBound
        next = min(from, max(to, stored.lowerBound))
        end = max(to, next)
        stretchStart = next
    }

    /// Whether all wanted records are here and confirmed.
    var isDone: Bool { next >= end && held.isEmpty }
    /// Whether the buffer's start is to be read again now.
    var wantsCheck: Bool { !held.isEmpty && (next >= end || blocks >= Self.blocksPerCheck) }
    /// The record to go on from if this download is given up now.
    var resumePoint: Int64 { stretchStart }

    /// Records to ask for next, whose bytes fit into `most`; at least 1.
    func count(width: Int, most: Int) -> UInt16 {
        let fit = Int64(max(1, most / width))
        return UInt16(truncatingIfNeeded: min(fit, end - next, 0xFFFF))
    }

    mutating func add(_ records: [EdmiSurveyRecord], upTo reached: Int64) {
        held.append(contentsOf: records)
        next = reached
        blocks += 1
    }

    /// The buffer now starts at `start`. False when it has rolled under us too often.
    mutating func check(start: Int64, restartIfMoved: Bool) -> Bool {
        blocks = 0
        if restartIfMoved ? start == first : start <= stretchStart {
            confirmed.append(contentsOf: held)
            stretchStart = next
        } else {
            restarts += 1
            guard restarts <= Self.restartsAllowed else { return false }
            next = min(max(start, stretchStart), end)
            stretchStart = next
        }
        first = start
        held.removeAll()
        return true
    }

    mutating func takeConfirmed() -> [EdmiSurveyRecord] {
        defer { confirmed = [] }
        return confirmed
    }
}
