import Metering

/// Ropo One: tells the billing company what became of its request to disconnect or reconnect a usage place.
public struct RopoSystem: UpstreamSystem {
    public static let name = "ropo"

    public let endpoint: HttpsEndpoint
    private let cid: String
    private let apicode: Secret
    /// The schema says integer, the guide's sample shows a text.
    private let jobIDsAsText: Bool

    public init(endpoint: HttpsEndpoint, cid: String, apicode: Secret, jobIDsAsText: Bool = false) {
        self.endpoint = endpoint
        self.cid = cid
        self.apicode = apicode
        self.jobIDsAsText = jobIDsAsText
    }

    public var name: String { Self.name }

    /// The event's `id` makes it the same event however often it is sent.
    public let operations = [UpstreamOperation("event", changes: true)]

    /// The request for the work; throws what is missing or wrong in it.
    public func request(for work: UpstreamWork, token: Secret?) throws(UpstreamFault) -> HttpsRequest {
        guard work.operation == "event" else { throw UpstreamFault("unsupported", "Ropo One has no \(work.operation)") }
        var members = [WireMember("id", try work.text("id"))]
        members.append(WireMember("usageplacecode", try work.text("usageplacecode")))
        for name in ["customernumber", "contract_no"] {
            if let text = work.args[name]?.string { members.append(WireMember(name, text)) }
        }
        if let invoices = work.args["invoices"]?.array, !invoices.isEmpty {
            members.append(WireMember("invoices", .array(invoices.map { .object(invoice($0)) })))
        }
        members.append(WireMember("time", try work.text("time")))
        members.append(WireMember("status", try work.text("status")))
        members.append(WireMember("description", try work.text("description")))
        return .json("/usageplace/event", members, headers: token.map { [.bearer($0)] } ?? [])
    }

    private func invoice(_ invoice: JSONValue) -> [WireMember] {
        var members: [WireMember] = []
        if let job = invoice["jobid"]?.integer ?? invoice["jobid"]?.string.flatMap({ Int64($0) }) {
            members.append(WireMember("jobid", jobIDsAsText ? .string(String(job)) : .number(String(job))))
        } else if let job = invoice["jobid"]?.string {
            members.append(WireMember("jobid", job))
        }
        if let number = invoice["invoicenumber"]?.string { members.append(WireMember("invoicenumber", number)) }
        return members
    }

    /// What the reply means for the work.
    public func outcome(of reply: HttpsReply, to work: UpstreamWork) -> UpstreamOutcome {
        let json = WireJSON(reply.body)
        guard (200...204).contains(reply.status) else { return .failure(reply.status, Self.words(json)) }
        // No content is promised. A page of some gateway in between is no receipt, nor is one for another event.
        let isEmpty = reply.body.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D }
        guard isEmpty || json?.isObject == true else { return .garbled("the answer is neither empty nor JSON") }
        if let id = json?["id"]?.text, id != work.args["id"]?.string { return .garbled("the answer is about \(id)") }
        return .done([:])
    }

    /// `{status, type, title, detail}` with all of them nullable, or `{errorId, errorText}`.
    private static func words(_ json: WireJSON?) -> String {
        let parts = [json?["title"]?.string, json?["detail"]?.string, json?["errorText"]?.string]
        return parts.compactMap(\.self).map { ServerWords.clean($0) }.joined(separator: ": ")
    }

    // MARK: Token

    /// Where and how a token is asked for.
    public func tokenRequest(refresh: Secret?) -> (endpoint: HttpsEndpoint, request: HttpsRequest)? {
        let members = [
            WireMember("cid", cid), WireMember("apicode", String(decoding: apicode.bytes, as: UTF8.self)),
        ]
        return (endpoint, .json("/token", members))
    }

    /// The token of a reply, or why there is none.
    public func token(of reply: HttpsReply) -> Result<UpstreamToken, UpstreamRejection> {
        let json = WireJSON(reply.body)
        guard (200...201).contains(reply.status) else {
            let outcome = UpstreamOutcome.failure(reply.status, Self.words(json))
            if case .refused(_, let said) = outcome { return .failure(UpstreamRejection(.unauthorised(said))) }
            return .failure(UpstreamRejection(outcome))
        }
        guard let token = json?["token"]?.string, !token.isEmpty else {
            return .failure(UpstreamRejection(.garbled("the answer holds no token")))
        }
        // Good for two hours.
        return .success(UpstreamToken(access: Secret(Array(token.utf8)), lifetime: 7200))
    }
}
