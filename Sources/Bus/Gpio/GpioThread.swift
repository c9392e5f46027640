import CLinux
import Drivers
import Metering

/// What the thread of a GPIO port does: carries out requests in order; requests the lines again when they were lost.
final class GpioThread {
    private enum State {
        case up(GpioPins)
        case down(reason: String, next: Int64)
    }

    private let port: PortID
    private let lines: GpioWire
    private let host: any GpioHost
    private let clock: any BusClock
    private let mailbox: Mailbox
    private let outbox: Outbox
    private var state = State.down(reason: "not opened yet", next: 0)
    private var backoff = Backoff()
    private var batch: [BusRequest] = []

    init(
        port: PortID, lines: GpioWire, host: any GpioHost, clock: any BusClock, mailbox: Mailbox,
        deliver: @escaping @Sendable ([BusEvent]) -> Void
    ) {
        self.port = port
        self.lines = lines
        self.host = host
        self.clock = clock
        self.mailbox = mailbox
        outbox = Outbox(deliver: deliver)
    }

    /// Runs until the mailbox says stop.
    func run() {
        bringUp(isFirst: true)
        while true {
            switch mailbox.take(into: &batch) {
            case .stop:
                finish()
                return
            case .requests:
                for request in batch { answer(request) }
                outbox.flush()
                openIfDue()
            case .nothing: idle()
            }
        }
    }

    private func finish() {
        state = .down(reason: "the port was closed", next: 0)
        for request in mailbox.takeRemains() { reply(request, .failed(.portDown("the port was closed"))) }
        outbox.flush()
    }

    private func answer(_ request: BusRequest) {
        if mailbox.isStopping { return reply(request, .failed(.portDown("the port was closed"))) }
        guard case .up(let pins) = state else {
            if case .down(let reason, _) = state { reply(request, .failed(.portDown(reason))) }
            return
        }
        do throws(WireFault) {
            switch request.operation {
            case .contact(let job) where job.isTooLate(at: clock.now().uptime): reply(request, ContactJob.tooLate)
            case .contact(let job): reply(request, try pins.run(job))
            case .inputs(let job): reply(request, try pins.run(job))
            case .edmi, .modbus: reply(request, .failed(.portDown("\(port) is a GPIO line; it carries no meter")))
            }
            backoff.reset()
        } catch {
            guard case .lost(let reason) = error else { return reply(request, .failed(.portDown("\(error)"))) }
            state = .down(reason: reason, next: now() + backoff.step())
            outbox.hold(.down(port, reason))
            reply(request, .failed(.portDown(reason)))
        }
    }

    private func reply(_ request: BusRequest, _ outcome: BusOutcome) {
        mailbox.answered()
        outbox.hold(.reply(BusReply(id: request.id, port: port, outcome: outcome, at: clock.now())))
    }

    private func openIfDue() {
        if case .down(_, let next) = state, now() >= next { bringUp(isFirst: false) }
    }

    private func bringUp(isFirst: Bool) {
        do throws(WireFault) {
            state = .up(try GpioPins(lines, from: host))
            outbox.hold(.up(port, note: nil))
        } catch {
            guard case .lost(let reason) = error else { return }
            if isFirst { outbox.hold(.down(port, reason)) }
            state = .down(reason: reason, next: now() + backoff.step())
        }
        outbox.flush()
    }

    private func idle() {
        var wait: Int64 = -1
        if case .down(_, let next) = state { wait = max(0, next - now()) * 1000 }
        if clinux_wait(mailbox.wake, -1, wait) & CLINUX_WAKE != 0 { mailbox.clearWake() }
        openIfDue()
    }

    /// Uptime in microseconds.
    private func now() -> Int64 { clock.uptime().microseconds }
}
