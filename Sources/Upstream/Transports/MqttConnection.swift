import CMosquitto
import Glibc
import Metering

/// One connection, from the first attempt to its end: a fresh client object of libmosquitto each time, so that nothing
/// the library kept from an earlier one can be sent again beside our outbox. It lives on the transport's thread and is
/// used by nothing else.
final class MqttConnection {
    /// How far it has come.
    enum Phase {
        case opening, greeting, subscribing, up
    }

    private(set) var phase = Phase.opening
    /// Messages given to the library and not acknowledged by the broker yet: id and bytes.
    private(set) var inFlight: [Int32: Int] = [:]
    /// What callbacks gathered; the transport takes it after each round.
    var received: [MqttEvent] = []
    var acknowledged = 0
    var acknowledgedBytes = 0
    var refused = 0
    var lastRefusal = ""

    private let settings: MqttSettings
    private let client: OpaquePointer
    private let commandTopic: String
    private let receiptTopic: String
    /// Written by OpenSSL's callback through a pointer that outlives the client.
    private let verification: UnsafeMutablePointer<Int32>
    private var logLines: [String] = []
    private var end: MqttEnd?
    /// A handshake of TLS 1.3 is over, and for how many more looks we wait for what the broker says to it.
    private var isJudging = false
    private var silence = 5

    /// Makes the client and begins to connect. Only the name look-up may block, and `isPatient`: it tries every
    /// address of the host in turn, which the library does not do in the background.
    init(settings: MqttSettings, isPatient: Bool) throws(MqttEnd) {
        guard let client = mosquitto_new(settings.clientID, false, nil) else {
            throw .unreachable("libmosquitto: \(String(cString: strerror(cmosquitto_errno())))")
        }
        self.settings = settings
        self.client = client
        commandTopic = settings.topic("command")
        receiptTopic = settings.topic("receipt")
        verification = .allocate(capacity: 1)
        verification.initialize(to: 0)
        mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
        setCallbacks()
        try configure()
        try open(isPatient: isPatient)
    }

    deinit {
        mosquitto_destroy(client)
        verification.deallocate()
    }

    /// The socket, or -1 when the library has closed it.
    var socket: Int32 { mosquitto_socket(client) }
    var wantsWrite: Bool { mosquitto_want_write(client) }
    var isUp: Bool { phase == .up }

    // MARK: Rounds

    /// While connecting: takes the next step; called with what `poll` said of the socket, or 0 every 100 ms.
    func advance(_ ready: Int32) throws(MqttEnd) {
        if phase == .opening {
            let error = cmosquitto_socket_error(socket)
            guard error == 0 else { throw library(MOSQ_ERR_ERRNO.rawValue, errno: error) }
            phase = .greeting
        }
        try read()
        // A CONNECT that crosses a refused certificate makes the broker reset the connection, and its alert, the only
        // word about the reason, is lost. So the broker, which sends session tickets otherwise, is heard first.
        if cmosquitto_is_judging(client) == 1, silence > 0 {
            silence = isJudging && ready & POLLIN != 0 ? 0 : silence - 1
            isJudging = true
        }
        if !isJudging || silence == 0 { try write() }
        guard ready & (POLLERR | POLLHUP) != 0, phase != .up else { return }
        throw library(MOSQ_ERR_CONN_LOST.rawValue, errno: 0)
    }

    /// Takes what the broker sent.
    func read() throws(MqttEnd) { try check(mosquitto_loop_read(client, 1), cmosquitto_errno()) }

    /// Sends what waits in the library.
    func write() throws(MqttEnd) { try check(mosquitto_loop_write(client, 1), cmosquitto_errno()) }

    /// Keep-alive; due once a second at most.
    func misc() throws(MqttEnd) { try check(mosquitto_loop_misc(client), cmosquitto_errno()) }

    /// Gives a message to the library, which writes it at once where the socket takes it.
    func publish(_ message: MqttMessage) throws(MqttEnd) {
        var id: Int32 = 0
        let code = message.payload.withUnsafeBytes { bytes in
            mosquitto_publish_v5(
                client, &id, message.topic, Int32(bytes.count), bytes.baseAddress, 1, message.retained, nil)
        }
        let error = cmosquitto_errno()
        switch code {
        case MOSQ_ERR_SUCCESS.rawValue: inFlight[id] = message.payload.count
        case MOSQ_ERR_OVERSIZE_PACKET.rawValue, MOSQ_ERR_PAYLOAD_SIZE.rawValue, MOSQ_ERR_INVAL.rawValue,
            MOSQ_ERR_MALFORMED_UTF8.rawValue, MOSQ_ERR_QOS_NOT_SUPPORTED.rawValue:
            refuse(String(cString: mosquitto_strerror(code)), bytes: message.payload.count)
        default: throw library(code, errno: error)
        }
    }

    /// Makes one segment of several small messages.
    func cork(_ held: Bool) { cmosquitto_cork(socket, held ? 1 : 0) }

    /// Says good-bye in a way that makes the broker publish the will: the state topic must say offline.
    func leave() {
        mosquitto_disconnect_v5(client, Int32(MQTT_RC_DISCONNECT_WITH_WILL_MSG.rawValue), nil)
        mosquitto_loop_write(client, 1)
    }

    private func check(_ code: Int32, _ errno: Int32) throws(MqttEnd) {
        if let end { throw end }
        guard code == 0, socket >= 0 else {
            throw library(code == 0 ? MOSQ_ERR_CONN_LOST.rawValue : code, errno: errno)
        }
    }

    /// The best words for a failure: the certificate, then the TLS log, then the library's code.
    private func library(_ code: Int32, errno: Int32) -> MqttEnd {
        if verification.pointee != 0 { return .certificate(verification.pointee, settings) }
        if settings.endpoint.isEncrypted, let end = MqttEnd.tls(logLines, settings) { return end }
        var end = MqttEnd.library(code, errno: errno, isGreeting: phase == .greeting, settings: settings)
        let isClosed = code == MOSQ_ERR_CONN_LOST.rawValue || code == MOSQ_ERR_ERRNO.rawValue && errno == EPROTO
        end.isTakenOver = phase == .up && isClosed
        return end
    }

    private func refuse(_ why: String, bytes: Int) {
        refused += 1
        acknowledgedBytes += bytes
        lastRefusal = why.lowercasedASCII
    }

    // MARK: Setting up

    private func configure() throws(MqttEnd) {
        mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5)
        mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 8)
        mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 64)
        // Nagle would hold a message back until the one before it is acknowledged; several at once are corked.
        mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1)
        let will = Array(#"{"state":"offline"}"#.utf8)
        let code = mosquitto_will_set(client, settings.topic("state"), Int32(will.count), will, 1, true)
        guard code == 0 else { throw .refused("the will: \(String(cString: mosquitto_strerror(code)))") }
        guard settings.endpoint.isEncrypted else { return }
        for (what, path) in [
            ("ca", settings.ca), ("certificate", settings.certificate), ("key", settings.key),
        ] {
            guard let path, access(path, R_OK) != 0 else { continue }
            throw .refused("[mqtt] \(what): \(path): \(String(cString: strerror(errno)).lowercasedASCII)")
        }
        let folder = settings.ca == nil ? "/etc/ssl/certs" : nil
        let tls = cmosquitto_tls_set(client, settings.ca, folder, settings.certificate, settings.key)
        guard tls == 0 else {
            throw .refused("[mqtt] ca, certificate, key: \(String(cString: mosquitto_strerror(tls)).lowercasedASCII)")
        }
    }

    private func open(isPatient: Bool) throws(MqttEnd) {
        var properties: OpaquePointer?
        defer { mosquitto_property_free_all(&properties) }
        mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), 7 * 86_400)
        mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), 20 * 1024)
        let host = settings.endpoint.host
        let keepalive = Int32(settings.keepaliveSeconds)
        var code: Int32
        if isPatient {
            code = mosquitto_connect_bind_v5(
                client, host, Int32(settings.endpoint.port), keepalive, nil, properties)
        } else {
            // The call that connects in the background takes no properties. This one keeps them, and the impossible
            // port ends it before it connects.
            mosquitto_connect_bind_v5(client, host, -1, keepalive, nil, properties)
            code = mosquitto_connect_bind_async(client, host, Int32(settings.endpoint.port), keepalive, nil)
        }
        let error = cmosquitto_errno()
        if code == MOSQ_ERR_CONN_PENDING.rawValue { code = 0 }
        guard code == 0, socket >= 0 else { throw library(code, errno: error) }
        guard settings.endpoint.isEncrypted else { return }
        guard cmosquitto_verify_name(client, host, verification) == 1 else {
            throw .refused("OpenSSL cannot check the name \(host)")
        }
    }

    // MARK: Callbacks, on this thread, from inside read, write and publish

    private static func from(_ object: UnsafeMutableRawPointer?) -> MqttConnection? {
        object.map { Unmanaged<MqttConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    private func setCallbacks() {
        mosquitto_connect_v5_callback_set(client) { _, object, code, _, _ in
            MqttConnection.from(object)?.answered(code)
        }
        mosquitto_disconnect_v5_callback_set(client) { _, object, code, _ in
            MqttConnection.from(object)?.dismissed(code)
        }
        mosquitto_subscribe_v5_callback_set(client) { _, object, _, count, granted, _ in
            guard let granted else { return }
            let codes = (0..<Int(count)).map { granted[$0] }
            MqttConnection.from(object)?.subscribed(codes)
        }
        mosquitto_publish_v5_callback_set(client) { _, object, id, code, _ in
            MqttConnection.from(object)?.settled(id, code)
        }
        mosquitto_message_v5_callback_set(client) { _, object, message, _ in
            guard let message else { return }
            MqttConnection.from(object)?.take(message.pointee)
        }
        // The library formats a text for every packet while a log callback is set: only until we are connected.
        mosquitto_log_callback_set(client) { _, object, level, text in
            guard level == MOSQ_LOG_ERR, let text else { return }
            MqttConnection.from(object)?.logged(String(cString: text))
        }
    }

    private func answered(_ code: Int32) {
        guard code == 0 else {
            end = .broker(code, settings: settings, isConnecting: true)
            return
        }
        phase = .subscribing
        // Retain As Published, or a retained command could not be told from a new one; Retain Handling 2: send none.
        let options = Int32(MQTT_SUB_OPT_RETAIN_AS_PUBLISHED.rawValue | MQTT_SUB_OPT_SEND_RETAIN_NEVER.rawValue)
        // Both in one packet: the answer to a second one could wait 40 ms for the acknowledgement of the first (Nagle).
        let result = receiptTopic.withCString { receipt in
            commandTopic.withCString { command in
                var topics: [UnsafeMutablePointer<CChar>?] = [receipt, command].map { .init(mutating: $0) }
                return mosquitto_subscribe_multiple(client, nil, Int32(topics.count), &topics, 1, options, nil)
            }
        }
        if result != 0 { end = .unreachable("subscribing: \(String(cString: mosquitto_strerror(result)))") }
    }

    private func subscribed(_ codes: [Int32]) {
        if let refusal = codes.first(where: { $0 >= 128 }) {
            let why = String(cString: mosquitto_reason_string(refusal)).lowercasedASCII
            end = .refused("the broker does not let us subscribe below meterside/\(settings.box)/: \(why)")
            return
        }
        phase = .up
        mosquitto_log_callback_set(client, nil)
    }

    private func dismissed(_ code: Int32) {
        guard code >= 128, end == nil else { return }
        end = .broker(code, settings: settings, isConnecting: phase != .up)
    }

    private func settled(_ id: Int32, _ code: Int32) {
        guard let bytes = inFlight.removeValue(forKey: id) else { return }
        if code >= 128 {
            refuse(String(cString: mosquitto_reason_string(code)), bytes: bytes)
        } else {
            acknowledged += 1
            acknowledgedBytes += bytes
        }
    }

    private func take(_ message: mosquitto_message) {
        guard let topic = message.topic else { return }
        let isCommand = strcmp(topic, commandTopic) == 0
        guard isCommand || strcmp(topic, receiptTopic) == 0 else { return }
        let length = min(max(0, Int(message.payloadlen)), MqttTransport.longestPayload)
        let bytes = UnsafeRawBufferPointer(start: message.payload, count: message.payload == nil ? 0 : length)
        received.append(
            isCommand
                ? .command(Array(bytes), retained: message.retain) : .receipt(Array(bytes), retained: message.retain))
    }

    private func logged(_ text: String) {
        if logLines.count < 16 { logLines.append(text) }
    }
}

/// A message on its way, topic whole.
struct MqttMessage: Sendable {
    var topic: String
    var payload: [UInt8]
    var retained: Bool
}
