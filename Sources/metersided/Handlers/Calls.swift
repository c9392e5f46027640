import Control
import Credit
import Gateway
import Journal
import Metering

/// What each method of the control socket does: answered here from the journal and the configuration, or made an
/// input of the agent.
extension MainLoop {
    /// Nil when the call was answered, or runs on by itself.
    func handle(_ call: ControlCall) -> Input? {
        switch call.method {
        case "version":
            server.answer(
                call.token,
                [
                    "version": .string(ProductVersion.text), "at": .string(time.now().wall.text),
                    "configuration": .string(options.configuration), "state": .string(options.state),
                    "share": JSONValue(ShareFolder.find(options.share)),
                ])
        case "doctor": server.answer(call.token, ["checks": .array(doctor().map(\.json))])
        case "config.check", "config.show", "config.reload": return handleConfiguration(call)
        case "command.list": server.answer(call.token, ["commands": Catalogue.listJSON])
        case "command.show":
            guard let spec = Catalogue.command(call.parameters.string("name") ?? "") else {
                return unknownCommand(call)
            }
            server.answer(call.token, spec.detailJSON)
        case "capture.start": startCapture(call)
        case "meter.scan": return scan(call)
        case "status": return .request(.status, token: call.token)
        default:
            guard let journal else { return unconfigured(call) }
            return handleConfigured(call, journal)
        }
        return nil
    }

    private func handleConfigured(_ call: ControlCall, _ journal: JournalStore) -> Input? {
        let parameters = call.parameters
        switch call.method {
        case "meter.list": return .request(.meterList, token: call.token)
        case "meter.read", "meter.watch", "meter.survey":
            guard let serial = MeterSerial(parameters.string("serial") ?? "") else { return unknownMeter(call) }
            switch call.method {
            case "meter.read": return .request(.meterRead(serial), token: call.token)
            case "meter.watch": return .request(.meterWatch(serial), token: call.token)
            default:
                guard let from = parameters.time("from"), let to = parameters.time("to") else { return nil }
                return .request(.meterSurvey(serial, from: from, to: to), token: call.token)
            }
        case "interval.gaps": return gaps(call)
        case "outbox.show": showOutbox(call, journal)
        case "key.list": return .request(.keyList, token: call.token)
        case "han.status": return .request(.hanStatus, token: call.token)
        case "command.send": return localCommand(call)
        case "unit.press": return press(call)
        case "request.list": return requestList(call)
        case "schedule.list": return scheduleList(call)
        case "commission.note": return noteCommissioning(call)
        case "key.import": return importKey(call)
        default:
            if upstreamCall(call) { return nil }
            if let request = unitRequest(call) { return .request(request, token: call.token) }
            if let command = command(call) {
                return localCommand(
                    call, name: command.name, unit: command.unit, args: command.args, id: command.id)
            }
            answerFromJournal(call, journal)
        }
        return nil
    }

    private func showOutbox(_ call: ControlCall, _ journal: JournalStore) {
        var outbox = ask(.outbox)?.object ?? [:]
        if outbox["pending"]?.integer ?? 0 > 0, let oldest = try? journal.entry(seq: agent.acknowledged + 1) {
            outbox["oldest_at"] = .string(oldest.draft.at.text)
        }
        outbox["parked"] = .array(upstreams?.parkedJSON ?? [])
        server.answer(call.token, .object(outbox))
    }

    private func answerFromJournal(_ call: ControlCall, _ journal: JournalStore) {
        do throws(JournalError) {
            switch call.method {
            case "events": try events(call, journal)
            case "interval.list": try intervals(call, journal)
            case "ledger.verify": startVerification(call.token)
            case "ledger.export": try exportRecords(call, journal)
            case "credit.explain": try explainCredit(call, journal)
            case "request.show": try showRequest(call, journal)
            case "commission.show": try showCommissioning(call, journal)
            default:
                server.fail(
                    call.token, code: "unknown_method", message: "\(call.method) is not served by this daemon",
                    hint: "compare `meterside version`")
            }
        } catch {
            server.fail(call.token, code: "internal", message: "\(error)", hint: "see `meterside doctor`")
        }
    }

    private func unconfigured(_ call: ControlCall) -> Input? {
        server.fail(
            call.token, code: "unconfigured", message: "this box has no configuration yet",
            hint: "write \(options.configuration), or run `meterside commission` as root")
        return nil
    }

    func unknownMeter(_ call: ControlCall) -> Input? {
        server.fail(
            call.token, code: "unknown_meter",
            message: "no meter \"\(call.parameters.string("serial") ?? "")\" is configured",
            hint: "see `meterside meter list`")
        return nil
    }

    private func unknownCommand(_ call: ControlCall) -> Input? {
        server.fail(
            call.token, code: "unknown_command",
            message: "there is no command \"\(call.parameters.string("name") ?? "")\"",
            hint: "see `meterside command list`")
        return nil
    }

    /// Asks the agent something it answers at once. Whatever else that turn wants done is done with the next turn.
    func ask(_ request: ControlRequest) -> JSONValue? {
        var answer: JSONValue?
        for effect in agent.handle(.request(request, token: 0), at: time.now()) {
            if case .answer(token: 0, let result) = effect {
                answer = try? result.get()
            } else {
                owedEffects.append(effect)
            }
        }
        return answer
    }
}
