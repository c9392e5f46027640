import Bus
import Control
import Gateway
import Journal
import Metering
import Upstream

/// Commands, from the broker and from the control socket, and the other events of threads.
extension MainLoop {
    /// What an event of a thread brings to the agent; nil when it is no concern of its.
    func arrival(of event: DaemonEvent) -> Arrival? {
        switch event {
        case .bus(let event): return agentInput(of: event).map { .input($0) }
        case .han(let event): return .input(agentInput(of: event))
        case .mqtt(.connected):
            log.notice("connected to the broker")
            brokerReason = ""
            return .input(.mqttConnected)
        case .mqtt(.disconnected(let reason)):
            brokerReason = reason
            note("broker", "the broker: \(reason)")
            sender.removeAll()
            return .input(.mqttDisconnected(reason))
        case .mqtt(.takenOver): return .input(.identityClash)
        case .mqtt(.receipt(let payload, let retained)): return .input(.receipt(payload, retained: retained))
        case .mqtt(.command(let payload, let retained)): return .signedCommand(payload, retained: retained)
        case .mqtt(.room): return nil
        case .https(let number, let result):
            upstreams?.replied(number, result)
            return nil
        }
    }

    private func agentInput(of event: BusEvent) -> Input? {
        switch event {
        case .reply(let reply): return .reply(reply)
        case .up(let port, let remark):
            log.notice("port \(port) is open\(remark.map { " (\($0))" } ?? "")")
            return .portUp(port)
        case .down(let port, let reason):
            note("port \(port)", "port \(port): \(reason)")
            return .portDown(port, reason)
        case .frame(let frame): captures.tell(frame, through: server)
        case .tapOverflow: captures.overflow()
        }
        return nil
    }

    /// An arrival as the agent takes it; nil for a command that cannot be recorded now: its sender repeats it.
    func input(of arrival: Arrival) -> Input? {
        switch arrival {
        case .input(let input): return input
        case .signedCommand(let payload, let retained):
            guard !committer.isStalled else {
                note("stalled", "the disk is full: commands are left unanswered until it has room")
                return nil
            }
            return .command(
                SignedCommand.envelope(payload, retained: retained, keys: agent.signingKeys, answer: storedAnswer),
                token: nil)
        }
    }

    /// The answer a command id already got.
    private func storedAnswer(_ jti: String) -> StoredAnswer? {
        do throws(JournalError) { return try journal?.answer(jti: jti) } catch {
            note("lookup", "a command id could not be looked up: \(error)")
            // An id that cannot be looked up counts as used: nothing is done twice because of a broken disk.
            return StoredAnswer(payloadHash: "", result: [:])
        }
    }

    /// A command from the control socket: the same claims without signature; the peer's role decides.
    func localCommand(_ call: ControlCall) -> Input? {
        let parameters = call.parameters
        return localCommand(
            call, name: parameters.string("name") ?? "", unit: parameters.string("unit"),
            args: parameters.object("args") ?? [:], id: parameters.string("id"),
            executeAt: parameters.time("execute_at"))
    }

    func localCommand(
        _ call: ControlCall, name: String, unit: String?, args: JSONObject, id: String?, executeAt: WallTime? = nil
    ) -> Input? {
        guard !committer.isStalled else {
            server.fail(
                call.token, code: "storage_full", message: "the disk is full; nothing can be recorded",
                hint: "free some space, then send the command again")
            return nil
        }
        var claims: JSONObject = ["cmd": .string(name), "args": .object(args)]
        claims["sub"] = unit.map { .string($0) }
        claims["jti"] = id.map { .string($0) }
        claims["execute_at"] = executeAt.map { .integer($0.seconds) }
        // Several units at once are a bulk command (contract §5); one is the command's own unit.
        if let units = call.parameters.strings("units") {
            if units.count == 1 {
                claims["sub"] = .string(units[0])
            } else {
                claims["bulk"] = ["id": .string(id ?? "local"), "units": .array(units.map { .string($0) })]
            }
        }
        let envelope = SignedCommand.local(
            payload: JSONWriter.compact(.object(claims)), role: call.role, uid: call.uid, answer: storedAnswer)
        return .command(envelope, token: call.token)
    }
}
