import Foundation
import Glibc
import Simulator
import Synchronization
import Testing

@testable import Upstream

/// The simulated upstream systems on a free port of this machine, over plain HTTP; gone when it is.
final class StubServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let stubs = Mutex(UpstreamStubs())
    private let isStopped = Mutex(false)

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        try #require(isBound)
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        let stubs = StubLoop(server: self, listener: listener)
        Thread.detachNewThread { stubs.run() }
    }

    deinit {
        // The accepting thread sees the end and closes.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    var log: [UpstreamStubs.LogLine] { stubs.withLock { $0.log } }
    var words: [String] { log.map(\.words) }

    /// Changes the systems behind or the script.
    func change(_ body: (inout UpstreamStubs) -> Void) { stubs.withLock { body(&$0) } }
    func read<Value: Sendable>(_ body: (UpstreamStubs) -> Value) -> Value { stubs.withLock { body($0) } }

    func trouble(_ trouble: StubTrouble, at path: String = "/", times: Int = 1, skip: Int = 0) {
        change { $0.script.add(trouble, to: path, times: times, skip: skip) }
    }

    fileprivate func answer(_ request: StubRequest) -> UpstreamStubs.Answer {
        stubs.withLock { $0.answer(request) }
    }

    func address(_ path: String = "") throws -> HttpsAddress {
        try HttpsAddress(url: "http://127.0.0.1:\(port)\(path)")
    }
}

/// Accepts, and serves each connection on a thread of its own.
private final class StubLoop: @unchecked Sendable {
    private weak var server: StubServer?
    private let listener: Int32

    init(server: StubServer, listener: Int32) {
        self.server = server
        self.listener = listener
    }

    func run() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            Thread.detachNewThread { self.serve(client) }
        }
        close(listener)
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while StubRequest(bytes) == nil {
            let count = read(client, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count]
        }
        guard let request = StubRequest(bytes), let answer = server?.answer(request) else { return }
        var rest = answer.bytes[...]
        switch answer.trouble {
        case .hang?, .deaf?: wait(client, milliseconds: 20_000)
        case .drip(let milliseconds)?:
            while let byte = rest.popFirst(), send(client, [byte], 1, Int32(MSG_NOSIGNAL)) == 1 {
                wait(client, milliseconds: Int32(milliseconds))
            }
        default:
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Until the client goes or the time is over.
    private func wait(_ client: Int32, milliseconds: Int32) {
        var entry = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, milliseconds)
    }
}

/// TLS in front of a stub server: `Tests/Support/tls_front.py`.
final class TlsFront {
    static let python = "/usr/bin/python3"
    static var isInstalled: Bool {
        FileManager.default.isExecutableFile(atPath: python)
            && FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")
    }

    let port: UInt16
    private let process = Process()
    private let hold = Pipe()

    init(certificate: String, key: String, plain: UInt16, clientCA: String? = nil) throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Support/tls_front.py")
        process.executableURL = URL(filePath: Self.python)
        process.arguments = [script.path, certificate, key, "\(plain)"] + (clientCA.map { [$0] } ?? [])
        process.standardInput = hold
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var text = ""
        while !text.hasSuffix("\n") {
            let data = output.fileHandleForReading.availableData
            try #require(!data.isEmpty, "tls_front.py did not start")
            text += String(decoding: data, as: UTF8.self)
        }
        port = try #require(UInt16(text.dropLast()))
    }

    deinit {
        try? hold.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
    }
}

/// A folder with an authority and certificates made by openssl.
final class TestAuthority {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "https-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try authority("ca")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func authority(_ name: String) throws {
        try openssl(
            "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).crt", "-days",
            "2", "-subj", "/CN=\(name)")
    }

    /// Signed by `ca`, valid for `days` days from yesterday.
    func issue(_ name: String, names: String, days: Int = 3, by ca: String = "ca") throws {
        try openssl(
            "req", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj",
            "/CN=\(name)")
        try "subjectAltName=\(names)\n".write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl(
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(ca).crt", "-CAkey", "\(ca).key", "-CAcreateserial",
            "-days", "\(days)", "-extfile", "\(name).ext", "-out", "\(name).crt")
    }

    private func openssl(_ arguments: String...) throws {
        let (status, output) = try run("/usr/bin/openssl", arguments, in: folder)
        try #require(status == 0, "openssl \(arguments): \(output)")
    }
}

/// The transport, and what it told.
final class TestHttps: Sendable {
    private let results: Results
    private let transport: HttpsTransport

    private final class Results: Sendable {
        let told = Mutex<[UInt64: HttpsResult]>([:])
    }

    init() throws {
        let results = Results()
        self.results = results
        transport = HttpsTransport { id, result in results.told.withLock { $0[id] = result } }
        try transport.start()
    }

    deinit { transport.stop(within: 3000) }

    func cancel(_ id: UInt64) { transport.cancel(id) }
    func stop() -> Bool { transport.stop(within: 3000) }
    func begin(_ id: UInt64, _ endpoint: HttpsEndpoint, _ request: HttpsRequest) -> Bool {
        transport.send(id, to: endpoint, request)
    }

    func result(_ id: UInt64) throws -> HttpsResult {
        try waitUntil("request \(id) is settled") { self.results.told.withLock { $0[id] != nil } }
        return try #require(results.told.withLock { $0[id] })
    }

    func send(_ endpoint: HttpsEndpoint, _ request: HttpsRequest) throws -> HttpsResult {
        try #require(begin(1, endpoint, request))
        return try result(1)
    }
}

extension HttpsResult {
    var failure: HttpsFailure? { if case .failure(let failure) = self { failure } else { nil } }
    var reply: HttpsReply? { try? get() }
}
