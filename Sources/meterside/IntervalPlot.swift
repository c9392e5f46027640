import Metering

/// A channel's mean power over time in block characters: a chart of up to a day, or a row a day of up to a week.
/// Quality shows in the shapes; colour only repeats it. Times are UTC.
struct IntervalPlot {
    /// One interval. Times are whole minutes since 1970.
    struct Sample: Equatable {
        var end: Int64
        /// Its length.
        var minutes: Int64
        /// Watt-hours or var-hours; nil when there is no data.
        var value: Int64?
        var quality: QualityFlag
        /// Why there is no data; a word of the contract.
        var reason: String
    }

    /// A column of the drawing.
    struct Column: Equatable {
        /// Mean watts (vars) of what is known of it; nil when nothing is.
        var watts: Int64?
        /// A part is estimated or substituted.
        var isReplaced = false
        /// A part has no data.
        var isLacking = false
    }

    static let longestMinutes: Int64 = 7 * 1440
    static let dayMinutes: Int64 = 1440
    /// What stands left of a chart's axis.
    static let labelWidth = 5
    static let mostColumns: Int64 = 73
    /// Rows of a chart.
    static let height = 10

    /// `W` or `var`.
    let unit: String
    /// Ordered by their ends, which all differ.
    let samples: [Sample]
    /// Minutes since 1970.
    let from: Int64
    let to: Int64

    /// - Parameters:
    ///   - items: of `interval list`, one channel's; others than intervals are passed over.
    ///   - span: what was asked for.
    init(_ items: [JSONValue], unit: String, span: TimeSpan) {
        self.unit = unit
        // Intervals end on minutes: one that ends after `from` and not after `to` does so in these too.
        from = span.from.seconds.flooredQuotient(by: 60)
        to = span.to.seconds.flooredQuotient(by: 60)
        var samples: [Sample] = []
        for sample in items.compactMap(Sample.init) {
            // After a replacement two meters may speak of one end: the later one counts.
            if sample.end == samples.last?.end { samples.removeLast() }
            if sample.end > samples.last?.end ?? .min { samples.append(sample) }
        }
        self.samples = samples
    }

    /// All lines of the drawing, none wider than 80 columns.
    func lines(colour: Bool) -> [String] {
        let drawing = to - from > Self.dayMinutes ? week(colour: colour) : chart(colour: colour)
        return drawing + [""] + key(colour: colour) + TextLayout.wrapped(summary, indent: 2)
    }

    /// Columns of so many minutes from `start`, a multiple of them, until `end`.
    func columns(of minutes: Int64, from start: Int64, to end: Int64) -> [Column] {
        let count = Int((end - start + minutes - 1) / minutes)
        var energy = [Int128](repeating: 0, count: count)
        var known = [Int64](repeating: 0, count: count)
        var columns = [Column](repeating: Column(), count: count)
        func place(_ end: Int64) -> Int? {
            let place = Int((end - 1 - start).flooredQuotient(by: minutes))
            return columns.indices.contains(place) ? place : nil
        }
        for sample in samples {
            guard let place = place(sample.end) else { continue }
            if let value = sample.value {
                energy[place] += Int128(max(value, 0))
                known[place] += sample.minutes
                if sample.quality != .actual { columns[place].isReplaced = true }
            } else {
                columns[place].isLacking = true
            }
        }
        for (first, last) in holes {
            for end in stride(from: first, through: last, by: 5) {
                if let place = place(end) { columns[place].isLacking = true }
            }
        }
        for place in columns.indices where known[place] > 0 {
            columns[place].watts = Int64(clamping: energy[place] * 60 / Int128(known[place]))
        }
        return columns
    }

    /// Ends `first...last` that nothing was said about although there is something on both sides.
    private var holes: [(first: Int64, last: Int64)] {
        zip(samples, samples.dropFirst()).compactMap { before, after in
            let missing = after.end - after.minutes - before.end
            return missing > 0 ? (before.end + 1, after.end - after.minutes) : nil
        }
    }

    private var summary: String {
        let known = samples.filter { $0.value != nil }
        let total = known.reduce(Int128(0)) { $0 + Int128($1.value ?? 0) }
        let replaced = known.count { $0.quality != .actual }
        let unsaid = zip(holes, samples.dropFirst()).reduce(Int64(0)) { sum, hole in
            sum + (hole.0.last - hole.0.first + 1) / max(hole.1.minutes, 1)
        }
        let lacking = Int64(samples.count - known.count) + unsaid
        var text = "total \(Self.energy(Int64(clamping: total), unit)) in \(TextLayout.count(known.count, "interval"))"
        if replaced > 0 { text += ", \(replaced) of them estimated or substituted" }
        guard lacking > 0 else { return text }
        text += "; \(lacking) without data"
        var words: [String] = []
        for sample in samples where sample.value == nil && !sample.reason.isEmpty && !words.contains(sample.reason) {
            words.append(sample.reason)
        }
        return TextLayout.clean(words.isEmpty ? text : text + " (\(words.joined(separator: ", ")))")
    }

    private func key(colour: Bool) -> [String] {
        func painted(_ mark: String, _ tone: Table.Tone) -> String { colour ? tone.paint(mark) : mark }
        let isWeek = to - from > Self.dayMinutes
        var parts = ["\(painted("█", .good)) actual"]
        if samples.contains(where: { $0.value != nil && $0.quality != .actual }) {
            let mark = isWeek ? painted("~", .doubtful) : "\(painted("▒", .doubtful)) \(painted("~", .doubtful))"
            parts.append("\(mark) estimated or substituted")
        }
        if !holes.isEmpty || samples.contains(where: { $0.value == nil }) {
            parts.append("\(painted("×", .bad)) no data")
        }
        return [parts.joined(separator: "   ")]
    }

    /// `12.345 kWh`, `1.234 kvarh`.
    static func energy(_ value: Int64, _ unit: String) -> String {
        let fraction = TextLayout.padded(String(value.magnitude % 1000), to: 3, right: true)
        return "\(value.magnitude / 1000).\(String(fraction.map { $0 == " " ? "0" : $0 })) k\(unit)h"
    }
}

extension IntervalPlot.Sample {
    /// Nil for what is no interval.
    init?(_ item: JSONValue) {
        guard let end = item["end"]?.string.flatMap({ WallTime(text: $0) }), let minutes = item["minutes"]?.integer,
            (1...1440).contains(minutes)
        else { return nil }
        self.end = end.seconds.flooredQuotient(by: 60)
        self.minutes = minutes
        value = item["value_wh"]?.integer ?? item["value"]?.string.flatMap { Int64($0) }
        quality = item["quality"]?.string.flatMap(QualityFlag.init(rawValue:)) ?? .null
        reason = item["reason"]?.string ?? ""
    }
}
