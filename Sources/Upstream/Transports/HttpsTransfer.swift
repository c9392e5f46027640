import CCurl
import Glibc

/// One exchange under way: curl's handle and what it gathered. Used by the transport's thread alone.
final class HttpsTransfer {
    let id: UInt64
    let easy: UnsafeMutableRawPointer
    private let endpoint: HttpsEndpoint
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let reasonText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// Set when the connection stands: from then on bytes of the request may have left.
    private var maySend = false
    private var body: [UInt8] = []
    private var headerBytes = 0
    private var isTooLarge = false
    private var retryAfter: String?
    private var date: String?

    private static let longestHeaders = 64 << 10

    /// - Throws: what curl does not take of the settings.
    init(id: UInt64, endpoint: HttpsEndpoint, request: HttpsRequest) throws(HttpsFailure) {
        guard let easy = curl_easy_init() else {
            throw HttpsFailure(kind: .local, mayHaveArrived: false, words: "no memory for a connection")
        }
        self.id = id
        self.easy = easy
        self.endpoint = endpoint
        reasonText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try set(CURLOPT_PRIVATE, Unmanaged.passUnretained(self).toOpaque())
        try set(CURLOPT_ERRORBUFFER, reasonText)
        try prepareConnection()
        try prepareTrust()
        try prepare(request)
        try prepareSinks()
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headers)
        reasonText.deallocate()
    }

    // MARK: Settings

    private func prepareConnection() throws(HttpsFailure) {
        try set(CURLOPT_PROTOCOLS_STR, endpoint.address.isEncrypted ? "https" : "http")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        // A reused connection that turns out dead makes curl send the request again by itself, and so does HTTP/2.
        try set(CURLOPT_FRESH_CONNECT, 1)
        try set(CURLOPT_FORBID_REUSE, 1)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        try set(CURLOPT_NOSIGNAL, 1)
        // A name look-up that hangs must hold up neither the others nor the end.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, endpoint.connectTime)
        try set(CURLOPT_TIMEOUT_MS, endpoint.totalTime)
        // An empty text keeps curl from asking the environment.
        try set(CURLOPT_PROXY, endpoint.proxy ?? "")
        try set(CURLOPT_NOPROXY, "")
        try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    }

    private func prepareTrust() throws(HttpsFailure) {
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        if let ca = endpoint.ca {
            try set(CURLOPT_CAINFO, ca)
            // Debian's curl also trusts a folder of its own.
            try check(ccurl_set_text(easy, CURLOPT_CAPATH, nil))
        }
        // An encrypted key would make OpenSSL ask on the terminal: there is none.
        try set(CURLOPT_KEYPASSWD, "")
        if let certificate = endpoint.certificate, let key = endpoint.key {
            try set(CURLOPT_SSLCERT, certificate)
            try set(CURLOPT_SSLKEY, key)
        }
    }

    private func prepare(_ request: HttpsRequest) throws(HttpsFailure) {
        try set(CURLOPT_URL, endpoint.address.base + request.target)
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_USERAGENT, "meterside")
        // Without a value: curl shall not wait for a 100 Continue.
        try add("Expect:")
        try add("Accept: application/json")
        for header in request.headers {
            try add(header.name + ": " + String(decoding: header.value.bytes, as: UTF8.self))
        }
        try check(ccurl_set_list(easy, CURLOPT_HTTPHEADER, headers))
        switch request.method {
        case .get: try set(CURLOPT_HTTPGET, 1)
        case .post:
            try set(CURLOPT_POST, 1)
            try check(ccurl_set_body(easy, request.body, request.body.count))
        }
    }

    private func prepareSinks() throws(HttpsFailure) {
        let me = Unmanaged.passUnretained(self).toOpaque()
        try set(CURLOPT_WRITEDATA, me)
        try set(CURLOPT_HEADERDATA, me)
        try set(CURLOPT_PREREQDATA, me)
        try check(
            ccurl_set_sink(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let transfer = Unmanaged<HttpsTransfer>.fromOpaque(context).takeUnretainedValue()
                return transfer.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
            })
        try check(
            ccurl_set_sink(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let transfer = Unmanaged<HttpsTransfer>.fromOpaque(context).takeUnretainedValue()
                return transfer.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
            })
        try check(
            ccurl_set_ready(easy) { context, _, _, _, _ in
                guard let context else { return CURL_PREREQFUNC_ABORT }
                Unmanaged<HttpsTransfer>.fromOpaque(context).takeUnretainedValue().maySend = true
                return CURL_PREREQFUNC_OK
            })
    }

    /// A line end in a header would be a header of its own.
    private func add(_ line: String) throws(HttpsFailure) {
        guard line.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let list = curl_slist_append(headers, line) else {
            throw HttpsFailure(
                kind: .local, mayHaveArrived: false, words: "a key or token holds characters that no header may have")
        }
        headers = list
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HttpsFailure) {
        try check(ccurl_set_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ text: String) throws(HttpsFailure) {
        try check(ccurl_set_text(easy, option, text))
    }

    private func set(_ option: CURLoption, _ pointer: UnsafeMutableRawPointer) throws(HttpsFailure) {
        try check(ccurl_set_pointer(easy, option, pointer))
    }

    private func check(_ code: CURLcode) throws(HttpsFailure) {
        guard code == CURLE_OK else {
            throw HttpsFailure(
                kind: .local, mayHaveArrived: false, words: "curl: \(String(cString: curl_easy_strerror(code)))")
        }
    }

    // MARK: What comes

    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard body.count + bytes.count <= endpoint.longestReply else {
            isTooLarge = true
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        headerBytes += bytes.count
        guard headerBytes <= Self.longestHeaders else {
            isTooLarge = true
            return 0
        }
        let line = bytes.prefix { $0 != 0x0D && $0 != 0x0A }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return bytes.count }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        guard name == "retry-after" || name == "date" else { return bytes.count }
        var value = line[(colon + 1)...]
        while value.first == 0x20 || value.first == 0x09 { value = value.dropFirst() }
        while value.last == 0x20 || value.last == 0x09 { value = value.dropLast() }
        let text = String(decoding: value, as: UTF8.self)
        if name == "date" { date = text } else { retryAfter = text }
        return bytes.count
    }

    // MARK: The end

    /// What became of it, once curl is done.
    func result(_ code: CURLcode) -> HttpsResult {
        let status = ccurl_status(easy)
        guard code == CURLE_OK else {
            let (kind, words) = HttpsReason.of(
                code, text: String(cString: reasonText), isTooLarge: isTooLarge, endpoint: endpoint)
            return .failure(HttpsFailure(kind: kind, mayHaveArrived: maySend, words: words))
        }
        if (300..<400).contains(status) {
            return .failure(
                HttpsFailure(
                    kind: .redirected, mayHaveArrived: true,
                    words: "the server answers \(status) and sends us elsewhere; look at the url in the configuration"))
        }
        let seconds = retryAfter.flatMap { RetryAfter.seconds($0, date: date, ourClock: Int64(time(nil))) }
        return .success(HttpsReply(status: status, retryAfter: seconds, body: body))
    }

    /// The transfer was taken back.
    var cancelled: HttpsResult {
        .failure(HttpsFailure(kind: .cancelled, mayHaveArrived: maySend, words: "the request was taken back"))
    }
}
