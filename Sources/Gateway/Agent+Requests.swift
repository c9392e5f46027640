import Drivers
import Metering

/// What the control socket asks of the agent.
extension Agent {
    mutating func take(_ request: ControlRequest, token: UInt64, turn: inout Turn) {
        let answer: Result<JSONValue, ControlFailure>?
        switch request {
        case .status: answer = .success(status(turn: turn))
        case .meterList: answer = .success(["meters": .array(meters.map(\.listJSON))])
        case .meterRead(let serial):
            answer = withMeter(serial, at: turn.moment.uptime) { meter in
                meter.read(for: token, at: turn.moment.uptime)
            }
        case .meterWatch(let serial):
            var now: JSONValue?
            answer = withMeter(serial, at: turn.moment.uptime) { meter in
                now = meter.watch(token)
                return nil
            }
            if let now { turn.emit(.progress(token: token, now)) }
        case .meterSurvey(let serial, let from, let to):
            answer = withMeter(serial, at: turn.moment.uptime) { meter in
                meter.survey(SurveyRun(token: token, from: from, to: to, settings: meter.settings))
            }
        case .meterScan(let order): answer = scan(order, token: token)
        case .intervalGaps(let serial): answer = intervalGaps(serial, at: turn.moment)
        case .outbox: answer = .success(delivery.outboxJSON(head: turn.head, oldestAt: nil))
        case .keyList: answer = .success(["keys": desk.keyListJSON])
        case .commissionNote(let data):
            // The answer waits, as every effect, until the record is durable.
            answer = .success(["seq": .integer(turn.nextSequence), "at": .string(turn.recordTime.text)])
            turn.append(.commissioning, data)
        case .hanStatus: answer = hanStatus(turn: turn)
        case .unitList, .unitShow, .creditShow, .supplyShow, .supplyTest, .creditReport, .requestList, .requestShow,
            .scheduleList, .press, .unitPage:
            answer = unitAnswer(request, token: token, turn: &turn)
        }
        if let answer { turn.emit(.answer(token: token, answer)) }
    }

    /// Lets a meter take a request that is answered later; an answer now is a failure.
    private mutating func withMeter(
        _ serial: MeterSerial, at now: Uptime, _ body: (inout ManagedMeter) -> ControlFailure?
    ) -> Result<JSONValue, ControlFailure>? {
        guard let index = meters.firstIndex(where: { $0.settings.serial == serial }) else {
            return .failure(unknown(serial))
        }
        let failure = body(&meters[index])
        lineUp(index, at: now)
        return failure.map { .failure($0) }
    }

    private func intervalGaps(_ serial: MeterSerial?, at moment: Moment) -> Result<JSONValue, ControlFailure> {
        if let serial, !meters.contains(where: { $0.settings.serial == serial }) { return .failure(unknown(serial)) }
        let asked = meters.filter { serial == nil || $0.settings.serial == serial }
        return .success(.array(asked.flatMap { $0.backfill.json(at: moment) }))
    }

    private func unknown(_ serial: MeterSerial) -> ControlFailure {
        let known = meters.prefix(8).map { $0.settings.serial.text }.joined(separator: ", ")
        return ControlFailure(
            code: "unknown_meter", message: "no meter \(serial) is configured",
            hint: known.isEmpty ? "add a [[meter]] to the configuration" : "configured: \(known)")
    }

    private mutating func scan(_ order: ScanOrder, token: UInt64) -> Result<JSONValue, ControlFailure>? {
        let port = portIndices[order.port] ?? addPort(order.port)
        guard !ports[port].isScanning else {
            return .failure(
                ControlFailure(
                    code: "busy", message: "port \(order.port) is being scanned already",
                    hint: "wait until that scan is done"))
        }
        guard ports[port].isUp else {
            return .failure(
                ControlFailure(
                    code: "port_down", message: "port \(order.port) is down: \(ports[port].downReason)",
                    hint: "plug the adapter in and scan again"))
        }
        ports[port].isScanning = true
        scans.append(ScanRun(token: token, order: order))
        touched.append(port)
        return nil
    }

    mutating func addPort(_ id: PortID) -> Int {
        ports.append(PortScheduler(id: id))
        portIndices[id] = ports.count - 1
        return ports.count - 1
    }

    /// The client of this token went away.
    mutating func cancel(_ token: UInt64, turn: inout Turn) {
        for meter in meters.indices { meters[meter].forget(token: token) }
        guard let scan = scans.firstIndex(where: { $0.token == token }) else { return }
        let run = scans.remove(at: scan)
        guard let port = portIndices[run.port] else { return }
        ports[port].isScanning = false
        touched.append(port)
    }

    /// `status` (contract §8).
    private func status(turn: Turn) -> JSONValue {
        let box = configuration.box
        let isWell = clock.isTrusted && meters.allSatisfy { $0.liveness.state == .live }
        let state =
            box.unconfigured
            ? "unconfigured" : delivery.rollbackSuspected ? "safe" : isWell ? "ok" : "degraded"
        return [
            "box": .string(box.id), "version": .string(box.version), "state": .string(state),
            "clock": .string(clock.isTrusted ? "trusted" : "untrusted"),
            "mqtt": .string(!box.hasMqtt ? "off" : delivery.isConnected ? "connected" : "disconnected"),
            "journal": ["head": .integer(turn.head), "acknowledged": .integer(delivery.acknowledged)],
            "meters": .array(meters.map(\.statusJSON)), "units": units.statusJSON,
        ]
    }
}
