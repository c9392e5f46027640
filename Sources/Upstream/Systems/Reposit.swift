import Metering

/// Reposit Power MDP Registrations: a meter board's way from unregistered to connected.
public struct RepositSystem: UpstreamSystem {
    public static let name = "reposit"
    public static let states = ["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"]

    public let endpoint: HttpsEndpoint
    private let key: Secret
    private let box: String

    /// - Parameters:
    ///   - key: the API key of Reposit Fleet; it has no expiry and no refresh.
    ///   - box: the serial number of the Reposit box, which is our box id.
    public init(endpoint: HttpsEndpoint, key: Secret, box: String) {
        self.endpoint = endpoint
        self.key = key
        self.box = box
    }

    public var name: String { Self.name }

    public let operations = [
        UpstreamOperation("register_single", changes: true, whenUnknown: .againThenAsk),
        UpstreamOperation("register_three", changes: true, whenUnknown: .againThenAsk),
        UpstreamOperation("validate", changes: false, isKept: true),
        UpstreamOperation("register_site", changes: true, whenUnknown: .againThenAsk),
        UpstreamOperation("connected", changes: true, whenUnknown: .againThenAsk),
    ]

    /// The request for the work; throws what is missing or wrong in it.
    public func request(for work: UpstreamWork, token: Secret?) throws(UpstreamFault) -> HttpsRequest {
        let auth = [HttpsRequest.Header.bearer(key)]
        switch work.operation {
        case "register_single":
            return .json(
                "/mdp/register/meter/single-phase",
                [WireMember("repositBox", box), WireMember("meterSerialNumber", try work.text("meter"))],
                headers: auth)
        case "register_three":
            let (grid, sga) = (try work.text("grid_meter"), try work.text("sga_meter"))
            guard grid != sga else {
                throw UpstreamFault("usage", "grid_meter and sga_meter are the same meter", hint: "name two meters")
            }
            return .json(
                "/mdp/register/meter/three-phase",
                [
                    WireMember("repositBox", box), WireMember("gridMeterSerialNumber", grid),
                    WireMember("sgaMeterSerialNumber", sga),
                ], headers: auth)
        case "validate":
            return HttpsRequest(.get, "/mdp/validate?repositBox=" + Encoded.text(box), headers: auth)
        case "register_site": return .json("/mdp/register/site", try site(work), headers: auth)
        case "connected":
            return .json(
                "/mdp/connected", [WireMember("meterSerialNumber", try work.text("meter"))], headers: auth)
        default: throw UpstreamFault("unsupported", "Reposit has no \(work.operation)")
        }
    }

    private func site(_ work: UpstreamWork) throws(UpstreamFault) -> [WireMember] {
        let state = try work.text("state")
        guard Self.states.contains(state) else {
            throw UpstreamFault(
                "usage", "\"\(state)\" is no state", hint: "write one of \(Self.states.joined(separator: " "))")
        }
        let postcode = try work.text("postcode")
        guard postcode.utf8.count == 4, postcode.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw UpstreamFault("usage", "\"\(postcode)\" is no postcode", hint: "write its four digits")
        }
        return [
            WireMember("meterSerialNumber", try work.text("meter")),
            WireMember("nmi", try work.text("nmi")),
            WireMember(
                "siteAddress",
                .object([
                    WireMember("streetNumber", try work.text("street_number")),
                    WireMember("streetName", try work.text("street_name")),
                    WireMember("suburb", try work.text("suburb")),
                    WireMember("postcode", postcode),
                    WireMember("state", state),
                ])),
        ]
    }

    /// What the reply means for the work.
    public func outcome(of reply: HttpsReply, to work: UpstreamWork) -> UpstreamOutcome {
        let json = WireJSON(reply.body)
        guard reply.status == 200 else { return .failure(reply.status, Self.words(json)) }
        guard let json else { return .garbled("the answer is no JSON") }
        if work.operation == "validate" {
            switch json["connected"]?.bool {
            case true?: return .done(["connected": true])
            case false?: return .notYet(ServerWords.clean(json["message"]?.string))
            case nil: return .garbled("the answer does not say whether the box is connected")
            }
        }
        switch json["status"]?.string?.uppercased() {
        case "OK"?: return .done(["status": "OK"])
        case "ERROR"?: return .refused(code: "error", Self.words(json))
        default: return .garbled("the answer does not say OK")
        }
    }

    /// Both shapes of errors: `{status: "ERROR", message}` and `{error, message, status: "error"}`.
    private static func words(_ json: WireJSON?) -> String {
        let message = ServerWords.clean(json?["message"]?.string)
        guard let error = json?["error"]?.string, !error.isEmpty else { return message }
        return message.isEmpty ? ServerWords.clean(error) : "\(ServerWords.clean(error)): \(message)"
    }
}
