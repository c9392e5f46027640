import Gateway
import Metering
import Upstream

/// What commands and people ask of upstream systems.
extension UpstreamService {
    /// A command of the catalogue; its end goes back to the agent as `Input.upstream`.
    func take(_ order: UpstreamOrder) {
        let waiter = Waiter.order(order.id) { .object($0) }
        if order.operation == "commissioning_status_get" { return finish(waiter, commissioningStatus) }
        guard runner.has(order.system) else {
            return fail(waiter, UpstreamRunner.notConfigured(order.system))
        }
        switch order.system {
        case RepositSystem.name:
            do throws(UpstreamFault) {
                attend(order.id, RepositSystem.name, try repositWork(order.operation, order.args), waiter)
            } catch {
                fail(waiter, error)
            }
        case RedexSystem.name: takeRedex(order)
        case PowerBoxSystem.name: takePowerBox(order, waiter)
        default: fail(waiter, UpstreamFault("unsupported", "\(order.system) takes no commands"))
        }
    }

    private func takeRedex(_ order: UpstreamOrder) {
        let isRefresh = order.operation.hasSuffix("_refresh")
        switch order.operation {
        case "devices_refresh", "devices_get":
            let waiter = Waiter.order(order.id) { [weak self] in
                self?.devicesAnswer($0) ?? .null
            }
            if !isRefresh { return last(devices, waiter) }
            fetch("devices", id: order.id, refresh: true, waiter)
        case "brands_refresh", "brands_get":
            let waiter = Waiter.order(order.id) { .object(["brands": $0["items"] ?? []]) }
            if !isRefresh { return last(brands, waiter) }
            fetch("brands", id: order.id, refresh: true, waiter)
        case "generation_submit":
            let rows = submitGeneration(again: true)
            finish(.order(order.id) { .object($0) }, ["rows": .integer(Int64(rows))])
        default:
            fail(.order(order.id) { .object($0) }, UpstreamFault("unsupported", "REDEX has no \(order.operation)"))
        }
    }

    /// The last list, as it is; a failure when none was ever fetched.
    private func last(_ cache: UpstreamCache, _ waiter: Waiter) {
        guard cache.fetchedAt != nil else {
            return fail(waiter, UpstreamFault("no_reply", "nothing was fetched yet", hint: "ask for a refresh first"))
        }
        finish(waiter, cache.result)
    }

    // MARK: PowerBox

    private func takePowerBox(_ order: UpstreamOrder, _ waiter: Waiter) {
        switch order.operation {
        case "customer_get": last(customer, waiter)
        case "customer", "customer_refresh": askCustomer(order.id, waiter)
        case "unbind": attend(order.id, PowerBoxSystem.name, UpstreamWork("unbind", order.args), waiter, again: true)
        case "bind":
            guard let meter = order.args["meter"]?.string else {
                return fail(waiter, UpstreamFault("usage", "the meter is missing", hint: "write it into [han]"))
            }
            // The account must allow it, and the utility must know the meter: asked before, never guessed.
            askCustomer(
                order.id + ".customer",
                .inner { [weak self] settlement in
                    guard let self else { return }
                    guard case .done(let customer) = settlement else { return self.finish(waiter, settlement) }
                    if let objection = PowerBoxRules.objection(toBinding: meter, customer: customer) {
                        return self.fail(waiter, objection)
                    }
                    self.attend(
                        order.id, PowerBoxSystem.name, UpstreamWork("bind", order.args), waiter, again: true)
                })
        default: fail(waiter, UpstreamFault("unsupported", "PowerBox has no \(order.operation)"))
        }
    }

    private func askCustomer(_ id: String, _ waiter: Waiter) {
        submit(
            UpstreamJob(
                id: id, system: PowerBoxSystem.name, work: UpstreamWork("customer"),
                mode: .attended(until: clock().uptime + Self.attention, patient: false)),
            .inner { [weak self] settlement in
                if case .done(let result) = settlement { self?.keepCustomer(result) }
                self?.finish(waiter, settlement)
            })
    }

    private func keepCustomer(_ result: JSONObject) { customer.take(result, at: clock().wall) }

    // MARK: Telling the end

    /// Work somebody waits for.
    func attend(
        _ id: String, _ system: String, _ work: UpstreamWork, _ waiter: Waiter, seconds: Int64 = 120,
        patient: Bool = false, again: Bool = false
    ) {
        let mode = UpstreamJob.Mode.attended(until: clock().uptime + seconds * 1_000_000, patient: patient)
        submit(UpstreamJob(id: id, system: system, work: work, mode: mode, again: again), waiter)
    }

    func finish(_ waiter: Waiter, _ result: JSONObject) { finish(waiter, .done(result)) }

    func fail(_ waiter: Waiter, _ fault: UpstreamFault) { finish(waiter, .failed(fault)) }

    // MARK: Parked work

    /// What `outbox show` lists.
    var parkedJSON: [JSONValue] { runner.history.parked.map(\.parkedJSON) }

    /// Sends parked work again; returns how many pieces.
    func retryParked(system: String?, seq: Int64?) -> Int {
        var count = 0
        for item in runner.history.parked where runner.has(item.system) {
            guard system.map({ $0 == item.system }) ?? true, seq.map({ $0 == item.seq }) ?? true,
                !runner.isRunning(item.system, id: item.id)
            else { continue }
            count += 1
            submit(
                UpstreamJob(
                    id: item.id, system: item.system, work: UpstreamWork(item.operation, item.work),
                    mode: .background, again: true),
                .inner { _ in })
        }
        return count
    }
}
