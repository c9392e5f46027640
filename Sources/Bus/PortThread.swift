import CLinux
import Drivers
import Metering

/// What the thread of one port does: carries out requests in order, notices when the device goes away, opens it again.
final class PortThread {
    private enum State {
        /// The wire is open, or a TCP connection that ended without a fault: the next request makes it anew.
        case up
        case down(reason: String, next: Int64)
    }

    private let configuration: PortConfiguration
    private let clock: any BusClock
    private let mailbox: Mailbox
    private let outbox: Outbox
    private let wire: Wire
    private let tap: Tap
    private var state = State.down(reason: "not opened yet", next: 0)
    private var backoff = Backoff()
    private lazy var edmi = EdmiLine(wire: wire)
    private lazy var modbus: ModbusLine? = makeModbus()
    private var batch: [BusRequest] = []

    init(
        configuration: PortConfiguration, clock: any BusClock, mailbox: Mailbox,
        deliver: @escaping @Sendable ([BusEvent]) -> Void
    ) {
        self.configuration = configuration
        self.clock = clock
        self.mailbox = mailbox
        outbox = Outbox(deliver: deliver)
        tap = Tap(configuration: configuration, mailbox: mailbox, outbox: outbox, clock: clock)
        wire = Wire(configuration: configuration, clock: clock, mailbox: mailbox, outbox: outbox, tap: tap)
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
                openIfDue()
            case .nothing: idle()
            }
        }
    }

    private func makeModbus() -> ModbusLine? {
        let isTcp = configuration.protocol == .modbusTCP && !wire.isSerial
        guard let context = ModbusContext(tcp: isTcp) else { return nil }
        return ModbusLine(
            framing: isTcp
                ? ModbusTcpLine(wire: wire, context: context) : ModbusSerialLine(wire: wire, context: context))
    }

    private func finish() {
        wire.close()
        for request in mailbox.takeRemains() { reply(request, .failed(.portDown("the port was closed"))) }
        tap.endOfPieces()
        outbox.flush()
    }

    // MARK: Requests

    private func answer(_ request: BusRequest) {
        if mailbox.isStopping { return reply(request, .failed(.portDown("the port was closed"))) }
        if case .down(let reason, _) = state { return reply(request, .failed(.portDown(reason))) }
        do throws(WireFault) {
            reply(request, try carryOut(request))
        } catch {
            reply(request, .failed(.portDown(lose(error))))
        }
        // On a serial line the silence before the next frame pays for the call; a fast wire gathers.
        if configuration.protocol != .modbusTCP || wire.isSerial { outbox.flush() }
    }

    private func carryOut(_ request: BusRequest) throws(WireFault) -> BusOutcome {
        guard !wire.isSerial else { return try attempt(request) }
        if !wire.isOpen { _ = try wire.open() }
        do throws(WireFault) {
            return try attempt(request)
        } catch {
            // The other end may have closed while nothing was asked, which shows only now: once more from the start.
            guard case .lost = error else { throw error }
            _ = try wire.open()
            return try attempt(request)
        }
    }

    private func attempt(_ request: BusRequest) throws(WireFault) -> BusOutcome {
        try wire.useLine(request.line)
        switch request.operation {
        case .edmi(let exchange):
            tap.isEdmi = true
            return try edmi.run(exchange)
        case .modbus(let job):
            tap.isEdmi = false
            guard let modbus else { return .failed(Self.noMemory) }
            return try modbus.run(job)
        case .contact(let job):
            tap.isEdmi = false
            guard let modbus else { return .failed(Self.noMemory) }
            if job.isTooLate(at: clock.now().uptime) { return ContactJob.tooLate }
            return try modbus.run(job)
        case .inputs(let job):
            tap.isEdmi = false
            guard let modbus else { return .failed(Self.noMemory) }
            return try modbus.run(job)
        }
    }

    private static let noMemory = BusFailure.portDown("no memory left for libmodbus")

    private func reply(_ request: BusRequest, _ outcome: BusOutcome) {
        if wire.hasReceived { backoff.reset() }
        mailbox.answered()
        outbox.hold(.reply(BusReply(id: request.id, port: configuration.id, outcome: outcome, at: clock.now())))
    }

    // MARK: Up and down

    private func openIfDue() {
        if case .down(_, let next) = state, wire.now() >= next { bringUp(isFirst: false) }
    }

    private func bringUp(isFirst: Bool) {
        do throws(WireFault) {
            let note = try wire.open { answerWaiting() }
            state = .up
            outbox.hold(.up(configuration.id, note: note))
        } catch {
            guard case .lost(let reason) = error else { return }
            if isFirst { outbox.hold(.down(configuration.id, reason)) }
            state = .down(reason: reason, next: wire.now() + backoff.step())
        }
        outbox.flush()
    }

    /// Notes that the wire cannot be used, once, and gives the reason for people.
    private func lose(_ fault: WireFault) -> String {
        wire.close()
        guard case .lost(let reason) = fault else { return "the port was closed" }
        if case .down = state { return reason }
        state = .down(reason: reason, next: wire.now() + backoff.step())
        outbox.hold(.down(configuration.id, reason))
        return reason
    }

    /// While a connection is being tried, whoever asks gets the last reason at once.
    private func answerWaiting() {
        guard case .down(let reason, _) = state else { return }
        var waiting: [BusRequest] = []
        while case .requests = mailbox.take(into: &waiting) {
            for request in waiting { reply(request, .failed(.portDown(reason))) }
        }
        outbox.flush()
    }

    // MARK: Idle

    private func idle() {
        outbox.flush()
        switch state {
        case .down(_, let next):
            sleep(max(0, next - wire.now()) * 1000)
            openIfDue()
        case .up where wire.isOpen: listen()
        case .up: sleep(-1)
        }
    }

    private func sleep(_ nanoseconds: Int64) {
        if clinux_wait(mailbox.wake, -1, nanoseconds) & CLINUX_WAKE != 0 { mailbox.clearWake() }
    }

    /// Waits for the next request and for what the wire does meanwhile.
    private func listen() {
        let mask = clinux_wait(mailbox.wake, wire.descriptor, -1)
        if mask > 0, mask & CLINUX_WAKE != 0 { mailbox.clearWake() }
        do throws(WireFault) {
            if mask > 0, mask & CLINUX_READY != 0 { _ = try wire.discard() }
            if mask > 0, mask & (CLINUX_READY | CLINUX_HANGUP) == CLINUX_HANGUP { throw .lost(wire.lostText(0)) }
        } catch {
            // Many gateways close an idle connection: that is no fault until it cannot be opened again.
            if wire.isSerial { _ = lose(error) } else { wire.close() }
        }
        outbox.flush()
    }
}
