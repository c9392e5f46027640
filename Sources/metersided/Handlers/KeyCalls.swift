import Control
import Crypto
import Gateway
import Glibc
import Metering

/// `key import`: puts a public key into `keys.d`. Only root may; the folder is the installer's statement of trust.
extension MainLoop {
    func importKey(_ call: ControlCall) -> Input? {
        let parameters = call.parameters
        let kid = parameters.string("kid") ?? ""
        let role = parameters.string("role") ?? ""
        func refuse(_ message: String, _ hint: String) -> Input? {
            server.fail(call.token, code: "refused", message: message, hint: hint)
            return nil
        }
        guard Identifier.isValidName(kid) else {
            return refuse("\"\(kid)\" is no name for a key", "use letters, digits and _ . -")
        }
        guard ["owner", "billing", "ops", "read"].contains(role) else {
            return refuse("\"\(role)\" is no role of a key", "roles are owner, billing, ops and read")
        }
        guard let bytes = try? Base64.bytes(parameters.string("key") ?? ""),
            (try? Ed25519.check(publicKey: bytes)) != nil
        else {
            return refuse("the key is no Ed25519 public key", "it is the base64 of 32 bytes; see `meterside key make`")
        }
        guard !agent.revokedKeys.contains(kid) else {
            return refuse("the key id \"\(kid)\" was revoked, and stays revoked", "make a key with another id")
        }
        let folder = FilePath.folder(of: options.configuration) + "/keys.d"
        let path = "\(folder)/\(kid).pub"
        guard access(path, F_OK) != 0 else {
            return refuse("\(path) is there already", "remove it first, or use another id")
        }
        _ = mkdir(folder, 0o755)
        guard AtomicFile.write(keyText(parameters, role), to: path) else {
            return refuse(
                "\(path) cannot be written by the daemon", "copy it yourself: sudo install -m 644 \(kid).pub \(folder)/"
            )
        }
        let input = reload(token: nil)
        server.answer(call.token, ["kid": .string(kid), "role": .string(role), "file": .string(path)])
        return input
    }

    private func keyText(_ parameters: ControlParameters, _ role: String) -> String {
        var text = "role = \"\(role)\"\nkey = \"\(parameters.string("key") ?? "")\"\n"
        for name in ["not_before", "not_after"] {
            if let time = parameters.time(name) { text += "\(name) = \"\(time.textSeconds)\"\n" }
        }
        if let units = parameters.strings("units") {
            let names = units.filter(Identifier.isValidName).map { "\"\($0)\"" }
            text += "units = [\(names.joined(separator: ", "))]\n"
        }
        return text
    }
}

/// Files that are there whole or not at all.
enum AtomicFile {
    static func write(_ text: String, to path: String) -> Bool {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            unlink(temporary)
            return false
        }
        return true
    }
}
