import Glibc
import Metering

/// Paths as the configuration writes them.
enum FilePath {
    /// The folder a file is in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A relative path is meant from the configuration's folder.
    static func resolve(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// Makes a folder, and those above it, for the daemon alone; true when it is there.
    static func makeFolder(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
        let above = folder(of: path)
        guard errno == ENOENT, above != path, above != ".", makeFolder(above) else { return false }
        return mkdir(path, 0o700) == 0
    }

    static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Names in a folder that end so, sorted; empty when there is no folder.
    static func names(in folder: String, endingIn suffix: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(suffix), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// Why a secret's file was refused; it never holds the secret.
enum SecretFault: Error, CustomStringConvertible {
    case missing(String)
    case exposed(String)
    case empty(String)

    var description: String {
        switch self {
        case .missing(let path): "\(path) cannot be read; look at its name and its rights"
        case .exposed(let path): "others can read \(path); say: chmod 600 \(path)"
        case .empty(let path): "\(path) holds nothing, or more than 4096 bytes"
        }
    }
}

/// Files that hold passwords and keys: a path, or the name of a systemd credential.
enum SecretFile {
    /// The path of a secret that only its owner can read.
    static func locate(_ text: String, in folder: String) throws(SecretFault) -> String {
        if !text.utf8.contains(UInt8(ascii: "/")), let credentials = getenv("CREDENTIALS_DIRECTORY") {
            let path = String(cString: credentials) + "/" + text
            if FilePath.isReadable(path) { return path }
        }
        let path = FilePath.resolve(text, in: folder)
        var status = stat()
        guard stat(path, &status) == 0, FilePath.isReadable(path) else { throw .missing(path) }
        guard status.st_mode & 0o077 == 0 else { throw .exposed(path) }
        return path
    }

    /// The secret itself, without the line end that editors add.
    static func read(_ text: String, in folder: String) throws(SecretFault) -> Secret {
        let path = try locate(text, in: folder)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .missing(path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4097)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0, count <= 4096 else { throw .empty(path) }
        bytes.removeLast(bytes.count - count)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw .empty(path) }
        return Secret(bytes)
    }
}
