import Foundation
import Metering

/// A folder and the processes of one test; everything ends with it.
final class Sandbox {
    let folder: URL
    private var processes: [Process] = []

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ms-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        for process in processes.reversed() where process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(at: folder)
    }

    /// Path of a file in the sandbox.
    func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o644) throws -> String {
        let url = folder.appending(path: name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path)
        return url.path
    }

    func text(_ name: String) -> String {
        (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
    }

    /// The complete lines of a file of JSON lines; a line that is being written is left out.
    func lines(_ name: String) -> [JSONValue] {
        text(name).components(separatedBy: "\n").dropLast().compactMap { try? JSONReader.read($0) }
    }

    /// Starts a program that runs until the sandbox ends; its output goes to `<log>.log`.
    func start(_ program: String, _ arguments: [String], log: String, input: Pipe? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let file = folder.appending(path: log + ".log")
        if !FileManager.default.fileExists(atPath: file.path) {
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        }
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = input ?? FileHandle.nullDevice
        try process.run()
        processes.append(process)
        return process
    }

    /// Runs a program to its end.
    func run(_ program: String, _ arguments: [String], input: String = "") throws -> (
        code: Int32, out: String, err: String
    ) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let name = UUID().uuidString
        for suffix in ["out", "err"] { _ = FileManager.default.createFile(atPath: path(name + suffix), contents: nil) }
        process.standardOutput = try FileHandle(forWritingTo: folder.appending(path: name + "out"))
        process.standardError = try FileHandle(forWritingTo: folder.appending(path: name + "err"))
        let file = try write(name + "in", input)
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: file))
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, text(name + "out"), text(name + "err"))
    }

    /// Waits until something holds; false after a minute, which only a fault can make it take.
    func eventually(_ seconds: Double = 60, _ holds: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try holds() { return true }
            usleep(50_000)
        }
        return try holds()
    }

    /// A loopback port nobody listens on at this moment.
    static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = bind(descriptor, generic, length)
                _ = getsockname(descriptor, generic, &length)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}

/// Where programs are.
enum Programs {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// The folder of the test's own executable, where SwiftPM puts the products too.
    static let products: URL = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: path).deletingLastPathComponent()
    }()

    static func product(_ name: String) -> String { products.appending(path: name).path }
    static let daemon = product("metersided")
    static let cli = product("meterside")
    static let simulator = product("meterside-sim")
    static let mosquitto = "/usr/sbin/mosquitto"
    /// The Python with the peers, made by packaging/setup.
    static let python: String = {
        let own = root.appending(path: ".venv/bin/python").path
        return FileManager.default.isExecutableFile(atPath: own)
            ? own : ProcessInfo.processInfo.environment["METERSIDE_PYTHON"] ?? "/usr/bin/python3"
    }()

    static func support(_ name: String) -> String { root.appending(path: "Tests/Support/\(name)").path }
}
