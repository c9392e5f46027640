import Drivers
import Metering

/// What the agent does with wires: who goes next, and whose answer came.
extension Agent {
    /// What meters must know of this turn.
    var context: MeterContext {
        MeterContext(
            trusted: clock.isTrusted, fit: slots.isFit && !recordClock.hasRunAway,
            teaches: clock.reason == .kernel || clock.reason == .host)
    }

    /// A meter's wishes may have changed: notes when it wants its turn and puts it in line for its wire.
    mutating func lineUp(_ meter: Int, at now: Uptime) {
        let (wake, port, place) = meters[meter].lineUp(at: now)
        wakes.set(meter, at: wake)
        if let port, touched.last != port { touched.append(port) }
        if let place {
            ports[place.port].enqueue(
                meter: meter, ticket: place.ticket, priority: place.priority, due: place.since)
        }
    }

    /// Gives every port on which something changed its next requests.
    mutating func dispatch(turn: inout Turn) {
        var index = 0
        while index < touched.count {
            dispatch(port: touched[index], turn: &turn)
            index += 1
        }
        touched.removeAll(keepingCapacity: true)
    }

    private mutating func dispatch(port: Int, turn: inout Turn) {
        dispatchUnits(port: port, turn: &turn)
        while let (meter, ticket) = ports[port].next() {
            guard meters[meter].takeWire(ticket: ticket) else { continue }
            guard let operation = meters[meter].next(turn: &turn, context) else {
                takeClockReading(meter, turn: &turn)
                lineUp(meter, at: turn.moment.uptime)
                continue
            }
            takeClockReading(meter, turn: &turn)
            meters[meter].isOut = true
            send(operation, line: nil, port: port, owner: .meter(meter), turn: &turn)
        }
        if ports[port].isScanning { runScan(port: port, turn: &turn) }
    }

    mutating func send(
        _ operation: BusOperation, line: LineSettings?, port: Int, owner: BusOwner, turn: inout Turn
    ) {
        lastRequest += 1
        ports[port].sent(lastRequest, by: owner, at: turn.moment.uptime)
        turn.emit(.bus(BusRequest(id: lastRequest, port: ports[port].id, operation: operation, line: line)))
    }

    /// An answer from a port.
    mutating func take(_ reply: BusReply, turn: inout Turn) {
        guard let port = portIndices[reply.port],
            let owner = ports[port].answered(reply.id, at: reply.at.uptime)
        else { return }
        if touched.last != port { touched.append(port) }
        switch owner {
        case .meter(let meter):
            meters[meter].isOut = false
            meters[meter].take(reply.outcome, at: reply.at, turn: &turn, context)
            takeClockReading(meter, turn: &turn)
            lineUp(meter, at: turn.moment.uptime)
        case .scan: takeScan(reply, port: port, turn: &turn)
        case .unit: units.take(reply, clock: clock, turn: &turn)
        case .nobody: break
        }
    }

    private mutating func takeClockReading(_ meter: Int, turn: inout Turn) {
        guard let difference = meters[meter].clockReading else { return }
        meters[meter].clockReading = nil
        clock.meterClock(agreesWithin: abs(difference), turn: &turn)
    }

    /// The cumulative registers of every meter are wanted now.
    mutating func boundaryPassed(turn: Turn) {
        for meter in meters.indices {
            meters[meter].boundaryPassed(at: turn.moment.uptime)
            lineUp(meter, at: turn.moment.uptime)
        }
    }

    /// Whoever wanted a turn by now gets it.
    mutating func runDue(turn: inout Turn) {
        let now = turn.moment.uptime
        while let meter = wakes.popDue(at: now) {
            meters[meter].wake(turn: &turn, context)
            lineUp(meter, at: now)
        }
        guard now >= nextSweep else { return }
        var isMoreLeft = false
        for meter in meters.indices where meters[meter].stateIntervals(turn: &turn, context) { isMoreLeft = true }
        nextSweep = isMoreLeft ? now + 1 : now + sweepInterval
    }

    // MARK: Ports

    mutating func portUp(_ id: PortID, turn: inout Turn) {
        guard let port = portIndices[id] else { return }
        ports[port].cameUp()
        units.portUp(id, clock: clock, turn: &turn)
        touched.append(port)
        for meter in meters.indices where meters[meter].port == port && meters[meter].portDownText != nil {
            meters[meter].portUp(at: turn.moment.uptime)
            lineUp(meter, at: turn.moment.uptime)
        }
    }

    mutating func portDown(_ id: PortID, _ text: String, turn: inout Turn) {
        guard let port = portIndices[id] else { return }
        ports[port].wentDown(text)
        units.portDown(id, clock: clock, turn: &turn)
        for meter in meters.indices where meters[meter].port == port {
            meters[meter].isOut = false
            meters[meter].inLine = nil
            meters[meter].portDown(text, turn: &turn, context)
            lineUp(meter, at: turn.moment.uptime)
        }
        endScan(on: port, failing: .portDown(text), turn: &turn)
    }

    // MARK: Scans

    private mutating func runScan(port: Int, turn: inout Turn) {
        guard let index = scans.firstIndex(where: { $0.port == ports[port].id }), !scans[index].isOut,
            ports[port].hasRoom
        else { return }
        switch scans[index].next(at: turn.moment.uptime, turn: &turn) {
        case .send(let operation, let line): send(operation, line: line, port: port, owner: .scan, turn: &turn)
        case .finish: endScan(on: port, failing: nil, turn: &turn)
        }
    }

    private mutating func takeScan(_ reply: BusReply, port: Int, turn: inout Turn) {
        guard let index = scans.firstIndex(where: { $0.port == reply.port }) else { return }
        if let failure = scans[index].take(reply.outcome, at: turn.moment.uptime) {
            endScan(on: port, failing: failure, turn: &turn)
        }
    }

    /// Ends a scan with its answer and lets polling go on.
    mutating func endScan(on port: Int, failing failure: BusFailure?, turn: inout Turn) {
        guard let index = scans.firstIndex(where: { $0.port == ports[port].id }) else { return }
        let run = scans.remove(at: index)
        ports[port].isScanning = false
        touched.append(port)
        let result: Result<JSONValue, ControlFailure> =
            if let failure {
                .failure(
                    ControlFailure(
                        code: "port_down", message: "port \(run.port): \(failure.text)",
                        hint: "plug the adapter in again and scan once more"))
            } else {
                .success(run.result)
            }
        turn.emit(.answer(token: run.token, result))
    }

    /// Sends the end of every session that wants one.
    mutating func logOff(turn: inout Turn) {
        for meter in meters.indices {
            guard let exchange = meters[meter].edmi?.logOff() else { continue }
            send(.edmi(exchange), line: nil, port: meters[meter].port, owner: .nobody, turn: &turn)
        }
    }
}
