import CLinux
import Glibc

/// Starts a port's thread and is what the rest of the process holds of it.
final class PortWorker: Sendable {
    private static let stackBytes = 256 * 1024
    /// Longest wait for an earlier thread to let go of the same device, nanoseconds.
    private static let handOver: Int64 = 10_000_000_000

    let configuration: PortConfiguration
    let mailbox: Mailbox
    private let clock: any BusClock
    private let deliver: @Sendable ([BusEvent]) -> Void
    /// Workers that are closing and may still hold the device.
    private let predecessors: [Mailbox]
    private let gpio: any GpioHost

    init(
        configuration: PortConfiguration, clock: any BusClock, predecessors: [Mailbox], gpio: any GpioHost,
        deliver: @escaping @Sendable ([BusEvent]) -> Void
    ) {
        self.configuration = configuration
        self.clock = clock
        self.predecessors = predecessors
        self.gpio = gpio
        self.deliver = deliver
        mailbox = Mailbox()
    }

    /// False when the system gives no thread or no descriptors.
    func start() -> Bool {
        guard mailbox.isUsable else { return false }
        let context = Unmanaged.passRetained(self)
        let result = clinux_thread_start(Self.stackBytes, Self.body, context.toOpaque())
        if result != 0 { context.release() }
        return result == 0
    }

    private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        if let context { Unmanaged<PortWorker>.fromOpaque(context).takeRetainedValue().run() }
        return nil
    }

    private func run() {
        clinux_thread_name("port-\(configuration.id.name)")
        // The silence between frames is a few milliseconds; the kernel's usual 50 µs of slack would waste bus time.
        clinux_timer_slack(1)
        for predecessor in predecessors { _ = predecessor.hasFinished(within: Self.handOver) }
        if case .gpio(let lines) = configuration.wire {
            GpioThread(
                port: configuration.id, lines: lines, host: gpio, clock: clock, mailbox: mailbox, deliver: deliver
            ).run()
        } else {
            PortThread(configuration: configuration, clock: clock, mailbox: mailbox, deliver: deliver).run()
        }
        mailbox.announceFinished()
    }
}
