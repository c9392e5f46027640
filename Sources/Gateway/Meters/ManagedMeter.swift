import Drivers
import Intervals
import Metering

/// What a meter must know of the agent's state in a turn.
struct MeterContext: Sendable {
    /// The wall clock is trusted.
    var trusted: Bool
    /// Readings may be placed into intervals by the wall clock.
    var fit: Bool
    /// The wall clock was checked against a better one than a meter's: it may set a meter's clock.
    var teaches = false
}

/// One configured meter: when it is read, what it said, whether it lives, its intervals. The wire belongs to its port.
struct ManagedMeter: Sendable {
    /// Intervals stated in one turn at most; the rest of a long gap follows in the next turns.
    static let statementLimit = 500
    /// The meter's clock is read this often, microseconds, and after a failure again after the shorter time.
    private static let clockInterval: Int64 = 3_600_000_000
    private static let clockRetry: Int64 = 600_000_000
    /// Meters polled at least this often need no reading of their own at a boundary, microseconds.
    private static let boundaryPoll: Int64 = 2_000_000

    let settings: MeterSettings
    let intervalMinutes: Int
    let line: LineSettings?
    let kept: [KeptRegister]
    let topic: String
    /// Index of the port in the agent's list.
    var port: Int
    var board: LiveBoard
    var liveness: Liveness
    var confirmations: [ReadingConfirmation]
    var keeper: IntervalKeeper
    var lastStated: Interval?
    var backfill: Backfill
    var modbus: ModbusDriver?
    var edmi: EdmiDriver?
    private let schedule: PollSchedule
    private var isOnGrid = false
    /// The newest poll was made while the broker was away, and when.
    private var isUnpublished = false
    private var polledAt = Uptime(microseconds: 0)
    var nextPoll: Uptime?
    var nextClock: Uptime
    /// What was done about a clock that is off.
    var setting: ClockSetting
    /// The driver wants nothing before this.
    var resumeAt: Uptime?
    /// Since when the present want waits.
    private var wantedSince: Uptime
    /// When each kept register was judged last.
    var judged: [Uptime]
    /// Why the port is down; nil while it is up.
    var portDownText: String?

    // What the agent's line-up notes about this meter.
    var ticket: UInt32 = 0
    var inLine: BusPriority?
    var isOut = false
    /// Tokens of those who wait for a fresh reading, and of those who watch.
    var readers: [UInt64] = []
    var watchers: [UInt64] = []
    /// A meter that keeps contradicting itself must not fill the journal.
    var complaints = RateLimit(limit: 12, seconds: 3600)
    /// The meter's clock less ours, milliseconds, until the agent takes it.
    var clockReading: Int64?
    /// The meter's clock was found to be off.
    var isDrifted = false
    /// A payment unit is charged by this meter: it hears what happens.
    var isBilled = false
    var news: [MeterNews] = []
    /// Something happened since the unit looked last.
    var hasNews = false
    /// The meter was replaced: nothing is asked and nothing is stated any more.
    var isRetired: Bool

    init(
        _ settings: MeterSettings, box: BoxSettings, port: Int, line: LineSettings?, place: Int, of count: Int,
        resume: Interval?, gaps: [IntervalGap], likeDays: LikeDays? = nil, newestRecord: WallTime, at moment: Moment
    ) {
        let (rows, kept) = MeterRow.rows(of: settings)
        self.settings = settings
        intervalMinutes = box.intervalMinutes
        self.line = line
        self.kept = kept
        hasDetails = rows.contains { $0.isDetail }
        self.port = port
        topic = "meter/\(settings.serial)/live"
        board = LiveBoard(
            serial: settings.serial, model: settings.model.name, role: settings.role, rows: rows, at: moment)
        liveness = Liveness(startedAt: moment.uptime)
        lastStated = resume
        isRetired = Self.isFinal(resume)
        confirmations = kept.map { ReadingConfirmation($0, resume: resume) }
        keeper = IntervalKeeper(
            meter: settings.serial, epoch: resume?.epoch ?? 1, minutes: box.intervalMinutes,
            channels: kept.map { IntervalKeeper.Kept(channel: $0.channel, width: $0.width) },
            pollMilliseconds: Int64(settings.pollSeconds) * 1000, resume: resume, startedAt: moment.wall)
        backfill = Backfill(
            settings, kept: kept, intervalMinutes: box.intervalMinutes, known: gaps, resume: resume,
            likeDays: likeDays, at: moment.uptime)
        if resume != nil, moment.wall < newestRecord {
            // The clock lost time while nobody looked: how long the meter ran since the journal's last interval is
            // unknown.
            for index in kept.indices { keeper.breakSpan(index, why: .clock) }
        }
        // Polls spread over a serial line's time. On TCP they go together: one wake then serves many of them.
        schedule = PollSchedule(
            pollSeconds: settings.pollSeconds, index: line == nil ? 0 : place, count: count, start: moment.uptime)
        nextPoll = isRetired ? nil : moment.uptime
        nextClock = moment.uptime
        setting = ClockSetting(isAllowed: settings.setClock && settings.model.dialect.isEdmi)
        wantedSince = moment.uptime
        judged = Array(repeating: Uptime(microseconds: -1), count: kept.count)
        if settings.model.dialect.isEdmi {
            edmi = EdmiDriver(settings, line: line, kept: kept)
        } else {
            modbus = ModbusDriver(settings, kept: kept)
        }
    }

    // MARK: When

    /// When this meter wants its turn although nothing happens on its wire.
    var nextWake: Uptime? {
        guard !isRetired else { return nil }
        var earliest = resumeAt
        if let nextPoll { earliest = min(earliest ?? nextPoll, nextPoll) }
        if edmi != nil, liveness.isAnswering, edmi?.wants(.clock) == false {
            earliest = min(earliest ?? nextClock, nextClock)
        }
        if let due = backfill.nextTry { earliest = min(earliest ?? due, due) }
        return earliest
    }

    /// Starts what is due.
    mutating func wake(turn: inout Turn, _ context: MeterContext) {
        guard !isRetired else { return }
        let now = turn.moment.uptime
        if let until = resumeAt, until <= now { resumeAt = nil }
        if let due = nextPoll, due <= now {
            nextPoll = nil
            if portDownText == nil { want(.poll, since: due) } else { missPoll(turn: &turn, context) }
        }
        startBackfill(turn: &turn, context)
        startClock(at: now)
    }

    private mutating func startClock(at now: Uptime) {
        guard edmi != nil, liveness.isAnswering, nextClock <= now, edmi?.wants(.clock) == false else { return }
        want(.clock, since: now)
    }

    /// An interval boundary was passed: the cumulative registers are wanted now.
    mutating func boundaryPassed(at now: Uptime) {
        guard schedule.interval > Self.boundaryPoll, liveness.isAnswering, portDownText == nil, !kept.isEmpty else {
            return
        }
        want(.boundary, since: now)
    }

    mutating func want(_ want: MeterWant, since: Uptime) {
        if demand(at: since) == nil { wantedSince = since }
        if edmi?.wants(want) == false { edmi?.start(want) }
        modbus?.start(want)
    }

    /// Whether somebody's reading needs more than a poll.
    let hasDetails: Bool

    /// What this meter wants of its wire, and since when; nil for nothing now.
    func demand(at now: Uptime) -> (priority: BusPriority, since: Uptime)? {
        guard !isRetired, let want = edmi?.want ?? modbus?.want else { return nil }
        if let resumeAt, now < resumeAt { return nil }
        if !readers.isEmpty, want == .poll, !hasDetails { return (.command, wantedSince) }
        return (want.priority, wantedSince)
    }

    /// A place in the line for a wire.
    struct Place {
        var port: Int
        var ticket: UInt32
        var priority: BusPriority
        var since: Uptime
    }

    /// When the meter wants its turn, and its new place in line if it needs one. Mutating, so that a meter in the
    /// agent's list is not copied for the question.
    mutating func lineUp(at now: Uptime) -> (wake: Uptime?, port: Int?, place: Place?) {
        guard !isOut, let demand = demand(at: now) else { return (nextWake, nil, nil) }
        if let present = inLine, present <= demand.priority { return (nextWake, port, nil) }
        inLine = demand.priority
        ticket &+= 1
        return (
            nextWake, port, Place(port: port, ticket: ticket, priority: demand.priority, since: demand.since)
        )
    }

    /// Takes the wire if the ticket is the newest; false when the place in line was given up.
    mutating func takeWire(ticket: UInt32) -> Bool {
        guard self.ticket == ticket, !isOut else { return false }
        inLine = nil
        return true
    }

    // MARK: The wire

    /// The next request when the meter has the wire; nil when it wants nothing any more.
    mutating func next(turn: inout Turn, _ context: MeterContext) -> BusOperation? {
        if modbus != nil { return modbus?.next(isAnswering: liveness.isAnswering, at: turn.moment.uptime) }
        // Each step either sends or ends one of the four wants.
        for _ in 0..<8 {
            switch edmi?.next(at: turn.moment, isAnswering: liveness.isAnswering, board: &board) {
            case .send(let operation): return operation
            case .event(let event): conclude(event, turn: &turn, context)
            case .wait(let until):
                resumeAt = until
                return nil
            case .idle, nil: return nil
            }
        }
        return nil
    }

    /// Takes the outcome of the request last given.
    mutating func take(_ outcome: BusOutcome, at moment: Moment, turn: inout Turn, _ context: MeterContext) {
        let event =
            modbus?.take(outcome, at: moment, board: &board)
            ?? edmi?.take(outcome, at: moment, board: &board)
        if let event { conclude(event, turn: &turn, context) }
        if let token = edmi?.survey?.token, let news = edmi?.surveyNews() {
            turn.emit(.progress(token: token, news))
        }
        takeBackfill(turn: &turn)
    }

    private mutating func conclude(_ event: DriverEvent, turn: inout Turn, _ context: MeterContext) {
        switch event {
        case .readings(.clock, _):
            nextClock = turn.moment.uptime + Self.clockRetry
            backfillClock(nil, turn: turn)
        case .readings(let want, let failure): digest(want, failure, turn: &turn, context)
        case .clock(let civil, let moment):
            let utc = WallTime(seconds: civil.seconds - Int64(settings.utcOffsetMinutes) * 60)
            let difference = utc - moment.wall
            // The meter's clock has whole seconds: half a second late on average.
            board.clockOffset = (difference + 999).flooredQuotient(by: 1000)
            clockReading = difference
            nextClock = turn.moment.uptime + Self.clockInterval
            noteDrift(difference, turn: &turn, context)
            if correctClock(difference, turn: &turn, context) { return }
            backfillClock(difference, turn: turn)
        case .clockSet(let failure): clockSet(failure, turn: &turn)
        case .survey(let failure): endSurvey(failure, turn: &turn)
        case .backfill(let failure): endBackfill(failure, turn: &turn)
        }
    }

    // MARK: A set of readings

    mutating func digest(
        _ want: MeterWant, _ failure: MeterFailure?, turn: inout Turn, _ context: MeterContext
    ) {
        hasNews = isBilled
        if let failure {
            for index in kept.indices { keeper.miss(index, why: context.fit ? failure.why : .clock) }
            if want != .boundary { note(failure, turn: &turn) }
        } else {
            if liveness.answered(at: turn.moment) { turn.append(.meterUp, identity) }
            judgeReadings(turn: &turn, context)
        }
        stateIntervals(turn: &turn, context)
        guard want != .boundary else { return }
        board.at = turn.moment.wall
        if want == .read || !hasDetails { answerReaders(failure, turn: &turn) }
        guard want == .poll else { return }
        if failure?.kind == .refused, let until = edmi?.refusedUntil, until > turn.moment.uptime {
            nextPoll = until
        } else {
            // The first poll is made at once; the second one is the first on the meter's own grid.
            let pause = isOnGrid ? liveness.pause(pollMicroseconds: schedule.interval) : 0
            nextPoll = schedule.next(after: turn.moment.uptime, pause: pause)
            isOnGrid = true
        }
        publish(turn: &turn)
        if failure == nil { startClock(at: turn.moment.uptime) }
    }

    private mutating func note(_ failure: MeterFailure, turn: inout Turn) {
        var data = identity
        data["why"] = .string(failure.why.rawValue)
        data["message"] = .string(failure.text)
        switch failure.kind {
        case .silent:
            guard liveness.missed(why: failure.why, at: turn.moment) else { return }
            data["last_reading_at"] = JSONValue(liveness.lastGood?.wall.text)
            turn.append(.meterDown, data)
            turn.alarm(.meterSilent, data)
        case .refused:
            guard liveness.refused() else { return }
            turn.append(.meterDown, data)
        case .mismatch:
            guard liveness.mismatched(), complaints.admit(at: turn.moment.uptime) else { return }
            turn.append(.meterQuarantined, data)
            turn.alarm(.meterMismatch, data)
        }
    }

    private var identity: JSONObject {
        ["meter": .string(settings.serial.text), "port": .string(settings.port.name)]
    }

    /// The broker is there: a poll that was made a moment ago need not wait for the next one.
    mutating func brokerConnected(turn: inout Turn) {
        guard isUnpublished, turn.moment.uptime - polledAt < schedule.interval else { return }
        isUnpublished = false
        turn.publish(topic, board.json())
    }

    /// Gives a poll's readings to the broker and to those who watch.
    private mutating func publish(turn: inout Turn) {
        isUnpublished = !turn.isConnected
        polledAt = turn.moment.uptime
        guard turn.isConnected || !watchers.isEmpty else { return }
        let bytes = board.json()
        turn.publish(topic, bytes)
        guard !watchers.isEmpty, let value = try? JSONReader.read(bytes) else { return }
        for token in watchers { turn.emit(.progress(token: token, value)) }
    }

    mutating func answerReaders(_ failure: MeterFailure?, turn: inout Turn) {
        guard !readers.isEmpty, let value = try? JSONReader.read(board.json(withDetails: true)) else { return }
        for token in readers {
            turn.emit(.answer(token: token, failure.map { .failure(controlFailure($0)) } ?? .success(value)))
        }
        readers.removeAll()
    }

    func controlFailure(_ failure: MeterFailure) -> ControlFailure {
        let code =
            switch failure.kind {
            case .refused: "refused"
            case .mismatch: "wrong_meter"
            case .silent: failure.why == .portDown ? "port_down" : failure.why == .notPresent ? "refused" : "no_reply"
            }
        return ControlFailure(
            code: code, message: "meter \(settings.serial) on port \(settings.port): \(failure.text)",
            hint: Self.hint(code))
    }

    private static func hint(_ code: String) -> String {
        switch code {
        case "refused": "see user, password_file and model of this [[meter]]; `meterside meter list` shows its state"
        case "wrong_meter": "compare the number on the plate with serial and address of this [[meter]]"
        case "port_down": "plug the adapter in again; see `meterside doctor`"
        default: "`meterside meter scan` finds what answers on the port"
        }
    }
}
