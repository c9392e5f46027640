import Metering

/// PowerBox of EnergyGrid, with the utility's log-in.
public struct PowerBoxStub: Sendable {
    /// Meter and MAC of devices that are bound.
    public private(set) var bound: [(meter: String, mac: String)] = []
    /// Bodies of bind calls in order.
    public private(set) var binds: [String] = []
    public var accountStatus = "A"
    public var meter = "1234567890"
    public var installCode = "83FED3407A939723A5C639B26916D505C3B5"
    public private(set) var tokens = 0

    public init() {}

    mutating func answer(_ request: StubRequest) -> (StubReply, String) {
        if request.path == "/oauth/token" { return token(request) }
        let key = request.header("authorization")
        guard tokens > 0, key == "Bearer powerbox-access-\(tokens)" else {
            return (StubReply(401), key == nil ? "none" : "wrong")
        }
        switch (request.method, request.path) {
        case ("POST", "/v1/powerbox/customer"): return (StubReply(200, customer), "good")
        case ("POST", "/v1/powerbox/bind"): return (bind(request), "good")
        default: return (StubReply(404), "good")
        }
    }

    private mutating func token(_ request: StubRequest) -> (StubReply, String) {
        // powerbox-client:powerbox-secret
        let isBasic = request.header("authorization") == "Basic cG93ZXJib3gtY2xpZW50OnBvd2VyYm94LXNlY3JldA=="
        let form = String(decoding: request.body, as: UTF8.self)
        guard isBasic, form == "grant_type=client_credentials&scope=customer.sync%20hardware.bind" else {
            return (StubReply(401, ["error": "invalid_client"]), "wrong")
        }
        tokens += 1
        let answer: JSONValue = [
            "access_token": .string("powerbox-access-\(tokens)"), "token_type": "Bearer", "expires_in": 3600,
        ]
        return (StubReply(200, answer), "good")
    }

    /// Names and addresses that the box must not keep.
    private var customer: JSONValue {
        [
            "clientId": "c-4711", "firstName": "Ada", "lastName": "Lovelace",
            "AcctStatus": .string(accountStatus),
            "customerSites": [
                [
                    "externalSiteId": "S-1", "isPrimary": true, "address1": "12 Analytical Way", "city": "Springfield",
                    "state": "IL", "postalCode": "62704",
                    "meters": [
                        [
                            "accountNumber": "A-99", "meterId": .string(meter), "meterType": "Electric",
                            "isPrimary": true, "isAMI": true, "rateCode": "R1", "billingCycleId": "7b",
                        ]
                    ],
                ]
            ],
        ]
    }

    private mutating func bind(_ request: StubRequest) -> StubReply {
        guard let json = request.json, json["hemProfileId"]?.string != nil, let mac = json["macAddress"]?.string,
            let code = json["installCode"]?.string, let meter = json["meterId"]?.string,
            let action = json["actionCode"]?.integer
        else { return StubReply(400) }
        guard meter == self.meter else { return StubReply(404) }
        guard !["C", "L", "F"].contains(accountStatus) else { return StubReply(403) }
        guard code == installCode else { return StubReply(400, ["errorCode": "INVALID_INSTALL_CODE"]) }
        binds.append(String(decoding: request.body, as: UTF8.self))
        if action == 0 {
            bound.removeAll { $0.meter == meter }
            return StubReply(200)
        }
        guard !bound.contains(where: { $0.meter == meter }) else {
            return StubReply(400, ["errorCode": "METER_ALREADY_BOUND"])
        }
        bound.append((meter, mac))
        return StubReply(200, ["status": "success", "message": "queued"])
    }
}
