import Drivers
import Metering

/// Looks for meters on a port: one question at a time, never a write. What answers is then asked who it is.
struct ScanRun: Sendable {
    let token: UInt64
    let port: PortID
    private let order: ScanOrder
    private var plan: ScanPlan
    private var step = Step.probing
    private var present: ScanCandidate?
    private var found: [JSONValue] = []
    /// Whether a question is on the wire.
    private(set) var isOut = false

    private enum Step: Sendable {
        case probing
        /// Asks a Modbus unit as each model in turn; which fit so far.
        case identifying(model: Int, fits: [String])
        /// Something answers, and without a log-in there is no more to learn.
        case unnamed
        /// Asks an EDMI meter for its serial number, logged in.
        case loggingIn(EdmiSession, EdmiIdentifyTask)
        case ended
    }

    /// What a scan does next.
    enum Move: Sendable {
        case send(BusOperation, LineSettings?)
        case finish
    }

    init(token: UInt64, order: ScanOrder) {
        self.token = token
        self.order = order
        port = order.port
        plan = ScanPlan(order)
    }

    /// `{found, tried}`: the answer.
    var result: JSONValue { ["found": .array(found), "tried": .integer(Int64(plan.tried))] }

    private var modbusModels: [MeterModel] { order.models.filter { !$0.dialect.isEdmi } }

    /// The next question.
    mutating func next(at now: Uptime, turn: inout Turn) -> Move {
        // Each pass sends, or comes one step further in a finite plan.
        while true {
            switch step {
            case .ended: return .finish
            case .probing:
                guard let candidate = plan.next() else {
                    step = .ended
                    return .finish
                }
                present = candidate
                report(candidate, found: nil, turn: &turn)
                return out(Self.probe(candidate), candidate.line)
            case .identifying(let model, let fits):
                if let move = identify(model, fits, turn: &turn) { return move }
            case .unnamed: name(EdmiIdentifyTask(), turn: &turn)
            case .loggingIn(var session, var task):
                let asked = session.next(&task, at: now)
                step = .loggingIn(session, task)
                if case .send(let exchange) = asked { return out(.edmi(exchange), present?.line) }
                name(task, turn: &turn)
            }
        }
    }

    private mutating func out(_ operation: BusOperation, _ line: LineSettings?) -> Move {
        isOut = true
        return .send(operation, line)
    }

    /// Takes the outcome of the question on the wire; false when the port is gone.
    mutating func take(_ outcome: BusOutcome, at now: Uptime) -> BusFailure? {
        isOut = false
        if case .failed(.portDown(let text)) = outcome { return .portDown(text) }
        guard let candidate = present else { return nil }
        switch step {
        case .ended, .unnamed: break
        case .probing:
            if Self.isAnswer(outcome, to: candidate) { beginIdentifying(candidate) }
        case .identifying(let model, let fits):
            let models = modbusModels
            guard model < models.count else { break }
            let fit = Self.fits(outcome, models[model]) ? [models[model].name] : []
            step = .identifying(model: model + 1, fits: fits + fit)
        case .loggingIn(var session, var task):
            session.receive(outcome, for: &task, at: now)
            step = .loggingIn(session, task)
        }
        return nil
    }

    // MARK: Probing

    private static func link(_ candidate: ScanCandidate, user: String, password: Secret, atlas: Bool) -> EdmiLink {
        var address: UInt32?
        if case .edmiAddressed(let serial) = candidate.probe { address = serial }
        return EdmiLink(
            dialect: atlas ? .atlas : .genius, serial: nil, address: address, user: user, password: password,
            timeout: candidate.line == nil ? 1_000_000 : 500_000, tries: 2, line: candidate.line)
    }

    private static func probe(_ candidate: ScanCandidate) -> BusOperation {
        if case .modbus(let unit) = candidate.probe {
            // Any register will do: a refusal is an answer too.
            return .modbus(job(unit, [ModbusRead(function: 3, address: 0, count: 1)], candidate.line))
        }
        return .edmi(EdmiPresence.probe(link(candidate, user: "", password: Secret([]), atlas: true)))
    }

    private static func job(_ unit: UInt8, _ reads: [ModbusRead], _ line: LineSettings?) -> ModbusJob {
        ModbusJob(
            unit: UnitAddress(unit), reads: reads, timeout: line == nil ? 500_000 : 150_000, turnaround: 10_000,
            tries: 1)
    }

    private static func isAnswer(_ outcome: BusOutcome, to candidate: ScanCandidate) -> Bool {
        switch probe(candidate) {
        case .edmi(let exchange): return EdmiPresence.reading(outcome, of: exchange) == .present
        case .contact, .inputs: return false
        case .modbus:
            guard case .modbus(let results) = outcome else { return false }
            return results.contains { result in
                switch result {
                case .success, .failure(.exception): true
                case .failure: false
                }
            }
        }
    }

    private mutating func beginIdentifying(_ candidate: ScanCandidate) {
        plan.settle(on: candidate.line)
        if case .modbus = candidate.probe {
            step = .identifying(model: 0, fits: [])
        } else if let user = order.user {
            let isAtlas = order.models.first { $0.dialect.isEdmi }?.dialect != .genius
            let link = Self.link(
                candidate, user: user, password: order.password ?? Secret([]), atlas: isAtlas)
            step = .loggingIn(EdmiSession(link), EdmiIdentifyTask())
        } else {
            step = .unnamed
        }
    }

    // MARK: Naming

    /// The probe of the next model, or the entry when all were tried.
    private mutating func identify(_ model: Int, _ fits: [String], turn: inout Turn) -> Move? {
        guard let candidate = present, case .modbus(let unit) = candidate.probe else {
            step = .probing
            return nil
        }
        let models = modbusModels
        guard model < models.count else {
            let others = fits.dropFirst().joined(separator: ", ")
            let note =
                fits.isEmpty
                ? "answers, but fits no model here" : others.isEmpty ? "" : "would also fit: \(others)"
            add(candidate, address: Int64(unit), serial: nil, model: fits.first, note: note, turn: &turn)
            return nil
        }
        guard let row = Self.probeRow(models[model]) else {
            step = .identifying(model: model + 1, fits: fits)
            return nil
        }
        let reads = ModbusPlan([row], timing: models[model].timing).reads
        return out(.modbus(Self.job(unit, reads, candidate.line)), candidate.line)
    }

    private static func probeRow(_ model: MeterModel) -> ModelRegister? {
        model.registers.first { $0.name == model.probe.register }
    }

    private static func fits(_ outcome: BusOutcome, _ model: MeterModel) -> Bool {
        guard let row = probeRow(model), case .modbus(let results) = outcome,
            case .success(let value)? = ModbusPlan([row], timing: model.timing).values(results).first
        else { return false }
        guard let range = model.probe.range else { return true }
        return value.flooredInteger.map { range.contains($0) } ?? false
    }

    private mutating func name(_ task: EdmiIdentifyTask, turn: inout Turn) {
        guard let candidate = present else { return step = .probing }
        var address: Int64?
        if case .edmiAddressed(let serial) = candidate.probe { address = Int64(serial) }
        let serial = task.serial?.text ?? address.map { String($0) }
        var note = [task.model, task.version].compactMap(\.self).joined(separator: " ")
        if task.serial == nil {
            note =
                order.user == nil
                ? "a meter answers; give a user and a password file to read its serial"
                : "a meter answers, but refused the log-in or its serial"
        }
        add(
            candidate, address: address, serial: serial, model: task.model.flatMap { modelName(saying: $0) },
            note: note, turn: &turn)
    }

    /// The model file whose name ends with the number in the meter's own words: "Mk10A" is `edmi-mk10`.
    private func modelName(saying text: String) -> String? {
        let digits = text.drop { !$0.isNumber }.prefix { $0.isNumber }
        guard !digits.isEmpty else { return nil }
        return order.models.first { $0.dialect.isEdmi && $0.name.hasSuffix("mk\(digits)") }?.name
    }

    private mutating func add(
        _ candidate: ScanCandidate, address: Int64?, serial: String?, model: String?, note: String, turn: inout Turn
    ) {
        let isModbus = if case .modbus = candidate.probe { true } else { false }
        let entry: JSONValue = [
            "protocol": isModbus ? "modbus" : "edmi", "baud": JSONValue(candidate.line?.baud),
            "format": JSONValue(candidate.line?.format.rawValue), "address": JSONValue(address),
            "serial": JSONValue(serial), "model": JSONValue(model), "note": .string(note),
        ]
        // A meter that answers plain and addressed is one meter: the address is worth more.
        if let serial { found.removeAll { $0["protocol"] == "edmi" && $0["serial"]?.string == serial } }
        found.append(entry)
        report(candidate, found: entry, turn: &turn)
        step = .probing
    }

    private func report(_ candidate: ScanCandidate, found: JSONValue?, turn: inout Turn) {
        var news: JSONObject = [
            "tried": .integer(Int64(plan.tried)), "total": .integer(Int64(plan.total)),
            "trying": .string(candidate.text),
        ]
        news["found"] = found
        turn.emit(.progress(token: token, .object(news)))
    }
}
