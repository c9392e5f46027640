import Drivers
import Metering

/// What people and the port ask of a meter.
extension ManagedMeter {
    /// Somebody wants a fresh reading: a running set is joined, else one is begun.
    mutating func read(for token: UInt64, at now: Uptime) -> ControlFailure? {
        if isRetired { return retiredFailure }
        if let portDownFailure { return portDownFailure }
        readers.append(token)
        resumeAt = nil
        want(hasDetails ? .read : .poll, since: now)
        return nil
    }

    /// Somebody wants every set of readings from now on; gives the newest one.
    mutating func watch(_ token: UInt64) -> JSONValue? {
        watchers.append(token)
        return liveness.lastGood == nil ? nil : try? JSONReader.read(board.json())
    }

    /// Whoever waits for the meter need not wait any more.
    mutating func retireRequests(turn: inout Turn) {
        let survey = edmi?.survey.map { [$0.token] } ?? []
        for token in readers + watchers + survey { turn.emit(.answer(token: token, .failure(retiredFailure))) }
        readers = []
        watchers = []
        edmi?.stopSurvey()
        edmi?.stopBackfill()
    }

    /// A meter that was replaced is there no more, whatever its last poll said.
    private var state: Liveness.State { isRetired ? .silent : liveness.state }

    private var retiredFailure: ControlFailure {
        ControlFailure(
            code: "refused", message: "meter \(settings.serial) was replaced",
            hint: "put the new meter's serial and address into this [[meter]] and reload the configuration")
    }

    /// Nil while the port is up.
    private var portDownFailure: ControlFailure? {
        portDownText.map { text in
            ControlFailure(
                code: "port_down", message: "port \(settings.port) is down: \(text)",
                hint: "plug the adapter in again; see `meterside doctor`")
        }
    }

    /// Begins a load survey.
    mutating func survey(_ run: SurveyRun) -> ControlFailure? {
        if isRetired { return retiredFailure }
        guard edmi != nil else {
            return ControlFailure(
                code: "unsupported", message: "model \(settings.model.name) has no load survey that can be read",
                hint: "`meterside interval list` shows what the gateway itself has kept")
        }
        if let portDownFailure { return portDownFailure }
        guard edmi?.survey == nil else {
            return ControlFailure(
                code: "busy", message: "a load survey of meter \(settings.serial) is being read already",
                hint: "wait until it is done")
        }
        edmi?.start(run)
        return nil
    }

    mutating func endSurvey(_ failure: MeterFailure?, turn: inout Turn) {
        guard let run = edmi?.survey else { return }
        edmi?.stopSurvey()
        let result: Result<JSONValue, ControlFailure> =
            failure.map { .failure(controlFailure($0)) } ?? .success(run.json(serial: settings.serial))
        turn.emit(.answer(token: run.token, result))
    }

    /// The client went away.
    mutating func forget(token: UInt64) {
        readers.removeAll { $0 == token }
        watchers.removeAll { $0 == token }
        if edmi?.survey?.token == token { edmi?.stopSurvey() }
    }

    /// The wire went away: what waited for it gets its answer, and every reading is missing.
    mutating func portDown(_ text: String, turn: inout Turn, _ context: MeterContext) {
        guard !isRetired else { return }
        portDownText = text
        modbus?.reset()
        edmi?.reset()
        backfill.abandon(at: turn.moment.uptime)
        endSurvey(portDownMissing, turn: &turn)
        resumeAt = nil
        board.clear(why: .portDown, at: turn.moment)
        missPoll(turn: &turn, context)
    }

    /// A poll was due, but the port is down.
    mutating func missPoll(turn: inout Turn, _ context: MeterContext) {
        answerReaders(portDownMissing, turn: &turn)
        digest(.poll, portDownMissing, turn: &turn, context)
    }

    private var portDownMissing: MeterFailure {
        MeterFailure(kind: .silent, why: .portDown, text: BusFailure.portDown(portDownText ?? "").text)
    }

    /// The wire is back: the meter is asked at once.
    mutating func portUp(at now: Uptime) {
        portDownText = nil
        nextPoll = now
    }

    /// One member of `status`.
    var statusJSON: JSONValue {
        [
            "serial": .string(settings.serial.text), "model": .string(settings.model.name),
            "port": .string(settings.port.name), "state": .string(state.rawValue),
            "last_reading_at": JSONValue(liveness.lastGood?.wall.text),
        ]
    }

    /// One member of `meter list`.
    var listJSON: JSONValue {
        var row: JSONObject = [
            "serial": .string(settings.serial.text), "model": .string(settings.model.name),
            "port": .string(settings.port.name), "address": .integer(Int64(settings.address)),
            "role": .string(settings.role), "nmi": JSONValue(settings.nmi?.text),
            "state": .string(state.rawValue), "why": JSONValue(liveness.why?.rawValue),
            "poll_seconds": .integer(Int64(settings.pollSeconds)),
            "last_reading_at": JSONValue(liveness.lastGood?.wall.text),
        ]
        // Null until it was read; a meter without a clock has no such member.
        if edmi != nil { row["clock_offset_s"] = JSONValue(board.clockOffset) }
        return .object(row)
    }
}
