import Credit
import Drivers
import Metering

/// From a decision to the switch: decided, ordered, confirmed or contradicted are records of their own.
extension ManagedUnit {
    var isConnected: Bool { payment.supply.current == .connected }

    // MARK: Planning

    /// A decision was made: what it asks of the switch waits for its delay, which the record names.
    mutating func plan(_ decision: SupplyDecision, data: inout JSONObject, turn: Turn, _ context: UnitContext) {
        defer { if !decision.isHeld { recoveredDelay = nil } }
        guard !decision.isHeld, decision.state != .connected, isConnected, load != nil, test == nil else { return }
        var notBefore = turn.moment.uptime
        if let recovered = recoveredDelay, recovered.reason == decision.reason, context.trusted {
            let rest = min(max(0, recovered.notBefore - turn.moment.wall), longestDelay * 1000)
            notBefore = notBefore + rest * 1000
            data["not_before"] = .string((turn.recordTime + rest).text)
        } else if isDelayed(decision.reason) || turn.moment.uptime - startedAt < Self.startTime {
            var longest = longestDelay * 1000
            // A signed order is carried out before its exp, however long others may wait.
            // (One that was carried out and holds on, after a force_on say, has no end any more.)
            if decision.reason == .order, let end = disconnectBy, turn.recordTime <= end + Desk.grace * 1000 {
                longest = min(longest, max(0, end - turn.recordTime))
            }
            let delay = SupplyDelay.milliseconds(
                box: context.box, unit: id, seq: turn.nextSequence, atMost: longest)
            notBefore = notBefore + delay * 1000
            data["not_before"] = .string((turn.recordTime + delay).text)
        }
        pending = PendingMove(
            closes: false, reason: decision.reason, notBefore: notBefore, since: turn.moment.uptime)
    }

    /// So soon after a start many boxes may have started together, microseconds.
    private static let startTime: Int64 = 900_000_000

    /// Orders from afar, and everything that many boxes would do in the same moment: the end of a protected time, of a
    /// notice, of an outage.
    private func isDelayed(_ reason: SupplyReason) -> Bool {
        switch reason {
        case .order, .forceOff: return true
        default: break
        }
        switch lastReason {
        case .credit, .emergencyCredit, .exhausted, .forceOn, .armedWait, .test, .order, .forceOff: return false
        default: return true
        }
    }

    // MARK: Acting

    /// Lets the switch follow the decision, as far as it may now.
    mutating func act(turn: inout Turn, _ context: UnitContext) {
        if load?.isKnown == true { isUnreachableReported = false }
        guard test == nil, !expireOrder(turn: &turn, context) else { return }
        let now = turn.moment.uptime
        let decision = payment.supply.decision
        if let decision, !decision.isHeld, decision.state != .connected, !isConnected {
            // Armed or not is the box's own word: the contact is open either way.
            payment.follow(decision.state, at: now)
        }
        var wanted: Bool?
        if let decision, !decision.isHeld, (decision.state == .connected) != isConnected {
            wanted = decision.state == .connected
        }
        if let closes = wanted, let reason = decision?.reason {
            prepare(closes: closes, reason: reason, turn: &turn)
        } else {
            if let waiting = pending, !waiting.closes, decision?.isHeld == true, decision?.reason.isDoubt == true {
                // A moment's doubt does not begin the delay anew.
                recoveredDelay = (waiting.reason, turn.recordTime + (waiting.notBefore - now) / 1000)
            }
            pending = nil
            withdraw(turn: &turn)
        }
        settleWaiters(turn: &turn)
    }

    private mutating func prepare(closes: Bool, reason: SupplyReason, turn: inout Turn) {
        let now = turn.moment.uptime
        guard load?.isKnown == true else { return }
        if let move = load?.move {
            guard move.closes != closes, load?.isOrderDue == true else { return }
            withdraw(turn: &turn)
        }
        if pending?.closes != closes {
            pending = PendingMove(closes: closes, reason: reason, notBefore: now, since: now)
        }
        guard let waiting = pending, now >= waiting.notBefore, load?.retryAt.map({ now >= $0 }) ?? true else { return }
        if closes {
            // Somebody's hand may be at work behind a switch that opened by itself.
            let isAutomatic = payment.supply.reconnect(payment.account) == .automatic
            guard !isSelfOpened || isClosingAsked || isAutomatic || reason == .forceOn else { return }
        } else if !isFresh(since: reason == .exhausted ? waiting.since : nil, at: turn.moment) {
            guard !waiting.hasAsked else { return }
            pending?.hasAsked = true
            wantedPolls = meters.map(\.serial)
            return
        }
        load?.want(SwitchMove(closes: closes, reason: reason))
    }

    /// An order that waits for its port is not wanted any more.
    private mutating func withdraw(turn: inout Turn) {
        guard let move = load?.withdraw(at: turn.moment.uptime) else { return }
        contradict(move, observed: load?.isClosed, why: "withdrawn", turn: &turn)
    }

    /// The guard, in the turn of the order: everything is looked at again, and for as long as the order may still wait.
    mutating func mayOrder(_ move: SwitchMove, turn: Turn, _ context: UnitContext) -> Bool {
        if test != nil { return mayMoveForTest(move, turn: turn, context) }
        payment.doubts = doubts(at: turn.moment, context)
        if move.closes {
            let decision = payment.preview(at: turn.instant(context))
            return !decision.isHeld && decision.state == .connected
        }
        let decision = payment.preview(at: turn.instant(context, later: LoadSwitch.orderLife / 1000))
        return !decision.isHeld && decision.state != .connected && isFresh(since: nil, at: turn.moment)
    }

    // MARK: The port

    /// The next job for the unit's switch or buttons on a port.
    mutating func nextJob(
        on port: PortID, request: UInt64, turn: inout Turn, _ context: UnitContext
    ) -> BusOperation? {
        let now = turn.moment.uptime
        if load?.port == port, load?.request == nil {
            if load?.isOrderDue == true, let move = load?.move {
                if mayOrder(move, turn: turn, context) { return order(move, request: request, turn: &turn) }
                withdraw(turn: &turn)
                pending = nil
                if test != nil { refuseTestMove(turn: &turn, context) } else { reconsider(turn: &turn, context) }
            }
            if let job = load?.look(request, at: now) { return .contact(job) }
        }
        if buttons?.settings.port == port, buttons?.isDue(at: now) == true, let job = buttons?.look(request, at: now) {
            return .inputs(job)
        }
        return nil
    }

    private mutating func order(_ move: SwitchMove, request: UInt64, turn: inout Turn) -> BusOperation? {
        let state: SupplyState = move.closes ? .connected : payment.supply.decision?.state ?? .disconnected
        let seq = turn.append(
            .supplyOrdered,
            [
                "unit": .string(id), "switch": JSONValue(load?.settings.name),
                "order": move.closes ? "connect" : "disconnect", "state": .string(state.rawValue),
                "reason": .string(move.reason.rawValue), "attempt": JSONValue(move.attempt),
                "balance_micro": .integer(payment.account.balance),
            ])
        return load?.order(request, seq: seq, at: turn.moment.uptime).map { .contact($0) }
    }

    /// Whether something waits for a port.
    func isDue(at now: Uptime) -> Bool { load?.isDue(at: now) == true || buttons?.isDue(at: now) == true }

    var ports: [PortID] { [load?.port, buttons?.settings.port].compactMap(\.self) }

    // MARK: What became of it

    mutating func take(_ news: SwitchNews, turn: inout Turn, _ context: UnitContext) {
        switch news {
        case .found(let closed): found(closed, turn: &turn)
        case .followed(let move): followed(move, turn: &turn, context)
        case .failed(let move, let observed):
            lastFailed = move
            contradict(move, observed: observed, why: observed == nil ? "no_reply" : "not_followed", turn: &turn)
            raise(.switchContradicted, observed == nil ? "no_reply" : "not_followed", turn: &turn)
            if let observed { follow(observed, at: turn.moment.uptime) }
            failWaiters(closes: move.closes, isSilent: observed == nil)
            if test != nil { testMoveFailed(move, observed: observed, turn: &turn, context) }
        case .changed(let closed): changed(closed, turn: &turn, context)
        case .lost:
            guard !isUnreachableReported else { break }
            isUnreachableReported = true
            raise(.switchContradicted, "no_reply", turn: &turn)
        }
        refresh(turn: &turn, context)
    }

    /// The first look since the start: an order that the process did not see to its end is not repeated, it is looked
    /// whether it happened.
    private mutating func found(_ closed: Bool, turn: inout Turn) {
        let order = unconfirmed
        unconfirmed = nil
        let isExpected = wasSeen && closed == isConnected
        if let order, order.closes == closed || isExpected {
            confirm(closed, ordered: order.closes == closed ? order.seq : nil, turn: &turn)
            follow(closed, at: turn.moment.uptime)
        } else if !wasSeen {
            confirm(closed, ordered: nil, turn: &turn)
            follow(closed, at: turn.moment.uptime)
        } else if !isExpected {
            unordered(closed, turn: &turn)
        }
        if !closed { openSince = openSince ?? turn.moment.uptime }
        wasSeen = true
        // A test that a crash cut short ends closed, as every test does.
        if !closed, isTestOpen { recoverTest() }
        isTestOpen = false
    }

    private mutating func followed(_ move: SwitchMove, turn: inout Turn, _ context: UnitContext) {
        confirm(move.closes, ordered: move.orderedSeq, turn: &turn)
        pending = nil
        isSelfOpened = false
        isClosingAsked = false
        lastFailed = nil
        if test != nil { return testMoved(move, turn: &turn, context) }
        follow(move.closes, at: turn.moment.uptime)
    }

    private mutating func changed(_ closed: Bool, turn: inout Turn, _ context: UnitContext) {
        if let failed = lastFailed, failed.closes == closed {
            // It followed after all, late.
            lastFailed = nil
            confirm(closed, ordered: failed.orderedSeq, turn: &turn)
            follow(closed, at: turn.moment.uptime)
            return
        }
        unordered(closed, turn: &turn)
    }

    /// The contact is where nobody has ordered it.
    private mutating func unordered(_ closed: Bool, turn: inout Turn) {
        let why = closed ? "self_closed" : "self_opened"
        turn.append(
            .supplyContradicted,
            [
                "unit": .string(id), "switch": JSONValue(load?.settings.name),
                "observed": .string(Self.word(closed)), "ordered": .null, "why": .string(why),
            ])
        raise(closed ? .switchContradicted : .switchSelfOpened, why, turn: &turn)
        isSelfOpened = !closed
        isClosingAsked = false
        follow(closed, at: turn.moment.uptime)
        // The customer may close what opened by itself.
        if !closed { payment.follow(.armed, at: turn.moment.uptime) }
    }

    /// The contact is known to be there now.
    private mutating func follow(_ closed: Bool, at now: Uptime) {
        openSince = closed ? nil : now
        loadLooks = 0
        isLoadReported = false
        guard closed != isConnected else { return }
        let armed = payment.supply.decision?.state == .armed
        payment.follow(closed ? .connected : armed ? .armed : .disconnected, at: now)
    }

    private func confirm(_ closed: Bool, ordered: Int64?, turn: inout Turn) {
        var data: JSONObject = [
            "unit": .string(id), "switch": JSONValue(load?.settings.name), "observed": .string(Self.word(closed)),
            "by": JSONValue(load?.evidenceWord),
        ]
        if let ordered { data["ordered_seq"] = .integer(ordered) }
        turn.append(.supplyConfirmed, data)
    }

    private func contradict(_ move: SwitchMove, observed: Bool?, why: String, turn: inout Turn) {
        var data: JSONObject = [
            "unit": .string(id), "switch": JSONValue(load?.settings.name),
            "ordered": .string(Self.word(move.closes)), "why": .string(why), "attempts": JSONValue(move.attempt),
        ]
        if let observed { data["observed"] = .string(Self.word(observed)) }
        if let seq = move.orderedSeq { data["ordered_seq"] = .integer(seq) }
        turn.append(.supplyContradicted, data)
    }

    func raise(_ alarm: AlarmWord, _ why: String, turn: inout Turn) {
        turn.alarm(
            alarm,
            [
                "unit": .string(id), "switch": JSONValue(load?.settings.name), "why": .string(why),
                "observed": load?.isClosed.map { .string(Self.word($0)) } ?? .null,
            ])
    }

    static func word(_ closed: Bool) -> String {
        (closed ? SupplyState.connected : SupplyState.disconnected).rawValue
    }

    // MARK: Load

    /// Watts that flow for certain: a meter's own consumption and noise are far below.
    static let flowingWatts: Int64 = 50
    private static let openGrace: Int64 = 30_000_000

    /// Load through an open switch: said once for each time it is open.
    mutating func watchLoad(_ status: MeterStatus, turn: inout Turn) {
        guard let since = openSince, load?.isKnown == true, load?.move == nil, test == nil, !isConnected,
            let watts = status.powerWatts, let at = status.powerAt, at - since > Self.openGrace, !isLoadReported
        else { return }
        loadLooks = watts > Self.flowingWatts ? loadLooks + 1 : 0
        // One value may be wrong.
        guard loadLooks >= 2 else { return }
        isLoadReported = true
        raise(.loadOnOpenSwitch, "power_w \(watts)", turn: &turn)
    }
}

extension SupplyReason {
    /// Doubt, or the switch's own limits: what passes, and says nothing about why supply is to be cut.
    var isDoubt: Bool {
        switch self {
        case .clockUntrusted, .readingUnconfirmed, .dataStale, .wrongMeter, .journalFault, .dwell, .switchLimit: true
        default: false
        }
    }
}

/// A delay that differs from box to box and from time to time, and is the same whenever the same journal is replayed.
enum SupplyDelay {
    /// 0…`atMost` milliseconds.
    static func milliseconds(box: String, unit: String, seq: Int64, atMost: Int64) -> Int64 {
        guard atMost > 0 else { return 0 }
        // FNV-1a over the names, then the finaliser of SplitMix64.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(box)/\(unit)/\(seq)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
        return Int64(hash % UInt64(atMost + 1))
    }
}
