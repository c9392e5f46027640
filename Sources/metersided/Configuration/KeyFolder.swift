import Crypto
import Metering
import Toml

/// `keys.d/<kid>.pub`: the keys an installer trusts.
enum KeyFolder {
    /// Reads every key; a fault in a key file refuses the configuration, because a key that is quietly left out would
    /// make every command of its owner fail.
    static func read(_ folder: String, into root: SettingsReader) -> [SigningKey] {
        var keys: [SigningKey] = []
        for name in FilePath.names(in: folder, endingIn: ".pub") {
            let path = folder + "/" + name
            do throws(SettingsFault) {
                let table = SettingsReader(try Toml.readFile(path), file: path)
                let key = read(table, kid: String(name.dropLast(4)))
                let faults = table.finish()
                for fault in faults { root.add(fault) }
                if let key, faults.isEmpty { keys.append(key) }
            } catch {
                root.add(error)
            }
        }
        return keys
    }

    private static func read(_ table: SettingsReader, kid: String) -> SigningKey? {
        if !Identifier.isValidName(kid) {
            table.fault("the file's name is the key's id; use letters, digits and _ . -")
        }
        let role = table.require(
            "role", SettingsRule<String>.oneOf(["owner", "billing", "ops", "read"]).map { Role(rawValue: $0) })
        let key = table.require(
            "key",
            SettingsRule<String>.text(longest: 64).map("the base64 of 32 bytes") { text -> [UInt8]? in
                guard let bytes = try? Base64.bytes(text), bytes.count == 32 else { return nil }
                return bytes
            })
        let notBefore = table.take("not_before", .time)
        let notAfter = table.take("not_after", .time)
        let units = table.take("units", .list(of: .name))
        guard let role, let key else { return nil }
        return SigningKey(kid: kid, role: role, publicKey: key, notBefore: notBefore, notAfter: notAfter, units: units)
    }
}
