/// A `keys.d/<kid>.pub` (contract §5), as far as the command line makes and takes it: plain `name = "text"` lines.
struct PublicKeyFile: Equatable {
    var kid: String
    var role: String
    /// Base64 of the 32 raw bytes.
    var key: String

    static let roles = ["owner", "billing", "ops", "read"]

    init(kid: String, role: String, key: String) {
        self.kid = kid
        self.role = role
        self.key = key
    }

    var text: String { "role = \"\(role)\"\nkey = \"\(key)\"\n" }

    /// Reads a file that `key make` wrote, comments allowed. Anything richer is for the daemon's own reader.
    init(path: String, bytes: [UInt8]) throws(CommandFailure) {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let kid = name.hasSuffix(".pub") ? String(name.dropLast(4)) : name
        guard name.hasSuffix(".pub"), Self.isIdentifier(kid) else {
            throw .usage("\(path) is not named <kid>.pub", hint: "the file's name is the key's id")
        }
        var values: [(name: String, value: String)] = []
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            if words.isEmpty || words.hasPrefix("#") { continue }
            guard let entry = Self.entry(words) else { throw Self.tooRich(path) }
            values.append(entry)
        }
        guard values.count == 2, let role = values.first(where: { $0.name == "role" })?.value,
            let key = values.first(where: { $0.name == "key" })?.value
        else { throw Self.tooRich(path) }
        guard Self.roles.contains(role) else {
            throw .usage("\(path): role must be owner, billing, ops or read, not \(role)")
        }
        self.init(kid: kid, role: role, key: key)
    }

    private static func tooRich(_ path: String) -> CommandFailure {
        .usage(
            "\(path) is no file that `key make` wrote",
            hint: "copy a richer one into /etc/meterside/keys.d yourself and reload: systemctl reload metersided")
    }

    /// `name = "value"`.
    private static func entry(_ line: String) -> (name: String, value: String)? {
        guard let equals = line.firstIndex(of: "=") else { return nil }
        let name = line[..<equals].filter { $0 != " " }
        let value = line[line.index(after: equals)...].drop { $0 == " " }
        guard value.count >= 2, value.first == "\"", value.last == "\"" else { return nil }
        let inner = value.dropFirst().dropLast()
        guard !inner.contains("\""), !inner.contains("\\") else { return nil }
        return (name, String(inner))
    }

    /// `[A-Za-z0-9_.:-]{1,64}`
    static func isIdentifier(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122: true
                default: "_.:-".utf8.contains(byte)
                }
            }
    }
}
