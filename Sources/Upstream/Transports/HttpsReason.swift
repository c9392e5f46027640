import CCurl

/// Puts curl's results into our kinds and words.
enum HttpsReason {
    /// `text`: what curl wrote into its error buffer; it names hosts, files and reasons, never bodies or headers.
    static func of(
        _ code: CURLcode, text: String, isTooLarge: Bool, endpoint: HttpsEndpoint
    ) -> (kind: HttpsFailure.Kind, words: String) {
        let words = (text.isEmpty ? String(cString: curl_easy_strerror(code)) : text).lowercasedASCII
        switch code {
        case CURLE_WRITE_ERROR where isTooLarge:
            return (.tooLarge, "the answer is larger than \(endpoint.longestReply) bytes")
        case CURLE_FILESIZE_EXCEEDED: return (.tooLarge, "the answer is larger than \(endpoint.longestReply) bytes")
        case CURLE_OPERATION_TIMEDOUT: return (.timeout, words)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            return (.tls, words)
        case CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT:
            return (.local, words)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
            return (.unreachable, words)
        // With TLS 1.3 a refused client certificate is told only after our side of the handshake is done.
        case CURLE_RECV_ERROR where text.isTlsAlert, CURLE_SEND_ERROR where text.isTlsAlert: return (.tls, words)
        default: return (.broken, words)
        }
    }
}

extension String {
    /// OpenSSL names the alerts of the other side so: `tlsv13 alert certificate required`.
    fileprivate var isTlsAlert: Bool {
        let word = Array(" alert ".utf8)
        let bytes = Array(utf8)
        guard bytes.count >= word.count else { return false }
        return (0...(bytes.count - word.count)).contains { bytes[$0..<($0 + word.count)].elementsEqual(word) }
    }
}
