import Metering

/// REDEX grouped devices: which inverters are registered, and what they generated.
public struct RedexSystem: UpstreamSystem {
    public static let name = "redex"
    /// Rows of a day and an inverter that one upload may carry.
    public static let mostRows = 3000
    /// Pages that a list may have; beyond it something is wrong.
    static let mostPages: Int64 = 100

    /// What the box shows to get in.
    public struct Credentials: Hashable, Sendable {
        public var apiKey: Secret
        public var clientID: String
        public var clientSecret: Secret

        public init(apiKey: Secret, clientID: String, clientSecret: Secret) {
            self.apiKey = apiKey
            self.clientID = clientID
            self.clientSecret = clientSecret
        }
    }

    public let endpoint: HttpsEndpoint
    let credentials: Credentials
    private let applicationID: String
    /// Send numbers as texts, as the samples show them; the field tables say number.
    private let numbersAsText: Bool

    public init(endpoint: HttpsEndpoint, credentials: Credentials, applicationID: String, numbersAsText: Bool = false) {
        self.endpoint = endpoint
        self.credentials = credentials
        self.applicationID = applicationID
        self.numbersAsText = numbersAsText
    }

    public var name: String { Self.name }
    /// 60 requests a minute for each business account: the box leaves most of them to others.
    public var pace: UpstreamPace? { UpstreamPace(requests: 30, span: 60_000_000) }

    public let operations = [
        UpstreamOperation("devices", changes: false), UpstreamOperation("brands", changes: false),
        // Nothing says what a day that comes twice does to the certificates made of it, and no question tells it.
        UpstreamOperation("generation_daily", changes: true, whenUnknown: .hold),
        UpstreamOperation("generation_batch", changes: true, whenUnknown: .hold),
        UpstreamOperation("generation_monthly", changes: true, whenUnknown: .hold),
        UpstreamOperation("process", changes: false, isKept: true),
    ]

    private static let prefix = "/public/v2"

    /// The request for the work; throws what is missing or wrong in it.
    public func request(for work: UpstreamWork, token: Secret?) throws(UpstreamFault) -> HttpsRequest {
        let auth = token.map { [HttpsRequest.Header.bearer($0)] } ?? []
        switch work.operation {
        case "devices":
            return HttpsRequest(
                .get,
                "\(Self.prefix)/device-applications/\(Encoded.text(applicationID))/devices?\(Self.page(of: work))",
                headers: auth)
        case "brands":
            let code = work.args["code"]?.string.map { "Code=\(Encoded.text($0))&" } ?? ""
            return HttpsRequest(
                .get, "\(Self.prefix)/metadata/inverter-brands?\(code)\(Self.page(of: work))", headers: auth)
        case "generation_daily":
            return .json("\(Self.prefix)/generation-datas", try device(.object(work.args)), headers: auth)
        case "generation_batch":
            var devices: [WireJSON] = []
            var rows = 0
            for item in work.args["devices"]?.array ?? [] {
                devices.append(.object(try device(item)))
                rows += item["rows"]?.array?.count ?? 0
            }
            guard (1...Self.mostRows).contains(rows) else {
                throw UpstreamFault("usage", "an upload has 1 to \(Self.mostRows) rows, this one \(rows)")
            }
            return .json(
                "\(Self.prefix)/generation-datas/batches", [WireMember("Devices", .array(devices))], headers: auth)
        case "generation_monthly":
            return .json("\(Self.prefix)/generation-datas/monthly-data", try monthly(work), headers: auth)
        case "process":
            return HttpsRequest(
                .get, "\(Self.prefix)/generation-datas/status?ProcessId=\(Encoded.text(try work.text("process_id")))",
                headers: auth)
        default: throw UpstreamFault("unsupported", "REDEX has no \(work.operation)")
        }
    }

    private static func page(of work: UpstreamWork) -> String {
        "CurrentPage=\(work.args["page"]?.integer ?? 1)&ItemsPerPage=100"
    }

    // MARK: Generation

    /// `{remote_id, rows: [{day, produced_wh, accumulated_wh}]}`
    private func device(_ item: JSONValue) throws(UpstreamFault) -> [WireMember] {
        guard let id = item["remote_id"]?.string, (1...100).contains(id.utf8.count) else {
            throw UpstreamFault("usage", "an inverter has no remote_id", hint: "see `meterside redex devices`")
        }
        guard let rows = item["rows"]?.array, (1...Self.mostRows).contains(rows.count) else {
            throw UpstreamFault("usage", "inverter \(id) has no rows, or more than \(Self.mostRows)")
        }
        var data: [WireJSON] = []
        for row in rows {
            guard let day = row["day"]?.string, let produced = row["produced_wh"]?.integer,
                let accumulated = row["accumulated_wh"]?.integer, produced >= 0, accumulated >= produced
            else { throw UpstreamFault("usage", "a row of inverter \(id) is not whole") }
            data.append(
                .object([
                    WireMember("Timestamp", day), WireMember("PeriodProductionInKWh", kilowattHours(produced)),
                    WireMember("AccumulatedEnergyInKWh", kilowattHours(accumulated)),
                ]))
        }
        return [WireMember("RemoteInvId", id), WireMember("Data", .array(data))]
    }

    /// `{remote_id, year, months: [Wh or null, twelve]}`
    private func monthly(_ work: UpstreamWork) throws(UpstreamFault) -> [WireMember] {
        let id = try work.text("remote_id")
        guard let year = work.args["year"]?.integer, (2000...2999).contains(year),
            let months = work.args["months"]?.array, months.count == 12
        else { throw UpstreamFault("usage", "a year has a number and twelve months") }
        // The field table spells the seventh July, the sample Jul.
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let values = zip(names, months).map { name, value in
            WireMember(name, value.integer.map { kilowattHours(max(0, $0)) } ?? .null)
        }
        return [
            WireMember("RemoteInvId", id),
            WireMember(
                "Data",
                .object([
                    WireMember("Year", .number(String(year))),
                    WireMember("PeriodProductionPerMonthInKWh", .object(values)),
                ])),
        ]
    }

    /// Watt-hours as kilowatt-hours, which have three decimals: exact.
    private func kilowattHours(_ wattHours: Int64) -> WireJSON {
        let text = DecimalValue(mantissa: wattHours, exponent: -3).text
        return numbersAsText ? .string(text) : .number(text)
    }

    // MARK: Answers

    /// What the reply means for the work.
    public func outcome(of reply: HttpsReply, to work: UpstreamWork) -> UpstreamOutcome {
        let json = WireJSON(reply.body)
        guard (200...204).contains(reply.status) else { return .failure(reply.status, Self.words(json)) }
        guard let json, json.isObject else { return .garbled("the answer is no JSON object") }
        // Some servers say 200 above an envelope that says otherwise.
        if let status = json["StatusCode"]?.integer, !(200...299).contains(status) {
            return .failure(Int(truncatingIfNeeded: status), Self.words(json))
        }
        switch work.operation {
        case "devices": return list(json, work) { Self.device($0) }
        case "brands": return list(json, work) { Self.brand($0) }
        case "process": return process(json, work)
        default:
            guard json["Data"] != nil || json["StatusCode"] != nil else { return .garbled("the answer is no envelope") }
            let process = json["Data"].flatMap { $0["ProcessId"]?.text ?? $0["Id"]?.text ?? $0.text }
            return .done(["process_id": JSONValue(process)])
        }
    }

    private func list(_ json: WireJSON, _ work: UpstreamWork, _ item: (WireJSON) -> JSONValue?) -> UpstreamOutcome {
        guard let data = json["Data"]?.array else { return .garbled("the answer has no list of \(work.operation)") }
        let asked = work.args["page"]?.integer ?? 1
        let meta = json["Meta"]
        if let page = meta?["CurrentPage"]?.integer, page != asked {
            return .garbled("page \(page) was answered when page \(asked) was asked for")
        }
        var items: [JSONValue] = []
        for entry in data {
            guard let item = item(entry) else { return .garbled("an entry of \(work.operation) has no id or code") }
            items.append(item)
        }
        if let total = meta?["TotalPage"]?.integer, asked < total, !data.isEmpty {
            guard asked < Self.mostPages else { return .garbled("there are more than \(Self.mostPages) pages") }
            return .more(items, page: asked + 1)
        }
        return .done(["items": .array(items)])
    }

    private func process(_ json: WireJSON, _ work: UpstreamWork) -> UpstreamOutcome {
        let data = json["Data"]
        let entry = data?.array?.first ?? data
        guard let status = entry?["Status"]?.text else { return .garbled("the answer has no status") }
        let asked = work.args["process_id"]?.string
        if let id = entry?["ProcessId"]?.text, id != asked { return .garbled("another process was answered: \(id)") }
        switch status.lowercased() {
        case "success": return .done(["status": "success"])
        case "failed": return .done(["status": "failed", "detail": .string(Self.words(json))])
        case "new", "processing": return .notYet("the upload is \(status.lowercased())")
        default: return .garbled("\"\(ServerWords.clean(status))\" is no status of a process")
        }
    }

    /// `Message`, and the first of `Errors`, whose shape is not known.
    private static func words(_ json: WireJSON?) -> String {
        let message = ServerWords.clean(json?["Message"]?.string)
        guard let first = json?["Errors"]?.array?.first else { return message }
        let detail = ServerWords.clean(first.string ?? String(decoding: first.bytes, as: UTF8.self))
        return message.isEmpty ? detail : "\(message) (\(detail))"
    }
}
