import Drivers
import Metering
import Testing

@testable import Gateway

/// An agent on a bench: a script gives it inputs and lets time leap, meters answer as the script says, and what comes
/// out is kept.
struct Bench {
    static let start = WallTime(text: "2026-03-02T10:00:30Z") ?? WallTime(milliseconds: 0)

    var agent: Agent
    /// Microseconds since the bench began; also the uptime.
    var elapsed: Int64 = 0
    /// Milliseconds the wall clock was stepped.
    var step: Int64 = 0
    var isSynchronised = true
    /// What a request comes to and after how many microseconds; nil for an answer that the script gives itself.
    var wire: (BusRequest, Int64) -> (outcome: BusOutcome, delay: Int64)?

    var journal: [JournalDraft] = []
    var requests: [BusRequest] = []
    var published: [Publication] = []
    var answers: [(token: UInt64, result: Result<JSONValue, ControlFailure>)] = []
    var progress: [(token: UInt64, value: JSONValue)] = []
    private var replies: [(at: Int64, reply: BusReply)] = []

    init(
        _ configuration: GatewayConfiguration, recovered: RecoveredState = .empty,
        wire: @escaping (BusRequest, Int64) -> (outcome: BusOutcome, delay: Int64)?
    ) {
        agent = Agent(configuration: configuration, recovered: recovered) { _, _, _ in true }
        self.wire = wire
    }

    var moment: Moment {
        Moment(
            wall: Self.start + (elapsed / 1000 + step), uptime: Uptime(microseconds: elapsed),
            kernelSynchronised: isSynchronised)
    }

    mutating func give(_ input: Input) {
        for effect in agent.handle(input, at: moment) {
            switch effect {
            case .append(let draft): journal.append(draft)
            case .bus(let request): take(request)
            case .publish(let message): published.append(message)
            case .answer(let token, let result): answers.append((token, result))
            case .progress(let token, let value): progress.append((token, value))
            default: break
            }
        }
    }

    private mutating func take(_ request: BusRequest) {
        requests.append(request)
        guard let (outcome, delay) = wire(request, elapsed) else { return }
        let at = elapsed + delay
        var reply = BusReply(id: request.id, port: request.port, outcome: outcome, at: moment)
        reply.at.uptime = Uptime(microseconds: at)
        let place = replies.firstIndex { $0.at > at } ?? replies.endIndex
        replies.insert((at, reply), at: place)
    }

    /// Lets time leap; wakes the agent when it asked for it and brings the answers of wires.
    mutating func pass(seconds: Double) { pass(microseconds: Int64(seconds * 1_000_000)) }

    mutating func pass(microseconds: Int64) {
        let end = elapsed + microseconds
        while true {
            let wake = agent.nextWake.map { max($0.microseconds, elapsed) } ?? Int64.max
            let reply = replies.first?.at ?? Int64.max
            guard min(wake, reply) <= end else { break }
            elapsed = min(wake, reply)
            if reply <= wake {
                var next = replies.removeFirst().reply
                next.at = moment
                give(.reply(next))
            } else {
                give(.wake)
            }
        }
        elapsed = end
    }

    // MARK: What came out

    func records(_ kind: JournalKind) -> [JSONObject] { journal.filter { $0.kind == kind }.map(\.data) }
    var intervals: [Interval] { records(.interval).compactMap { Interval(record: $0) } }
    var alarms: [String] { records(.alarm).compactMap { $0["alarm"]?.string } }
    var export: [UInt8] { journal.flatMap { $0.canonicalBytes + [0x0A] } }

    /// `10:05 10 A`, one line an interval of a channel.
    func lines(_ channel: Channel = .importWh) -> [String] {
        intervals.compactMap { interval in
            guard let value = interval.values.first(where: { $0.channel == channel }) else { return nil }
            let time = String(interval.end.textSeconds.dropFirst(11).prefix(5))
            return [time, value.value.map { String($0) } ?? "-", value.quality.rawValue, value.reason]
                .filter { !$0.isEmpty }.joined(separator: " ")
        }
    }

    /// The newest answer under a token.
    func answer(_ token: UInt64) -> Result<JSONValue, ControlFailure>? { answers.last { $0.token == token }?.result }

    /// The answer under a token, which must be no failure.
    func value(_ token: UInt64) throws -> JSONValue { try #require(answer(token)).get() }

    func failure(_ token: UInt64) -> ControlFailure? {
        if case .failure(let failure)? = answer(token) { failure } else { nil }
    }

    mutating func status() throws -> JSONValue {
        give(.request(.status, token: 999))
        return try value(999)
    }
}

/// Meters for the bench.
enum BenchMeters {
    static let line = LineSettings(baud: 9600, format: .eightNone1)

    static func serial(_ text: String) throws -> MeterSerial { try #require(MeterSerial(text)) }

    static func row(
        _ name: String, _ address: UInt16, _ type: ModbusType, _ unit: String, scale: DecimalValue? = nil,
        rollover: Int64? = nil, isDetail: Bool = false
    ) -> ModelRegister {
        ModelRegister(
            name: RegisterName(name), rawName: name,
            source: .modbus(function: 4, address: address, type: type, order: .abcd),
            scale: scale ?? DecimalValue(mantissa: 1), unit: unit, rollover: rollover, isDetail: isDetail)
    }

    /// Import at 0, export at 2, voltage in tenths at 4, frequency in hundredths at 5.
    static func model(rollover: Int64? = nil, extra: [ModelRegister] = []) -> MeterModel {
        MeterModel(
            name: "bench", title: "Bench meter", dialect: .modbus, verified: true,
            registers: [
                row("import_wh", 0, .uint32, "Wh", rollover: rollover), row("export_wh", 2, .uint32, "Wh"),
                row("voltage_l1_v", 4, .uint16, "V", scale: DecimalValue(mantissa: 1, exponent: -1)),
                row("frequency_hz", 5, .uint16, "Hz", scale: DecimalValue(mantissa: 1, exponent: -2)),
            ] + extra,
            probe: ModelProbe(register: RegisterName("frequency_hz"), range: 45...65),
            timing: ModelTiming(timeout: 500, turnaround: 0, maxRegisters: 60, maxGap: 0), proofs: [])
    }

    static func meter(
        _ serial: String, unit: UInt32 = 1, port: String = "b", model: MeterModel = model(), poll: Int = 30,
        swap: Bool = false, scale: DecimalValue = DecimalValue(mantissa: 1)
    ) throws -> MeterSettings {
        MeterSettings(
            serial: try #require(MeterSerial(serial)), model: model, port: PortID(port), address: unit,
            pollSeconds: poll, maxAmps: 100, phases: 3, swapImportExport: swap, scale: scale)
    }

    static func configuration(
        _ meters: [MeterSettings], minutes: Int = 5, hasMqtt: Bool = false, hostClock: Bool = false
    ) -> GatewayConfiguration {
        var ports: [PortSettings] = []
        for meter in meters where !ports.contains(where: { $0.id == meter.port }) {
            ports.append(
                PortSettings(
                    id: meter.port, wire: meter.model.dialect.isEdmi ? .edmi : .modbus, line: line))
        }
        return GatewayConfiguration(
            box: BoxSettings(
                id: "BENCH", version: "1.2.3", intervalMinutes: minutes, clockFromHost: hostClock,
                builtAt: WallTime(seconds: 1_770_000_000), hasMqtt: hasMqtt, unconfigured: false),
            ports: ports, meters: meters)
    }
}

/// A Modbus meter that a script changes while it runs.
final class ScriptedMeter: @unchecked Sendable {
    /// Watt-hours at the beginning, and how many come on top each second.
    var imported: Int64
    var perSecond: Double
    var exported: Int64 = 500
    var frequency: UInt16 = 5000
    /// Nil while it answers.
    var failure: BusFailure?
    /// Replaces the import register in the next answer only.
    var forged: Int64?
    var delay: Int64 = 30_000
    /// Seconds in which each request came.
    var askedAt: [Double] = []

    init(imported: Int64 = 1_000_000, perSecond: Double = 1) {
        self.imported = imported
        self.perSecond = perSecond
    }

    func answer(_ request: BusRequest, _ elapsed: Int64) -> (outcome: BusOutcome, delay: Int64)? {
        askedAt.append(Double(elapsed) / 1_000_000)
        guard case .modbus(let job) = request.operation else { return (.failed(.badFrame), delay) }
        if let failure {
            let tries = Int64(job.tries)
            return (
                .modbus(job.reads.map { _ in .failure(failure) }), failure == .timeout ? job.timeout * tries : delay
            )
        }
        let whole = forged ?? (imported + Int64(Double(elapsed + delay) / 1_000_000 * perSecond))
        forged = nil
        var memory: [UInt16] = Array(repeating: 0, count: 200)
        memory[0] = UInt16(truncatingIfNeeded: whole >> 16)
        memory[1] = UInt16(truncatingIfNeeded: whole)
        memory[2] = UInt16(truncatingIfNeeded: exported >> 16)
        memory[3] = UInt16(truncatingIfNeeded: exported)
        memory[4] = 2305
        memory[5] = frequency
        memory[100] = 42
        let results = job.reads.map { read -> Result<[UInt16], BusFailure> in
            .success(Array(memory[Int(read.address)..<Int(read.address) + Int(read.count)]))
        }
        return (.modbus(results), delay)
    }
}
