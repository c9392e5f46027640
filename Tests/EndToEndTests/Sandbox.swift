import Foundation
import Metering
import Synchronization

/// A folder and the processes of one test; everything ends with it.
final class Sandbox {
    let folder: URL
    private var children: [Child] = []

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ms-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        for child in children.reversed() { child.kill() }
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
    func start(_ program: String, _ arguments: [String], log: String, input: Int32? = nil) throws -> Child {
        let child = try Child(program, arguments, input: input, output: path(log + ".log"), errors: path(log + ".log"))
        children.append(child)
        return child
    }

    /// Runs a program to its end.
    func run(
        _ program: String, _ arguments: [String], input: String = ""
    ) throws -> (code: Int32, out: String, err: String) {
        let name = UUID().uuidString
        let file = open(try write(name + "in", input), O_RDONLY)
        defer { close(file) }
        let child = try Child(program, arguments, input: file, output: path(name + "out"), errors: path(name + "err"))
        children.append(child)
        let code = child.wait()
        return (code, text(name + "out"), text(name + "err"))
    }

    /// Waits until something holds; false after three minutes, which only a fault can make it take, on any machine.
    func eventually(_ seconds: Double = 180, _ holds: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try holds() { return true }
            usleep(50_000)
        }
        return try holds()
    }

    /// A loopback port of the test's own. It lies below the range that outgoing connections take theirs from: one of
    /// those could hold it while its server is not there.
    static func freePort() -> Int {
        while true {
            let port = Int.random(in: 12_000..<22_000)
            if given.withLock({ $0.insert(port).inserted }), isFree(port) { return port }
        }
    }

    private static let given = Mutex<Set<Int>>([])

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
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
