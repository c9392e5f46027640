import Gateway
import Journal
import Metering
import Upstream

/// REDEX: each day's generation from the meter's intervals, sent once, followed until it is accepted.
extension UpstreamService {
    /// Looks now and then whether a day is over that was not sent.
    func lookAtGeneration() {
        let moment = clock()
        guard let redex = settings.redex, redex.submits, moment.uptime >= generation.nextLook ?? moment.uptime else {
            return
        }
        generation.nextLook = moment.uptime + GenerationClock.pause
        if devices.fresh(at: moment.wall) == nil {
            // The device says in whose time its days are.
            return fetch(
                "devices", id: freshID("devices"), refresh: true,
                .inner { [weak self] settlement in
                    guard case .done = settlement else { return }
                    self?.generation.nextLook = moment.uptime
                })
        }
        submitGeneration(again: false)
    }

    /// Sends what is due and asks how uploads are doing. Returns how many rows go out.
    @discardableResult
    func submitGeneration(again: Bool) -> Int {
        guard let redex = settings.redex else { return 0 }
        let ledger = GenerationLedger(runner.history)
        for process in ledger.openProcesses { follow(process) }
        resumeUploads()
        guard !runner.isBusy(RedexSystem.name) || again else { return 0 }
        // An upload that waits for its next attempt still holds its days: they are not sent beside it.
        guard !runner.isBusy(RedexSystem.name, Self.uploads) else { return 0 }
        var uploads: [JSONValue] = []
        var count = 0
        for inverter in redex.inverters {
            let days = closedDays(of: inverter, ledger)
            let values = days.compactMap { day in day.produced.map { (day: day.day, produced: $0) } }
            let rows = ledger.due(inverter.remoteID, values, opening: days.first?.registerAtEnd)
            guard !rows.isEmpty else { continue }
            count += rows.count
            uploads.append(["remote_id": .string(inverter.remoteID), "rows": .array(rows.map(\.json))])
        }
        guard let first = uploads.first?.object else { return 0 }
        let work =
            uploads.count == 1
            ? UpstreamWork("generation_daily", first)
            : UpstreamWork("generation_batch", ["devices": .array(uploads)])
        submit(
            UpstreamJob(id: freshID("generation"), system: RedexSystem.name, work: work, mode: .background),
            .inner { [weak self] settlement in
                guard case .done(let result) = settlement, let process = result["process_id"]?.string else { return }
                self?.follow(process)
            })
        return count
    }

    private static let uploads = ["generation_daily", "generation_batch"]

    /// Uploads that were sent before a restart and got no answer: they are parked, under the same name.
    private func resumeUploads() {
        for item in runner.history.items where item.system == RedexSystem.name {
            guard item.state == .sent || item.state == .unknown,
                Self.uploads.contains(item.operation),
                !runner.isRunning(RedexSystem.name, id: item.id)
            else { continue }
            submit(
                UpstreamJob(
                    id: item.id, system: RedexSystem.name, work: UpstreamWork(item.operation, item.work),
                    mode: .background),
                .inner { _ in })
        }
    }

    private func follow(_ process: String) {
        let id = "process.\(process)"
        guard !runner.isRunning(RedexSystem.name, id: id) else { return }
        submit(
            UpstreamJob(
                id: id, system: RedexSystem.name, work: UpstreamWork("process", ["process_id": .string(process)]),
                mode: .background),
            .inner { _ in })
    }

    // MARK: Days

    /// Days that are over, without a gap, from the last one sent on: a late value of that day changes it.
    func closedDays(of inverter: UpstreamSettings.Inverter, _ ledger: GenerationLedger) -> [GeneratedDay] {
        let offset = offset(of: inverter.remoteID)
        // The last intervals of a day come some minutes after its end.
        let today = (clock().wall.seconds - GenerationClock.settling + offset).flooredQuotient(by: 86_400)
        var days: [GeneratedDay] = []
        for number in ledger.span(of: inverter.remoteID, today: today) {
            let day = generated(inverter, day: number, offset: offset)
            if day.produced == nil {
                // A day that may still be filled is waited for, and those after it wait with it.
                guard today - number > GenerationClock.patience else { break }
                days = []
                continue
            }
            guard day.impossible.isEmpty else {
                flag(inverter, day)
                break
            }
            days.append(day)
        }
        return days
    }

    private func generated(_ inverter: UpstreamSettings.Inverter, day: Int64, offset: Int64) -> GeneratedDay {
        let end = GeneratedDay.end(day, offset: offset)
        let intervals = try? journal.intervals(
            meter: inverter.meter, from: end + -86_400_000, to: end, channel: inverter.channel)
        return GeneratedDay(number: day, offset: offset, capacity: inverter.capacity, intervals: intervals ?? [])
    }

    /// Watt-hours of each month of a year; nil where a value lacks.
    func months(of inverter: UpstreamSettings.Inverter, year: Int64) -> [Int64?] {
        let offset = offset(of: inverter.remoteID)
        return (1...12).map { month in
            let first = CivilTime(year: Int(year), month: month, day: 1).seconds / 86_400
            let count = Int64(CivilTime.daysIn(month: month, year: Int(year)))
            var sum: Int64 = 0
            for day in first..<(first + count) {
                guard let produced = generated(inverter, day: day, offset: offset).produced else { return nil }
                sum += produced
            }
            return sum
        }
    }

    /// Production above the installed capacity is not sent: an alarm says so, once a day of it.
    private func flag(_ inverter: UpstreamSettings.Inverter, _ day: GeneratedDay) {
        guard generation.flag("\(inverter.remoteID) \(day.day)") else { return }
        let data: JSONObject = [
            "alarm": .string(AlarmWord.implausibleReading.rawValue), "meter": .string(inverter.meter.text),
            "system": .string(RedexSystem.name), "inverter": .string(inverter.remoteID), "day": .string(day.day),
            "capacity_w": .integer(inverter.capacity), "first": JSONValue(day.impossible.first?.textSeconds),
            "intervals": .integer(Int64(day.impossible.count)),
            "detail": "more than the installed capacity; the day is not sent",
        ]
        tell(.input(.upstreamRecord(UpstreamRecord(token: 0, kind: .alarm, name: nil, data: data))))
    }

    /// `redex.generation`: each inverter's days with what became of them, newest last.
    func generationAnswer() -> JSONValue {
        let ledger = GenerationLedger(runner.history)
        var rows: [JSONValue] = []
        for inverter in settings.redex?.inverters ?? [] {
            let sent = ledger.entries.filter { $0.row.remoteID == inverter.remoteID }
            for entry in sent.suffix(60) { rows.append(Self.row(entry.row, entry.state.rawValue, entry.process)) }
            let days = closedDays(of: inverter, ledger)
            let values = days.compactMap { day in day.produced.map { (day: day.day, produced: $0) } }
            for row in ledger.due(inverter.remoteID, values, opening: days.first?.registerAtEnd) {
                rows.append(Self.row(row, "due", nil))
            }
        }
        return ["submit": .bool(settings.redex?.submits ?? false), "rows": .array(rows)]
    }

    private static func row(_ row: GenerationLedger.Row, _ state: String, _ process: String?) -> JSONValue {
        [
            "remote_id": .string(row.remoteID), "day": .string(row.day), "produced_wh": .integer(row.produced),
            "accumulated_wh": .integer(row.accumulated), "state": .string(state), "process_id": JSONValue(process),
        ]
    }
}

/// When to look for days that are over.
struct GenerationClock {
    /// Microseconds between two looks.
    static let pause: Int64 = 900_000_000
    /// Seconds after a day's end until its intervals are there.
    static let settling: Int64 = 1200
    /// Days that an incomplete day is waited for.
    static let patience: Int64 = 7

    var nextLook: Uptime?
    private var flagged: [String] = []

    /// True the first time.
    mutating func flag(_ what: String) -> Bool {
        guard !flagged.contains(what) else { return false }
        flagged.append(what)
        if flagged.count > 100 { flagged.removeFirst() }
        return true
    }
}
