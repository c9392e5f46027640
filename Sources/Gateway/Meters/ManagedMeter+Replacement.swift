import Credit
import Intervals
import Metering

/// A meter that is exchanged: its account is closed at its final readings, and the new meter's is opened.
extension ManagedMeter {
    /// The method of a meter's last interval, and of the first one of the meter after it.
    private static let finalMethod = "final_reading"

    /// Intervals of a silent meter are stated an interval and two polls late, each half an hour at most; microseconds.
    private static let longestBehind: Int64 = 7_200_000_000

    /// Whether this was the last interval of its meter.
    static func isFinal(_ interval: Interval?) -> Bool {
        interval?.values.contains { $0.method == finalMethod } ?? false
    }

    /// What the desk must know to judge a replacement.
    func standing(at now: WallTime) -> MeterStanding {
        let passed = lastStated.map { max(0, now - $0.end) * 1000 } ?? 0
        let known = kept.map { register in
            lastStated?.values.first { $0.channel == register.channel }?.registerAtEnd
        }
        return MeterStanding(
            serial: settings.serial, channels: kept.map(\.channel), newest: lastStated, known: known,
            greatest: kept.indices.map { index in
                known[index].flatMap { value in
                    let (sum, overflow) = value.addingReportingOverflow(
                        kept[index].limit.greatestAdvance(microseconds: passed))
                    return overflow ? nil : sum
                }
            }, rollsOver: kept.map { $0.width != nil }, isRetired: isRetired,
            isBehind: passed > Self.longestBehind)
    }

    /// Closes this meter at its final readings and gives the new meter's first statement: it was not there yet, and its
    /// registers stood so. The interval the exchange falls into belongs to both, each with its own part.
    mutating func replace(_ replace: MeterReplace, turn: inout Turn) -> Interval? {
        guard var last = lastStated else { return nil }
        let length = Int64(intervalMinutes) * 60_000
        let start = WallTime(milliseconds: turn.moment.wall.milliseconds.flooredQuotient(by: length) * length)
        // What passed unread before this interval is stated first, so that no end is left out: its share of what the
        // register went on until the final reading, in proportion to time.
        let span = Span(from: last.end, to: max(turn.moment.wall, last.end + 1))
        var before = kept.map { register in
            last.values.first { $0.channel == register.channel }?.registerAtEnd
        }
        let known = before
        let isEstimate = last.end < start
        while last.end < start {
            let end = last.end + length
            let values = kept.indices.map { index -> IntervalValue in
                estimate(index, at: end, from: known[index], to: replace.final[index].value, span, &before[index])
            }
            last = statement(end, values: values)
            turn.append(.interval, key: .whole(last.key), last.record)
        }
        let values = kept.indices.map { index -> IntervalValue in
            let final = replace.final[index].value
            var value = missing(kept[index].channel)
            value.method = Self.finalMethod
            value.registerAtEnd = final
            guard let before = before[index], let advance = advance(from: before, to: final, width: kept[index].width)
            else { return value }
            value.value = advance
            value.quality = isEstimate ? .estimated : .actual
            if !isEstimate { value.reason = "" }
            return value
        }
        last = statement(max(start, last.end) + length, values: values)
        turn.append(.interval, key: .whole(last.key), last.record)
        lastStated = last
        isRetired = true
        nextPoll = nil
        backfill.retire()
        retireRequests(turn: &turn)
        let first = Interval(
            meter: replace.newSerial, epoch: last.epoch + 1, end: last.end + -length, minutes: intervalMinutes,
            revision: 0,
            values: replace.initial.map { reading in
                var value = missing(reading.channel)
                value.reason = IntervalGap.replacedReason
                value.registerAtEnd = reading.value
                return value
            })
        turn.append(.interval, key: .whole(first.key), first.record)
        if isBilled { news.append(.replaced(last: last, first: first)) }
        hasNews = isBilled
        return first
    }

    /// From the last register that is known to the final reading.
    private struct Span {
        var from: WallTime
        var to: WallTime

        /// The part of an advance that falls before a time, rounded down.
        func part(of advance: Int64, before time: WallTime) -> Int64 {
            let product = advance.multipliedFullWidth(by: max(0, time - from))
            return max(1, to - from).dividingFullWidth(product).quotient
        }
    }

    /// An interval nothing was read at the end of. `register` is the register at its start, then at its end.
    private func estimate(
        _ index: Int, at end: WallTime, from: Int64?, to: Int64, _ span: Span, _ register: inout Int64?
    ) -> IntervalValue {
        var value = missing(kept[index].channel)
        let width = kept[index].width
        guard end < span.to, let from, let start = register, let advance = advance(from: from, to: to, width: width)
        else { return value }
        var reached = from + span.part(of: advance, before: end)
        if let width, reached >= width { reached -= width }
        value.value = self.advance(from: start, to: reached, width: width)
        value.quality = .estimated
        value.method = "interpolated"
        value.source = .estimate
        value.registerAtEnd = reached
        register = reached
        return value
    }

    private func statement(_ end: WallTime, values: [IntervalValue]) -> Interval {
        Interval(
            meter: settings.serial, epoch: keeper.epoch, end: end, minutes: intervalMinutes, revision: 0,
            values: values)
    }

    private func missing(_ channel: Channel) -> IntervalValue {
        IntervalValue(
            channel: channel, value: nil, quality: .null, method: "none",
            reason: (liveness.why ?? .timeout).rawValue, source: .register, registerAtEnd: nil)
    }

    private func advance(from: Int64, to: Int64, width: Int64?) -> Int64? {
        if to >= from { return to - from }
        guard let width, from <= width else { return nil }
        return width - from + to
    }
}
