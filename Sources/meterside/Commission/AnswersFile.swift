import Metering

/// What the installer knows and the box does not: given at prompts or by `--answers FILE`, a JSON object. Sections of
/// the configuration stand in it as they stand in meterside.toml.
struct CommissionAnswers: Equatable {
    /// `[box]`.
    var box = JSONObject()
    /// `[[port]]`; empty to look for ports.
    var ports: [JSONObject] = []
    /// `[[meter]]`; empty to look for meters.
    var meters: [JSONObject] = []
    /// `user` and `password_file` of EDMI meters that name none of their own, and `serials` to call on a shared line.
    var login = JSONObject()
    /// The rest of the configuration: `mqtt`, `upstream`, `unit`, `switch`, `han` …
    var configuration = JSONObject()
    /// The address: `street_number street_name suburb postcode state`, and `nmi`, `nmi_override`.
    var site = JSONObject()
    /// How long the wire is watched from the first answer on, seconds. With everything else it stays below a minute.
    var pollSeconds: Int64 = 40
    /// How long a binding to the utility's meter is waited for, seconds.
    var hanSeconds: Int64 = 900
    /// Whether load switches are tested; nil to ask.
    var testsSupply: Bool?
    /// Goes on although the wiring looks wrong.
    var acceptsWiring = false

    static let names = [
        "box", "ports", "meters", "login", "configuration", "site", "poll_seconds", "han_seconds",
        "supply_test", "accept_wiring",
    ]
    private static let siteNames = [
        "street_number", "street_name", "suburb", "postcode", "state", "nmi", "nmi_override",
    ]
    static let states = ["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"]

    init() {}

    /// Reads and checks; a fault names the member and what is allowed.
    init(_ value: JSONValue) throws(CommandFailure) {
        guard let object = value.object else { throw Self.fault("", "answers are one JSON object") }
        for name in object.names where !Self.names.contains(name) {
            throw Self.fault(name, "is not known; there are \(Self.names.joined(separator: ", "))")
        }
        box = try Self.object(object, "box")
        ports = try Self.list(object, "ports")
        meters = try Self.list(object, "meters")
        login = try Self.object(object, "login")
        configuration = try Self.object(object, "configuration")
        site = try Self.object(object, "site")
        for name in configuration.names where ["box", "port", "meter"].contains(name) {
            throw Self.fault("configuration.\(name)", "stands beside configuration: box, ports, meters")
        }
        for name in login.names where !["user", "password_file", "serials"].contains(name) {
            throw Self.fault("login.\(name)", "is not known; there are user, password_file, serials")
        }
        pollSeconds = try Self.seconds(object, "poll_seconds", 1...3600) ?? pollSeconds
        hanSeconds = try Self.seconds(object, "han_seconds", 0...172_800) ?? hanSeconds
        testsSupply = try Self.flag(object, "supply_test")
        acceptsWiring = try Self.flag(object, "accept_wiring") ?? false
        try checkSite()
    }

    /// What is wrong with the address or the NMI is said before anything is sent.
    func checkSite() throws(CommandFailure) {
        for (name, value) in site.members {
            guard Self.siteNames.contains(name) else {
                throw Self.fault("site.\(name)", "is not known; there are \(Self.siteNames.joined(separator: ", "))")
            }
            if name == "nmi_override" {
                guard value.bool != nil else { throw Self.fault("site.nmi_override", "must be true or false") }
            } else if value.string?.isEmpty ?? true {
                throw Self.fault("site.\(name)", "must be a text")
            }
        }
        if let state = site["state"]?.string, !Self.states.contains(state) {
            throw Self.fault("site.state", "must be one of \(Self.states.joined(separator: " ")), not \(state)")
        }
        if let postcode = site["postcode"]?.string, !Self.isPostcode(postcode) {
            throw Self.fault("site.postcode", "must have four digits, not \(postcode)")
        }
        if let nmi = site["nmi"]?.string, site["nmi_override"] != true, let fault = Self.fault(nmi: nmi) {
            throw Self.fault("site.nmi", "\(fault) (\"nmi_override\": true takes it as it is)")
        }
    }

    static func isPostcode(_ text: String) -> Bool {
        text.utf8.count == 4 && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    /// Why a text is no NMI; nil when it is one.
    static func fault(nmi: String) -> String? {
        do throws(NMIError) {
            _ = try NMI(nmi)
            return nil
        } catch { return error.description }
    }

    /// The ten characters that the configuration takes.
    static func body(ofNMI text: String) -> String { String(text.prefix(10)) }

    /// As it is kept to go on with; never a secret, only names of files.
    var json: JSONValue {
        var object: JSONObject = [
            "box": .object(box), "ports": .array(ports.map { .object($0) }),
            "meters": .array(meters.map { .object($0) }), "login": .object(login),
            "configuration": .object(configuration), "site": .object(site), "poll_seconds": .integer(pollSeconds),
            "han_seconds": .integer(hanSeconds), "accept_wiring": .bool(acceptsWiring),
        ]
        if let testsSupply { object["supply_test"] = .bool(testsSupply) }
        return .object(object)
    }

    private static func object(_ object: JSONObject, _ name: String) throws(CommandFailure) -> JSONObject {
        guard let value = object[name] else { return JSONObject() }
        guard let members = value.object else { throw fault(name, "must be an object") }
        return members
    }

    private static func list(_ object: JSONObject, _ name: String) throws(CommandFailure) -> [JSONObject] {
        guard let value = object[name] else { return [] }
        let items = value.array?.map(\.object) ?? [nil]
        guard !items.contains(nil) else { throw fault(name, "must be a list of objects") }
        return items.compactMap(\.self)
    }

    private static func seconds(
        _ object: JSONObject, _ name: String, _ range: ClosedRange<Int64>
    ) throws(CommandFailure) -> Int64? {
        guard let value = object[name] else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw fault(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func flag(_ object: JSONObject, _ name: String) throws(CommandFailure) -> Bool? {
        guard let value = object[name] else { return nil }
        guard let flag = value.bool else { throw fault(name, "must be true or false") }
        return flag
    }

    static func fault(_ name: String, _ message: String) -> CommandFailure {
        .usage(name.isEmpty ? message : "answers: \(name) \(message)", hint: "the README shows a complete example")
    }
}
