import Crypto
import Metering
import Simulator

/// Everything a daemon needs to run on the simulated board, in one folder.
struct StarterFiles {
    let folder: String
    /// The secret half of the owner's key, which signs commands.
    let ownerSecret: [UInt8]
    let ownerName = "owner"

    var configuration: String { folder + "/meterside.toml" }
    var state: String { folder + "/state" }
    var runtime: String { folder + "/run" }
    /// What the first unit's customer sees, as text.
    var display: String { folder + "/display" }
    var socket: String { runtime + "/control.sock" }

    /// Writes them; an older configuration is kept as `meterside.toml.bak`, an older owner's key stays.
    init(folder: String, starter: StarterConfiguration, board: Board) throws(SimulatorFailure) {
        self.folder = folder
        try Folder.make(folder)
        for name in ["state", "run", "keys.d"] { try Folder.make("\(folder)/\(name)", mode: 0o700) }
        let path = folder + "/meterside.toml"
        if Folder.exists(path) { try Folder.write(try Folder.read(path), to: path + ".bak") }
        var starter = starter
        starter.display = folder + "/display"
        let text = starter.text(for: board.plan) { port in
            board.places.first { $0.port.name == port.name }?.serial.link ?? ""
        }
        try Folder.write(text, to: path)
        let password = board.plan.ports.flatMap(\.meters).first?.password ?? ""
        try Folder.write(password + "\n", to: "\(folder)/\(starter.passwordFile)", mode: 0o600)
        ownerSecret = try Self.makeKey(in: folder, name: ownerName)
    }

    /// The files that `meterside key make` would write: the secret half here, the public half in `keys.d`.
    static func makeKey(
        in folder: String, name: String, role: String = "owner"
    ) throws(SimulatorFailure) -> [UInt8] {
        let path = "\(folder)/\(name).key"
        let secret: [UInt8]
        if Folder.exists(path) {
            let text = String(decoding: try Folder.read(path, limit: 4096).filter { $0 > 0x20 }, as: UTF8.self)
            secret = try orFailure(path) { () throws(CryptoError) in try Base64.bytes(text) }
        } else {
            secret = try orFailure(path) { () throws(CryptoError) in try Ed25519.generate() }
            try Folder.write(Base64.text(secret) + "\n", to: path, mode: 0o600)
        }
        let publicKey = try orFailure(path) { () throws(CryptoError) in try Ed25519.publicKey(of: secret) }
        let text = "role = \"\(role)\"\nkey = \"\(Base64.text(publicKey))\"\n"
        try Folder.write(text, to: "\(folder)/keys.d/\(name).pub")
        return secret
    }

    private static func orFailure<Value>(
        _ path: String, _ body: () throws(CryptoError) -> Value
    ) throws(SimulatorFailure) -> Value {
        do throws(CryptoError) {
            return try body()
        } catch {
            throw .file("\(path): \(error.description)")
        }
    }
}
