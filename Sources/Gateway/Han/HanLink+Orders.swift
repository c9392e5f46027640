import Metering

/// `han_bind`, `han_unbind` and `han_bind_status_get`. The install code is in none of them: the daemon puts it into
/// the one request that needs it.
extension HanLink {
    /// Begins a bind. Nil when its end is told later in `finished`.
    mutating func bind(id: String, args: JSONObject, turn: inout Turn) throws(Refusal) -> Outcome? {
        let rebind = args["rebind"]?.bool ?? false
        try binding.check(rebind: rebind, resend: args["resend"]?.bool ?? false)
        guard pending == nil else { throw .precondition("bind_under_way", "another bind or unbind is under way") }
        guard let mac = readings.device?.device else {
            throw .precondition("no_adapter", "the HAN adapter has not told its address yet; is it plugged in?")
        }
        guard readings.device?.installCodeMatches != false else {
            throw .precondition(
                "install_code_differs", "the adapter carries another install code than install_code_file says")
        }
        guard settings.hasPowerBox else {
            binding.request(by: id, nil, at: turn.moment)
            tellBinding(key: .name(id), turn: &turn)
            return Outcome(
                message: "give the utility the address \(mac.separated) and the install code of the label; "
                    + "the box waits for the meter",
                result: ["bind": binding.json, "mac": .string(mac.text), "waits_for": "utility"])
        }
        guard let meter = settings.meter else {
            throw .precondition("no_meter", "write meter, its serial, into [han] of the configuration")
        }
        guard settings.hasInstallCode else {
            throw .precondition("no_install_code", "write install_code_file into [han] of the configuration")
        }
        let pair = HanBinding.Pair(mac: mac.text, meter: meter.text)
        if rebind, binding.isHeldUpstream || binding.state == .bound {
            binding.requestRelease(by: id, at: turn.moment)
            ask(.unbindThenBind, id: id + ".unbind", command: id, binding.held ?? pair, turn: &turn)
        } else {
            binding.request(by: id, pair, at: turn.moment)
            ask(.bind, id: id, command: id, pair, turn: &turn)
        }
        return nil
    }

    /// Ends a binding. Nil when its end is told later.
    mutating func unbind(id: String, turn: inout Turn) throws(Refusal) -> Outcome? {
        guard pending == nil else { throw .precondition("bind_under_way", "another bind or unbind is under way") }
        guard binding.state != .unbound || binding.isHeldUpstream else {
            throw .precondition("not_bound", "the box is not bound")
        }
        guard settings.hasPowerBox else {
            binding.requestRelease(by: id, at: turn.moment)
            binding.released(at: turn.moment)
            tellBinding(key: .name(id), turn: &turn)
            return Outcome(
                message: "the box counts as unbound; ask the utility to take its address off the meter",
                result: ["bind": binding.json, "waits_for": "utility"])
        }
        guard let pair = binding.held ?? configured else {
            throw .precondition("no_adapter", "the HAN adapter has not told its address yet; is it plugged in?")
        }
        binding.requestRelease(by: id, at: turn.moment)
        ask(.unbind, id: id, command: id, pair, turn: &turn)
        return nil
    }

    /// The state and what it waits for; reads nothing from the wire.
    func bindStatus(at moment: Moment) -> Outcome {
        var result = binding.json.object ?? JSONObject()
        result["late"] = .bool(binding.isLate(at: moment.uptime))
        result["link"] = .string(group.rawValue)
        result["through"] = .string(settings.hasPowerBox ? "powerbox" : "utility")
        result["mac"] = JSONValue(readings.device?.device?.text)
        result["han_meter"] = JSONValue(readings.meter?.text)
        result["meter"] = JSONValue(settings.meter?.text)
        return Outcome(message: "the binding is \(binding.state.rawValue)", result: .object(result))
    }

    /// The record comes first, in the same turn: what is sent is known to have been sent, whatever happens then.
    private mutating func ask(
        _ step: Pending.Step, id: String, command: String, _ pair: HanBinding.Pair, turn: inout Turn
    ) {
        pending = Pending(id: id, command: command, step: step, deadline: turn.moment.uptime + Self.answerTime)
        tellBinding(key: id == command + ".bind" ? .sequence : .name(command), turn: &turn)
        send(step == .bind ? "bind" : "unbind", id: id, pair, turn: &turn)
    }

    /// What would be bound now; nil before the adapter has told its address.
    private var configured: HanBinding.Pair? {
        guard let mac = readings.device?.device, let meter = settings.meter else { return nil }
        return HanBinding.Pair(mac: mac.text, meter: meter.text)
    }

    private func send(_ operation: String, id: String, _ pair: HanBinding.Pair?, turn: inout Turn) {
        var args: JSONObject = [:]
        args["mac"] = pair.map { .string($0.mac) }
        args["meter"] = (pair?.meter ?? settings.meter?.text).map { .string($0) }
        turn.emit(.upstream(UpstreamOrder(id: id, system: "powerbox", operation: operation, args: args)))
    }

    // MARK: Answers

    /// Takes an upstream answer; false when it is not one of ours.
    mutating func takeUpstream(
        id: String, _ result: Result<JSONValue, ControlFailure>, turn: inout Turn
    ) -> Bool {
        if id.hasSuffix(Self.customerSuffix), id.dropLast(Self.customerSuffix.count) == binding.by ?? "" {
            // Only read to be seen in the journal of the runner: what proves a bind is the radio.
            return true
        }
        guard let asked = waiting(for: id) else { return false }
        pending = nil
        switch result {
        case .success: answered(asked, turn: &turn)
        case .failure(let failure) where Self.isUnknown(failure):
            binding.lostAnswer()
            turn.append(.hanState, record(what: "bind", was: nil))
            send("customer", id: asked.command + Self.customerSuffix, nil, turn: &turn)
            finish(
                asked,
                .failure(
                    Refusal(
                        code: .noReply, detail: "unknown",
                        message: "whether it arrived is not known; it is not sent again. Wait for the radio to join")))
        case .failure(let failure):
            var message = failure.message
            if asked.step == .bind {
                binding.refused(failure.code, at: turn.moment)
            } else {
                binding.releaseRefused(failure.code, at: turn.moment)
                message += ". If the utility has forgotten this binding, a bind with resend is sent without undoing it"
            }
            tellBinding(turn: &turn)
            finish(asked, .failure(.precondition(Self.word(failure.code), message)))
        }
        return true
    }

    /// The order this answer belongs to; after a restart it is known from the binding alone.
    private func waiting(for id: String) -> Pending? {
        if let pending { return pending.id == id ? pending : nil }
        guard id == binding.by, binding.isUnknown else { return nil }
        let step: Pending.Step? =
            switch binding.state {
            case .requested: .bind
            case .releasing: .unbind
            default: nil
            }
        return step.map { Pending(id: id, command: id, step: $0, deadline: Uptime(microseconds: 0)) }
    }

    private mutating func answered(_ asked: Pending, turn: inout Turn) {
        switch asked.step {
        case .bind:
            binding.accepted(at: turn.moment)
            tellBinding(turn: &turn)
            // The radio may have been faster than the answer.
            binding.saw(group, at: turn.moment)
            tellBinding(turn: &turn)
            finish(
                asked,
                .success(
                    Outcome(
                        message: "accepted, which is not bound: the meter has up to 48 hours",
                        result: ["bind": binding.json])))
        case .unbind:
            binding.released(at: turn.moment)
            tellBinding(turn: &turn)
            finish(asked, .success(Outcome(message: "unbound", result: ["bind": binding.json])))
        case .unbindThenBind:
            binding.released(at: turn.moment)
            tellBinding(turn: &turn)
            guard let pair = configured else {
                return finish(
                    asked, .failure(.precondition("no_adapter", "unbound, but the HAN adapter went away meanwhile")))
            }
            binding.request(by: asked.command, pair, at: turn.moment)
            ask(.bind, id: asked.command + ".bind", command: asked.command, pair, turn: &turn)
        }
    }

    private mutating func finish(_ asked: Pending, _ result: Result<Outcome, Refusal>) {
        finished.append((asked.command, result))
    }

    mutating func takeFinished() -> [(id: String, result: Result<Outcome, Refusal>)] {
        defer { finished = [] }
        return finished
    }

    private static let customerSuffix = ".customer"
    /// The runner answers within its own deadlines; this is far beyond them, microseconds.
    private static let answerTime: Int64 = 900_000_000
    static let noAnswer = ControlFailure(
        code: "unknown", message: "no answer came from the upstream runner", hint: "wait for the radio to join")

    /// Sent, and no answer that says what became of it.
    private static func isUnknown(_ failure: ControlFailure) -> Bool {
        ["unknown", "timeout", "no_reply"].contains(failure.code)
    }

    private static func word(_ code: String) -> String { Identifier.isValid(code) ? code : "refused" }
}
