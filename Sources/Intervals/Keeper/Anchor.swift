import Metering

/// The cumulative register of a channel at interval boundaries: known at one, or unknown at several in a row.
struct Anchor: Hashable, Sendable {
    /// First and last boundary meant, milliseconds since 1970; equal unless the register is unknown.
    var first: Int64
    var last: Int64
    /// Whole units; nil when the register's value there is not known.
    var value: Int64?
    /// Only anchors of one span may be subtracted: a reset or a clock step starts a new one.
    var span: Int
    /// How it was found.
    var grade: Grade
    /// Why it is not exact.
    var why: NoData?

    /// How good an anchor is.
    enum Grade: Hashable, Sendable {
        /// A reading within `AnchorTrack.boundaryTolerance` of the boundary.
        case boundary
        /// Between two readings that are near each other.
        case near
        /// Between two readings far apart, with no other boundary between them.
        case estimated
        case unknown
    }

    var isExact: Bool { grade == .boundary || grade == .near }
}

/// One channel's confirmed readings, turned into anchors at the boundaries they pass.
struct AnchorTrack: Hashable, Sendable {
    /// A reading this close to a boundary is the register at it, milliseconds: the uncertainty of a synchronised clock.
    static let boundaryTolerance: Int64 = 2000
    /// A step of the wall clock against uptime from here on breaks the span, milliseconds.
    static let brokenStep: Int64 = 60_000

    /// Width at which the register rolls over, nil for never.
    let width: Int64?
    /// Interval length and the largest distance of two near readings, milliseconds.
    let length: Int64
    let near: Int64
    /// The next boundary that has no anchor yet, milliseconds; nil before the meter's first reading.
    var next: Int64?
    /// Anchors not used up yet, oldest first; the first is the start of the next interval.
    private(set) var anchors: [Anchor] = []
    private(set) var span = 0
    /// What has kept the meter from being read since the last reading.
    var why: NoData?
    private var last: Point?
    private var breakReason: NoData?
    /// Why the present span began.
    private(set) var spanReason: NoData?

    /// A confirmed reading.
    private struct Point: Hashable, Sendable {
        var wall: Int64
        /// Nil for what the journal remembers: another boot.
        var uptime: Int64?
        var value: Int64
    }

    init(width: Int64?, length: Int64, near: Int64) {
        self.width = width
        self.length = length
        self.near = near
    }

    /// Goes on after the boundary `end` whose register is in the journal, or is not known. `estimate` is why it may be
    /// interpolated.
    mutating func resume(end: Int64, register: Int64?, estimate: NoData? = nil) {
        next = end + length
        if let register { last = Point(wall: end, uptime: nil, value: register) }
        anchors = [
            Anchor(
                first: end, last: end, value: register, span: span,
                grade: register == nil ? .unknown : estimate == nil ? .boundary : .estimated,
                why: register == nil ? .off : estimate)
        ]
    }

    /// The register started anew, or its time is in doubt: no interval reaches across this point.
    mutating func breakSpan(why reason: NoData) { breakReason = reason }

    /// Takes a confirmed reading and says by how much the wall clock stepped since the one before, milliseconds.
    mutating func note(_ value: Int64, at moment: Moment) -> Int64 {
        let point = Point(wall: moment.wall.milliseconds, uptime: moment.uptime.microseconds, value: value)
        let step = stepSinceLast(to: point)
        if step.magnitude >= UInt64(Self.brokenStep) { breakReason = breakReason ?? .clock }
        if breakReason == nil, let last, advance(from: last.value, to: value) == nil { breakReason = .registerReset }
        if let breakReason {
            span += 1
            spanReason = breakReason
        }
        anchorBoundaries(upTo: point)
        last = point
        why = nil
        breakReason = nil
        return step
    }

    private func stepSinceLast(to point: Point) -> Int64 {
        guard let last, let before = last.uptime, let now = point.uptime else { return 0 }
        let passed = (now - before) / 1000
        let step = (point.wall - last.wall) - passed
        // A clock being slewed moves by 0.05 %; a second more is a step.
        return step.magnitude > UInt64(1000 + max(0, passed) / 1000) ? step : 0
    }

    /// How far the register went, or nil when it cannot have gone there forwards.
    func advance(from: Int64, to: Int64) -> Int64? {
        if to >= from { return to - from }
        guard let width, from <= width else { return nil }
        return width - from + to
    }

    private mutating func anchorBoundaries(upTo point: Point) {
        guard let start = next, start <= point.wall else { return }
        let final = point.wall.flooredQuotient(by: length) * length
        next = final + length
        let isNear = breakReason == nil && last.map { point.wall - $0.wall <= near } ?? false
        let isSingle = breakReason == nil && last.map { boundaries(after: $0.wall, before: point.wall) == 1 } ?? false
        var boundary = start
        while boundary <= final {
            if isNear || isSingle || isAt(boundary, point) || isAtLast(boundary) {
                push(anchor(at: boundary, point: point, isNear: isNear, isSingle: isSingle))
                boundary += length
            } else {
                // The unknown run ends before the last boundary when the new reading was taken right at it.
                let through = isAt(final, point) ? final - length : final
                pushUnknown(from: boundary, through: max(boundary, through), why: breakReason ?? gapReason)
                boundary = max(boundary, through) + length
            }
        }
    }

    /// Why nothing was read since the last reading.
    private var gapReason: NoData { why ?? (last.map { $0.uptime == nil } ?? false ? .off : .timeout) }

    private func isAt(_ boundary: Int64, _ point: Point) -> Bool { point.wall - boundary <= Self.boundaryTolerance }

    private func isAtLast(_ boundary: Int64) -> Bool {
        guard breakReason == nil, let last else { return false }
        return boundary - last.wall <= Self.boundaryTolerance
    }

    /// How many boundaries lie strictly between two times.
    private func boundaries(after: Int64, before: Int64) -> Int64 {
        (before - 1).flooredQuotient(by: length) - after.flooredQuotient(by: length)
    }

    private func anchor(at boundary: Int64, point: Point, isNear: Bool, isSingle: Bool) -> Anchor {
        var result = Anchor(first: boundary, last: boundary, value: point.value, span: span, grade: .boundary, why: nil)
        if let last, isNear || (isSingle && !isAt(boundary, point) && !isAtLast(boundary)) {
            result.value = interpolated(last, point, at: boundary)
            if !isAt(boundary, point), !isAtLast(boundary) { result.grade = isNear ? .near : .estimated }
            if result.grade == .estimated { result.why = gapReason }
        } else if let last, !isAt(boundary, point) {
            result.value = last.value
        }
        return result
    }

    /// Linear between two readings, rounded down; the remainder falls to the later interval, so nothing is lost.
    private func interpolated(_ from: Point, _ to: Point, at boundary: Int64) -> Int64? {
        guard let advance = advance(from: from.value, to: to.value), to.wall > from.wall, boundary >= from.wall else {
            return nil
        }
        let product = advance.multipliedFullWidth(by: boundary - from.wall)
        let part = (to.wall - from.wall).dividingFullWidth(product).quotient
        let (sum, overflow) = from.value.addingReportingOverflow(part)
        guard !overflow else { return nil }
        if let width, sum >= width { return sum - width }
        return sum
    }

    private mutating func push(_ anchor: Anchor) { anchors.append(anchor) }

    private mutating func pushUnknown(from: Int64, through: Int64, why: NoData) {
        anchors.append(Anchor(first: from, last: through, value: nil, span: span, grade: .unknown, why: why))
    }

    /// Gives up on a boundary: no reading came in time to place the register there.
    mutating func giveUp(on boundary: Int64, why reason: NoData) {
        guard next == boundary else { return }
        pushUnknown(from: boundary, through: boundary, why: reason)
        next = boundary + length
    }

    /// The anchor of a boundary, nil when it is not placed yet.
    func anchor(at boundary: Int64) -> Anchor? {
        for anchor in anchors where anchor.first <= boundary && boundary <= anchor.last { return anchor }
        return nil
    }

    /// Forgets what lies before a boundary.
    mutating func drop(before boundary: Int64) {
        while let first = anchors.first, first.last < boundary { anchors.removeFirst() }
    }
}
