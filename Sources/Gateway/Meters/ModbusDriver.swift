import Drivers
import Metering

/// Reads a Modbus meter: the plan's jobs one after the other, into the board.
struct ModbusDriver: Sendable {
    /// Times a read is sent to a meter that answers; one that does not is asked once.
    private static let tries = 2

    private let all: Part
    private let polled: Part
    private let kept: Part
    /// One read, once: whether anybody is there.
    private let knock: ModbusJob?
    /// Row and range that tell whether the right model answers.
    private let probeRow: Int?
    private let probeRange: ClosedRange<Int64>?
    private var running: Running?
    /// Wanted beside or after the running set.
    private var isBoundaryWanted = false
    private var isReadWanted = false
    private var isPollWanted = false
    private var isVerified = false

    /// A plan with its jobs and which rows of the meter it reads.
    private struct Part: Sendable {
        var plan: ModbusPlan
        var jobs: [ModbusJob]
        var rows: [Int]

        init(rows: [Int], of settings: MeterSettings) {
            self.rows = rows
            plan = ModbusPlan(rows.map { settings.model.registers[$0] }, timing: settings.model.timing)
            jobs = plan.jobs(
                unit: UnitAddress(UInt8(truncatingIfNeeded: settings.address)), timeout: settings.timeout * 1000,
                turnaround: settings.turnaround * 1000, tries: ModbusDriver.tries)
        }
    }

    /// A set of readings under way.
    private struct Running: Sendable {
        var want: MeterWant
        var isKnocking: Bool
        var startedAt: Uptime
        var job = 0
        var answered = false
        var failure: BusFailure?
    }

    init(_ settings: MeterSettings, kept: [KeptRegister]) {
        let registers = settings.model.registers
        all = Part(rows: Array(registers.indices), of: settings)
        polled = Part(rows: registers.indices.filter { !registers[$0].isDetail }, of: settings)
        self.kept = Part(rows: kept.map(\.row).sorted(), of: settings)
        knock = all.jobs.first.map { job in
            ModbusJob(
                unit: job.unit, reads: Array(job.reads.prefix(1)), timeout: job.timeout, turnaround: job.turnaround,
                tries: 1)
        }
        probeRow = registers.firstIndex { $0.name == settings.model.probe.register }
        probeRange = settings.model.probe.range
    }

    /// The most urgent thing that is wanted.
    var want: MeterWant? {
        if let running { return running.want }
        if isBoundaryWanted { return .boundary }
        if isReadWanted { return .read }
        return isPollWanted ? .poll : nil
    }

    /// A set of readings is wanted.
    mutating func start(_ want: MeterWant) {
        guard knock != nil else { return }
        switch want {
        case .boundary: isBoundaryWanted = true
        case .read: isReadWanted = true
        case .poll: isPollWanted = isPollWanted || running?.want != .poll
        case .setClock, .clock, .survey, .backfill: break
        }
    }

    /// Begins the most urgent set. A poll that is due anyway reads the boundary's registers too.
    private mutating func begin(isAnswering: Bool, at now: Uptime) {
        guard running == nil, var want else { return }
        if want == .boundary, isPollWanted {
            want = .poll
            isBoundaryWanted = false
        }
        switch want {
        case .boundary: isBoundaryWanted = false
        case .read: isReadWanted = false
        case .poll, .setClock, .clock, .survey, .backfill: isPollWanted = false
        }
        running = Running(want: want, isKnocking: !isAnswering, startedAt: now)
    }

    private func part(_ want: MeterWant) -> Part {
        switch want {
        case .boundary: kept
        case .read: all
        case .poll, .setClock, .clock, .survey, .backfill: polled
        }
    }

    /// The next job; nil when nothing is wanted. A meter that does not answer is first asked for one read, once.
    mutating func next(isAnswering: Bool, at now: Uptime) -> BusOperation? {
        begin(isAnswering: isAnswering, at: now)
        guard let running else { return nil }
        if running.isKnocking { return knock.map { .modbus($0) } }
        let jobs = part(running.want).jobs
        return running.job < jobs.count ? .modbus(jobs[running.job]) : nil
    }

    /// Takes the outcome of the job last given and says when the set is complete.
    mutating func take(_ outcome: BusOutcome, at moment: Moment, board: inout LiveBoard) -> DriverEvent? {
        guard var now = running else { return nil }
        let failure = Self.failure(of: outcome)
        if now.isKnocking {
            now.isKnocking = false
            running = now
            guard let failure else { return nil }
            return finish(failing: failure, board: &board, at: moment)
        }
        let part = part(now.want)
        var answered = now.answered
        func put(_ row: Int, _ value: Result<DecimalValue, MissingValue>) {
            if case .success = value { answered = true }
            board.set(part.rows[row], value, at: moment)
        }
        part.plan.decode(outcome, job: now.job, put)
        now.answered = answered
        if now.failure == nil { now.failure = failure }
        now.job += 1
        running = now
        if case .failed(let failure) = outcome { return finish(failing: failure, board: &board, at: moment) }
        guard now.job >= part.jobs.count else { return nil }
        return complete(now, board: &board, at: moment)
    }

    private static func failure(of outcome: BusOutcome) -> BusFailure? {
        switch outcome {
        case .failed(let failure): return failure
        case .edmi, .contact, .inputs: return .badFrame
        case .modbus(let results):
            for case .failure(let failure) in results { return failure }
            return nil
        }
    }

    /// The rest of the set is missing for the same reason.
    private mutating func finish(failing failure: BusFailure, board: inout LiveBoard, at moment: Moment) -> DriverEvent?
    {
        guard var now = running else { return nil }
        for row in part(now.want).rows where board.moments[row].uptime < now.startedAt {
            board.set(row, .failure(MissingValue(failure.noData)), at: moment)
        }
        now.failure = now.failure ?? failure
        return complete(now, board: &board, at: moment)
    }

    private mutating func complete(_ now: Running, board: inout LiveBoard, at moment: Moment) -> DriverEvent {
        running = nil
        guard now.answered else {
            isVerified = false
            let failure = now.failure ?? .timeout
            return .readings(now.want, MeterFailure(kind: .silent, why: failure.noData, text: failure.text))
        }
        if !isVerified, now.want != .boundary {
            if let mismatch = mismatch(board) {
                board.clear(why: .wrongMeter, at: moment)
                return .readings(now.want, mismatch)
            }
            isVerified = true
        }
        return .readings(now.want, nil)
    }

    /// Checks the probe register once after every silence: later a dead phase may pull it out of its range.
    private func mismatch(_ board: LiveBoard) -> MeterFailure? {
        guard let probeRow, let probeRange, case .success(let value) = board.values[probeRow],
            let whole = value.flooredInteger, !probeRange.contains(whole)
        else { return nil }
        let name = board.rows[probeRow].name
        return MeterFailure(
            kind: .mismatch, why: .wrongMeter,
            text: "\(name) reads \(value.text), outside \(probeRange.lowerBound) to \(probeRange.upperBound): "
                + "another model answers here; correct model or address")
    }

    /// The wire went away: what was under way is lost.
    mutating func reset() {
        running = nil
        isBoundaryWanted = false
        isReadWanted = false
        isPollWanted = false
        isVerified = false
    }
}
