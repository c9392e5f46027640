import Metering

/// REDEX grouped devices as its pages describe them.
public struct RedexStub: Sendable {
    /// The page's own example, its device under this application.
    public static let application = "347847fa-68c0-4418-9119-08dc3993455a"
    public static let sampleDevice = """
        { "Id": "347847fa-68c0-4418-9119-08dc3993455a", "InstallationName": "Kong Meng San Phor Kark See Monastery", \
        "Address": "88 Bright Hill Road", "PostalCode": "431231", "Longitude": 1.361516, "Latitude": 1.361516, \
        "GridConnectionDate": "2022-05-15 00:00:00", "OwnersDeclarationStartDate": "2022-05-15 00:00:00", \
        "OwnersDeclarationEndDate": "2022-10-15 00:00:00", "Domestic": false, "FeedInTariff": false, \
        "DeclarationForm": "a70fa68f-58a9-46d1-a338-f2e023af3194", "PercentageRenewable": 45.55, \
        "Timezone": "UTC+08:00", "CreatedTime": "2024-06-05T03:18:34.469Z", "Inverters": [ { \
        "Id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "RemoteInvId": "RM1000020898439275847-T", "BrandCode": "HW21", \
        "OtherBrandName": "", "ElectronicSerialNumber": "HW8984392758437-T", "InstalledCapacity": 9.9, \
        "CreatedTime": "2024-06-05T03:18:34.469Z" } ] }
        """

    /// Devices, as JSON.
    public var devices = [RedexStub.sampleDevice]
    /// Fewer than the system's own, so that a few devices make several pages; nil for what is asked.
    public var itemsPerPage: Int?
    /// How often an upload is told to be under way before it ends.
    public var pollsUntilDone = 1
    /// The uploads that fail, by number from 1.
    public var failingUploads: [Int] = []
    /// Bodies of uploads in order; the process id is the number from 1.
    public private(set) var uploads: [String] = []
    public private(set) var tokens = 0
    private var polls: [Int: Int] = [:]

    public init() {}

    private static let prefix = "/public/v2"

    mutating func answer(_ request: StubRequest) -> (StubReply, String) {
        let path = String(request.path.dropFirst(Self.prefix.count))
        switch (request.method, path) {
        case ("POST", "/connect/token"): return (token(request.json, refresh: false), "none")
        case ("POST", "/connect/token/refresh"): return (token(request.json, refresh: true), "none")
        default: break
        }
        let key = request.header("authorization")
        guard tokens > 0, key == "Bearer redex-access-\(tokens)" else {
            return (Self.envelope(401, "null", "Unauthorized"), key == nil ? "none" : "wrong")
        }
        return (serve(request, path), "good")
    }

    private static func envelope(_ status: Int, _ data: String, _ message: String, meta: String = "null") -> StubReply {
        StubReply(
            status,
            text: "{ \"Data\": \(data), \"Meta\": \(meta), \"Errors\": null, \"StatusCode\": \(status), "
                + "\"Message\": \"\(message)\" }")
    }

    private mutating func token(_ json: WireJSON?, refresh: Bool) -> StubReply {
        let isClient =
            json?["ClientId"]?.string == StubCredentials.redexClient
            && json?["ClientSecret"]?.string == StubCredentials.redexSecret
        let isGranted =
            refresh
            ? json?["RefreshToken"]?.string == "redex-refresh-\(tokens)"
                && json?["GrantType"]?.string == "refresh_token"
            : json?["ApiKey"]?.string == StubCredentials.redexKey && json?["GrantType"]?.string == "api_key"
        guard isClient, isGranted else { return Self.envelope(400, "null", "Invalid credentials") }
        tokens += 1
        return Self.envelope(
            200,
            "{ \"AccessToken\": \"redex-access-\(tokens)\", \"RefreshToken\": \"redex-refresh-\(tokens)\", "
                + "\"ExpiresIn\": \"3600\", \"TokenType\": \"Bearer\", \"Scope\": \"all\" }", "Success")
    }

    private mutating func serve(_ request: StubRequest, _ path: String) -> StubReply {
        let parts = path.split(separator: "/").map(String.init)
        if request.method == "GET", parts.count == 3, parts[0] == "device-applications", parts[2] == "devices" {
            guard parts[1] == Self.application else {
                return Self.envelope(404, "null", "The Device Application ID: \(parts[1]) does not exist.")
            }
            return page(devices, request)
        }
        switch (request.method, path) {
        case ("GET", "/metadata/inverter-brands"):
            let brands = [("AB01", "ABB"), ("HW21", "Huawei")].filter { brand in
                request.parameter("Code").map { $0 == brand.0 } ?? true
            }
            return page(brands.map { "{ \"Code\": \"\($0.0)\", \"Name\": \"\($0.1)\" }" }, request)
        case ("POST", "/generation-datas"): return upload(request, rows(request.json?["Data"]))
        case ("POST", "/generation-datas/batches"):
            let counts = (request.json?["Devices"]?.array ?? []).map { rows($0["Data"]) }
            return upload(request, counts.contains(nil) ? nil : counts.compactMap(\.self).reduce(0, +))
        case ("POST", "/generation-datas/monthly-data"):
            return upload(request, request.json?["Data"]?["Year"]?.integer == nil ? nil : 1)
        case ("GET", "/generation-datas/status"): return status(request)
        default: return Self.envelope(404, "null", "Not found")
        }
    }

    private func page(_ items: [String], _ request: StubRequest) -> StubReply {
        let size = itemsPerPage ?? request.parameter("ItemsPerPage").flatMap { Int($0) } ?? 100
        let number = request.parameter("CurrentPage").flatMap { Int($0) } ?? 1
        guard number >= 1, size >= 1 else { return Self.envelope(400, "null", "Bad page") }
        let shown = items.dropFirst((number - 1) * size).prefix(size).joined(separator: ", ")
        let pages = max(1, (items.count + size - 1) / size)
        let meta =
            "{ \"CurrentPage\": \(number), \"TotalPage\": \(pages), \"TotalItems\": \(items.count), "
            + "\"ItemsPerPage\": \(size) }"
        return Self.envelope(200, "[ \(shown) ]", "Success", meta: meta)
    }

    /// How many rows, nil when one is not whole.
    private func rows(_ data: WireJSON?) -> Int? {
        guard let rows = data?.array, !rows.isEmpty else { return nil }
        for row in rows {
            guard row["Timestamp"]?.string?.utf8.count == 10, row["PeriodProductionInKWh"]?.decimal != nil,
                row["AccumulatedEnergyInKWh"]?.decimal != nil
            else { return nil }
        }
        return rows.count
    }

    private mutating func upload(_ request: StubRequest, _ rows: Int?) -> StubReply {
        guard let rows, rows <= 3000 else { return Self.envelope(400, "null", "Invalid rows") }
        uploads.append(String(decoding: request.body, as: UTF8.self))
        return Self.envelope(200, "{ \"ProcessId\": \(uploads.count) }", "Success")
    }

    private mutating func status(_ request: StubRequest) -> StubReply {
        guard let id = request.parameter("ProcessId").flatMap({ Int($0) }), (1...max(1, uploads.count)).contains(id),
            !uploads.isEmpty
        else { return Self.envelope(404, "null", "No such process") }
        let seen = polls[id, default: 0]
        polls[id] = seen + 1
        let word = seen < pollsUntilDone ? "Processing" : failingUploads.contains(id) ? "Failed" : "Success"
        return Self.envelope(
            200,
            "{ \"ProcessId\": \(id), \"Status\": \"\(word)\", \"ProcessingType\": \"CreateNewGenerationData\" }",
            "Success")
    }
}
