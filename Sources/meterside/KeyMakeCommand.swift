import ArgumentParser
import Crypto
import Metering

/// `meterside key make NAME --role R`
struct KeyMakeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Make a key pair that may sign commands.",
        discussion: """
            NAME becomes the key's id (kid). NAME.key is the secret half (base64 of the 32-byte Ed25519 seed), \
            readable by you alone: keep it off the box. NAME.pub is what the box needs: copy it into \
            /etc/meterside/keys.d, or use `meterside key import`.
            """)

    @Argument(help: "The key's id: letters, digits and _ . : -")
    var name: String

    @Option(name: .long, help: "What it may do: owner, billing, ops or read.")
    var role: String

    @Option(name: .long, help: "The folder for the two files.")
    var out = "."

    @Option(name: .long, help: "Also print the arguments of key_add for the box with this id.")
    var box: String?

    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard PublicKeyFile.isIdentifier(name) else {
            throw ValidationError("A key's id has 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
        }
        guard PublicKeyFile.roles.contains(role) else {
            throw ValidationError("--role must be owner, billing, ops or read, not \(role).")
        }
    }

    func run() throws {
        let secret = try Signing.orFailure { () throws(CryptoError) in try Ed25519.generate() }
        let publicKey = try Signing.orFailure { () throws(CryptoError) in try Ed25519.publicKey(of: secret) }
        let file = PublicKeyFile(kid: name, role: role, key: Base64.text(publicKey))
        let secretPath = "\(out)/\(name).key"
        let publicPath = "\(out)/\(name).pub"
        try FileAccess.create(secretPath, mode: 0o600, Array((Base64.text(secret) + "\n").utf8))
        try FileAccess.create(publicPath, mode: 0o644, Array(file.text.utf8))
        var result: JSONObject = [
            "kid": .string(name), "role": .string(role), "key": .string(file.key), "secret_file": .string(secretPath),
            "public_file": .string(publicPath),
        ]
        if let box {
            let proof = try Signing.orFailure { () throws(CryptoError) in
                try Ed25519.sign(Array("\(box)/\(name)".utf8), privateKey: secret)
            }
            result["key_add"] = [
                "kid": .string(name), "role": .string(role), "key": .string(file.key),
                "proof": .string(Base64.text(proof)),
            ]
        }
        output.show(.object(result)) { _ in Self.lines(.object(result)) }
    }

    static func lines(_ result: JSONValue) -> [String] {
        var lines = [
            "secret  \(result.shown("secret_file"))  (keep it off the box, and back it up)",
            "public  \(result.shown("public_file"))  (into /etc/meterside/keys.d of the box)",
        ]
        if let arguments = result["key_add"] { lines += ["", "arguments of key_add:", arguments.shown] }
        return lines
    }
}
