import CLinux
import CMosquitto
import Glibc
import Metering
import Synchronization

/// MQTT 5 to one broker: a thread of our own that connects, reconnects and carries messages both ways.
///
/// It keeps nothing: `publish` takes a message only while connected, and what the broker did not acknowledge is gone
/// with the connection. Completeness is the outbox's business (contract §3), not the library's.
public final class MqttTransport: Sendable {
    /// More than a command may have (16 KiB), so that one that is too long is still recognised as such.
    public static let longestPayload = 16 * 1024 + 1
    /// Messages and bytes that may be on their way.
    public static let mostOutstanding = 256
    public static let mostOutstandingBytes = 1 << 20

    private let shared: MqttShared
    private let settings: MqttSettings
    private let uptime: @Sendable () -> Uptime
    private let deliver: @Sendable (MqttEvent) -> Void

    /// - Parameters:
    ///   - uptime: the time since boot, for every wait.
    ///   - deliver: called on the transport's thread; it must only enqueue.
    public init(
        settings: MqttSettings, uptime: @escaping @Sendable () -> Uptime,
        deliver: @escaping @Sendable (MqttEvent) -> Void
    ) {
        self.settings = settings
        self.uptime = uptime
        self.deliver = deliver
        shared = MqttShared()
    }

    /// Starts the thread; once.
    public func start() throws(MqttStartError) {
        guard Self.library == 0 else { throw .library(Self.library) }
        guard shared.wake >= 0, shared.done >= 0 else { throw .event(-min(shared.wake, shared.done)) }
        guard shared.state.withLock({ $0.begin() }) else { return }
        let loop = MqttLoop(settings: settings, shared: shared, uptime: uptime, deliver: deliver)
        let context = Unmanaged.passRetained(loop).toOpaque()
        // OpenSSL and the name look-up want more than a small stack; pages that are not touched cost nothing.
        let result = clinux_thread_start(
            512 * 1024,
            { context in
                guard let context else { return nil }
                Unmanaged<MqttLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        guard result == 0 else {
            Unmanaged<MqttLoop>.fromOpaque(context).release()
            throw .thread(-result)
        }
    }

    /// Sends a message to `meterside/<box>/<topic>`, QoS 1. False, and the message is forgotten, while not connected
    /// or while too much is on its way; after the latter `.room` tells when to go on.
    @discardableResult
    public func publish(topic: String, payload: [UInt8], retained: Bool = false) -> Bool {
        let message = MqttMessage(topic: settings.topic(topic), payload: payload, retained: retained)
        let (taken, mustWake) = shared.state.withLock { $0.take(message) }
        if mustWake { clinux_event_signal(shared.wake) }
        return taken
    }

    /// Ends the connection: what is on its way gets a second to arrive, then the broker is told to publish the will.
    /// - Returns: false when the thread did not end in time; it is left behind.
    @discardableResult
    public func stop(within milliseconds: Int64) -> Bool {
        guard shared.state.withLock({ $0.stop() }) else { return true }
        clinux_event_signal(shared.wake)
        return clinux_wait(shared.done, -1, milliseconds * 1_000_000) & CLINUX_WAKE != 0
    }

    /// What was done so far.
    public var statistics: MqttStatistics { shared.state.withLock { $0.statistics } }

    private static let library: Int32 = mosquitto_lib_init()
}

/// Why the transport could not start.
public enum MqttStartError: Error, Hashable, Sendable, CustomStringConvertible {
    case library(Int32)
    case event(Int32)
    case thread(Int32)

    public var description: String {
        switch self {
        case .library(let code): "libmosquitto does not start (error \(code))"
        case .event(let errno): "no eventfd: \(String(cString: strerror(errno)))"
        case .thread(let errno): "no thread for MQTT: \(String(cString: strerror(errno)))"
        }
    }
}

/// What publishing threads and the transport's thread share.
final class MqttShared: Sendable {
    /// Readable when the transport's thread must look; when it has ended.
    let wake = clinux_event_make()
    let done = clinux_event_make()
    let state = Mutex(MqttQueue())

    deinit {
        if wake >= 0 { close(wake) }
        if done >= 0 { close(done) }
    }
}

/// Messages on their way to the transport's thread, with their bounds.
struct MqttQueue: Sendable {
    private(set) var isStopping = false
    private(set) var statistics = MqttStatistics()
    private var isRunning = false
    private var isUp = false
    /// The thread waits for its wake event; otherwise it looks by itself soon.
    private var isAsleep = false
    private var isRoomWanted = false
    private var waiting: [MqttMessage] = []
    private var bytes = 0

    /// False when it runs already.
    mutating func begin() -> Bool {
        defer { isRunning = true }
        return !isRunning
    }

    /// False when there is nothing to stop.
    mutating func stop() -> Bool {
        defer { isStopping = true }
        return isRunning
    }

    mutating func take(_ message: MqttMessage) -> (taken: Bool, mustWake: Bool) {
        guard isUp, !isStopping else { return (false, false) }
        guard statistics.outstanding < MqttTransport.mostOutstanding,
            bytes == 0 || bytes + message.payload.count <= MqttTransport.mostOutstandingBytes
        else {
            isRoomWanted = true
            return (false, false)
        }
        waiting.append(message)
        bytes += message.payload.count
        statistics.published += 1
        statistics.outstanding += 1
        defer { isAsleep = false }
        return (true, isAsleep)
    }

    /// Everything that waits.
    mutating func takeAll() -> [MqttMessage] {
        guard !waiting.isEmpty else { return [] }
        defer { waiting = [] }
        return waiting
    }

    /// False when there is work, so that no message waits for a wake nobody gives.
    mutating func fallAsleep() -> Bool {
        isAsleep = waiting.isEmpty && !isStopping
        return isAsleep
    }

    mutating func wakeUp() { isAsleep = false }

    mutating func connected() {
        isUp = true
        statistics.connections += 1
    }

    mutating func disconnected() {
        isUp = false
        waiting = []
        bytes = 0
        statistics.outstanding = 0
        isRoomWanted = false
    }

    /// Takes over what a round settled. True when `.room` is due.
    mutating func settle(acknowledged: Int, refused: Int, bytes settled: Int, lastRefusal: String) -> Bool {
        statistics.acknowledged += acknowledged
        statistics.refused += refused
        statistics.outstanding -= acknowledged + refused
        if refused > 0 { statistics.lastRefusal = lastRefusal }
        bytes -= settled
        guard isRoomWanted, statistics.outstanding <= MqttTransport.mostOutstanding / 2,
            bytes <= MqttTransport.mostOutstandingBytes / 2
        else { return false }
        isRoomWanted = false
        return true
    }
}
