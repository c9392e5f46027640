import Glibc
import Metering

extension Toml {
    /// Largest settings file that is read, in bytes.
    public static let longestFile = 1 << 20

    /// Reads and parses a file; faults print the whole `path`. What cannot be opened, is no UTF-8 text or is longer
    /// than `longestFile` is a fault of line 0.
    public static func readFile(_ path: String) throws(SettingsFault) -> SettingsNode {
        try read(try text(of: path), file: path)
    }

    /// The text of a settings file; the same faults as `readFile`.
    public static func text(of path: String) throws(SettingsFault) -> String {
        func fault(_ message: String) -> SettingsFault {
            SettingsFault(file: path, line: 0, key: "", message: message)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw fault("cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw fault("is no ordinary file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw fault("cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= longestFile else { throw fault("is longer than 1 MiB; this is no settings file") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw fault("is no UTF-8 text") }
        return text
    }
}
