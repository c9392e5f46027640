import Metering

/// A day of an inverter as its meter has it.
public struct GeneratedDay: Hashable, Sendable {
    /// `2026-03-01`
    public var day: String
    /// Watt-hours; nil while an interval lacks a value.
    public var produced: Int64?
    /// The meter's register at the day's end, where it is known.
    public var registerAtEnd: Int64?
    /// Ends of intervals with more than the inverter can make.
    public var impossible: [WallTime] = []

    /// - Parameters:
    ///   - number: days since 1970 in the device's own time.
    ///   - offset: seconds that time is east of UTC.
    ///   - capacity: watts installed.
    ///   - intervals: of one channel, those that end within the day or at its end.
    public init(number: Int64, offset: Int64, capacity: Int64, intervals: [Interval]) {
        day = String(WallTime(seconds: number * 86_400).textSeconds.prefix(10))
        let end = Self.end(number, offset: offset)
        var sum: Int64 = 0
        var seconds: Int64 = 0
        for interval in intervals {
            guard let value = interval.values.first, let energy = value.value else { continue }
            let minutes = Int64(interval.minutes)
            let total = sum.addingReportingOverflow(energy)
            guard energy >= 0, !total.overflow else { return }
            sum = total.partialValue
            seconds += minutes * 60
            // One watt-hour more than it can make is rounding.
            let most = (capacity.multipliedReportingOverflow(by: minutes).partialValue + 59) / 60 + 1
            if energy > most { impossible.append(interval.end) }
            if interval.end == end { registerAtEnd = value.registerAtEnd }
        }
        if seconds == 86_400 { produced = sum }
    }

    /// The day's end; it begins a day before.
    public static func end(_ number: Int64, offset: Int64) -> WallTime {
        WallTime(seconds: (number + 1) * 86_400 - offset)
    }
}

/// What was told to REDEX of each inverter and day: a fold over the journal's upstream records. It says what is still
/// to be sent, so that a day is sent once, and again only when its value changed or its upload failed.
public struct GenerationLedger: Hashable, Sendable {
    /// A day of an inverter.
    public struct Row: Hashable, Sendable {
        public var remoteID: String
        /// `2026-03-01` in the device's own time.
        public var day: String
        /// Watt-hours of the day, and of all days up to its end.
        public var produced: Int64
        public var accumulated: Int64

        public init(remoteID: String, day: String, produced: Int64, accumulated: Int64) {
            self.remoteID = remoteID
            self.day = day
            self.produced = produced
            self.accumulated = accumulated
        }

        /// As the work of an upload holds it.
        public var json: JSONValue {
            [
                "day": .string(day), "produced_wh": .integer(produced), "accumulated_wh": .integer(accumulated),
            ]
        }
    }

    /// What became of a day that was sent.
    public enum State: String, Hashable, Sendable {
        /// Taken by the server; its process has not ended.
        case sent
        case accepted
        case failed
        /// Refused; waits for a person.
        case parked
        /// Sent, and nobody knows whether it arrived.
        case unknown
    }

    /// A day and what became of it.
    public struct Entry: Hashable, Sendable {
        public var row: Row
        public var state: State
        public var process: String?
    }

    /// The newest statement about each inverter and day, by both.
    public private(set) var entries: [Entry] = []
    /// Uploads whose process is still to be asked for.
    public private(set) var openProcesses: [String] = []

    public init(_ history: UpstreamHistory) {
        var ended: [(id: String, state: State)] = []
        for item in history.items where item.system == RedexSystem.name && item.operation == "process" {
            guard let id = item.work["process_id"]?.string else { continue }
            switch item.state {
            case .done: ended.append((id, item.result["status"]?.string == "success" ? .accepted : .failed))
            // The server does not know it: what became of the upload is for a person to find out.
            case .parked: ended.append((id, .unknown))
            case .sent, .failed, .unknown: break
            }
        }
        for item in history.items where item.system == RedexSystem.name {
            guard item.operation == "generation_daily" || item.operation == "generation_batch" else { continue }
            take(item, ended)
        }
        entries.sort { ($0.row.remoteID, $0.row.day) < ($1.row.remoteID, $1.row.day) }
    }

    private mutating func take(_ item: UpstreamHistory.Item, _ ended: [(id: String, state: State)]) {
        let process = item.result["process_id"]?.string
        var state: State
        switch item.state {
        case .done:
            // Without a process nothing more can be learnt.
            state = process.map { id in ended.last { $0.id == id }?.state ?? .sent } ?? .accepted
            if state == .sent, let process { openProcesses.append(process) }
        case .parked: state = .parked
        case .sent, .unknown: state = .unknown
        case .failed: return
        }
        let devices = item.work["devices"]?.array ?? [.object(item.work)]
        for device in devices {
            for row in device["rows"]?.array ?? [] {
                guard let id = device["remote_id"]?.string, let day = row["day"]?.string,
                    let produced = row["produced_wh"]?.integer, let accumulated = row["accumulated_wh"]?.integer
                else { continue }
                let row = Row(remoteID: id, day: day, produced: produced, accumulated: accumulated)
                entries.removeAll { $0.row.remoteID == id && $0.row.day == day }
                entries.append(Entry(row: row, state: state, process: process))
            }
        }
    }

    /// Days before the last one sent that are looked at again: a late value changes them.
    private static let lookBack: Int64 = 3
    /// Days that are looked at in all.
    private static let longest: Int64 = 35

    /// The days to look at, counted from 1970: those since the last one sent, and a few before it. Never those before
    /// the first one sent: what was before the box was there is never whole, and nobody waits for it.
    public func span(of remoteID: String, today: Int64) -> Range<Int64> {
        let known = entries.filter { $0.row.remoteID == remoteID }.compactMap { WallTime(text: $0.row.day) }
            .map { $0.seconds.flooredQuotient(by: 86_400) }
        guard let first = known.first, let last = known.last else { return today - 1..<today }
        let start = max(last - Self.lookBack, first, today - Self.longest)
        return start..<max(start, today)
    }

    /// What is to be sent, of days in ascending order without a gap.
    /// - Parameter opening: the meter's register at the end of the first day, for an inverter nothing was sent of.
    public func due(
        _ remoteID: String, _ days: [(day: String, produced: Int64)], opening: Int64? = nil
    ) -> [Row] {
        guard let first = days.first else { return [] }
        let known = entries.filter { $0.row.remoteID == remoteID }
        var accumulated = known.last { $0.row.day < first.day }?.row.accumulated
        var rows: [Row] = []
        for (day, produced) in days {
            let before = accumulated ?? max(0, (opening ?? produced) - produced)
            let total = before.addingReportingOverflow(produced)
            guard produced >= 0, !total.overflow else { return rows }
            accumulated = total.partialValue
            let row = Row(remoteID: remoteID, day: day, produced: produced, accumulated: total.partialValue)
            let entry = known.last { $0.row.day == day }
            switch entry?.state {
            case nil, .failed?: rows.append(row)
            // A person decides about these.
            case .parked?, .unknown?: break
            case .sent?, .accepted?: if entry?.row != row { rows.append(row) }
            }
        }
        return rows
    }
}
