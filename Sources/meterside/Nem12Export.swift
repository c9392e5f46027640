import Intervals
import Metering

/// The intervals of a connection point on their way into a NEM12 file.
struct Nem12Export {
    /// A day of one channel of one meter.
    private struct Day {
        var day: Int
        var minutes: Int
        /// Whole watt-hours or var-hours; zero where there is no data.
        var values: [Int64]
        var ranges: [Nem12Range]
    }

    /// All days of one channel of one meter.
    private struct Stream {
        var meter: String
        var channel: Channel
        var days: [Day] = []
    }

    private let nmi: NMI
    private let days: ClosedRange<Int>
    private let now: WallTime
    private var meters: [String] = []
    /// End of each meter's newest interval, in the order of the meters.
    private var newest: [WallTime] = []
    private var streams: [Stream] = []
    /// Meters that were exchanged, with those that hang there now.
    private var exchanged: [(old: String, new: String)] = []

    /// - Parameters:
    ///   - days: whole market days, days since 1970.
    ///   - now: the box's clock: the file's date and the update time of every value.
    init(nmi: NMI, days: ClosedRange<Int>, now: WallTime) {
        self.nmi = nmi
        self.days = days
        self.now = now
    }

    /// What `interval list` is asked for.
    static func span(of day: Int) -> TimeSpan {
        let start = WallTime(seconds: Int64(day) * 86_400 - MarketTime.offset)
        return TimeSpan(from: start, to: start + 86_400_000)
    }

    /// The serial numbers of the meters whose intervals are the connection point's, in the order of the list.
    /// - Parameter chosen: serial numbers the user named; empty for the meter with the role grid, which sees what the
    ///   market's meter sees.
    static func meters(_ listed: [JSONValue], nmi: NMI, chosen: [String]) throws(CommandFailure) -> [String] {
        for serial in chosen {
            guard let meter = listed.first(where: { $0["serial"]?.string == serial }) else {
                throw CommandFailure(
                    code: "unknown_meter", message: "no meter \"\(serial)\" is configured",
                    hint: "see `meterside meter list`")
            }
            let own = meter["nmi"]?.string.flatMap { try? NMI($0) }
            guard own == nil || own == nmi else {
                throw .usage(
                    "meter \(serial) is configured for the NMI \(meter.shown("nmi")), not \(nmi)",
                    hint: "mend the configuration, or leave the meter out")
            }
        }
        guard chosen.isEmpty else {
            return listed.compactMap { $0["serial"]?.string }.filter(chosen.contains)
        }
        let there = listed.filter { meter in
            meter["nmi"]?.string.flatMap { try? NMI($0) } == nmi
        }
        let grid = there.filter { $0["role"]?.string == "grid" }
        guard grid.isEmpty else { return grid.compactMap { $0["serial"]?.string } }
        guard there.isEmpty else {
            let known = there.map { "\($0.shown("serial")) (\($0.shown("role")))" }.joined(separator: ", ")
            throw .usage(
                "no meter of the NMI \(nmi) has the role grid", hint: "choose with --meter among \(known)")
        }
        throw .usage(
            "no configured meter has the NMI \(nmi)",
            hint: "set `nmi` of the [[meter]] in the configuration, or name meters with --meter")
    }

    /// Takes a day of a meter; days come in order, meters one after the other.
    /// - Parameter items: what `interval list` gave for `span(of: day)`.
    mutating func add(_ items: [JSONValue], meter: String, day: Int) throws(CommandFailure) {
        if meters.last != meter {
            meters.append(meter)
            newest.append(WallTime(seconds: 0))
        }
        let ends = items.compactMap { $0["end"]?.string.flatMap { WallTime(text: $0) } }
        newest[newest.count - 1] = max(newest[newest.count - 1], ends.max() ?? WallTime(seconds: 0))
        let minutes = items.first?["minutes"]?.integer.flatMap { Int(exactly: $0) }
        guard let minutes else { return }
        guard [5, 15, 30].contains(minutes), items.allSatisfy({ $0["minutes"]?.integer == Int64(minutes) }) else {
            throw CommandFailure(
                code: "refused", message: "meter \(meter) changed its interval length on \(Nem12File.date(day))",
                hint: "NEM12 has one length a day: export the days before and after it")
        }
        for channel in Channel.allCases {
            let own = items.filter { $0["channel"]?.string == channel.rawValue }
            guard !own.isEmpty else { continue }
            let made = try Self.day(own, channel: channel, day: day, minutes: minutes)
            let place = streams.firstIndex { $0.meter == meter && $0.channel == channel }
            if let place {
                streams[place].days.append(made)
            } else {
                streams.append(Stream(meter: meter, channel: channel, days: [made]))
            }
        }
    }

    /// Intervals of a meter that was exchanged stand with those of the meter that hangs there now.
    mutating func note(_ old: String, before new: String) {
        guard !exchanged.contains(where: { $0 == (old, new) }) else { return }
        exchanged.append((old, new))
    }

    private static func day(
        _ items: [JSONValue], channel: Channel, day: Int, minutes: Int
    ) throws(CommandFailure) -> Day {
        let count = 1440 / minutes
        var values = [Int64](repeating: 0, count: count)
        var marks = [Nem12Mark](repeating: Nem12Marking.unsaid, count: count)
        for item in items {
            guard let end = item["end"]?.string.flatMap({ WallTime(text: $0) }),
                let place = MarketTime.place(end: end, minutes: minutes), place.day == day
            else { throw CommandFailure(code: "protocol", message: "an interval that was not asked for came") }
            let value = item["value_wh"]?.integer ?? item["value"]?.string.flatMap { Int64($0) }
            values[place.interval - 1] = value ?? 0
            marks[place.interval - 1] = Nem12Marking.mark(item, hasValue: value != nil)
        }
        return Day(day: day, minutes: minutes, values: values, ranges: Nem12Range.collapse(marks))
    }
}

extension Nem12Export {
    /// Milliseconds after a day's end in which its last intervals may still be stated.
    private static let patience: Int64 = 3_600_000

    /// The whole file.
    func file(from: String, to: String) throws(CommandFailure) -> [UInt8] {
        let end = Self.span(of: days.upperBound).to
        guard now >= end + Self.patience || newest.allSatisfy({ $0 >= end }) else {
            throw CommandFailure(
                code: "not_yet",
                message: "the last intervals of \(Nem12File.date(days.upperBound)) are not known yet",
                hint: "try again in some minutes")
        }
        guard streams.contains(where: { $0.days.contains { !Self.isEmpty($0) } }) else {
            throw CommandFailure(
                code: "no_data", message: "the box has no interval of this connection point in these days",
                hint: "`meterside interval list --meter S --from D` shows what there is")
        }
        do throws(Nem12WriteFault) { return try written(from, to) } catch {
            throw CommandFailure(code: "refused", message: "this cannot be written as NEM12: \(error)")
        }
    }

    private func written(_ from: String, _ to: String) throws(Nem12WriteFault) -> [UInt8] {
        let market = now.seconds + MarketTime.offset
        var writer = try Nem12Writer(Nem12Header(created: market.flooredQuotient(by: 60), from: from, to: to))
        let suffixes = streams.map(suffix)
        let configuration = suffixes.map { $0?.text ?? "" }.joined()
        for (stream, suffix) in zip(streams, suffixes) {
            guard let suffix else { throw .configuration }
            var minutes = 0
            for day in complete(stream) {
                if day.minutes != minutes {
                    minutes = day.minutes
                    try writer.begin(
                        Nem12Stream(
                            nmi: nmi, configuration: configuration, suffix: suffix, serial: stream.meter,
                            unit: stream.channel.unit == "Wh" ? .kilowattHours : .kilovarHours, minutes: minutes))
                }
                try write(day, to: &writer, updated: market)
            }
        }
        writer.finish()
        return writer.takeBytes()
    }

    private func write(_ day: Day, to writer: inout Nem12Writer, updated: Int64) throws(Nem12WriteFault) {
        var values: [Int64] = []
        values.reserveCapacity(day.values.count)
        for (index, value) in day.values.enumerated() {
            // Watt-hours are millionths of a kilowatt-hour a thousand times.
            let (micro, overflow) = value.multipliedReportingOverflow(by: 1000)
            guard !overflow else { throw .value(index + 1) }
            values.append(micro)
        }
        var fault: Nem12WriteFault?
        values.withUnsafeBufferPointer { values in
            do throws(Nem12WriteFault) {
                try writer.day(day.day, values: values, ranges: day.ranges, updated: updated)
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
    }

    /// Each day that was asked for, those without any statement too: a day that is left out would be silently missing.
    private func complete(_ stream: Stream) -> [Day] {
        var minutes = stream.days.first?.minutes ?? 5
        var known = stream.days[...]
        return days.map { day in
            if let next = known.first, next.day == day {
                known = known.dropFirst()
                minutes = next.minutes
                return next
            }
            let count = 1440 / minutes
            return Day(
                day: day, minutes: minutes, values: [Int64](repeating: 0, count: count),
                ranges: [Nem12Range(first: 1, last: count, mark: Nem12Marking.unsaid)])
        }
    }

    private func suffix(_ stream: Stream) -> NMISuffix? {
        NMISuffix(channel: stream.channel, place: (meters.firstIndex(of: stream.meter) ?? 0) + 1)
    }

    private static func isEmpty(_ day: Day) -> Bool { day.ranges.allSatisfy { $0.mark == Nem12Marking.unsaid } }

    /// What people should know about the file; goes to stderr.
    /// - Parameter path: where the file is; nil when it went to stdout.
    func remarks(_ path: String?) -> [String] {
        var counts = [Int](repeating: 0, count: QualityFlag.allCases.count)
        for day in streams.flatMap(complete) {
            for range in day.ranges {
                let place = QualityFlag.allCases.firstIndex(of: range.mark.quality) ?? 0
                counts[place] += range.last - range.first + 1
            }
        }
        let qualities = zip(QualityFlag.allCases, counts).filter { $0.1 > 0 }
            .map { "\(Nem12File.grouped($0.1)) \($0.0.words)" }.joined(separator: ", ")
        let names = streams.map { "\(suffix($0)?.text ?? "?") \($0.channel.rawValue) of \($0.meter)" }
        let silent = meters.filter { meter in !streams.contains { $0.meter == meter } }
        let file = path.map { "\($0): " } ?? ""
        let text = "\(file)\(Nem12File.count(days.count, "day")) of NMI \(nmi); \(names.joined(separator: ", "))"
        return TextLayout.wrapped(TextLayout.clean(text), indent: 2)
            + TextLayout.wrapped("values: \(qualities)", indent: 2)
            + exchanged.map { TextLayout.clean("until the exchange the values are those of meter \($0.old)") }
            + silent.map { TextLayout.clean("meter \($0) has no interval in these days and is not in the file") }
            + ["Quality flags are this box's own statement, not a metering data provider's."]
    }
}
