import Bus
import Drivers
import Gateway
import Metering

/// The HAN adapter of the configuration: its thread, and the one secret that belongs to it. Used by the loop alone.
final class HanAdapter {
    private var entry: HanEntry?
    private var port: HanPort?

    /// Opens the adapter, or another one, or none; the same again changes nothing.
    func use(_ new: HanEntry?, clock: any BusClock, deliver: @escaping @Sendable ([HanEvent]) -> Void) {
        guard new != entry else { return }
        // The old thread must let go of the device before the new one asks for it.
        close()
        entry = new
        guard let new else { return }
        port = HanPort(device: new.device, installCode: new.installCode, clock: clock, deliver: deliver)
    }

    func write(_ bytes: [UInt8]) { _ = port?.write(bytes) }

    func close() {
        _ = port?.shutDown(within: 1_000_000)
        port = nil
        entry = nil
    }

    /// The order as the utility needs it: the agent never holds the install code, so it is put in here, between the
    /// durable record and the request. Nothing that takes the result may journal or log its arguments.
    func completed(_ order: UpstreamOrder) -> UpstreamOrder {
        guard order.system == "powerbox", ["bind", "unbind"].contains(order.operation),
            let code = entry?.installCode
        else { return order }
        var order = order
        order.args["install_code"] = .string(Hexadecimal.text(code.secret.bytes).uppercased())
        return order
    }
}

extension MainLoop {
    /// Opens what `[han]` names.
    func startHan() {
        let mailbox = mailbox
        han.use(configuration?.han, clock: BusTime(time: time)) { events in mailbox.post(events.map { .han($0) }) }
    }

    /// What the adapter's thread told, for the agent.
    func agentInput(of event: HanEvent) -> Input {
        switch event {
        case .up: log.notice("the HAN adapter is open")
        case .down(let reason): note("han", "HAN: \(reason)")
        case .fragment, .damage: break
        }
        return .han(event)
    }
}
