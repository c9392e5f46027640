import CLinux
import CMosquitto
import Glibc
import Metering

/// The transport's thread: connects, carries messages, waits, connects again.
///
/// It wakes seldom. While messages flow it gathers for 20 ms before it writes what came and reads the broker's
/// acknowledgements together, so that a hundred messages a second cost fifty rounds and no wake-up calls; only when
/// nothing is left to do does it sleep on the socket.
final class MqttLoop {
    private let settings: MqttSettings
    private let shared: MqttShared
    private let uptime: @Sendable () -> Uptime
    private let deliver: @Sendable (MqttEvent) -> Void
    private var backoff = MqttBackoff()
    private var lastReason: String?
    private var attempts = 0
    /// Attempts in a row that failed for a reason not understood yet.
    private var unclear = 0

    init(
        settings: MqttSettings, shared: MqttShared, uptime: @escaping @Sendable () -> Uptime,
        deliver: @escaping @Sendable (MqttEvent) -> Void
    ) {
        self.settings = settings
        self.shared = shared
        self.uptime = uptime
        self.deliver = deliver
    }

    func run() {
        clinux_thread_name("mqtt")
        // A millisecond more or less is nothing here, and lets the kernel wake the processor less often.
        clinux_timer_slack(2_000_000)
        while !isStopping {
            do throws(MqttEnd) {
                let connection = try MqttConnection(settings: settings, isPatient: isPatientTurn)
                try connect(connection)
                try carry(connection)
                unclear = 0
            } catch {
                unclear = error.isUnclear ? unclear + 1 : 0
                if (1...Self.mostUnclear).contains(unclear) {
                    // A busy machine lets the handshake run ahead of us; after a nap it mostly does not.
                    _ = wait(-1, 0, milliseconds: Int64(10 * unclear))
                } else {
                    pause(after: error)
                }
            }
        }
        clinux_event_signal(shared.done)
    }

    private var isStopping: Bool { shared.state.withLock { $0.isStopping } }

    /// The library tries only a host's first address in the background. Every other attempt at a host with several
    /// tries them all, though that may block for as long as the kernel likes.
    private var isPatientTurn: Bool {
        attempts += 1
        return attempts % 2 == 0 && cmosquitto_address_count(settings.endpoint.host) > 1
    }

    // MARK: Connecting

    private func connect(_ connection: MqttConnection) throws(MqttEnd) {
        let deadline = uptime() + Self.connectTime
        var events = POLLOUT
        while !connection.isUp {
            guard !isStopping else { return }
            let left = (deadline - uptime()) / 1000
            guard left > 0 else {
                throw .unreachable("\(settings.endpoint.host):\(settings.endpoint.port) does not answer")
            }
            let ready = wait(connection.socket, events, milliseconds: min(left, Self.greetingStep))
            guard events == POLLIN || ready != 0 else { continue }
            events = POLLIN
            try connection.advance(ready)
        }
        lastReason = nil
        shared.state.withLock { $0.connected() }
        deliver(.connected)
    }

    /// Waits on the socket and the wake event; returns the socket's events.
    private func wait(_ socket: Int32, _ events: Int32, milliseconds: Int64) -> Int32 {
        var descriptors = [
            pollfd(fd: shared.wake, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket, events: Int16(events), revents: 0),
        ]
        guard poll(&descriptors, 2, Int32(clamping: max(0, milliseconds))) > 0 else { return 0 }
        if descriptors[0].revents != 0 { clinux_event_clear(shared.wake) }
        return Int32(descriptors[1].revents)
    }

    // MARK: Carrying

    private func carry(_ connection: MqttConnection) throws(MqttEnd) {
        let began = uptime()
        var lastMisc = began
        var stopAt: Uptime?
        var isFlowing = false
        defer { shared.state.withLock { $0.disconnected() } }
        while true {
            if isFlowing {
                _ = wait(-1, 0, milliseconds: Self.gathering)
                if !connection.inFlight.isEmpty { try connection.read() }
            } else if sleep(connection) & ~POLLOUT != 0 {
                try connection.read()
            }
            let heard = hand(over: connection)
            // Before the queue is emptied: nothing can be queued after it.
            let isLast = isStopping
            let sent = try send(connection)
            if connection.wantsWrite { try connection.write() }
            let now = uptime()
            if now - lastMisc >= 1_000_000 {
                lastMisc = now
                try connection.misc()
                if now - began >= Self.lasting { backoff.reset() }
            }
            if isLast {
                let limit = stopAt ?? now + Self.farewell
                stopAt = limit
                if connection.inFlight.isEmpty || now >= limit { return connection.leave() }
            }
            // The first messages of a connection are waited for: they go at once.
            isFlowing =
                sent && now - began >= Self.welcome && !heard && !connection.wantsWrite
                && connection.inFlight.count < Self.busy
        }
    }

    /// Sleeps until the broker, a publisher or the keep-alive has something to do.
    private func sleep(_ connection: MqttConnection) -> Int32 {
        let (isAsleep, isStopping) = shared.state.withLock { ($0.fallAsleep(), $0.isStopping) }
        defer { shared.state.withLock { $0.wakeUp() } }
        let events = connection.wantsWrite ? POLLIN | POLLOUT : POLLIN
        let time = isAsleep ? Self.idle : isStopping ? Self.gathering : 0
        return wait(connection.socket, events, milliseconds: time)
    }

    /// Publishes what waits. True when there was something.
    private func send(_ connection: MqttConnection) throws(MqttEnd) -> Bool {
        let messages = shared.state.withLock { $0.takeAll() }
        guard !messages.isEmpty else { return false }
        let isCorked = messages.count > 1
        if isCorked { connection.cork(true) }
        for message in messages { try connection.publish(message) }
        if isCorked { connection.cork(false) }
        return true
    }

    /// Hands over what callbacks gathered. True when the broker sent messages.
    private func hand(over connection: MqttConnection) -> Bool {
        if connection.acknowledged > 0 || connection.refused > 0 {
            let hasRoom = shared.state.withLock {
                $0.settle(
                    acknowledged: connection.acknowledged, refused: connection.refused,
                    bytes: connection.acknowledgedBytes, lastRefusal: connection.lastRefusal)
            }
            connection.acknowledged = 0
            connection.refused = 0
            connection.acknowledgedBytes = 0
            if hasRoom { deliver(.room) }
        }
        guard !connection.received.isEmpty else { return false }
        for event in connection.received { deliver(event) }
        connection.received.removeAll(keepingCapacity: true)
        return true
    }

    // MARK: Waiting for the next attempt

    private func pause(after end: MqttEnd) {
        if end.isTakenOver { deliver(.takenOver) }
        if lastReason != end.reason {
            lastReason = end.reason
            deliver(.disconnected(end.reason))
        }
        let now = uptime()
        let wait = backoff.wait(after: end.cause, at: now, jitter: Int64.random(in: 0..<1000))
        let until = now + wait
        while !isStopping {
            let left = until - uptime()
            guard left > 0 else { return }
            _ = self.wait(-1, 0, milliseconds: left / 1000 + 1)
        }
    }

    // MARK: Bounds

    /// Attempts in a row whose certificate was refused before we could listen to why.
    private static let mostUnclear = 10
    /// Microseconds for TCP, TLS, CONNACK and the subscriptions together.
    private static let connectTime: Int64 = 20_000_000
    /// Milliseconds between two looks at a handshake that cannot say what it waits for.
    private static let greetingStep: Int64 = 100
    private static let gathering: Int64 = 20
    /// Microseconds from the start of a connection without gathering.
    private static let welcome: Int64 = 1_000_000
    /// Milliseconds to sleep at most: the library's keep-alive counts seconds.
    private static let idle: Int64 = 2000
    /// Messages in flight from which acknowledgements are read as they come.
    private static let busy = 48
    /// Microseconds a connection must last to end an outage.
    private static let lasting: Int64 = 5_000_000
    /// Microseconds for what is on its way when stopping.
    private static let farewell: Int64 = 1_000_000
}
