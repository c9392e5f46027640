import CLinux
import Glibc

/// A program that runs beside the demonstration, with its output in a file.
final class ChildProcess {
    let name: String
    private let log: String
    private let pid: pid_t
    private var ending: String?
    /// Nil while it runs, and when a signal ended it.
    private(set) var exitCode: Int32?

    /// Starts it in a process group of its own, so that Ctrl-C reaches only us and we end everything in order.
    init(
        name: String, executable: String, arguments: [String], log: String, environment: [String] = []
    ) throws(SimulatorFailure) {
        self.name = name
        self.log = log
        pid = try Self.spawn(executable, arguments, log, environment)
    }

    /// Why it ended, in words; nil while it runs.
    func ended() -> String? {
        if let ending { return ending }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        let signal = status & 0x7F
        if signal == 0 { exitCode = status >> 8 & 0xFF }
        ending = signal == 0 ? "it ended with exit code \(status >> 8 & 0xFF)" : "signal \(signal) ended it"
        return ending
    }

    /// Asks it to end, waits, and ends it by force when it does not.
    func stop(within milliseconds: Int64) {
        guard ended() == nil else { return }
        kill(pid, SIGTERM)
        for _ in 0..<(milliseconds / 20) {
            if ended() != nil { return }
            _ = clinux_wait(-1, -1, 20_000_000)
        }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        ending = "it did not end by itself"
    }

    /// The last lines it wrote.
    func lastLines(_ count: Int) -> [String] {
        guard let bytes = try? Folder.read(log) else { return [] }
        return bytes.split(separator: 0x0A).suffix(count).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ log: String, _ more: [String]
    ) throws(SimulatorFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
        posix_spawnattr_setpgroup(&attributes, 0)
        // A child inherits what this thread blocks and ignores: it would not hear a SIGTERM.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGXFSZ] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = (more + ownEnvironment()).map { strdup($0) } + [nil]
        defer { for word in words + environment { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, executable, &actions, &attributes, &words, &environment)
        guard result == 0 else { throw .system("cannot start \(executable)", result) }
        return pid
    }

    private static func ownEnvironment() -> [String] {
        guard let bytes = try? Folder.read("/proc/self/environ", limit: 1 << 20) else { return [] }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
