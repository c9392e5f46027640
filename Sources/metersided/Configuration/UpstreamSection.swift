import Crypto
import Intervals
import Metering
import Upstream

/// `[upstream.<system>]`.
struct UpstreamSection {
    let folder: String
    let box: String
    let meters: KnownMeters

    func read(_ root: SettingsReader) -> UpstreamSettings {
        var settings = UpstreamSettings()
        guard let upstream = root.table("upstream") else { return settings }
        settings.reposit = upstream.table("reposit").flatMap(reposit)
        settings.powerbox = upstream.table("powerbox").flatMap(powerbox)
        settings.redex = upstream.table("redex").flatMap(redex)
        settings.ropo = upstream.table("ropo").flatMap(ropo)
        return settings
    }

    private func reposit(_ table: SettingsReader) -> UpstreamSettings.Reposit? {
        let endpoint = endpoint(table)
        let key = table.secret("key_file", in: folder)
        let role = table.take("site_serial", .oneOf(["grid", "sga"])) ?? "grid"
        guard let endpoint, let key else { return nil }
        return UpstreamSettings.Reposit(
            system: RepositSystem(endpoint: endpoint, key: key, box: box), siteRole: role)
    }

    private func powerbox(_ table: SettingsReader) -> PowerBoxSystem? {
        var endpoint = endpoint(table)
        let certificate = table.filePath("certificate", in: folder)
        let key = table.secretPath("key", in: folder)
        if table.has("certificate") != table.has("key") {
            table.fault(
                table.has("key") ? "certificate" : "key", "certificate and key belong together; write both")
        }
        endpoint?.certificate = certificate
        endpoint?.key = key
        let tokens = address(table, "token_url")
        let client = table.require("client_id", .text(longest: 256))
        let secret = table.secret("client_secret_file", in: folder)
        let profile = table.take("hem_profile_id", .text(longest: 128))
        let slid = table.take("account_slid", .text(longest: 128))
        let auth = table.take("bind_auth", .oneOf(["bearer", "basic"])) ?? "bearer"
        guard let endpoint, let tokens, let client, let secret else { return nil }
        return PowerBoxSystem(
            endpoint: endpoint,
            account: PowerBoxSystem.Account(
                tokenAddress: tokens, clientID: client, clientSecret: secret, hemProfileID: profile,
                accountSlid: slid, bindsWithBasic: auth == "basic"),
            base64: Base64.text)
    }

    private func redex(_ table: SettingsReader) -> UpstreamSettings.Redex? {
        let endpoint = endpoint(table)
        let key = table.secret("key_file", in: folder)
        let client = table.require("client_id", .text(longest: 36))
        let secret = table.secret("client_secret_file", in: folder)
        let application = table.require("application_id", .text(longest: 64))
        let submits = table.take("submit", .flag) ?? false
        let numbers = table.take("numbers", .oneOf(["number", "text"])) ?? "number"
        var inverters: [UpstreamSettings.Inverter] = []
        let tables = table.tables("inverter")
        for item in tables {
            guard let inverter = inverter(item) else { continue }
            if inverters.contains(where: { $0.remoteID == inverter.remoteID }) {
                item.fault("remote_id", "\"\(inverter.remoteID)\" is another inverter already")
            }
            inverters.append(inverter)
        }
        if submits, tables.isEmpty {
            table.fault("submit", "there is no [[upstream.redex.inverter]] whose generation could be sent")
        }
        guard let endpoint, let key, let client, let secret, let application else { return nil }
        let credentials = RedexSystem.Credentials(apiKey: key, clientID: client, clientSecret: secret)
        return UpstreamSettings.Redex(
            system: RedexSystem(
                endpoint: endpoint, credentials: credentials, applicationID: application,
                numbersAsText: numbers == "text"),
            submits: submits, inverters: inverters)
    }

    private func inverter(_ table: SettingsReader) -> UpstreamSettings.Inverter? {
        let remote = table.require("remote_id", .text(longest: 100))
        let serial = table.require("serial", .text(longest: 255))
        let brand = table.require("brand", .text(longest: 20))
        let capacity = table.require("capacity_w", .integer(1...10_000_000)) as Int64?
        let meter = table.require("meter", .text(longest: 32)).flatMap { meters.serial($0, table, "meter") }
        let word = table.take("channel", .oneOf(["export_wh", "import_wh"])) ?? "export_wh"
        guard let remote, let serial, let brand, let capacity, let meter, let channel = Channel(rawValue: word) else {
            return nil
        }
        return UpstreamSettings.Inverter(
            remoteID: remote, serial: serial, brand: brand, capacity: capacity, meter: meter, channel: channel)
    }

    private func ropo(_ table: SettingsReader) -> UpstreamSettings.Ropo? {
        let endpoint = endpoint(table)
        let cid = table.require("cid", .text(longest: 128))
        let code = table.secret("apicode_file", in: folder)
        let zone = zone(table)
        let word = table.take("not_disconnected", .text(longest: 64)) ?? "not_disconnected"
        let jobs = table.take("job_ids", .oneOf(["integer", "text"])) ?? "integer"
        guard let endpoint, let cid, let code, let zone else { return nil }
        return UpstreamSettings.Ropo(
            system: RopoSystem(endpoint: endpoint, cid: cid, apicode: code, jobIDsAsText: jobs == "text"),
            zone: zone, notDisconnected: word)
    }

    private func zone(_ table: SettingsReader) -> ZoneRules? {
        let name = table.take("zone", .text(longest: 64)) ?? "Europe/Helsinki"
        if name == "UTC" { return .fixed(0) }
        guard let bytes = ZoneFile.bytes(of: name), let rules = try? ZoneRules(zoneFile: bytes) else {
            table.fault("zone", "\"\(name)\" is no time zone of this machine; write one like \"Europe/Helsinki\"")
            return nil
        }
        return rules
    }

    // MARK: What every section has

    private func endpoint(_ table: SettingsReader) -> HttpsEndpoint? {
        let address = address(table, "url")
        let ca = table.filePath("ca", in: folder)
        let proxy = table.take(
            "proxy",
            SettingsRule<String>.text(longest: 256).map("http://host:port") { $0.hasPrefix("http://") ? $0 : nil })
        let seconds = table.take("timeout_seconds", .integer(1...300)) as Int?
        guard let address else { return nil }
        var endpoint = HttpsEndpoint(address: address, ca: ca, proxy: proxy)
        if let seconds { endpoint.totalTime = seconds * 1000 }
        return endpoint
    }

    private func address(_ table: SettingsReader, _ name: String) -> HttpsAddress? {
        guard let url = table.require(name, .text(longest: 256)) else { return nil }
        do throws(HttpsAddressError) { return try HttpsAddress(url: url) } catch {
            table.fault(name, error.description)
            return nil
        }
    }
}
