import Control
import Gateway
import Journal
import Metering
import Upstream

/// The upstream systems in the one loop.
extension MainLoop {
    /// Takes the configured systems into use, or a new configuration of them.
    func startUpstreams() {
        guard let configuration, let journal else { return }
        if let upstreams {
            return upstreams.reconfigure(configuration.upstreams, gateway: configuration.gateway)
        }
        guard !configuration.upstreams.names.isEmpty else { return }
        let mailbox = mailbox
        let time = time
        do throws(JournalError) {
            let service = try UpstreamService(
                settings: configuration.upstreams, gateway: configuration.gateway, journal: journal, log: log,
                clock: { time.now() },
                deliver: { number, result in mailbox.post([.https(number, result)]) })
            service.resumeEvents()
            upstreams = service
            settleBinding(service)
        } catch {
            log.error("upstream systems are off: \(error)")
        }
    }

    /// The process ended while a binding was asked for. Each request is journalled before it leaves: without that
    /// record it was never sent, and may be asked for again.
    private func settleBinding(_ service: UpstreamService) {
        guard let bind = ask(.hanStatus)?["bind"], bind["detail"] == "unknown", let id = bind["by"]?.string else {
            return
        }
        let ids = [id, "\(id).bind", "\(id).unbind"]
        guard !ids.contains(where: { service.runner.history.item(PowerBoxSystem.name, id: $0) != nil }) else { return }
        let failure = ControlFailure(
            code: "not_sent", message: "the box stopped before it was sent", hint: "ask for it again")
        owedArrivals.append(.input(.upstream(id: id, .failure(failure))))
    }

    /// Lets upstream work go on; what comes of it for the agent.
    func advanceUpstreams() -> [Arrival] {
        guard let upstreams else { return [] }
        var arrivals: [Arrival] = []
        for message in upstreams.advance() {
            switch message {
            case .input(let input): arrivals.append(.input(input))
            case .answer(let token, .success(let value)): server.answer(token, value)
            case .answer(let token, .failure(let failure)):
                server.fail(token, code: failure.code, message: failure.message, hint: failure.hint)
            case .progress(let token, let words): server.progress(token, ["message": .string(words)])
            }
        }
        return arrivals
    }

    /// A command for an upstream system.
    func perform(_ order: UpstreamOrder) {
        guard let upstreams else {
            if order.operation == "commissioning_status_get" {
                owedArrivals.append(
                    .input(.upstream(id: order.id, .success(["state": "unregistered", "done": [:]]))))
                return
            }
            let failure = ControlFailure(UpstreamRunner.notConfigured(order.system))
            owedArrivals.append(.input(.upstream(id: order.id, .failure(failure))))
            return
        }
        upstreams.take(han.completed(order))
    }

    // MARK: The control socket

    /// `reposit.*`, `redex.*`, `outbox.retry`; false when the call is none of them.
    func upstreamCall(_ call: ControlCall) -> Bool {
        let noun = call.method.prefix { $0 != "." }
        let verb = String(call.method.dropFirst(noun.count + 1))
        switch noun {
        case "reposit":
            guard let upstreams else { return notConfigured(call, RepositSystem.name) }
            upstreams.repositCall(verb, call.parameters.members, token: call.token)
        case "redex":
            guard let upstreams else { return notConfigured(call, RedexSystem.name) }
            upstreams.redexCall(verb, call.parameters.members, token: call.token)
        default:
            guard call.method == "outbox.retry" else { return false }
            retryOutbox(call)
        }
        return true
    }

    private func notConfigured(_ call: ControlCall, _ system: String) -> Bool {
        let fault = UpstreamRunner.notConfigured(system)
        server.fail(call.token, code: fault.code, message: fault.message, hint: fault.hint)
        return true
    }

    func retryOutbox(_ call: ControlCall) {
        let count =
            upstreams?.retryParked(
                system: call.parameters.string("system"), seq: call.parameters.integer("seq")) ?? 0
        guard count > 0 else {
            server.fail(
                call.token, code: "refused", message: "nothing that fits is parked",
                hint: "see `meterside outbox show`")
            return
        }
        server.answer(call.token, ["retried": .integer(Int64(count))])
    }
}
