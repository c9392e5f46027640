import Metering
import Upstream

/// `[mqtt]`.
struct MqttSection {
    let folder: String

    func read(_ table: SettingsReader, box: String) -> MqttSettings? {
        let endpoint = readEndpoint(table)
        let ca = table.filePath("ca", in: folder)
        let certificate = table.filePath("certificate", in: folder)
        let key = table.secretPath("key", in: folder)
        let clientID = table.take("client_id", .text(longest: 64)) ?? box
        let keepalive = table.take("keepalive_seconds", .integer(5...3600)) ?? 60
        if (certificate == nil) != (key == nil), !table.has("certificate") || !table.has("key") {
            table.fault(certificate == nil ? "key" : "certificate", "certificate and key belong together; write both")
        }
        guard let endpoint else { return nil }
        return MqttSettings(
            endpoint: endpoint, box: box, clientID: clientID, keepaliveSeconds: keepalive, ca: ca,
            certificate: certificate, key: key)
    }

    private func readEndpoint(_ table: SettingsReader) -> MqttEndpoint? {
        guard let url = table.require("url", .text(longest: 256)) else { return nil }
        do throws(MqttAddressError) { return try MqttEndpoint(url: url) } catch {
            table.fault("url", error.description)
            return nil
        }
    }
}

/// `host:port`, `[::1]:port`, `host`.
enum HostPort {
    static func read(_ text: String, defaultPort: UInt16?) -> (host: String, port: UInt16)? {
        var host = text
        var port = defaultPort
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = text.lastIndex(of: ":") {
            guard let number = UInt16(text[text.index(after: colon)...]) else { return nil }
            host = String(text[..<colon])
            port = number
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        guard isName, (1...253).contains(host.utf8.count), let port, port > 0 else { return nil }
        return (host, port)
    }
}
