import Metering

/// Keeps a meter's intervals from confirmed readings of its cumulative registers.
///
/// The register is placed at each boundary (read there, or interpolated in integers between the readings around it) and
/// an interval is the difference of two such anchors: the sum of intervals is the register's advance, exactly. Every
/// interval since the first anchor is stated once, with a value or with the reason why there is none.
public struct IntervalKeeper: Hashable, Sendable {
    /// A channel that is kept.
    public struct Kept: Hashable, Sendable {
        public var channel: Channel
        /// Width at which its register rolls over, whole units; nil for never.
        public var width: Int64?

        public init(channel: Channel, width: Int64?) {
            self.channel = channel
            self.width = width
        }
    }

    public let meter: MeterSerial
    public let epoch: Int
    /// 5, 15 or 30.
    public let minutes: Int
    public let channels: [Kept]
    private let length: Int64
    private let grace: Int64
    /// Nothing before this was seen by this process.
    private let startedAt: Int64
    private var tracks: [AnchorTrack]
    /// End of the next interval to be stated, milliseconds; nil before the first reading.
    private var nextEnd: Int64?
    /// Ends of intervals whose clock was stepped or not trusted, milliseconds.
    private var doubtFrom: Int64 = 0
    private var doubtThrough: Int64 = -1

    /// Keeps `channels` (in the order of the records). `pollMilliseconds` is the usual distance of readings: two polls
    /// apart is near. `resume` is the newest interval in the journal; the gap since is stated as missing.
    public init(
        meter: MeterSerial, epoch: Int, minutes: Int, channels: [Kept], pollMilliseconds: Int64, resume: Interval?,
        startedAt: WallTime
    ) {
        self.meter = meter
        self.epoch = epoch
        self.minutes = minutes
        self.channels = channels
        self.startedAt = startedAt.milliseconds
        let length = Int64(minutes) * 60_000
        self.length = length
        let poll = min(pollMilliseconds, length)
        let near = min(2 * poll, length) + AnchorTrack.boundaryTolerance
        grace = 2 * poll + 10_000
        tracks = channels.map { AnchorTrack(width: $0.width, length: length, near: near) }
        guard let resume else { return }
        let end = Self.boundary(atOrAfter: resume.end.milliseconds, length: length)
        nextEnd = end + length
        for (index, kept) in channels.enumerated() {
            // An end that is no boundary of a new interval length has no register yet: the next boundary will get one.
            guard end == resume.end.milliseconds else {
                tracks[index].next = end
                continue
            }
            let value = resume.values.first { $0.channel == kept.channel }
            // Whether an estimate's register was read is not in the journal: what starts from it is an estimate, too.
            let isEstimate = value?.quality == .estimated && value?.source == .estimate
            tracks[index].resume(
                end: end, register: value?.registerAtEnd,
                estimate: isEstimate ? value.flatMap { NoData(rawValue: $0.reason) } ?? .off : nil)
        }
    }

    /// A confirmed reading of the channel with this index. Readings of a channel must come in the order of uptime.
    public mutating func note(_ index: Int, value: Int64, at moment: Moment, trusted: Bool) {
        let wall = moment.wall.milliseconds
        if nextEnd == nil {
            let first = Self.boundary(atOrAfter: wall, length: length)
            nextEnd = first + length
            for track in tracks.indices { tracks[track].next = first }
        }
        let step = tracks[index].note(value, at: moment)
        if step != 0 { doubt(from: min(wall, wall - step), through: max(wall, wall - step)) }
        if !trusted { doubt(from: wall, through: wall) }
    }

    /// The channel could not be read.
    public mutating func miss(_ index: Int, why: NoData) { tracks[index].why = why }

    /// The channel's register started anew: no interval reaches across.
    public mutating func breakSpan(_ index: Int, why: NoData) { tracks[index].breakSpan(why: why) }

    /// The intervals that can be stated at `now`, oldest first, at most `limit`.
    public mutating func take(now: WallTime, limit: Int) -> [Interval] {
        var result: [Interval] = []
        while result.count < limit, let end = nextEnd, place(end, now: now.milliseconds) {
            result.append(statement(end: end))
            for index in tracks.indices { tracks[index].drop(before: end) }
            nextEnd = end + length
        }
        return result
    }

    /// Whether every channel has an anchor at `end`; past the deadline missing ones are given up.
    private mutating func place(_ end: Int64, now: Int64) -> Bool {
        // The first interval's start may itself be without a reading on some channel.
        let start = end - length
        let isLate = now >= end + length + grace
        for index in tracks.indices {
            if let next = tracks[index].next, next <= end, !isLate { return false }
            while let next = tracks[index].next, next <= end {
                tracks[index].giveUp(on: next, why: next <= startedAt ? .off : tracks[index].why ?? .timeout)
            }
            guard tracks[index].anchor(at: end) != nil, tracks[index].anchor(at: start) != nil else { return false }
        }
        return true
    }

    private func statement(end: Int64) -> Interval {
        var values: [IntervalValue] = []
        values.reserveCapacity(channels.count)
        for (index, kept) in channels.enumerated() {
            values.append(value(of: kept.channel, track: tracks[index], end: end))
        }
        return Interval(
            meter: meter, epoch: epoch, end: WallTime(milliseconds: end), minutes: minutes, revision: 0,
            values: values)
    }

    private func value(of channel: Channel, track: AnchorTrack, end: Int64) -> IntervalValue {
        let start = track.anchor(at: end - length)
        let finish = track.anchor(at: end)
        var result = IntervalValue(
            channel: channel, value: nil, quality: .null, method: "none", reason: "", source: .register,
            registerAtEnd: finish?.value)
        guard let start, let finish, let from = start.value, let to = finish.value else {
            result.reason = reason(of: finish?.value == nil ? finish : start, end: end)
            return result
        }
        guard start.span == finish.span, let advance = track.advance(from: from, to: to) else {
            result.reason = (isDoubtful(end) ? .clock : track.spanReason ?? .registerReset).rawValue
            return result
        }
        result.value = advance
        result.method = start.grade == .boundary && finish.grade == .boundary ? "boundary" : "interpolated"
        if start.isExact, finish.isExact, !isDoubtful(end) {
            result.quality = .actual
        } else {
            result.quality = .estimated
            let why = finish.why ?? start.why
            result.source = start.isExact && finish.isExact ? .register : .estimate
            result.reason = (isDoubtful(end) ? .clock : why ?? .timeout).rawValue
        }
        return result
    }

    private func reason(of anchor: Anchor?, end: Int64) -> String {
        if isDoubtful(end) { return NoData.clock.rawValue }
        return (end <= startedAt ? .off : anchor?.why ?? .timeout).rawValue
    }

    private func isDoubtful(_ end: Int64) -> Bool { doubtFrom <= end && end <= doubtThrough }

    private mutating func doubt(from: Int64, through: Int64) {
        let first = Self.boundary(atOrAfter: from, length: length)
        let last = Self.boundary(atOrAfter: through, length: length)
        // A doubt that was used up is forgotten; one that still matters only grows.
        let isUsedUp = nextEnd.map { doubtThrough < $0 } ?? true
        doubtFrom = isUsedUp ? first : min(doubtFrom, first)
        doubtThrough = isUsedUp ? last : max(doubtThrough, last)
    }

    private static func boundary(atOrAfter wall: Int64, length: Int64) -> Int64 {
        let floor = wall.flooredQuotient(by: length) * length
        return floor == wall ? wall : floor + length
    }
}
