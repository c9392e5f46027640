import Crypto
import Glibc
import Metering

/// The files that commissioning writes, all whole or not at all.
struct CommissionFiles {
    /// The daemon's configuration file.
    let configuration: String
    /// The daemon's state folder.
    let state: String

    /// - Parameter version: the daemon's answer, which names its files.
    init(_ version: JSONValue) {
        configuration = version["configuration"]?.string ?? "/etc/meterside/meterside.toml"
        state = version["state"]?.string ?? "/var/lib/meterside"
    }

    var folder: String { state + "/commission" }
    var progress: String { folder + "/answers.json" }
    var boxKey: String { state + "/box.key" }
    var secrets: String { Self.folder(of: configuration) + "/secrets" }

    func report(_ run: Int64, _ suffix: String) -> String { "\(folder)/report-\(run).\(suffix)" }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Says at once that this needs root, instead of failing in the middle.
    func checkRights() throws(CommandFailure) {
        for path in [Self.folder(of: configuration), state] {
            try Self.makeFolder(path, mode: 0o755)
            guard access(path, W_OK | X_OK) == 0 else {
                throw CommandFailure(
                    code: "permission", message: "\(path) cannot be written by you",
                    hint: "commissioning writes the configuration: run it as root (sudo meterside commission)")
            }
        }
        try Self.makeFolder(folder, mode: 0o700)
    }

    /// Keeps other runs out until this process ends, however it ends: two would write the same files, and each a box
    /// key of its own.
    func lock() throws(CommandFailure) {
        let path = folder + "/lock"
        // Never closed: the lock goes with the process.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileAccess.failure("open", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw FileAccess.failure("lock", path) }
            let owner = (try? FileAccess.read(path, limit: 32)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            throw CommandFailure(
                code: "busy", message: "another `meterside commission` is at work on this box",
                hint: "wait for its end, or end it (process \(owner.filter(\.isNumber))) and run this again")
        }
        let owner = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, write(descriptor, owner, owner.count) == owner.count else {
            throw FileAccess.failure("write", path)
        }
    }

    static func makeFolder(_ path: String, mode: mode_t) throws(CommandFailure) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, path != folder(of: path) else { throw FileAccess.failure("make", path) }
        try makeFolder(folder(of: path), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw FileAccess.failure("make", path) }
    }

    /// Replaces a file; the old one is there until the new one is on the disk.
    static func replace(_ path: String, mode: mode_t, _ bytes: [UInt8]) throws(CommandFailure) {
        let fresh = path + ".new"
        unlink(fresh)
        try FileAccess.create(fresh, mode: mode, bytes)
        guard rename(fresh, path) == 0 else { throw FileAccess.failure("write", path) }
        sync(folder(of: path))
    }

    /// Makes a name in a folder durable.
    private static func sync(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    // MARK: Configuration

    /// Where a new configuration waits to be checked.
    var candidate: String { configuration + ".candidate" }

    func writeCandidate(_ text: String) throws(CommandFailure) {
        unlink(candidate)
        try FileAccess.create(candidate, mode: 0o644, Array(text.utf8))
    }

    var hasConfiguration: Bool { access(configuration, F_OK) == 0 }

    /// Puts the checked candidate in place; what was there is kept as `.bak`.
    func takeCandidate() throws(CommandFailure) {
        if hasConfiguration {
            let old = try FileAccess.read(configuration, limit: 1 << 20)
            try Self.replace(configuration + ".bak", mode: 0o644, old)
        }
        guard rename(candidate, configuration) == 0 else { throw FileAccess.failure("write", configuration) }
        Self.sync(Self.folder(of: configuration))
    }

    /// The configuration that was just put in place is not taken: what was there before comes back, and nothing when
    /// nothing was.
    func putBack(_ old: [UInt8]?) throws(CommandFailure) {
        guard rename(configuration, candidate) == 0 else { throw FileAccess.failure("write", configuration) }
        if let old { try Self.replace(configuration, mode: 0o644, old) }
        Self.sync(Self.folder(of: configuration))
    }

    /// Whether a file lies in the configuration's folder already.
    func isAtHome(_ path: String) -> Bool { path.hasPrefix(Self.folder(of: configuration) + "/") }

    /// A secret as the daemon can read it and nobody else, below the configuration.
    /// - Returns: its path, and whether it is another than before.
    func place(secret bytes: [UInt8], named name: String) throws(CommandFailure) -> (path: String, isNew: Bool) {
        try Self.makeFolder(secrets, mode: 0o711)
        let target = "\(secrets)/\(name)"
        if access(target, F_OK) == 0, try FileAccess.read(target, limit: Self.longestSecret) == bytes {
            return (target, false)
        }
        try Self.replace(target, mode: 0o600, bytes)
        // The daemon may run as a user of its own: the owner of its state folder.
        var status = stat()
        if stat(state, &status) == 0, status.st_uid != geteuid(), chown(target, status.st_uid, status.st_gid) != 0 {
            throw FileAccess.failure("give away", target)
        }
        return (target, true)
    }

    /// Certificates come in chains.
    static let longestSecret = 256 << 10

    // MARK: To go on with

    func loadProgress() throws(CommandFailure) -> CommissionAnswers? {
        guard access(progress, F_OK) == 0 else { return nil }
        let bytes = try FileAccess.read(progress, limit: 1 << 20)
        guard let value = try? JSONReader.read(bytes) else { return nil }
        return try CommissionAnswers(value)
    }

    func save(_ answers: CommissionAnswers) throws(CommandFailure) {
        try Self.replace(progress, mode: 0o600, JSONWriter.compact(answers.json) + [0x0A])
    }

    // MARK: The box's key

    /// The secret half of the box's own key, made at first use.
    func loadBoxKey() throws(CommandFailure) -> [UInt8] {
        if access(boxKey, F_OK) == 0 {
            let text = String(decoding: try FileAccess.read(boxKey, limit: 4096), as: UTF8.self)
            guard let key = try? Base64.bytes(String(text.filter { !$0.isWhitespace })), key.count == 32 else {
                throw CommandFailure(
                    code: "storage", message: "\(boxKey) is no key",
                    hint: "it is the base64 of 32 bytes; move it away and a new one is made")
            }
            return key
        }
        let key = try Signing.orFailure { () throws(CryptoError) in try Ed25519.generate() }
        try Self.replace(boxKey, mode: 0o600, Array((Base64.text(key) + "\n").utf8))
        return key
    }
}
