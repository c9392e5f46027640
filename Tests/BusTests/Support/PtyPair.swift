import CLinux
import Foundation
import Synchronization
import Testing

/// Two pseudo-terminals joined by a thread: what is written to one comes out of the other.
final class PtyPair: Sendable {
    let near: String
    let far: String
    private let isStopped = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)

    init() throws {
        let (nearMaster, nearSlave, near) = try Self.open()
        let (farMaster, farSlave, far) = try Self.open()
        self.near = near
        self.far = far
        let thread = Thread { [self] in
            while !isStopped.load(ordering: .acquiring) {
                let mask = clinux_wait(nearMaster, farMaster, 20_000_000)
                if mask & CLINUX_WAKE != 0 { Self.move(nearMaster, farMaster) }
                if mask & CLINUX_READY != 0 { Self.move(farMaster, nearMaster) }
            }
            for descriptor in [nearMaster, nearSlave, farMaster, farSlave] { close(descriptor) }
            ended.signal()
        }
        thread.stackSize = 512 * 1024
        thread.start()
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        ended.wait()
    }

    private static func move(_ from: Int32, _ to: Int32) {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = read(from, &buffer, buffer.count)
        if count > 0 { _ = write(to, buffer, count) }
    }

    /// A master, its slave held open and raw so that nothing is echoed, and the slave's name.
    private static func open() throws -> (Int32, Int32, String) {
        var name = [CChar](repeating: 0, count: 128)
        let master = clinux_pty_open(&name, name.count)
        try #require(master >= 0)
        let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let slave = Foundation.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(slave >= 0)
        #expect(clinux_serial_set(slave, 115_200, 8, CChar(bitPattern: UInt8(ascii: "N")), 1) == 0)
        return (master, slave, path)
    }
}
