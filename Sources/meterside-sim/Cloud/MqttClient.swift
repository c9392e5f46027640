import CMosquitto
import Glibc

/// A plain MQTT 5 client for the receiver, served from the caller's own loop: no thread, callbacks only enqueue.
final class MqttClient {
    /// What happened since the last look.
    enum Event {
        case connected
        case disconnected(String)
        case message(topic: String, payload: [UInt8], retained: Bool)
    }

    /// Filled by the callbacks, which run inside `service`.
    private final class Inbox {
        var events: [Event] = []
    }

    private let host: String
    private let port: Int32
    private let topics: [String]
    private let clientID: String
    private let inbox = Inbox()
    private var handle: OpaquePointer?
    private var retryAt: Int64 = 0
    private(set) var isConnected = false

    /// The longest wait between two tries to connect, microseconds.
    private static let retryInterval: Int64 = 1_000_000

    init(host: String, port: UInt16, clientID: String, topics: [String]) {
        self.host = host
        self.port = Int32(port)
        self.clientID = clientID
        self.topics = topics
        mosquitto_lib_init()
    }

    deinit {
        drop()
        mosquitto_lib_cleanup()
    }

    /// What to poll for; empty while there is no connection.
    var descriptor: pollfd? {
        guard let handle else { return nil }
        let socket = mosquitto_socket(handle)
        guard socket >= 0 else { return nil }
        return pollfd(fd: socket, events: Int16(mosquitto_want_write(handle) ? POLLIN | POLLOUT : POLLIN), revents: 0)
    }

    /// Reads and writes what is waiting, reconnects when it is time. Call it after every poll, and ten times a second.
    func service(now: Int64) -> [Event] {
        if handle == nil, now >= retryAt { connect(now: now) }
        if let handle {
            var result = mosquitto_loop_read(handle, 100)
            if result == MOSQ_ERR_SUCCESS.rawValue { result = mosquitto_loop_write(handle, 100) }
            if result == MOSQ_ERR_SUCCESS.rawValue { result = mosquitto_loop_misc(handle) }
            if result != MOSQ_ERR_SUCCESS.rawValue { lose(Self.text(result), now: now) }
        }
        let events = inbox.events
        inbox.events = []
        for case .connected in events { becomeConnected() }
        return events
    }

    /// QoS 1, not retained. False when there is no connection.
    @discardableResult
    func publish(_ topic: String, _ payload: [UInt8]) -> Bool {
        guard let handle, isConnected else { return false }
        let result = mosquitto_publish(handle, nil, topic, Int32(payload.count), payload, 1, false)
        return result == MOSQ_ERR_SUCCESS.rawValue
    }

    /// Says goodbye to the broker.
    func close() {
        if let handle, isConnected {
            mosquitto_disconnect(handle)
            mosquitto_loop_write(handle, 10)
        }
        drop()
    }

    private func connect(now: Int64) {
        guard let fresh = mosquitto_new(clientID, true, Unmanaged.passUnretained(inbox).toOpaque()) else { return }
        mosquitto_int_option(fresh, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5)
        Self.setCallbacks(fresh)
        let result = mosquitto_connect_bind_v5(fresh, host, port, 30, nil, nil)
        guard result == MOSQ_ERR_SUCCESS.rawValue else {
            mosquitto_destroy(fresh)
            retryAt = now + Self.retryInterval
            inbox.events.append(.disconnected(Self.text(result)))
            return
        }
        handle = fresh
    }

    private func becomeConnected() {
        guard let handle else { return }
        isConnected = true
        // What we publish ourselves below the box's root is not to come back.
        for topic in topics {
            mosquitto_subscribe_v5(handle, nil, topic, 1, Int32(MQTT_SUB_OPT_NO_LOCAL.rawValue), nil)
        }
    }

    private func lose(_ why: String, now: Int64) {
        drop()
        retryAt = now + Self.retryInterval
        inbox.events.append(.disconnected(why))
    }

    private func drop() {
        if let handle { mosquitto_destroy(handle) }
        handle = nil
        isConnected = false
    }

    private static func setCallbacks(_ handle: OpaquePointer) {
        mosquitto_connect_v5_callback_set(handle) { _, context, reason, _, _ in
            guard let inbox = MqttClient.inbox(context) else { return }
            inbox.events.append(
                reason == 0 ? .connected : .disconnected(String(cString: mosquitto_reason_string(reason))))
        }
        mosquitto_message_v5_callback_set(handle) { _, context, message, _ in
            guard let inbox = MqttClient.inbox(context), let message = message?.pointee, let topic = message.topic
            else { return }
            let bytes = UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen))
            inbox.events.append(
                .message(topic: String(cString: topic), payload: Array(bytes), retained: message.retain))
        }
    }

    private static func inbox(_ context: UnsafeMutableRawPointer?) -> Inbox? {
        context.map { Unmanaged<Inbox>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func text(_ result: Int32) -> String {
        result == MOSQ_ERR_ERRNO.rawValue
            ? String(cString: strerror(errno)) : String(cString: mosquitto_strerror(result))
    }
}
