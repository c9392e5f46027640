import Drivers
import Metering

/// A load survey being fetched for somebody on the control socket.
struct SurveyRun: Sendable {
    /// Most records of one answer: two weeks of 5-minute intervals and a little more, well below 1 MiB.
    static let longest = 5000

    let token: UInt64
    let from: WallTime
    let to: WallTime
    private let offsetMinutes: Int
    private let stampIsEnd: Bool
    var task: EdmiSurveyTask
    private(set) var records: [EdmiSurveyRecord] = []
    private var reported = 0

    /// Records whose end lies in `(from, to]`.
    init(token: UInt64, from: WallTime, to: WallTime, settings: MeterSettings) {
        self.token = token
        self.from = from
        self.to = to
        offsetMinutes = settings.utcOffsetMinutes
        stampIsEnd = settings.surveyStampIsEnd
        // Where a stamp is the start its interval's end is later by a length not known yet: an hour at most.
        let early = settings.surveyStampIsEnd ? from : from + -3_600_000
        task = EdmiSurveyTask(
            survey: 1, after: Self.civil(early, settings.utcOffsetMinutes),
            through: Self.civil(to, settings.utcOffsetMinutes))
    }

    private static func civil(_ time: WallTime, _ offsetMinutes: Int) -> CivilTime {
        CivilTime(seconds: time.seconds + Int64(offsetMinutes) * 60)
    }

    mutating func collect() {
        for record in task.takeRecords() where isInside(record) && records.count < Self.longest {
            records.append(record)
        }
    }

    private func isInside(_ record: EdmiSurveyRecord) -> Bool {
        let end = end(of: record)
        return from < end && end <= to
    }

    private func end(of record: EdmiSurveyRecord) -> WallTime {
        let stamp = WallTime(seconds: record.stamp.seconds - Int64(offsetMinutes) * 60)
        return stampIsEnd ? stamp : stamp + Int64(task.layout?.intervalSeconds ?? 0) * 1000
    }

    /// `{done, total}` when there is news since the last call; the total is what the time asked for should hold.
    mutating func news() -> JSONValue? {
        guard records.count > reported, let seconds = task.layout?.intervalSeconds, seconds > 0 else { return nil }
        reported = records.count
        let total = max(Int64(records.count), (to - from) / 1000 / Int64(seconds))
        return ["done": .integer(Int64(records.count)), "total": .integer(total)]
    }

    /// The shape of `meter survey` (contract §8).
    func json(serial: MeterSerial) -> JSONValue {
        let layout = task.layout
        let channels = (layout?.channels ?? []).map { channel -> JSONValue in
            ["name": .string(channel.channel?.rawValue ?? channel.name), "unit": .string(channel.unit)]
        }
        let rows = records.map { record -> JSONValue in
            let values = record.values.map { value -> JSONValue in
                if case .success(let number) = value { .string(number.text) } else { .null }
            }
            return [
                "end": .string(end(of: record).textSeconds), "values": .array(values),
                "status": .array(record.status.texts.map { .string($0) }),
            ]
        }
        return [
            "serial": .string(serial.text), "minutes": .integer(Int64(layout?.intervalSeconds ?? 0) / 60),
            "channels": .array(channels), "records": .array(rows),
        ]
    }
}
