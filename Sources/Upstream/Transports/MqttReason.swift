import CMosquitto
import Glibc

/// Why a connection failed or ended, for people, and what that means for the next attempt.
struct MqttEnd: Error, Hashable, Sendable {
    var reason: String
    var cause: MqttBackoff.Cause
    /// The certificate was refused before we could listen to why: asking again at once tells.
    var isUnclear = false
    /// Another client came with our client id. Mosquitto before 2.1 closes the older connection without a word, so a
    /// session that worked and was closed counts too.
    var isTakenOver = false

    static func unreachable(_ reason: String) -> MqttEnd { MqttEnd(reason: reason, cause: .unreachable) }
    static func refused(_ reason: String) -> MqttEnd { MqttEnd(reason: reason, cause: .refused) }

    /// A certificate of the broker that OpenSSL refused; `code` is one of `X509_V_ERR_…`.
    static func certificate(_ code: Int32, _ settings: MqttSettings) -> MqttEnd {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            .refused("the broker's certificate, or its authority's, has expired")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            .refused("the broker's certificate is not valid yet; check the box's clock")
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            .refused("the broker's certificate is not for \(settings.endpoint.host)")
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            .refused("the broker's certificate is not signed by \(settings.ca ?? "an authority of this system")")
        default:
            .refused(
                "the broker's certificate is refused: \(String(cString: X509_verify_cert_error_string(Int(code))))")
        }
    }

    /// What OpenSSL wrote to the library's log; nil when it tells nothing we have words for.
    static func tls(_ lines: [String], _ settings: MqttSettings) -> MqttEnd? {
        let text = lines.joined(separator: " ")
        func has(_ words: String) -> Bool { text.contains(words) }
        if has("host name verification failed") { return certificate(X509_V_ERR_HOSTNAME_MISMATCH, settings) }
        if has("certificate verify failed") {
            return MqttEnd(reason: "the broker's certificate is refused", cause: .refused, isUnclear: true)
        }
        if has("alert certificate required") || has("alert handshake failure") && settings.certificate == nil {
            return .refused("the broker wants a client certificate; set certificate and key in [mqtt]")
        }
        if has("alert certificate expired") { return .refused("the broker says that our certificate has expired") }
        if has("alert certificate revoked") { return .refused("the broker says that our certificate is revoked") }
        if has("alert unknown ca") || has("alert bad certificate") || has("alert certificate unknown")
            || has("alert unknown") || has("alert decrypt error")
        {
            return .refused("the broker does not accept our certificate")
        }
        if has("wrong version number") || has("record layer failure") || has("packet length too long")
            || has("unexpected message")
        {
            return .refused("the broker does not speak TLS on port \(settings.endpoint.port)")
        }
        if has("protocol version") || has("unsupported protocol") {
            return .refused("the broker speaks no TLS 1.2 or newer")
        }
        if has("unexpected eof") {
            return .unreachable(
                "the broker closed the connection during the TLS handshake; does it speak TLS on port "
                    + "\(settings.endpoint.port)?")
        }
        if let error = lines.last(where: { $0.contains("rror") }) { return .refused("TLS failed: \(error)") }
        return nil
    }

    /// A CONNACK or DISCONNECT of the broker with a reason code of MQTT 5.
    static func broker(_ code: Int32, settings: MqttSettings, isConnecting: Bool) -> MqttEnd {
        let words = String(cString: mosquitto_reason_string(code)).lowercased()
        switch UInt32(code) {
        case MQTT_RC_SERVER_UNAVAILABLE.rawValue, MQTT_RC_SERVER_BUSY.rawValue,
            MQTT_RC_SERVER_SHUTTING_DOWN.rawValue, MQTT_RC_KEEP_ALIVE_TIMEOUT.rawValue,
            MQTT_RC_CONNECTION_RATE_EXCEEDED.rawValue:
            return .unreachable("the broker says: \(words)")
        case MQTT_RC_SESSION_TAKEN_OVER.rawValue:
            return MqttEnd(
                reason: "another client took over the session of client id \(settings.clientID)", cause: .refused,
                isTakenOver: true)
        case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION.rawValue:
            return .refused("the broker does not speak MQTT 5")
        default:
            return .refused(
                isConnecting ? "the broker refuses us: \(words)" : "the broker ended the connection: \(words)")
        }
    }

    /// What a call of the library returned, with `errno` of the moment.
    static func library(_ code: Int32, errno: Int32, isGreeting: Bool, settings: MqttSettings) -> MqttEnd {
        let place = "\(settings.endpoint.host):\(settings.endpoint.port)"
        switch code {
        case MOSQ_ERR_EAI.rawValue:
            return .unreachable("no address for \(settings.endpoint.host): \(String(cString: gai_strerror(errno)))")
        case MOSQ_ERR_ERRNO.rawValue where errno == EPROTO && settings.endpoint.isEncrypted:
            // With TLS 1.3 a refused client certificate is told only after our side of the handshake is done.
            return .unreachable("the broker broke off after the TLS handshake; does it accept our certificate?")
        case MOSQ_ERR_CONN_LOST.rawValue where isGreeting:
            return .unreachable(
                "the broker closed the connection before it answered"
                    + (settings.endpoint.isEncrypted ? "" : "; does it expect TLS?"))
        case MOSQ_ERR_CONN_LOST.rawValue: return .unreachable("the broker closed the connection")
        case MOSQ_ERR_KEEPALIVE.rawValue: return .unreachable("the broker stopped answering")
        case MOSQ_ERR_ERRNO.rawValue:
            return .unreachable("\(place): \(String(cString: strerror(errno)).lowercasedASCII)")
        case MOSQ_ERR_PROTOCOL.rawValue, MOSQ_ERR_MALFORMED_PACKET.rawValue:
            return .refused("\(place) does not speak MQTT 5")
        default:
            return .unreachable("\(place): \(String(cString: mosquitto_strerror(code)).lowercasedASCII)")
        }
    }
}

extension String {
    /// C libraries begin their sentences with a capital and end them with a full stop; ours go on.
    var lowercasedASCII: String {
        var text = self
        if text.last == "." { text.removeLast() }
        guard let first = text.first, first.isASCII, text.dropFirst().first?.isLowercase ?? false else { return text }
        return first.lowercased() + text.dropFirst()
    }
}
