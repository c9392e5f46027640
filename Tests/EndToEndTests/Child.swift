import Foundation

/// A process of a test. Foundation's own type waits on a run loop, which hangs now and then beside parallel tests.
final class Child {
    let pid: pid_t
    private var status: Int32?

    /// `input`: a descriptor for its standard input, nil for none. Outputs are appended to files.
    init(_ program: String, _ arguments: [String], input: Int32?, output: String, errors: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.takeSignals(&attributes)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, program, &actions, &attributes, words, environ)
        guard code == 0 else { throw Failure(program: program, reason: String(cString: strerror(code))) }
        self.pid = pid
    }

    /// A child inherits what the thread that starts it blocks and ignores: it would not hear a SIGTERM.
    private static func takeSignals(_ attributes: inout posix_spawnattr_t) {
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGXFSZ] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
    }

    struct Failure: Error {
        var program: String
        var reason: String
    }

    /// Its exit code, or minus the signal that ended it; nil while it runs.
    var exitCode: Int32? {
        if let status { return status }
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
        let code = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : -(raw & 0x7F)
        status = code
        return code
    }

    @discardableResult
    func wait() -> Int32 {
        while true {
            if let exitCode { return exitCode }
            usleep(5000)
        }
    }

    func signal(_ number: Int32) { if exitCode == nil { Glibc.kill(pid, number) } }

    func kill() {
        signal(SIGKILL)
        wait()
    }
}

/// A pipe whose writing end the test keeps: a child's standard input.
final class InputPipe {
    let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        // Else another test's child keeps the writing end open, and this one never sees its input end.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func write(_ bytes: [UInt8]) { _ = Glibc.write(writeEnd, bytes, bytes.count) }
}
