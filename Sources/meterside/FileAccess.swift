import Glibc

/// Whole files, read and made with the user's own rights.
enum FileAccess {
    /// The bytes of a file of at most `limit` bytes.
    static func read(_ path: String, limit: Int) throws(CommandFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= limit else {
                throw .usage("\(path) is longer than \(limit) bytes", hint: "is it the right file?")
            }
        }
    }

    /// A new file with these bytes; an existing one is never touched.
    static func create(_ path: String, mode: mode_t, _ bytes: [UInt8]) throws(CommandFailure) {
        let file = try OutputFile(creating: path, mode: mode)
        try file.write(bytes)
        try file.finish()
    }

    static func failure(_ verb: String, _ path: String) -> CommandFailure {
        let number = errno
        let hint =
            switch number {
            case EEXIST: "it exists already: choose another name, or move it away"
            case EACCES, EPERM: "you may not: look at `ls -l \(path)` and the folders above it"
            case ENOENT: "look at the spelling of the path"
            default: ""
            }
        return CommandFailure(
            code: verb == "write" ? "storage" : "usage",
            message: "cannot \(verb) \(path): \(String(cString: strerror(number)))", hint: hint)
    }
}

/// A file being written.
struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(creating path: String, mode: mode_t) throws(CommandFailure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileAccess.failure("make", path) }
        self.path = path
    }

    deinit { close(descriptor) }

    borrowing func write(_ bytes: [UInt8]) throws(CommandFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR { throw FileAccess.failure("write", path) }
            rest = rest.dropFirst(max(count, 0))
        }
    }

    /// Makes sure that it is on the disk.
    borrowing func finish() throws(CommandFailure) {
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw FileAccess.failure("write", path)
        }
    }
}
