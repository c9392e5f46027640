import Metering

/// PowerBox of EnergyGrid: binds a HAN device of the box to the utility's meter.
public struct PowerBoxSystem: UpstreamSystem {
    public static let name = "powerbox"

    /// What the box shows to get in, and whom it speaks for.
    public struct Account: Hashable, Sendable {
        public var tokenAddress: HttpsAddress
        public var clientID: String
        public var clientSecret: Secret
        /// The customer's GUID; a bind needs it.
        public var hemProfileID: String?
        /// Service location, sent only where configured: two versions of the contract differ.
        public var accountSlid: String?
        /// Bind with a Basic header, as the integration guide says, instead of the bearer token of the API page.
        public var bindsWithBasic: Bool

        public init(
            tokenAddress: HttpsAddress, clientID: String, clientSecret: Secret, hemProfileID: String? = nil,
            accountSlid: String? = nil, bindsWithBasic: Bool = false
        ) {
            self.tokenAddress = tokenAddress
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.hemProfileID = hemProfileID
            self.accountSlid = accountSlid
            self.bindsWithBasic = bindsWithBasic
        }
    }

    public let endpoint: HttpsEndpoint
    private let account: Account
    private let base64: @Sendable ([UInt8]) -> String

    /// - Parameter base64: the encoder, which is not ours to have.
    public init(endpoint: HttpsEndpoint, account: Account, base64: @escaping @Sendable ([UInt8]) -> String) {
        self.endpoint = endpoint
        self.account = account
        self.base64 = base64
    }

    public var name: String { Self.name }

    public let operations = [
        UpstreamOperation("customer", changes: false),
        UpstreamOperation("bind", changes: true, whenUnknown: .hold),
        UpstreamOperation("unbind", changes: true, whenUnknown: .hold),
    ]

    /// The request for the work; throws what is missing or wrong in it.
    public func request(for work: UpstreamWork, token: Secret?) throws(UpstreamFault) -> HttpsRequest {
        let bearer = token.map { [HttpsRequest.Header.bearer($0)] } ?? []
        switch work.operation {
        // No body is defined: the token names the customer.
        case "customer": return HttpsRequest(.post, "/powerbox/customer", headers: bearer)
        case "bind", "unbind":
            return .json(
                "/powerbox/bind", try bind(work),
                headers: account.bindsWithBasic ? [HttpsRequest.Header("Authorization", basic)] : bearer)
        default: throw UpstreamFault("unsupported", "PowerBox has no \(work.operation)")
        }
    }

    private func bind(_ work: UpstreamWork) throws(UpstreamFault) -> [WireMember] {
        guard let profile = account.hemProfileID else {
            throw UpstreamFault(
                "config", "hem_profile_id is missing", hint: "write it into [upstream.powerbox] of the configuration")
        }
        let mac = try work.text("mac")
        guard let address = Self.mac(mac) else {
            throw UpstreamFault("usage", "\"\(mac)\" is no MAC address", hint: "write 12 or 16 hexadecimal digits")
        }
        var members = [
            WireMember("hemProfileId", profile), WireMember("macAddress", address),
            WireMember("installCode", try work.text("install_code")), WireMember("meterId", try work.text("meter")),
            WireMember("actionCode", .number(work.operation == "bind" ? "1" : "0")),
        ]
        if let slid = account.accountSlid { members.append(WireMember("accountSlid", slid)) }
        return members
    }

    /// The install code opens the home area network: it stands in no record.
    public func summary(of work: UpstreamWork) -> JSONObject {
        var args = work.args
        args["install_code"] = nil
        return args
    }

    /// `AA:BB:CC:DD:EE:FF` (also with eight octets) of the same digits with colons, dashes or nothing between them.
    static func mac(_ text: String) -> String? {
        let digits = text.uppercased().utf8.filter { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "-") }
        let isHex = digits.allSatisfy { (48...57).contains($0) || (65...70).contains($0) }
        guard isHex, digits.count == 12 || digits.count == 16 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { String(decoding: digits[$0..<$0 + 2], as: UTF8.self) }
            .joined(separator: ":")
    }

    // MARK: Token

    private var basic: [UInt8] {
        Array("Basic ".utf8)
            + Array(base64(Array(account.clientID.utf8) + [UInt8(ascii: ":")] + account.clientSecret.bytes).utf8)
    }

    /// Where and how a token is asked for.
    public func tokenRequest(refresh: Secret?) -> (endpoint: HttpsEndpoint, request: HttpsRequest)? {
        var place = HttpsEndpoint(address: account.tokenAddress, ca: endpoint.ca, proxy: endpoint.proxy)
        place.totalTime = endpoint.totalTime
        let form = "grant_type=client_credentials&scope=" + Encoded.text("customer.sync hardware.bind")
        return (
            place,
            HttpsRequest(
                .post, "",
                headers: [
                    HttpsRequest.Header("Authorization", basic),
                    HttpsRequest.Header("Content-Type", "application/x-www-form-urlencoded"),
                ], body: Array(form.utf8))
        )
    }

    /// The token of a reply, or why there is none.
    public func token(of reply: HttpsReply) -> Result<UpstreamToken, UpstreamRejection> {
        let json = WireJSON(reply.body)
        guard (200...201).contains(reply.status) else {
            let outcome = UpstreamOutcome.failure(
                reply.status, ServerWords.clean((json?["error_description"] ?? json?["error"])?.string))
            // RFC 6749 §5.2: a refused client may be told as 400.
            if case .refused(_, let said) = outcome { return .failure(UpstreamRejection(.unauthorised(said))) }
            return .failure(UpstreamRejection(outcome))
        }
        guard let access = json?["access_token"]?.string, !access.isEmpty else {
            return .failure(UpstreamRejection(.garbled("the answer holds no access token")))
        }
        return .success(
            UpstreamToken(access: Secret(Array(access.utf8)), lifetime: json?["expires_in"]?.integer ?? 3600))
    }

    // MARK: Answers

    /// What the reply means for the work.
    public func outcome(of reply: HttpsReply, to work: UpstreamWork) -> UpstreamOutcome {
        let json = WireJSON(reply.body)
        guard (200...204).contains(reply.status) else { return Self.failure(reply.status, json) }
        if work.operation == "customer" { return Self.customer(json) }
        // One version has no body, the other says success.
        if reply.body.isEmpty { return .done(["state": "accepted"]) }
        guard let json else { return .garbled("the answer is no JSON") }
        let status = json["status"]?.string?.lowercased()
        guard status == nil && json["errorCode"] == nil || status == "success" else {
            return .garbled("the answer does not say success: \(ServerWords.clean(json["message"]?.string))")
        }
        return .done(["state": "accepted"])
    }

    /// Three stories about errors are told; the status comes first, a code may stand in the body as number or text.
    private static func failure(_ status: Int, _ json: WireJSON?) -> UpstreamOutcome {
        let code = json?["errorCode"]?.text
        switch (status, code) {
        case (400, "METER_ALREADY_BOUND"?):
            return .refused(code: "meter_already_bound", "the meter is bound already; unbind it first")
        case (400, "INVALID_INSTALL_CODE"?):
            return .refused(code: "invalid_install_code", "the install code is not that of this device")
        case (401, "1"?): return .refused(code: "no_account", "there is no such account")
        case (401, "2"?), (401, "3"?): return .forbidden("the log-in was refused; a lock threatens after two more")
        case (401, "4"?): return .refused(code: "account_locked", "the account is locked")
        case (401, "86"?): return .refused(code: "account_closed", "the account is closed or final")
        case (403, _): return .forbidden("the account is locked or closed")
        case (404, _): return .refused(code: "http_404", "an id is not known there: meter, device or profile")
        default: return .failure(status, ServerWords.clean(json?["message"]?.string ?? code))
        }
    }

    /// Names, addresses and tariffs stay where they are: only sites, meters and the account's letter come with us.
    private static func customer(_ json: WireJSON?) -> UpstreamOutcome {
        guard let json, let sites = json["customerSites"]?.array else {
            return .garbled("the answer has no list of sites")
        }
        let kept = sites.map { site -> JSONValue in
            let meters = (site["meters"]?.array ?? []).map { meter -> JSONValue in
                [
                    "meter_id": JSONValue(meter["meterId"]?.text), "type": JSONValue(meter["meterType"]?.string),
                    "ami": meter["isAMI"]?.bool.map { .bool($0) } ?? .null,
                ]
            }
            return ["site_id": JSONValue(site["externalSiteId"]?.text), "meters": .array(meters)]
        }
        return .done(["account_status": JSONValue(json["AcctStatus"]?.string), "sites": .array(kept)])
    }
}

/// What must hold before a bind is asked for.
public enum PowerBoxRules {
    /// - Parameter customer: what operation `customer` gave.
    /// - Returns: why not; nil when it may be.
    public static func objection(toBinding meter: String, customer: JSONObject) -> UpstreamFault? {
        // Two pages disagree about C and S; the letters that say active, new, or active with service off are clear.
        if let letter = customer["account_status"]?.string, !["A", "N", "D"].contains(letter) {
            return UpstreamFault(
                "account_status", "the account's status is \(ServerWords.clean(letter)), which allows no binding",
                hint: "ask the utility; A, N and D allow it")
        }
        let meters = (customer["sites"]?.array ?? []).flatMap { $0["meters"]?.array ?? [] }
        guard let found = meters.first(where: { $0["meter_id"]?.string == meter }) else {
            return UpstreamFault(
                "unknown_meter", "the utility's customer record has no meter \(meter)",
                hint: "compare the meter's number with the customer's account")
        }
        guard found["ami"]?.bool != false else {
            return UpstreamFault("not_ami", "meter \(meter) has no radio of the utility's network")
        }
        return nil
    }
}
