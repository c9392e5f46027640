import Credit
import Drivers
import Metering

/// The installer's test of a unit's switch: it opens, nothing flows, it closes. Whatever happens, it ends closed.
struct SupplyTest: Sendable {
    enum Phase: Hashable, Sendable {
        /// It was found open: it is closed first.
        case closingFirst
        case opening
        /// Open: does anything flow still?
        case checkingLoad(since: Uptime, hasAsked: Bool)
        case closing
    }

    /// Nothing may take longer than this, microseconds; then it is closed and the test has failed.
    static let patience: Int64 = 60_000_000
    /// How long the meter is asked whether anything flows, microseconds.
    static let loadPatience: Int64 = 15_000_000
    /// What a meter says of the power is half a second old, or a second: it is asked so long after the contact opened.
    static let settling: Int64 = 1_500_000

    /// Nil when nobody waits any more, or for what a crash cut short.
    var token: UInt64?
    var phase: Phase
    /// Nil when nothing more is to be waited for but the switch itself.
    var deadline: Uptime?
    var steps: [JSONValue] = []
    /// Why it has failed already.
    var fault: ControlFailure?

    /// When it goes on although nothing happens.
    func nextWake(after now: Uptime) -> Uptime? {
        guard case .checkingLoad(let since, let hasAsked) = phase else { return deadline }
        let next = since + (hasAsked ? Self.loadPatience : Self.settling)
        return deadline.map { min($0, next) } ?? next
    }
}

extension ManagedUnit {
    /// Begins a test; an answer now is a failure.
    mutating func beginTest(token: UInt64, turn: inout Turn, _ context: UnitContext) -> ControlFailure? {
        if let failure = testRefusal(turn: turn, context) { return failure }
        let now = turn.moment.uptime
        let isClosed = load?.isClosed ?? true
        test = SupplyTest(
            token: token, phase: isClosed ? .opening : .closingFirst, deadline: now + SupplyTest.patience)
        pending = nil
        step("begin", "the switch is \(isClosed ? "closed" : "open")", turn: &turn)
        load?.want(SwitchMove(closes: !isClosed, reason: .test))
        return nil
    }

    private func testRefusal(turn: Turn, _ context: UnitContext) -> ControlFailure? {
        func refuse(_ code: String, _ message: String, _ hint: String) -> ControlFailure {
            ControlFailure(code: code, message: message, hint: hint)
        }
        guard let load else {
            return refuse(
                "unsupported", "unit \(id) has no switch that can be tested", "give it a [[switch]] of its own")
        }
        guard test == nil, load.move == nil else {
            return refuse("busy", "the switch of unit \(id) is moving", "wait until that is done")
        }
        guard load.isKnown else {
            return refuse(
                "no_reply", "the switch \(load.settings.name) does not answer",
                "check port, unit and wiring of the [[switch]]")
        }
        if settings.policy.neverDisconnect {
            return refuse("policy", "unit \(id) is never disconnected", "its configuration says never_disconnect")
        }
        if let until = protectedUntil(turn: turn, context) {
            return refuse(
                "policy", "supply of unit \(id) is not cut until \(until.textSeconds)", "test it after that")
        }
        if context.holdsSupply {
            return refuse("refused", "the box is in its safe state", "see `meterside doctor`")
        }
        if !context.trusted {
            return refuse(
                "clock_untrusted", "the box does not trust its clock: it may be a protected hour",
                "give it network time, or send time_attest")
        }
        guard isFresh(since: nil, at: turn.moment) else {
            return refuse(
                "data_stale", "not every meter of unit \(id) has just been read",
                "wait for two polls; see `meterside meter list`")
        }
        let history = payment.supply.history
        if history.limitUntil(turn.moment.uptime) != nil || history.dwellUntil(turn.moment.uptime) != nil {
            return refuse("busy", "the switch has moved too often, or a moment ago", "wait, at most an hour")
        }
        guard isConnected || payment.doubts.contains(.notEnabled) || !isEnabled else {
            return refuse("refused", "supply of unit \(id) is off", "connect it first, then test it")
        }
        return nil
    }

    /// Whether disconnection is enabled, and the test that it needs has passed.
    var isEnabled: Bool { payment.account.settings.disconnection.isEnabled && payment.supply.isTested }

    /// Until when the calendar protects the supply, looked at for as long as a test takes.
    private func protectedUntil(turn: Turn, _ context: UnitContext) -> WallTime? {
        let account = payment.account
        let calendar = SupplyCalendar(
            friendly: account.settings.friendlyDays, special: account.settings.specialDays, clock: account.clock)
        let margin = SupplyTest.patience / 1000
        return calendar.span(at: turn.recordTime, uncertainty: context.uncertainty + margin).protection?.until
    }

    /// The guard of a test, in the turn of its order. Closing is never refused.
    func mayMoveForTest(_ move: SwitchMove, turn: Turn, _ context: UnitContext) -> Bool {
        if move.closes { return true }
        return context.trusted && !context.holdsSupply && protectedUntil(turn: turn, context) == nil
            && !settings.policy.neverDisconnect && isFresh(since: nil, at: turn.moment)
    }

    mutating func refuseTestMove(turn: inout Turn, _ context: UnitContext) {
        failTest("refused", "supply may not be cut any more", turn: &turn)
        closeForTest(turn: &turn, context)
    }

    /// A movement of the test was seen to its end.
    mutating func testMoved(_ move: SwitchMove, turn: inout Turn, _ context: UnitContext) {
        payment.noteTestMove(at: turn.moment.uptime)
        switch test?.phase {
        case .closingFirst:
            step("closed", "the switch follows", turn: &turn)
            test?.phase = .opening
            load?.want(SwitchMove(closes: false, reason: .test))
        case .opening:
            step("opened", "the switch follows, by \(load?.evidenceWord ?? "-")", turn: &turn)
            test?.phase = .checkingLoad(since: turn.moment.uptime, hasAsked: false)
        case .closing, .checkingLoad:
            step("closed", "the switch follows", turn: &turn)
            endTest(turn: &turn, context)
        case nil: break
        }
    }

    /// A movement of the test did not happen, or nobody knows.
    mutating func testMoveFailed(_ move: SwitchMove, observed: Bool?, turn: inout Turn, _ context: UnitContext) {
        failTest(
            observed == nil ? "no_reply" : "switch_contradicted",
            "the switch did not \(move.closes ? "close" : "open")", turn: &turn)
        if move.closes, observed == false || test?.fault?.code == "switch_contradicted" {
            // Three times was enough for now: supply decides from here, and the alarm is out.
            return endTest(turn: &turn, context)
        }
        closeForTest(turn: &turn, context)
    }

    private mutating func closeForTest(turn: inout Turn, _ context: UnitContext) {
        if load?.isKnown == true, load?.isClosed == true { return endTest(turn: &turn, context) }
        test?.phase = .closing
        load?.want(SwitchMove(closes: true, reason: .test))
    }

    private mutating func failTest(_ code: String, _ message: String, turn: inout Turn) {
        guard test?.fault == nil else { return }
        let fault = ControlFailure(
            code: code, message: "unit \(id): \(message)", hint: "see `meterside supply show \(id)` and the wiring")
        test?.fault = fault
        step("fault", message, turn: &turn)
    }

    /// Goes on with a test when time has passed or a reading came.
    mutating func advanceTest(turn: inout Turn, _ context: UnitContext) {
        guard let running = test else { return }
        let now = turn.moment.uptime
        if case .checkingLoad(let since, let hasAsked) = running.phase {
            if !hasAsked, now - since >= SupplyTest.settling {
                test?.phase = .checkingLoad(since: since, hasAsked: true)
                wantedPolls = meters.map(\.serial)
            }
            checkLoad(since: since, turn: &turn, context)
        }
        guard let deadline = running.deadline, now >= deadline, test != nil else { return }
        test?.deadline = nil
        failTest("no_reply", "the switch was not seen to follow in time", turn: &turn)
        answerTest(turn: &turn)
        switch test?.phase {
        case .opening where load?.isOrderDue == true && load?.move?.orderedSeq == nil:
            _ = load?.withdraw(at: now)
            endTest(turn: &turn, context)
        case .checkingLoad: closeForTest(turn: &turn, context)
        default: break
        }
    }

    private mutating func checkLoad(since: Uptime, turn: inout Turn, _ context: UnitContext) {
        let now = turn.moment.uptime
        for meter in meters {
            guard let watts = meter.status?.powerWatts, let at = meter.status?.powerAt,
                at - since >= SupplyTest.settling
            else {
                continue
            }
            if watts > Self.flowingWatts {
                raise(.loadOnOpenSwitch, "power_w \(watts)", turn: &turn)
                failTest("load_on_open_switch", "\(watts) W flow through the open switch", turn: &turn)
            } else {
                step("load", "nothing flows: \(watts) W", turn: &turn)
            }
            return closeForTest(turn: &turn, context)
        }
        guard now - since >= SupplyTest.loadPatience else { return }
        step("load", "no meter of the unit tells the power: not checked", turn: &turn)
        closeForTest(turn: &turn, context)
    }

    private mutating func endTest(turn: inout Turn, _ context: UnitContext) {
        guard let ended = test else { return }
        if ended.fault == nil, ended.token != nil || !ended.steps.isEmpty {
            write(
                "tested", ["passed": true, "switch": .string(wiring.loadSwitch)], turn: &turn)
            payment.setTested(true)
        }
        answerTest(turn: &turn)
        test = nil
        if let closed = load?.isClosed, closed != isConnected {
            payment.follow(closed ? .connected : .disconnected, at: turn.moment.uptime)
        }
    }

    private mutating func answerTest(turn: inout Turn) {
        guard let token = test?.token else { return }
        test?.token = nil
        if let fault = test?.fault { return turn.emit(.answer(token: token, .failure(fault))) }
        let steps = test?.steps ?? []
        turn.emit(
            .answer(token: token, .success(["unit": .string(id), "passed": true, "steps": .array(steps)])))
    }

    private mutating func step(_ name: String, _ note: String, turn: inout Turn) {
        let value: JSONValue = [
            "unit": .string(id), "step": .string(name), "ok": .bool(name != "fault"), "note": .string(note),
            "at": .string(turn.recordTime.text),
        ]
        test?.steps.append(value)
        if let token = test?.token { turn.emit(.progress(token: token, value)) }
    }

    /// The configuration was loaded again in the middle of a test: what was tested is not what there is now.
    mutating func interruptTest(turn: inout Turn) {
        failTest("interrupted", "the configuration was loaded again during the test", turn: &turn)
        answerTest(turn: &turn)
    }

    /// The process ended in the middle of a test and the switch is open: it is closed, as every test ends.
    mutating func recoverTest() {
        guard test == nil else { return }
        test = SupplyTest(token: nil, phase: .closing, deadline: nil)
        test?.fault = ControlFailure(code: "interrupted", message: "the box was restarted during the test", hint: "")
        load?.want(SwitchMove(closes: true, reason: .test))
    }
}
