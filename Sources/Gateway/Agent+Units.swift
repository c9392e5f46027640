import Credit
import Drivers
import Metering

/// The payment units in a turn of the agent.
extension Agent {
    /// Makes the units of the configuration in force, and lets their meters tell them what happens.
    mutating func installUnits(turn: inout Turn) {
        noteHold(at: turn.moment.uptime)
        units.install(configuration, intervals: recovered.intervals, clock: clock, turn: &turn)
        // The units have it now.
        recovered.units = nil
        billed = []
        for meter in meters.indices {
            let isBilled = units.isBilled(meters[meter].settings.serial)
            meters[meter].isBilled = isBilled
            guard isBilled else { continue }
            meters[meter].hasNews = true
            billed.append(meter)
        }
        for port in ports where !port.isUp { units.portDown(port.id, clock: clock, turn: &turn) }
    }

    private mutating func noteHold(at now: Uptime) {
        units.holdsSupply = storage.holdsSupply || delivery.rollbackSuspected || identity.holdsSupply(at: now)
    }

    /// Whatever happened to meters and clocks in this turn comes to the units.
    mutating func runUnits(turn: inout Turn) {
        guard !units.units.isEmpty else { return }
        noteHold(at: turn.moment.uptime)
        for meter in billed where meters[meter].hasNews {
            meters[meter].hasNews = false
            let news = meters[meter].news
            meters[meter].news = []
            units.observe(meters[meter].billing, news, clock: clock, turn: &turn)
        }
        let (portIndices, ports) = (portIndices, ports)
        units.wake(clock: clock, isUp: { portIndices[$0].map { ports[$0].isUp } ?? true }, turn: &turn)
        settleUnits(turn: &turn)
    }

    /// What the units want of ports and meters.
    mutating func settleUnits(turn: inout Turn) {
        for serial in units.takeWantedPolls() {
            guard let meter = meters.firstIndex(where: { $0.settings.serial == serial }) else { continue }
            meters[meter].pollSoon(at: turn.moment.uptime)
            meters[meter].wake(turn: &turn, context)
            lineUp(meter, at: turn.moment.uptime)
        }
        for port in units.takeTouchedPorts() {
            let index = portIndices[port] ?? addPort(port)
            if !touched.contains(index) { touched.append(index) }
        }
    }

    /// Jobs of units for a port: relay orders go before everything else.
    mutating func dispatchUnits(port: Int, turn: inout Turn) {
        while ports[port].hasRoom,
            let job = units.nextJob(on: ports[port].id, request: lastRequest + 1, clock: clock, turn: &turn)
        {
            send(job, line: nil, port: port, owner: .unit, turn: &turn)
        }
    }

    /// After the ports were given their requests: what came to an end with it, and what is wanted on top.
    mutating func closeUnits(turn: inout Turn) {
        guard !units.units.isEmpty else { return }
        settleUnits(turn: &turn)
        for end in units.takeFinished() { desk.finish(end.id, end.result, turn: &turn) }
    }

    // MARK: The control socket

    /// What is asked about units; nil for other requests, and where the answer comes later.
    mutating func unitAnswer(
        _ request: ControlRequest, token: UInt64, turn: inout Turn
    ) -> Result<JSONValue, ControlFailure>? {
        switch request {
        case .unitList: return .success(["units": units.listJSON(at: turn.recordTime)])
        case .unitShow(let id): return show(id) { $0.snapshotJSON(unit: id, at: turn.recordTime) }
        case .creditShow(let id):
            let head = turn.head
            return show(id) { hub in
                guard var credit = hub.creditJSON(unit: id, at: turn.recordTime)?.object else { return nil }
                credit["as_of_seq"] = .integer(head)
                return .object(credit)
            }
        case .supplyShow(let id): return show(id) { $0.supplyJSON(unit: id) }
        case .creditReport(let id, let from, let to):
            return show(id) { $0.creditReportJSON(unit: id, from: from, to: to, at: turn.recordTime) }
        case .supplyTest(let id): return testSupply(id, token: token, turn: &turn)
        case .press(let id, let button): return press(id, button, turn: &turn)
        case .unitPage(let id): return show(id) { $0.pageJSON(unit: id, at: turn.recordTime) }
        case .requestList(let filter): return desk.requestListJSON(filter)
        case .requestShow(let id): return desk.requestShowJSON(id)
        case .scheduleList(let filter): return desk.scheduleListJSON(filter)
        default: return nil
        }
    }

    private func show(_ id: String, _ body: (UnitHub) -> JSONValue?) -> Result<JSONValue, ControlFailure> {
        body(units).map { .success($0) } ?? .failure(unknownUnit(id))
    }

    private func unknownUnit(_ id: String) -> ControlFailure {
        let known = units.ids.prefix(8).joined(separator: ", ")
        return ControlFailure(
            code: "unknown_unit", message: "no unit \(id) is configured",
            hint: known.isEmpty ? "add a [[unit]] to the configuration" : "configured: \(known)")
    }

    private mutating func testSupply(
        _ id: String, token: UInt64, turn: inout Turn
    ) -> Result<JSONValue, ControlFailure>? {
        var failure: ControlFailure?
        let known: Void? = try? units.change(id, clock: clock, turn: &turn) { unit, turn, context in
            failure = unit.beginTest(token: token, turn: &turn, context)
        }
        guard known != nil else { return .failure(unknownUnit(id)) }
        settleUnits(turn: &turn)
        return failure.map { .failure($0) }
    }

    private mutating func press(
        _ id: String, _ button: UnitButton, turn: inout Turn
    ) -> Result<JSONValue, ControlFailure> {
        do throws(Refusal) {
            let known: Void? = try units.change(id, clock: clock, turn: &turn) {
                (unit, turn, context) throws(Refusal) -> Void in
                try unit.press(button, turn: &turn, context)
            }
            guard known != nil else { return .failure(unknownUnit(id)) }
        } catch {
            return .failure(
                ControlFailure(
                    code: "refused", message: error.message, hint: "see `meterside unit show \(id)`"))
        }
        settleUnits(turn: &turn)
        return .success(["unit": .string(id), "pressed": .string(button.rawValue)])
    }
}
