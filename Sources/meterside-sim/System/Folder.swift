import Glibc

/// Files and folders, by the plain calls.
enum Folder {
    /// Makes a folder and those above it.
    static func make(_ path: String, mode: mode_t = 0o755) throws(SimulatorFailure) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        let above = parent(of: path)
        if above != path { try make(above) }
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .system("cannot make the folder \(path)", errno) }
    }

    /// Makes a folder and holds it for this process alone; the lock goes with the descriptor.
    static func lock(_ path: String) throws(SimulatorFailure) -> Int32 {
        try make(path)
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open the folder \(path)", errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .missing("another board serves \(path); stop it, or take another --folder")
        }
        return descriptor
    }

    /// A new folder of our own for things that go when we go.
    static func makeTemporary() throws(SimulatorFailure) -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/meterside-sim.XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("cannot make a folder in \(base)", errno) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a whole file; an old one of this name is replaced in one step.
    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws(SimulatorFailure) {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(SimulatorFailure) {
        let fresh = path + ".new"
        unlink(fresh)
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .system("cannot write \(fresh)", errno) }
        let count = Glibc.write(descriptor, bytes, bytes.count)
        close(descriptor)
        guard count == bytes.count, rename(fresh, path) == 0 else { throw .system("cannot write \(path)", errno) }
    }

    /// The bytes of a file of at most `limit` bytes.
    static func read(_ path: String, limit: Int = 64 << 20) throws(SimulatorFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw .file("cannot read \(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw .file("\(path) is larger than \(limit) bytes") }
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path from the root.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let here = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path == "." ? here : here + "/" + path
    }

    /// Names in a folder, sorted.
    static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Takes a folder away with all that is in it; links are taken away, never followed.
    static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    /// Where this program's own executable lies.
    static func ofExecutable() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? -1
        }
        guard count > 0 else { return nil }
        return parent(of: String(decoding: buffer[..<count], as: UTF8.self))
    }

    /// The same as people type it here: without the current folder, and SwiftPM's short name of its build folder.
    static func shortOfExecutable() -> String {
        guard let long = ofExecutable() else { return "." }
        var path = long
        if let build = long.range(of: "/.build/") {
            let short = long[..<build.lowerBound] + "/.build/" + (long.split(separator: "/").last ?? "")
            if exists(short + "/meterside-sim") { path = String(short) }
        }
        let here = absolute(".") + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}

extension String {
    /// Where `text` stands first.
    fileprivate func range(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
