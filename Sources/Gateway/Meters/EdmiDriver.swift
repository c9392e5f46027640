import Drivers
import Metering

/// Reads an EDMI meter through its session, one exchange at a time; the most urgent task has the next one.
struct EdmiDriver: Sendable {
    private var session: EdmiSession
    private let registers: [ModelRegister]
    private let keptRows: [Int]
    private let polledRows: [Int]
    /// Of the meter's own standard time, east of UTC.
    private let offsetSeconds: Int64
    private var poll: ReadingSet?
    private var read: ReadingSet?
    private var boundary: ReadingSet?
    private var setClock: EdmiSetClockTask?
    private var clock: EdmiClockTask?
    private var clockAt: Moment?
    private(set) var survey: SurveyRun?
    private var backfill: EdmiSurveyTask?
    /// Whose exchange is on the wire.
    private var active: MeterWant?

    /// Registers being read, and which of them have their answer.
    private struct ReadingSet: Sendable {
        var task: EdmiRegisterTask
        var rows: [Int]
        var isFilled: [Bool]
        var answered = false

        init(rows: [Int], of registers: [ModelRegister]) {
            self.rows = rows
            task = EdmiRegisterTask(rows.map { registers[$0] })
            isFilled = Array(repeating: false, count: rows.count)
        }

        /// Puts new answers on the board. A register without one reads as `off`, which no meter can answer.
        mutating func collect(into board: inout LiveBoard, at moment: Moment) {
            for (index, reading) in task.readings(orElse: .off).enumerated()
            where !isFilled[index] && reading.value != .failure(MissingValue(.off)) {
                isFilled[index] = true
                if case .success = reading.value { answered = true }
                board.set(rows[index], reading.value, at: moment)
            }
        }

        /// What has no answer is missing for this reason.
        func giveUp(on board: inout LiveBoard, why: NoData, at moment: Moment) {
            for (index, row) in rows.enumerated() where !isFilled[index] {
                board.set(row, .failure(MissingValue(why)), at: moment)
            }
        }
    }

    init(_ settings: MeterSettings, line: LineSettings?, kept: [KeptRegister]) {
        registers = settings.model.registers
        offsetSeconds = Int64(settings.utcOffsetMinutes) * 60
        keptRows = kept.map(\.row).sorted()
        polledRows = settings.model.registers.indices.filter { !settings.model.registers[$0].isDetail }
        session = EdmiSession(
            EdmiLink(
                dialect: settings.model.dialect, serial: settings.serial,
                address: settings.addressed ? settings.address : nil, master: settings.sourceID, user: settings.user,
                password: settings.password, sendsExit: settings.logoff, timeout: settings.timeout * 1000,
                turnaround: settings.turnaround * 1000, line: line))
    }

    /// The most urgent thing that is wanted.
    var want: MeterWant? {
        if boundary != nil { return .boundary }
        if read != nil { return .read }
        if poll != nil { return .poll }
        if setClock != nil { return .setClock }
        if clock != nil { return .clock }
        if survey != nil { return .survey }
        return backfill == nil ? nil : .backfill
    }

    private func set(of want: MeterWant) -> ReadingSet? {
        switch want {
        case .boundary: boundary
        case .read: read
        case .poll: poll
        case .setClock, .clock, .survey, .backfill: nil
        }
    }

    private mutating func put(_ set: ReadingSet?, for want: MeterWant) {
        switch want {
        case .boundary: boundary = set
        case .read: read = set
        case .poll: poll = set
        case .setClock, .clock, .survey, .backfill: break
        }
    }

    func wants(_ want: MeterWant) -> Bool {
        switch want {
        case .boundary, .read, .poll: set(of: want) != nil
        case .setClock: setClock != nil
        case .clock: clock != nil
        case .survey: survey != nil
        case .backfill: backfill != nil
        }
    }

    mutating func start(_ want: MeterWant) {
        switch want {
        case .boundary: boundary = ReadingSet(rows: keptRows, of: registers)
        case .read: read = ReadingSet(rows: Array(registers.indices), of: registers)
        case .poll: poll = ReadingSet(rows: polledRows, of: registers)
        case .clock: clock = EdmiClockTask()
        case .setClock, .survey, .backfill: break
        }
    }

    /// The clock is to be set: the time to be given is taken at each sending.
    mutating func startSettingClock() { setClock = EdmiSetClockTask(CivilTime(seconds: 0)) }

    mutating func start(_ run: SurveyRun) { survey = run }
    mutating func stopSurvey() { survey = nil }
    mutating func start(_ task: EdmiSurveyTask) { backfill = task }
    mutating func stopBackfill() { backfill = nil }

    /// Records that came for the intervals, each given once.
    mutating func takeBackfillRecords() -> (records: [EdmiSurveyRecord], layout: EdmiSurveyLayout?) {
        (backfill?.takeRecords() ?? [], backfill?.layout)
    }

    mutating func surveyNews() -> JSONValue? { survey?.news() }

    /// The next exchange, or what came to its end. A meter that does not answer is asked once only.
    mutating func next(at moment: Moment, isAnswering: Bool, board: inout LiveBoard) -> DriverStep {
        guard let want else { return .idle }
        active = nil
        let time = meterTime(at: moment)
        setClock?.time = time
        switch step(want, at: moment.uptime) {
        case .send(var exchange):
            active = want
            if !isAnswering { exchange.tries = 1 }
            return .send(.edmi(exchange))
        case .done: return .event(finish(want, nil, board: &board, at: moment))
        case .failed(let failure): return .event(finish(want, failure, board: &board, at: moment))
        case .wait(let until, let failure):
            if case .refused(.notReady) = failure { return .wait(until) }
            return .event(finish(want, failure, board: &board, at: moment))
        }
    }

    /// The meter's own standard time, to the nearest second.
    private func meterTime(at moment: Moment) -> CivilTime {
        CivilTime(seconds: (moment.wall + 500).seconds + offsetSeconds)
    }

    /// Until when a refused log-in keeps the meter alone.
    private(set) var refusedUntil: Uptime?

    private mutating func step(_ want: MeterWant, at now: Uptime) -> EdmiStep {
        var step = EdmiStep.done
        switch want {
        case .boundary, .read, .poll:
            if var set = set(of: want) {
                step = session.next(&set.task, at: now)
                put(set, for: want)
            }
        case .setClock:
            if var task = setClock {
                step = session.next(&task, at: now)
                setClock = task
            }
        case .clock:
            if var task = clock {
                step = session.next(&task, at: now)
                clock = task
            }
        case .survey:
            if var run = survey {
                step = session.next(&run.task, at: now)
                survey = run
            }
        case .backfill:
            if var task = backfill {
                step = session.next(&task, at: now)
                backfill = task
            }
        }
        if case .wait(let until, .loginRefused) = step { refusedUntil = until }
        return step
    }

    /// Takes the outcome of the exchange last given; a set that is complete with it comes to its end at once.
    mutating func take(_ outcome: BusOutcome, at moment: Moment, board: inout LiveBoard) -> DriverEvent? {
        guard let want = active else { return nil }
        active = nil
        switch want {
        case .boundary, .read, .poll:
            guard var set = set(of: want) else { return nil }
            session.receive(outcome, for: &set.task, at: moment.uptime)
            set.collect(into: &board, at: moment)
            put(set, for: want)
            return set.task.isDone ? finish(want, nil, board: &board, at: moment) : nil
        case .setClock:
            guard var task = setClock else { return nil }
            session.receive(outcome, for: &task, at: moment.uptime)
            setClock = task
        case .clock:
            guard var task = clock else { return nil }
            session.receive(outcome, for: &task, at: moment.uptime)
            clock = task
            clockAt = moment
        case .survey:
            guard var run = survey else { return nil }
            session.receive(outcome, for: &run.task, at: moment.uptime)
            run.collect()
            survey = run
        case .backfill:
            guard var task = backfill else { return nil }
            session.receive(outcome, for: &task, at: moment.uptime)
            backfill = task
        }
        return nil
    }

    private mutating func finish(
        _ want: MeterWant, _ failure: EdmiFailure?, board: inout LiveBoard, at moment: Moment
    ) -> DriverEvent {
        switch want {
        case .boundary, .read, .poll:
            let set = set(of: want)
            put(nil, for: want)
            if let failure {
                let isForeign = if case .wrongMeter = failure { true } else { false }
                if isForeign { board.clear(why: .wrongMeter, at: moment) }
                set?.giveUp(on: &board, why: failure.noData, at: moment)
            }
            guard set?.answered != true else { return .readings(want, nil) }
            // Refused registers alone are no answer: nothing was read.
            return .readings(want, MeterFailure(failure ?? .refused(.registerNotFound)))
        case .setClock:
            setClock = nil
            return .clockSet(failure)
        case .clock:
            let time = clock?.time
            clock = nil
            guard failure == nil, let time, let clockAt else { return .readings(.clock, nil) }
            return .clock(time, at: clockAt)
        case .survey: return .survey(failure.map { MeterFailure($0) })
        case .backfill: return .backfill(failure)
        }
    }

    /// The exchange that ends the session, where the operator wants one.
    mutating func logOff() -> EdmiExchange? { session.logOff() }

    /// The wire went away: what was under way is lost; a survey that somebody waits for goes on later.
    mutating func reset() {
        boundary = nil
        read = nil
        poll = nil
        setClock = nil
        clock = nil
        backfill = nil
        active = nil
    }
}

extension MeterFailure {
    init(_ failure: EdmiFailure) {
        let kind: Kind =
            switch failure {
            case .wrongMeter: .mismatch
            case .loginRefused, .notLoggedIn: .refused
            case .refused: .refused
            case .noReply, .damaged, .portDown, .malformed: .silent
            }
        self.init(kind: kind, why: failure.noData, text: failure.description)
    }
}
