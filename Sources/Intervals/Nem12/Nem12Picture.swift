import Metering

/// What a page about a file draws: energy by day, the mean day, and what is missing. Bounded, whatever the file is.
public struct Nem12Picture: Nem12Handler {
    /// All streams of one day together.
    public struct Day: Sendable {
        /// Days since 1970, market time.
        public var day: Int
        /// Energy from the network, Wh.
        public var importWh: Int64 = 0
        /// Energy into the network, Wh.
        public var exportWh: Int64 = 0
        /// Interval values that are neither actual nor null.
        public var replaced = 0
        /// Interval values with quality N.
        public var null = 0
        /// All interval values.
        public var values = 0
    }

    /// A part of a stream without values.
    public struct Gap: Sendable {
        public var nmi: NMI
        public var suffix: NMISuffix
        /// Days since 1970, market time, both included.
        public var days: ClosedRange<Int>
        /// Numbers of the intervals in that one day; nil for whole days without a record.
        public var intervals: ClosedRange<Int>?
    }

    private struct Stream {
        var nmi: NMI
        var suffix: NMISuffix
        /// Days there are records for, in order, not touching.
        var runs: [ClosedRange<Int>] = []
    }

    static let mostDays = 4000
    static let mostStreams = 2000
    static let mostRuns = 400
    static let mostGaps = 500

    /// In order of time.
    public private(set) var days: [Day] = []
    /// Wh from the network in each half hour of the day, summed over all days and streams.
    public private(set) var profile = [Int128](repeating: 0, count: 48)
    /// Something was left out for want of room.
    public private(set) var isCut = false
    private var nulls: [Gap] = []
    private var streams: [Stream] = []
    private var places: [UInt64: Int] = [:]

    public init() {}

    /// Nothing is drawn of faults.
    public mutating func fault(_ fault: Nem12Fault) {}

    /// Adds a day to the drawing.
    public mutating func day(_ day: Nem12Day) {
        guard let place = place(of: day.day) else { return }
        noteRun(day)
        for range in day.ranges {
            let count = range.last - range.first + 1
            days[place].values += count
            switch range.mark.quality {
            case .actual, .varies: continue
            case .null:
                days[place].null += count
                let gap = Gap(
                    nmi: day.stream.nmi, suffix: day.stream.suffix, days: day.day...day.day,
                    intervals: range.first...range.last)
                if nulls.count < Self.mostGaps { nulls.append(gap) } else { isCut = true }
            case .estimated, .finalSubstitute, .substituted: days[place].replaced += count
            }
        }
        guard day.stream.unit.isEnergy, let channel = day.stream.suffix.channel else { return }
        addEnergy(day, channel, place)
    }

    private mutating func addEnergy(_ day: Nem12Day, _ channel: Channel, _ place: Int) {
        guard channel == .importWh || channel == .exportWh else { return }
        let each = day.values.count / 48
        var total: Int128 = 0
        for half in 0..<48 {
            var sum: Int64 = 0
            for index in (half * each)..<((half + 1) * each) { sum += day.values[index] }
            guard let micro = day.stream.unit.microBase(sum) else { continue }
            total += Int128(micro)
            if channel == .importWh { profile[half] += Int128(micro / 1_000_000) }
        }
        let wattHours = Int64(clamping: total / 1_000_000)
        if channel == .importWh {
            days[place].importWh = days[place].importWh.addingReportingOverflow(wattHours).partialValue
        } else {
            days[place].exportWh = days[place].exportWh.addingReportingOverflow(wattHours).partialValue
        }
    }

    private mutating func place(of day: Int) -> Int? {
        var low = 0
        var high = days.count
        while low < high {
            let middle = (low + high) / 2
            if days[middle].day < day { low = middle + 1 } else { high = middle }
        }
        if low < days.count, days[low].day == day { return low }
        guard days.count < Self.mostDays else {
            isCut = true
            return nil
        }
        days.insert(Day(day: day), at: low)
        return low
    }

    private mutating func noteRun(_ day: Nem12Day) {
        let key = DayTable.key(day.stream.nmi, day.stream.suffix.text)
        guard let place = places[key] else {
            guard streams.count < Self.mostStreams else {
                isCut = true
                return
            }
            places[key] = streams.count
            streams.append(
                Stream(nmi: day.stream.nmi, suffix: day.stream.suffix, runs: [day.day...day.day]))
            return
        }
        var runs = streams[place].runs
        if let last = runs.last, day.day == last.upperBound + 1 {
            streams[place].runs[runs.count - 1] = last.lowerBound...day.day
            return
        }
        guard runs.count < Self.mostRuns else {
            isCut = true
            return
        }
        runs.append(day.day...day.day)
        runs.sort { $0.lowerBound < $1.lowerBound }
        streams[place].runs = runs.reduce(into: []) { joined, run in
            if let last = joined.last, last.upperBound + 1 >= run.lowerBound {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, run.upperBound)
            } else {
                joined.append(run)
            }
        }
    }

    /// Days missing inside a stream, and null intervals, at most 500 of each.
    public var gaps: [Gap] {
        var gaps: [Gap] = []
        for stream in streams {
            for (run, next) in zip(stream.runs, stream.runs.dropFirst()) where gaps.count < Self.mostGaps {
                let missing = (run.upperBound + 1)...(next.lowerBound - 1)
                gaps.append(Gap(nmi: stream.nmi, suffix: stream.suffix, days: missing, intervals: nil))
            }
        }
        return gaps + nulls
    }
}
