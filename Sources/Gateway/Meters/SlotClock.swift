import Metering

/// Whether the wall clock may place readings into intervals, and when the next boundary is.
struct SlotClock: Hashable, Sendable {
    /// A larger step makes the clock unfit until it is trusted again, milliseconds (design §3).
    static let largestStep: Int64 = 60_000

    private let builtAt: WallTime
    private let length: Int64
    /// Wall time less uptime, milliseconds.
    private var offset: Int64?
    private var isLost = false
    /// End of the interval the last turn was in.
    private(set) var boundary: WallTime

    init(builtAt: WallTime, intervalMinutes: Int) {
        self.builtAt = builtAt
        length = Int64(intervalMinutes) * 60_000
        boundary = WallTime(milliseconds: 0)
    }

    /// Looks at the clocks at the start of a turn; true when a boundary was passed since the last.
    mutating func observe(_ moment: Moment, isTrusted: Bool, newestRecord: WallTime) -> Bool {
        let now = moment.wall.milliseconds - moment.uptime.microseconds / 1000
        let step = offset.map { now - $0 } ?? 0
        offset = now
        if step.magnitude > UInt64(Self.largestStep), !isTrusted { isLost = true }
        if isTrusted { isLost = false }
        isPlausible = moment.wall >= builtAt && moment.wall + Self.largestStep >= newestRecord
        let next = WallTime(
            milliseconds: (moment.wall.milliseconds.flooredQuotient(by: length) + 1) * length)
        defer { boundary = next }
        return boundary.milliseconds != 0 && next != boundary
    }

    private var isPlausible = false

    /// Readings may be placed: the clock is not plainly wrong, and has not just jumped without being trusted since.
    var isFit: Bool { isPlausible && !isLost }

    /// When the wall clock will pass the boundary, if it does not step.
    func boundaryUptime(_ moment: Moment) -> Uptime { moment.uptime + (boundary - moment.wall) * 1000 }
}
