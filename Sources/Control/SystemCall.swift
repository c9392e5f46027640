import Glibc

/// The few system calls of this target, with Swift's types.
enum SystemCall {
    /// The system's words for an error number.
    static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A Unix stream socket, closed on exec, non-blocking.
    static func socket() throws(ControlError) -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = Glibc.socket(AF_UNIX, Int32(kind), 0)
        guard descriptor >= 0 else { throw .system("cannot make a socket", errno: errno) }
        return descriptor
    }

    /// Calls `body` with the address of a socket path; its result is that of the system call.
    static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(ControlError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .pathTooLong(path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Connects at once or not at all (a Unix socket never waits unless the listener's queue is full).
    /// Returns the system's error number, 0 for success.
    static func connect(_ descriptor: Int32, _ path: String) throws(ControlError) -> Int32 {
        try withAddress(path) { address, length in Glibc.connect(descriptor, address, length) == 0 ? 0 : errno }
    }

    /// What a read gave.
    enum ReadOutcome {
        case bytes([UInt8])
        case nothingYet
        case end
        case failed(Int32)
    }

    /// Reads at most 64 KiB without waiting.
    static func read(_ descriptor: Int32) -> ReadOutcome {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let result = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            failure = result < 0 ? errno : 0
            count = max(result, 0)
        }
        switch failure {
        case 0: return bytes.isEmpty ? .end : .bytes(bytes)
        case EAGAIN, EINTR: return .nothingYet
        default: return .failed(failure)
        }
    }

    /// Writes what goes without waiting and without SIGPIPE; the count written, or nil when the other side is gone.
    static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let result = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
        if result >= 0 { return result }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// The number of a group; nil when there is none of this name.
    static func groupNumber(_ name: String) -> gid_t? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }
}
