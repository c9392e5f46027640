import Foundation
import Glibc
import Metering
import Synchronization
import Testing
import Upstream

/// A real mosquitto on a free port of this machine, with a folder of its own; both are gone when it is.
final class TestBroker {
    static let path = "/usr/sbin/mosquitto"
    static var isInstalled: Bool {
        FileManager.default.isExecutableFile(atPath: path)
            && FileManager.default.isExecutableFile(atPath: "/usr/bin/mosquitto_sub")
    }

    let folder: URL
    let port: UInt16
    private let options: String
    private var process: Process?

    /// Starts it; `options` are lines of its configuration, after the listener's.
    init(port: UInt16? = nil, options: String = "allow_anonymous true", folder: URL? = nil) throws {
        self.port = port ?? Self.freePort()
        self.options = options
        self.folder = folder ?? FileManager.default.temporaryDirectory.appending(path: "mqtt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    func start() throws {
        let file = folder.appending(path: "broker.conf")
        try "user root\nlistener \(port) 127.0.0.1\n\(options)\n".write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: Self.path)
        process.arguments = ["-c", file.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        try waitUntil("the broker listens") { Self.canConnect(port: self.port) }
    }

    /// SIGKILL: it keeps nothing.
    func kill() {
        guard let process, process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func freeze() { if let process { Glibc.kill(process.processIdentifier, SIGSTOP) } }
    func thaw() { if let process { Glibc.kill(process.processIdentifier, SIGCONT) } }

    var settings: MqttSettings {
        get throws {
            MqttSettings(
                endpoint: try MqttEndpoint(url: "mqtt://127.0.0.1:\(port)"), box: "BOX1", clientID: "BOX1",
                keepaliveSeconds: 10)
        }
    }

    /// Publishes with mosquitto's own client.
    func publish(_ topic: String, _ payload: [UInt8], retained: Bool = false) throws {
        let file = folder.appending(path: "payload-\(UUID().uuidString)")
        try Data(payload).write(to: file)
        let arguments = ["-h", "127.0.0.1", "-p", "\(port)", "-V", "5", "-q", "1", "-t", topic, "-f", file.path]
        let (status, output) = try run("/usr/bin/mosquitto_pub", arguments + (retained ? ["-r"] : []))
        #expect(status == 0, "mosquitto_pub: \(output)")
    }

    /// The retained message of a topic, or nil when none comes within a second.
    func retained(_ topic: String) throws -> String? {
        let (status, output) = try run(
            "/usr/bin/mosquitto_sub",
            ["-h", "127.0.0.1", "-p", "\(port)", "-V", "5", "-q", "1", "-C", "1", "-W", "1", "-t", topic])
        return status == 0 ? output.trimmingCharacters(in: .newlines) : nil
    }

    /// A loopback port of the test's own. It lies below the range that outgoing connections take theirs from: one of
    /// those could hold it while its server is not there.
    static func freePort() -> UInt16 {
        while true {
            let port = UInt16.random(in: 22_000..<32_000)
            if given.withLock({ $0.insert(port).inserted }), isFree(port) { return port }
        }
    }

    private static let given = Mutex<Set<UInt16>>([])

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    static func canConnect(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// Runs a program to its end; what it wrote to either stream.
@discardableResult
func run(_ path: String, _ arguments: [String], in folder: URL? = nil) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

/// Polls a condition; fails the test when it does not come true in two minutes, on any machine.
func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
    let end = Date.now.addingTimeInterval(120)
    while Date.now < end {
        if try condition() { return }
        usleep(5000)
    }
    Issue.record("in vain: \(what)")
    throw CancellationError()
}

/// Time since boot, as the daemon gives it.
@Sendable func uptime() -> Uptime {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Uptime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
}

/// A transport and all it said.
final class TestTransport: @unchecked Sendable {
    private let lock = NSLock()
    private var heard: [MqttEvent] = []
    private(set) var transport: MqttTransport!

    init(_ settings: MqttSettings) throws {
        transport = MqttTransport(settings: settings, uptime: uptime) { [weak self] event in
            guard let self else { return }
            self.lock.withLock { self.heard.append(event) }
        }
        try transport.start()
    }

    deinit { transport.stop(within: 3000) }

    var events: [MqttEvent] { lock.withLock { heard } }

    func waitFor(_ what: String, _ matches: (MqttEvent) -> Bool) throws {
        try waitUntil("\(what); heard \(events)") { self.events.contains(where: matches) }
    }

    func waitForConnection(count: Int = 1) throws {
        try waitUntil("connection \(count); heard \(events)") {
            self.events.count { $0 == .connected } >= count
        }
    }

    var reasons: [String] {
        events.compactMap { event in
            if case .disconnected(let reason) = event { reason } else { nil }
        }
    }

    func waitForReason() throws -> String {
        try waitUntil("a reason; heard \(events)") { !self.reasons.isEmpty }
        return reasons.last ?? ""
    }
}
