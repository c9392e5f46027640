import Metering

/// Getting in, and what REDEX says of devices.
extension RedexSystem {
    /// Where and how a token is asked for.
    public func tokenRequest(refresh: Secret?) -> (endpoint: HttpsEndpoint, request: HttpsRequest)? {
        let path = "/public/v2/connect/token"
        let client = [
            WireMember("ClientId", credentials.clientID),
            WireMember("ClientSecret", Self.text(credentials.clientSecret)),
        ]
        guard let refresh else {
            let first = [
                WireMember("ApiKey", Self.text(credentials.apiKey)), WireMember("GrantType", "api_key"),
            ]
            return (endpoint, .json(path, first + client))
        }
        let first = [WireMember("RefreshToken", Self.text(refresh)), WireMember("GrantType", "refresh_token")]
        return (endpoint, .json(path + "/refresh", first + client))
    }

    /// The token of a reply, or why there is none.
    public func token(of reply: HttpsReply) -> Result<UpstreamToken, UpstreamRejection> {
        let json = WireJSON(reply.body)
        guard (200...201).contains(reply.status) else {
            let words = ServerWords.clean(json?["Message"]?.string)
            // A refused key is told as 400 too.
            let outcome = UpstreamOutcome.failure(reply.status, words)
            if case .refused(_, let said) = outcome { return .failure(UpstreamRejection(.unauthorised(said))) }
            return .failure(UpstreamRejection(outcome))
        }
        guard let data = json?["Data"], let access = data["AccessToken"]?.string, !access.isEmpty else {
            return .failure(UpstreamRejection(.garbled("the answer holds no access token")))
        }
        return .success(
            UpstreamToken(
                access: Secret(Array(access.utf8)),
                refresh: data["RefreshToken"]?.string.map { Secret(Array($0.utf8)) },
                lifetime: data["ExpiresIn"]?.integer ?? 3600))
    }

    private static func text(_ secret: Secret) -> String { String(decoding: secret.bytes, as: UTF8.self) }

    /// What the box keeps of a device: nothing about the owner.
    static func device(_ entry: WireJSON) -> JSONValue? {
        guard let id = entry["Id"]?.text else { return nil }
        let inverters = (entry["Inverters"]?.array ?? []).map { inverter -> JSONValue in
            let capacity = inverter["InstalledCapacity"]?.decimal?.scaled(power: 3)?.flooredInteger
            return [
                "id": JSONValue(inverter["Id"]?.text), "remote_id": JSONValue(inverter["RemoteInvId"]?.text),
                "serial": JSONValue(inverter["ElectronicSerialNumber"]?.text),
                "brand": JSONValue(inverter["BrandCode"]?.text),
                "other_brand": JSONValue(inverter["OtherBrandName"]?.text), "capacity_w": JSONValue(capacity),
            ]
        }
        return [
            "id": .string(id), "name": .string(ServerWords.clean(entry["InstallationName"]?.string)),
            "grid_connection": JSONValue(day(entry["GridConnectionDate"])),
            "declared_from": JSONValue(day(entry["OwnersDeclarationStartDate"])),
            "declared_until": JSONValue(day(entry["OwnersDeclarationEndDate"])),
            "declaration_file": JSONValue((entry["DeclarationFormFileId"] ?? entry["DeclarationForm"])?.text),
            "timezone": JSONValue(entry["Timezone"]?.string), "inverters": .array(inverters),
        ]
    }

    static func brand(_ entry: WireJSON) -> JSONValue? {
        guard let code = entry["Code"]?.text else { return nil }
        return ["code": .string(code), "name": .string(ServerWords.clean(entry["Name"]?.string))]
    }

    /// `2022-05-15` and `2022-05-15 00:00:00`: both forms are in use.
    private static func day(_ entry: WireJSON?) -> String? {
        guard let text = entry?.string, WallTime(text: String(text.prefix(10))) != nil else { return nil }
        return String(text.prefix(10))
    }

    /// Seconds east of UTC of `UTC+08:00`; nil for anything else.
    public static func offset(of zone: String) -> Int64? {
        let bytes = Array(zone.utf8)
        guard zone.hasPrefix("UTC") else { return nil }
        if bytes.count == 3 { return 0 }
        guard bytes.count == 9, bytes[6] == UInt8(ascii: ":"), bytes[3] == UInt8(ascii: "+") || bytes[3] == 0x2D,
            [4, 5, 7, 8].allSatisfy({ (48...57).contains(bytes[$0]) })
        else { return nil }
        let hours = Int64(bytes[4] - 48) * 10 + Int64(bytes[5] - 48)
        let minutes = Int64(bytes[7] - 48) * 10 + Int64(bytes[8] - 48)
        guard hours <= 14, minutes < 60 else { return nil }
        return (bytes[3] == 0x2D ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
