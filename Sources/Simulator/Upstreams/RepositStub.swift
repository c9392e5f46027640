import Metering

/// Reposit Power MDP Registrations as its page describes it.
public struct RepositStub: Sendable {
    static let expired: JSONValue = [
        "error": "expired_token", "message": "The token you provided has expired.", "status": "error",
    ]
    static let good: JSONValue = ["status": "OK"]

    /// Meters by box.
    public private(set) var registered: [(box: String, meters: [String])] = []
    /// NMIs by meter.
    public private(set) var sites: [(meter: String, nmi: String)] = []
    public private(set) var connected: [String] = []
    /// How often `validate` says no before it says yes.
    public var refusalsOfValidate = 0
    /// NMIs that belong to somebody else.
    public var takenNMIs = ["42036798376"]

    public init() {}

    mutating func answer(_ request: StubRequest) -> (StubReply, String) {
        let key = request.header("authorization")
        guard key == "Bearer " + StubCredentials.repositKey else {
            return (StubReply(401, Self.expired), key == nil ? "none" : "wrong")
        }
        return (serve(request), "good")
    }

    private mutating func serve(_ request: StubRequest) -> StubReply {
        switch (request.method, request.path) {
        case ("POST", "/mdp/register/meter/single-phase"):
            return register(request.json, ["meterSerialNumber"])
        case ("POST", "/mdp/register/meter/three-phase"):
            return register(request.json, ["gridMeterSerialNumber", "sgaMeterSerialNumber"])
        case ("GET", "/mdp/validate"): return validate(request.parameter("repositBox"))
        case ("POST", "/mdp/register/site"): return site(request.json)
        case ("POST", "/mdp/connected"): return connect(request.json)
        default: return Self.refuse("No such route.")
        }
    }

    private static func refuse(_ message: String) -> StubReply {
        StubReply(400, ["status": "ERROR", "message": .string(message)])
    }

    private mutating func register(_ json: WireJSON?, _ names: [String]) -> StubReply {
        guard let box = json?["repositBox"]?.string, !box.isEmpty else {
            return Self.refuse("Missing 'repositBox' field.")
        }
        var meters: [String] = []
        for name in names {
            guard let meter = json?[name]?.string, !meter.isEmpty else {
                return Self.refuse("Missing '\(name)' field.")
            }
            meters.append(meter)
        }
        registered.removeAll { $0.box == box }
        registered.append((box, meters))
        return StubReply(200, Self.good)
    }

    private mutating func validate(_ box: String?) -> StubReply {
        guard let box, !box.isEmpty else { return Self.refuse("Missing 'repositBox' field.") }
        guard let meters = registered.first(where: { $0.box == box })?.meters else {
            return StubReply(
                200, ["connected": false, "message": .string("Reposit box \(box) has no meter registered.")])
        }
        guard refusalsOfValidate == 0 else {
            refusalsOfValidate -= 1
            let words = "Reposit box failed to validate the EDMI meter connection (SN: \(meters.first ?? ""))."
            return StubReply(200, ["connected": false, "message": .string(words)])
        }
        return StubReply(200, ["connected": true])
    }

    private mutating func site(_ json: WireJSON?) -> StubReply {
        guard let meter = json?["meterSerialNumber"]?.string else {
            return Self.refuse("Missing 'meterSerialNumber' field.")
        }
        guard let nmi = json?["nmi"]?.string else { return Self.refuse("Missing 'nmi' field.") }
        let address = json?["siteAddress"]
        for name in ["streetNumber", "streetName", "suburb", "postcode", "state"] {
            guard let text = address?[name]?.string, !text.isEmpty else {
                return Self.refuse("Missing '\(name)' field.")
            }
        }
        guard registered.contains(where: { $0.meters.contains(meter) }) else {
            return Self.refuse("Unable to locate a system with the meter serial number \(meter).")
        }
        guard !takenNMIs.contains(nmi), !sites.contains(where: { $0.nmi == nmi }) else {
            return Self.refuse("A system with the NMI \(nmi) has already been registered.")
        }
        sites.append((meter, nmi))
        return StubReply(200, Self.good)
    }

    private mutating func connect(_ json: WireJSON?) -> StubReply {
        guard let meter = json?["meterSerialNumber"]?.string else {
            return Self.refuse("Missing 'meterSerialNumber' field.")
        }
        guard registered.contains(where: { $0.meters.contains(meter) }) else {
            return Self.refuse("Unable to locate a system with the meter serial number \(meter).")
        }
        connected.append(meter)
        return StubReply(200, Self.good)
    }
}
