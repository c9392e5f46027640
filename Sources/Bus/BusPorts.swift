import Drivers
import Metering

/// The wires of the box, each with one thread that owns it. No call here waits for a wire, except `shutDown`.
///
/// Events come in arrays, in order for each port, on the port's thread; an answer that needs no wire (unknown port,
/// full queue) comes on the caller's own thread before `submit` returns. `deliver` should only enqueue.
public final class BusPorts: Sendable {
    private struct Ports {
        var open: [PortWorker] = []
        /// Threads that were told to stop and may still hold their device.
        var closing: [Mailbox] = []
    }

    private let clock: any BusClock
    private let deliver: @Sendable ([BusEvent]) -> Void
    private let gpio: any GpioHost
    private let ports = Guarded(Ports())

    public convenience init(clock: any BusClock, deliver: @escaping @Sendable ([BusEvent]) -> Void) {
        self.init(clock: clock, gpio: SystemGpio(), deliver: deliver)
    }

    /// `gpio`: where GPIO lines come from.
    init(clock: any BusClock, gpio: any GpioHost, deliver: @escaping @Sendable ([BusEvent]) -> Void) {
        self.clock = clock
        self.gpio = gpio
        self.deliver = deliver
    }

    deinit { _ = stopAll() }

    /// Starts the port's thread, which opens the device and tells `up` or `down`. The same configuration again changes
    /// nothing; another one replaces the port of this name.
    public func open(_ configuration: PortConfiguration) {
        let worker: PortWorker? = ports.withLock { ports in
            let same = ports.open.first { $0.configuration.id == configuration.id }
            if same?.configuration == configuration { return nil }
            Self.close(configuration.id, in: &ports)
            let worker = PortWorker(
                configuration: configuration, clock: clock, predecessors: ports.closing, gpio: gpio,
                deliver: deliver)
            guard worker.start() else { return worker }
            ports.open.append(worker)
            return nil
        }
        if worker != nil {
            deliver([.down(configuration.id, "no thread for port \(configuration.id): close other programs")])
        }
    }

    /// Ends the port's thread soon. What it had not answered is answered as failed; no `down` is told.
    public func close(_ port: PortID) {
        ports.withLock { Self.close(port, in: &$0) }
    }

    /// Hands a request to its port's thread. Every request gets exactly one reply; at most 64 of a port wait.
    public func submit(_ request: BusRequest) {
        let worker = ports.withLock { $0.open.first { $0.configuration.id == request.port } }
        if let worker, worker.mailbox.put(request) { return }
        let reason =
            worker == nil
            ? "there is no port \(request.port)" : "port \(request.port) is busy: \(Mailbox.capacity) requests wait"
        let reply = BusReply(
            id: request.id, port: request.port, outcome: .failed(.portDown(reason)), at: clock.now())
        deliver([.reply(reply)])
    }

    /// Starts or ends copies of the port's frames as `frame` events, passwords removed.
    public func setTap(_ port: PortID, on: Bool) {
        ports.withLock { $0.open.first { $0.configuration.id == port } }?.mailbox.setTap(on)
    }

    /// Closes all ports and waits until their threads have ended, at most so many microseconds each; false if one has
    /// not: a thread that looks up a name or takes the last bytes of a frame cannot be woken.
    @discardableResult
    public func shutDown(within microseconds: Int64 = 3_000_000) -> Bool {
        stopAll().allSatisfy { $0.hasFinished(within: microseconds * 1000) }
    }

    private func stopAll() -> [Mailbox] {
        ports.withLock { ports in
            for worker in ports.open {
                worker.mailbox.stop()
                ports.closing.append(worker.mailbox)
            }
            ports.open = []
            return ports.closing
        }
    }

    private static func close(_ port: PortID, in ports: inout Ports) {
        ports.closing.removeAll { $0.hasFinished(within: 0) }
        guard let index = ports.open.firstIndex(where: { $0.configuration.id == port }) else { return }
        let mailbox = ports.open.remove(at: index).mailbox
        mailbox.stop()
        ports.closing.append(mailbox)
    }
}
