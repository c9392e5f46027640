import CLinux
import Drivers
import Foundation
import Synchronization
import Testing

/// What a scripted peer does when a request has come.
enum Act: Sendable {
    case send([UInt8])
    /// Milliseconds.
    case pause(Int)
    /// Ends this connection, or closes the pseudo-terminal.
    case hangUp

    static func hex(_ text: String) -> Act { .send(BusTests.hex(text)) }
}

/// The other end of a wire: cuts what it hears into requests and acts on each by a script. It runs on its own thread.
class Peer: @unchecked Sendable {
    typealias Script = @Sendable (_ request: [UInt8], _ index: Int) -> [Act]
    typealias Cut = @Sendable ([UInt8]) -> Int?

    /// How long a request is, by protocol; nil while it is not whole.
    static let edmi: Cut = { $0.firstIndex(of: 0x03).map { $0 + 1 } }
    static let rtu: Cut = { $0.count >= 8 ? 8 : nil }
    static let tcp: Cut = { bytes in ModbusTCP.frameLength(bytes).flatMap { $0 <= bytes.count ? $0 : nil } }

    private let cut: Cut
    private let script: Script
    private let heard = Mutex<[[UInt8]]>([])
    private let stopped = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)

    init(cut: @escaping Cut, script: @escaping Script) {
        self.cut = cut
        self.script = script
    }

    /// All requests so far.
    var requests: [[UInt8]] { heard.withLock { $0 } }
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func begin(_ body: @escaping @Sendable () -> Void) {
        let ended = ended
        let thread = Thread {
            body()
            ended.signal()
        }
        thread.stackSize = 512 * 1024
        thread.start()
    }

    /// Ends the thread and waits for it; the wire hangs up.
    func stop() {
        guard !stopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        ended.wait()
    }

    deinit { stopped.store(true, ordering: .releasing) }

    /// Serves one descriptor until it hangs up or the peer is stopped.
    func serve(_ descriptor: Int32) {
        var buffer: [UInt8] = []
        while !isStopped {
            guard clinux_wait(-1, descriptor, 20_000_000) & CLINUX_READY != 0 else { continue }
            var piece = [UInt8](repeating: 0, count: 512)
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EAGAIN { continue }
            guard count > 0 else { return }
            buffer += piece[..<count]
            while let length = cut(buffer) {
                let request = [UInt8](buffer.prefix(length))
                buffer.removeFirst(length)
                let index = heard.withLock { heard in
                    heard.append(request)
                    return heard.count - 1
                }
                guard perform(script(request, index), descriptor) else { return }
            }
        }
    }

    private func perform(_ acts: [Act], _ descriptor: Int32) -> Bool {
        for act in acts {
            switch act {
            case .send(let bytes): _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            case .pause(let milliseconds): usleep(UInt32(milliseconds) * 1000)
            case .hangUp: return false
            }
        }
        return true
    }
}

/// A meter on a pseudo-terminal, reachable by a name of its own in a temporary folder.
final class PtyPeer: Peer, @unchecked Sendable {
    let path: String
    private let folder: URL?
    private let ownsFolder: Bool

    /// `path`: where the name is to be; nil for a new folder.
    init(at path: String? = nil, cut: @escaping Cut, script: @escaping Script) throws {
        let folder = path == nil ? FileManager.default.temporaryDirectory.appending(path: UUID().uuidString) : nil
        if let folder { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
        self.folder = folder
        ownsFolder = path == nil
        self.path = path ?? folder?.appending(path: "port").path ?? ""
        super.init(cut: cut, script: script)

        var name = [CChar](repeating: 0, count: 128)
        let master = clinux_pty_open(&name, name.count)
        try #require(master >= 0)
        let device = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // Held open so that the master does not hear a hang-up between two openings by the bus.
        let slave = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(slave >= 0)
        #expect(clinux_serial_set(slave, 115_200, 8, CChar(bitPattern: UInt8(ascii: "N")), 1) == 0)
        try? FileManager.default.removeItem(atPath: self.path)
        try FileManager.default.createSymbolicLink(atPath: self.path, withDestinationPath: device)
        let link = self.path
        begin { [unowned self] in
            serve(master)
            unlink(link)
            close(slave)
            close(master)
        }
    }

    override func stop() {
        super.stop()
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }
}

/// A server on the loopback; `address` 0 takes a free port.
final class TcpPeer: Peer, @unchecked Sendable {
    let port: UInt16
    private let accepted = Atomic<Int>(0)

    var connections: Int { accepted.load(ordering: .acquiring) }

    init(port wanted: UInt16 = 0, cut: @escaping Cut, script: @escaping Script) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(listener >= 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = wanted.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
        super.init(cut: cut, script: script)
        begin { [unowned self] in
            while !isStopped {
                guard clinux_wait(-1, listener, 20_000_000) & CLINUX_READY != 0 else { continue }
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { continue }
                accepted.add(1, ordering: .releasing)
                serve(connection)
                close(connection)
            }
            close(listener)
        }
    }
}
