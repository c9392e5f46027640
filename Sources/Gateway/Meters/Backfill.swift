import Drivers
import Intervals
import Metering

/// What a meter's intervals lack, and how it is fetched from the meter's load survey: one run of a bounded range at a
/// time, oldest first, whenever nothing else wants the wire. Once a day, and before the first run, the survey is
/// compared with what the registers said: a survey whose stamps mean something else than configured must fill nothing.
struct Backfill: Sendable {
    /// Intervals fetched in one run at most: a week of 5-minute intervals.
    static let longestRun: Int64 = 2016
    /// Intervals substituted at once at most: what 35 days of 5-minute intervals have.
    private static let mostSubstitutes = 10_080
    /// The box's clock and the meter's must agree this well, milliseconds: beyond it a record is another interval's.
    static let clockAgreement: Int64 = 60_000
    /// A record is expected in the survey so long after its end, milliseconds: the meter's clock may be late.
    private static let settling: Int64 = 90_000
    /// Microseconds.
    private static let second: Int64 = 1_000_000
    private static let pause = 60 * second
    private static let firstRetry = 300 * second
    private static let longestRetry = 3600 * second
    private static let refusedRetry = 86_400 * second
    private static let day: Int64 = 86_400_000
    /// So long after the last interval of a UTC day was stated the day is compared.
    private static let comparePause = 1200 * second

    private enum State: Sendable {
        case idle
        /// The meter's clock is asked first: its stamps are worth what its clock is.
        case checkingClock(Job)
        case running(Job)
    }

    /// What a run is for, and which intervals it is about.
    private enum Job: Sendable {
        case fill(ClosedRange<WallTime>)
        case compare(ClosedRange<WallTime>)
    }

    private(set) var ledger: GapLedger
    private(set) var layout: EdmiSurveyLayout?
    private let substitution: Substitution
    private(set) var likeDays: LikeDays?
    /// Statements of the present run that the survey has no value for.
    private var unheld: [Substitution.Candidate] = []
    /// Substitutes to be written down, oldest first.
    private var substitutes: [Interval] = []
    private let settings: MeterSettings
    private let kept: [KeptRegister]
    private let intervalMinutes: Int
    /// The meter has a load survey whose intervals fill the box's.
    private var canFill: Bool
    private var state = State.idle
    private var feed: SurveyFeed?
    private var fill: SurveyFill
    private var hold: ExchangeHold
    /// The interval in which the meter was put in: its survey has more of it than the registers.
    private let exchangedThrough: WallTime?
    private var due: Uptime?
    private var failures = 0
    private var check: SurveyCheck
    private var checkDue: Uptime?
    private var isChecked = false
    /// The survey's stamps are one interval off: nothing is taken from it.
    private(set) var isShifted = false

    /// `known` are the gaps the journal has of this meter, `resume` its newest interval.
    init(
        _ settings: MeterSettings, kept: [KeptRegister], intervalMinutes: Int, known: [IntervalGap], resume: Interval?,
        likeDays: LikeDays? = nil, at now: Uptime
    ) {
        self.settings = settings
        self.kept = kept
        self.intervalMinutes = intervalMinutes
        canFill = settings.model.dialect.isEdmi && !kept.isEmpty
        fill = SurveyFill(widths: kept.map(\.width))
        hold = ExchangeHold(widths: kept.map(\.width))
        exchangedThrough = resume.flatMap { first in
            first.isInitial ? first.end + Int64(intervalMinutes) * 60_000 : nil
        }
        let channels = kept.map(\.channel)
        substitution = Substitution(settings.substitute, widths: kept.map(\.width))
        self.likeDays = LikeDays(settings, minutes: intervalMinutes).map { likeDays ?? $0 }
        check = SurveyCheck(channels: channels, minutes: intervalMinutes)
        let isWaiting = canFill || settings.substitute != .none
        let gaps = known.map { gap in
            var gap = gap
            // Another interval length or other channels: the statement cannot be bettered in its own terms.
            if gap.isOpen, !isWaiting || gap.minutes != intervalMinutes || gap.values.map(\.channel) != channels {
                gap.close()
            }
            return gap
        }
        ledger = GapLedger(gaps, after: resume)
        due = canFill && ledger.hasOpen ? now + Self.pause / 2 : nil
    }

    /// When a run is due; nil while one is under way and when nothing is missing.
    var nextTry: Uptime? {
        guard case .idle = state else { return nil }
        guard let due, let checkDue else { return due ?? checkDue }
        return min(due, checkDue)
    }

    var isRunning: Bool { if case .running = state { true } else { false } }

    // MARK: Gaps

    /// Takes an interval that was just stated.
    mutating func note(_ interval: Interval, at now: Uptime) {
        ledger.take(interval)
        likeDays?.note(interval)
        guard canFill else { return settle(interval) }
        if due == nil, ledger.hasOpen { due = now + Self.pause }
        if interval.end != exchangedThrough { check.note(interval) }
        if interval.end.milliseconds % Self.day == 0 { checkDue = now + Self.comparePause }
    }

    /// Without a survey an interval is as good as it will be; a substitute waits for the register after the gap.
    private mutating func settle(_ interval: Interval) {
        guard ledger.hasOpen else { return }
        if settings.substitute != .none {
            guard interval.values.contains(where: { $0.registerAtEnd != nil }) else { return }
            substitute([], through: interval.end)
        }
        ledger.close(from: WallTime(milliseconds: 0), through: interval.end)
    }

    /// Makes substitutes for what has no value and is not waited for: of `candidates`, and of all that is still open.
    private mutating func substitute(_ candidates: [Substitution.Candidate], from: WallTime? = nil, through: WallTime) {
        guard settings.substitute != .none else { return }
        let open = ledger.candidates(
            from: from ?? WallTime(milliseconds: 0), through: through, most: Self.mostSubstitutes)
        let all = (candidates + open).sorted { $0.interval.end < $1.interval.end }
        substitutes += substitution.substitutes(for: all, like: likeDays)
    }

    /// Substitutes to be written down now.
    mutating func takeSubstitutes(most: Int) -> [Interval] {
        let taken = Array(substitutes.prefix(max(0, most)))
        substitutes.removeFirst(taken.count)
        return taken
    }

    var hasSubstitutes: Bool { !substitutes.isEmpty }

    // MARK: Runs

    /// A run is due: true when the meter's clock is to be read for it. `isReady` says that the meter answers and the
    /// box's own clock may place its records.
    mutating func begin(isReady: Bool, at moment: Moment) -> Bool {
        guard let next = nextTry, next <= moment.uptime else { return false }
        ledger.trim(now: moment.wall)
        let isFillDue = due.map { $0 <= moment.uptime } ?? false
        let isCheckDue = checkDue.map { $0 <= moment.uptime } ?? false
        if isFillDue { due = ledger.hasOpen ? moment.uptime + Self.pause : nil }
        if isCheckDue { checkDue = isReady ? nil : moment.uptime + Self.pause }
        guard isReady, let job = job(isFillDue: isFillDue, isCheckDue: isCheckDue, at: moment) else { return false }
        state = .checkingClock(job)
        return true
    }

    private func job(isFillDue: Bool, isCheckDue: Bool, at moment: Moment) -> Job? {
        let latest = moment.wall + -Self.settling
        if isCheckDue {
            let midnight = WallTime(milliseconds: latest.milliseconds.flooredQuotient(by: Self.day) * Self.day)
            if let range = check.range(through: midnight) { return .compare(range) }
        }
        guard isFillDue, let range = ledger.wanted(through: latest, most: Self.longestRun) else { return nil }
        if !isChecked, let known = check.range(through: latest + -Int64(intervalMinutes) * 60_000) {
            return .compare(known)
        }
        return isShifted ? nil : .fill(range)
    }

    /// The meter's clock differs by so many milliseconds, nil when it could not be read. Gives the survey to fetch.
    mutating func clockRead(_ difference: Int64?, at moment: Moment) -> EdmiSurveyTask? {
        guard case .checkingClock(let job) = state else { return nil }
        state = .idle
        guard let difference, difference.magnitude <= UInt64(Self.clockAgreement) else {
            retry(job, from: Self.firstRetry, at: moment.uptime)
            return nil
        }
        state = .running(job)
        feed = nil
        hold.forget()
        switch job {
        case .fill(let range): return task(range)
        case .compare(let range):
            check.begin(range)
            // One more on either side, to see whether they fit better.
            let length = Int64(intervalMinutes) * 60_000
            return task((range.lowerBound + -length)...(range.upperBound + length))
        }
    }

    private func task(_ range: ClosedRange<WallTime>) -> EdmiSurveyTask {
        let start = range.lowerBound + -Int64(intervalMinutes) * 60_000
        let isEnd = settings.surveyStampIsEnd
        return EdmiSurveyTask(
            survey: 1, after: civil(isEnd ? start : start + -1000),
            through: civil(isEnd ? range.upperBound : range.upperBound + -1000), layout: layout)
    }

    private func civil(_ time: WallTime) -> CivilTime {
        CivilTime(seconds: time.seconds + Int64(settings.utcOffsetMinutes) * 60)
    }

    /// Records came: better statements about intervals, and what does not add up.
    mutating func take(
        _ records: [EdmiSurveyRecord], _ layout: EdmiSurveyLayout?
    ) -> (intervals: [Interval], disagreements: [SumDisagreement]) {
        // Before the first record the layout may be an earlier run's: the meter may have been reprogrammed since.
        guard case .running(let job) = state, let layout, !records.isEmpty else { return ([], []) }
        if feed == nil {
            self.layout = layout
            feed = SurveyFeed(layout, settings: settings, kept: kept, intervalMinutes: intervalMinutes)
            if feed?.hasChannels != true { giveUp() }
        }
        var intervals: [Interval] = []
        var disagreements: [SumDisagreement] = []
        for record in records {
            guard let statement = feed?.take(record) else { continue }
            guard case .fill(let range) = job else {
                check.take(statement.end, statement.amounts)
                continue
            }
            guard range.contains(statement.end) else { continue }
            for known in hold.take(statement, ledger) { take(known, &intervals, &disagreements) }
        }
        return (intervals, disagreements)
    }

    /// Fills in what is held back when the survey has come to its end.
    mutating func takeHeld() -> (intervals: [Interval], disagreements: [SumDisagreement]) {
        var intervals: [Interval] = []
        var disagreements: [SumDisagreement] = []
        guard isRunning else { return ([], []) }
        for known in hold.release(ledger) { take(known, &intervals, &disagreements) }
        return (intervals, disagreements)
    }

    private mutating func take(
        _ statement: SurveyStatement, _ intervals: inout [Interval], _ disagreements: inout [SumDisagreement]
    ) {
        let known = settings.substitute == .none ? nil : ledger.candidate(at: statement.end)
        let filled = fill.fill(statement.end, statement.amounts, ledger: &ledger)
        if let interval = filled.interval {
            intervals.append(interval)
            likeDays?.note(interval)
        }
        if var known {
            known.interval = filled.interval ?? known.interval
            if known.interval.values.contains(where: { $0.value == nil }) { unheld.append(known) }
        }
        disagreements += filled.disagreements
    }

    /// This survey can fill nothing: its intervals do not fill ours, or it holds none of our channels.
    private mutating func giveUp() {
        canFill = false
        state = .idle
        due = nil
        checkDue = nil
        unheld = []
        if let last = ledger.gaps.last { substitute([], through: last.last) }
        if let first = ledger.gaps.first, let last = ledger.gaps.last {
            ledger.close(from: first.first, through: last.last)
        }
    }

    /// The run came to its end, or stopped here; gives what a comparison showed. What the survey does not hold will not
    /// come any more.
    mutating func end(_ failure: EdmiFailure?, at now: Uptime) -> [SurveyCheck.Finding] {
        guard case .running(let job) = state else { return [] }
        state = .idle
        defer { unheld = [] }
        if let failure {
            var pause = Self.firstRetry
            if case .refused = failure { pause = Self.refusedRetry }
            retry(job, from: pause, at: now)
            return []
        }
        failures = 0
        var findings: [SurveyCheck.Finding] = []
        switch job {
        case .fill(let range):
            substitute(unheld, from: range.lowerBound, through: range.upperBound)
            ledger.close(from: range.lowerBound, through: range.upperBound)
        case .compare:
            isChecked = true
            findings = check.finish()
            isShifted = findings.contains { if case .shift = $0 { true } else { false } }
        }
        due = ledger.hasOpen ? now + (isShifted ? Self.longestRetry : Self.second) : nil
        return findings
    }

    /// The wire went away.
    mutating func abandon(at now: Uptime) {
        switch state {
        case .idle: break
        case .checkingClock(let job), .running(let job): retry(job, from: Self.pause, at: now)
        }
        state = .idle
    }

    private mutating func retry(_ job: Job, from pause: Int64, at now: Uptime) {
        let next = now + max(pause, min(pause << Int64(min(failures, 6)), Self.longestRetry))
        failures += 1
        if case .compare = job, isChecked { checkDue = next } else { due = next }
    }

    /// The meter is gone for ever.
    mutating func retire() { giveUp() }

    // MARK: Told

    /// Items of `interval gaps` (contract §8), a channel after the other.
    func json(at moment: Moment) -> [JSONValue] {
        kept.flatMap { register in ledger.runs(of: register.channel).map { item($0, register.channel, at: moment) } }
    }

    private func item(_ run: GapLedger.Run, _ channel: Channel, at moment: Moment) -> JSONValue {
        let next = run.isOpen && canFill && !isShifted ? max(due ?? moment.uptime, moment.uptime) : nil
        return [
            "meter": .string(settings.serial.text), "channel": .string(channel.rawValue),
            "from": .string(run.from.textSeconds), "to": .string(run.to.textSeconds),
            "intervals": .integer(run.count), "why": .string(run.why),
            "next_try_at": JSONValue(next.map { (moment.wall + ($0 - moment.uptime) / 1000).textSeconds }),
        ]
    }
}
