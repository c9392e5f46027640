import Credit
import Drivers
import Intervals
import Metering
import Testing

@testable import Gateway

/// An agent with one payment unit and its home, driven as a script; it can crash at any record and go on.
struct UnitBench {
    static let start = WallTime(text: "2026-03-02T10:00:30Z") ?? WallTime(milliseconds: 0)

    /// The wall clock when the bench began.
    var begin = UnitBench.start
    var agent: Agent
    let home: ScriptedHome
    var configuration: GatewayConfiguration
    var elapsed: Int64 = 0
    /// Milliseconds the wall clock was stepped.
    var step: Int64 = 0
    var isSynchronised = true
    /// The process ends when so many records are written; what else the turn wanted is not done.
    var crashAt: Int?
    private(set) var crashes = 0
    var journal: [JournalDraft] = []
    var answers: [(token: UInt64, result: Result<JSONValue, ControlFailure>)] = []
    var progress: [(token: UInt64, value: JSONValue)] = []
    var shown: [[String]] = []
    private var replies: [(at: Int64, reply: BusReply)] = []
    private var token: UInt64 = 100

    init(
        _ configuration: GatewayConfiguration, home: ScriptedHome = ScriptedHome(), recovered: RecoveredState = .empty
    ) {
        self.configuration = configuration
        self.home = home
        agent = Agent(configuration: configuration, recovered: recovered) { _, _, _ in true }
    }

    static func model(rollover: Int64? = nil) -> MeterModel {
        BenchMeters.model(rollover: rollover, extra: [BenchMeters.row("power_w", 6, .uint32, "W")])
    }

    static func configuration(
        feedback: UInt16? = 0, delay: Int64 = 0, reconnect: ReconnectPolicy = .button,
        limits: AccountLimits = AccountLimits(), policy: SupplyPolicy = SupplyPolicy(), poll: Int = 30,
        buttons: Bool = false, box: String = "BENCH"
    ) throws -> GatewayConfiguration {
        var configuration = BenchMeters.configuration([try BenchMeters.meter("M1", model: model(), poll: poll)])
        configuration.box.id = box
        configuration.ports.append(PortSettings(id: PortID("r"), wire: .modbus, line: BenchMeters.line))
        configuration.switches = [
            SwitchSettings(
                name: "relay-1",
                driver: .modbusCoil(port: PortID("r"), unit: UnitAddress(7), coil: 0, feedback: feedback),
                reconnect: reconnect, remoteDelaySeconds: delay)
        ]
        configuration.units = [
            UnitSettings(
                id: "unit-1", meters: [try BenchMeters.serial("M1")], loadSwitch: "relay-1", usagePlace: "UP-1",
                limits: limits, policy: policy,
                buttons: buttons
                    ? ButtonSettings(
                        port: PortID("r"), unit: UnitAddress(7), emergencyCredit: 1, arm: 2, nextPage: 3) : nil)
        ]
        return configuration
    }

    // MARK: Running

    var moment: Moment {
        Moment(
            wall: begin + (elapsed / 1000 + step), uptime: Uptime(microseconds: elapsed),
            kernelSynchronised: isSynchronised)
    }

    mutating func give(_ input: Input) {
        for effect in agent.handle(input, at: moment) {
            switch effect {
            case .append(let draft):
                journal.append(draft)
                if let crashAt, journal.count >= crashAt {
                    self.crashAt = nil
                    return restart()
                }
            case .bus(let request): take(request)
            case .answer(let token, let result): answers.append((token, result))
            case .progress(let token, let value): progress.append((token, value))
            case .display(_, let lines): shown.append(lines)
            default: break
            }
        }
    }

    private mutating func take(_ request: BusRequest) {
        guard let (outcome, delay) = home.answer(request.operation, at: elapsed) else { return }
        let at = elapsed + delay
        var reply = BusReply(id: request.id, port: request.port, outcome: outcome, at: moment)
        reply.at.uptime = Uptime(microseconds: at)
        let place = replies.firstIndex { $0.at > at } ?? replies.endIndex
        replies.insert((at, reply), at: place)
    }

    mutating func pass(minutes: Double) { pass(seconds: minutes * 60) }

    mutating func pass(seconds: Double) {
        let end = elapsed + Int64(seconds * 1_000_000)
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

    /// Runs until a condition holds; false when it does not within the time.
    mutating func pass(atMost minutes: Int, until done: (UnitBench) -> Bool) -> Bool {
        for _ in 0..<(minutes * 12) {
            if done(self) { return true }
            pass(seconds: 5)
        }
        return done(self)
    }

    /// The process ends and starts again with the records so far; wires lose what was under way.
    mutating func restart(_ new: GatewayConfiguration? = nil) {
        crashes += 1
        configuration = new ?? configuration
        replies = []
        agent = Agent(configuration: configuration, recovered: recovered) { _, _, _ in true }
        give(.wake)
    }

    /// What a journal gives back at a start.
    var recovered: RecoveredState {
        var state = RecoveredState.empty
        state.head = journal.last?.seq ?? 0
        state.newestAt = journal.last?.at ?? WallTime(milliseconds: 0)
        for interval in intervals where interval.revision == 0 {
            state.intervals.removeAll { $0.meter == interval.meter && $0.epoch == interval.epoch }
            state.intervals.append(interval)
        }
        for draft in journal where draft.kind == .commandReceived {
            let isEnded = journal.contains { other in
                [.commandDone, .commandRefused, .commandScheduled].contains(other.kind)
                    && other.data["jti"] == draft.data["jti"]
            }
            if !isEnded { state.unfinished.append(draft.data) }
        }
        var fold = UnitFold(configuration)
        for draft in unitRecords { fold.take(JournalEntry(draft: draft, hash: "")) }
        state.units = fold
        return state
    }

    /// What accounts and supply are folds over.
    var unitRecords: [JournalDraft] {
        journal.filter { JournalKind.ofUnitsInTests.contains($0.kind) }
    }

    // MARK: Talking

    /// A command had no answer in its turn: it waits, or the process ended.
    struct Silence: Error {}

    /// A local command of the owner; its result.
    @discardableResult
    mutating func command(
        _ name: String, _ args: JSONValue = [:], id: String? = nil, unit: String = "unit-1"
    ) throws -> JSONObject {
        let token = try send(name, args, id: id, unit: unit)
        guard let result = try answer(token)?.get().object else { throw Silence() }
        return result
    }

    mutating func send(
        _ name: String, _ args: JSONValue = [:], id: String? = nil, unit: String = "unit-1", life: Int64? = nil
    ) throws -> UInt64 {
        token += 1
        var payload: JSONObject = ["cmd": .string(name), "args": args, "sub": .string(unit)]
        if let id { payload["jti"] = .string(id) }
        if let life { payload["exp"] = .integer(moment.wall.seconds + life) }
        let bytes = JSONWriter.compact(.object(payload))
        give(
            .command(
                Envelope(
                    payload: bytes, payloadHash: String(bytes.hashValue), signature: .local(.owner, uid: 0)),
                token: token))
        return token
    }

    mutating func ask(_ request: ControlRequest) throws -> JSONValue {
        token += 1
        give(.request(request, token: token))
        return try #require(answer(token)).get()
    }

    mutating func begin(_ request: ControlRequest) -> UInt64 {
        token += 1
        give(.request(request, token: token))
        return token
    }

    func answer(_ token: UInt64) -> Result<JSONValue, ControlFailure>? { answers.last { $0.token == token }?.result }

    func failure(_ token: UInt64) -> ControlFailure? {
        if case .failure(let failure)? = answer(token) { failure } else { nil }
    }

    // MARK: Usual beginnings

    /// A tariff of 1.00 a kWh, credit, a passed test and disconnection enabled.
    mutating func commission(credit: Int64 = 2_000_000) throws {
        pass(minutes: 2)
        try setFlatTariff(1_000_000)
        try pay("first", credit)
        try enable()
    }

    mutating func setFlatTariff(_ rate: Int64, standing: Int64 = 0) throws {
        let result = try command(
            "tariff_set",
            [
                "tariff_id": 1, "unit": "kWh", "standing_micro_per_day": .integer(standing), "vat_bp": 0,
                "bands": [["name": "all", "rate_micro": .integer(rate)]],
            ])
        #expect(result["code"] == "applied", "\(result)")
    }

    mutating func pay(_ id: String, _ amount: Int64) throws {
        let result = try command("payment_add", ["payment_id": .string(id), "amount_micro": .integer(amount)])
        #expect(result["code"] == "applied", "\(result)")
    }

    mutating func enable() throws {
        let token = begin(.supplyTest(unit: "unit-1"))
        pass(seconds: 70)
        #expect(try answer(token)?.get()["passed"] == true, "\(String(describing: answer(token)))")
        let result = try command("omnipower_set", ["enabled": true])
        #expect(result["code"] == "applied", "\(result)")
    }

    // MARK: What came out

    func records(_ kind: JournalKind) -> [JSONObject] { journal.filter { $0.kind == kind }.map(\.data) }
    var intervals: [Interval] { records(.interval).compactMap { Interval(record: $0) } }
    var alarms: [String] { records(.alarm).compactMap { $0["alarm"]?.string } }
    var balance: Int64 { agent.units.units.first?.payment.account.balance ?? 0 }
    var unit: ManagedUnit? { agent.units.units.first }

    /// `disconnect exhausted`, one line an order.
    var orders: [String] {
        records(.supplyOrdered).map { "\($0["order"]?.string ?? "-") \($0["reason"]?.string ?? "-")" }
    }

    /// Energy charged, Wh.
    var charged: Int64 {
        records(.creditCharged).filter { $0["charge"] == "energy" }.reduce(0) { $0 + ($1["energy_wh"]?.integer ?? 0) }
    }

    /// Contact movements after the bench was commissioned, `open` and `close`.
    func edges(after elapsed: Int64 = 0) -> [Bool] { home.edges.filter { $0.at >= elapsed }.map(\.closed) }

    /// Faults of the record: charges that do not follow each other, keys that come twice, a balance that is no sum.
    var faults: [String] {
        var faults: [String] = []
        var keys: [String: Bool] = [:]
        var registers: [String: Int64] = [:]
        var balance: Int64 = 0
        for draft in journal {
            if keys.updateValue(true, forKey: draft.key) != nil { faults.append("key \(draft.key) twice") }
            let data = draft.data
            if draft.kind == .unitSetting, data["setting"] == "register", let value = data["value"]?.object {
                registers["\(value["meter"]?.string ?? "") \(value["channel"]?.string ?? "")"] =
                    value["register"]?.integer
            }
            if draft.kind == .creditCharged, data["charge"] == "energy" || data["charge"] == "export" {
                let name = "\(data["meter"]?.string ?? "") \(data["channel"]?.string ?? "")"
                let from = data["from_register"]?.integer ?? -1
                if let known = registers[name], known != from {
                    faults.append("\(draft.seq): charged from \(from), not \(known)")
                }
                if let energy = data["energy_wh"]?.integer, let to = data["register"]?.integer, to - from != energy {
                    faults.append("\(draft.seq): \(energy) Wh from \(from) to \(to)")
                }
                registers[name] = data["register"]?.integer
            }
            balance += data["change"]?["balance_micro"]?.integer ?? data["delta_micro"]?.integer ?? 0
        }
        if balance != self.balance { faults.append("the records sum to \(balance), the balance is \(self.balance)") }
        return faults
    }
}
