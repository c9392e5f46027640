import CLinux
import Foundation
import Testing

@Suite struct CLinuxTests {
    private func withTerminal(_ body: (_ master: Int32, _ slave: Int32) throws -> Void) throws {
        var name = [CChar](repeating: 0, count: 128)
        let master = clinux_pty_open(&name, name.count)
        try #require(master >= 0)
        defer { close(master) }
        let slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK)
        try #require(slave >= 0)
        defer { close(slave) }
        try body(master, slave)
    }

    @Test(arguments: [
        (300, 7, "E", 1), (9600, 8, "N", 1), (19_200, 8, "E", 1), (14_400, 8, "O", 2), (115_200, 8, "N", 2),
    ])
    func serialSet_isReadBackAsSet(baud: UInt32, bits: Int32, parity: String, stops: Int32) throws {
        let letter = CChar(bitPattern: try #require(parity.utf8.first))
        try withTerminal { _, slave in
            #expect(clinux_serial_set(slave, baud, bits, letter, stops) == 0)
            var set: (UInt32, Int32, CChar, Int32) = (0, 0, 0, 0)
            #expect(clinux_serial_get(slave, &set.0, &set.1, &set.2, &set.3) == 0)
            // A pseudo-terminal keeps speed and stop bits, and forces 8 bits without parity.
            #expect(set.0 == baud && set.3 == stops)
        }
    }

    @Test func serialSet_isRaw_everyByteComesThroughUnchanged() throws {
        try withTerminal { master, slave in
            #expect(clinux_serial_set(slave, 9600, 8, CChar(bitPattern: UInt8(ascii: "N")), 1) == 0)
            let all = [UInt8](0...255)
            #expect(write(slave, all, all.count) == 256)
            var back = [UInt8](repeating: 0, count: 512)
            #expect(clinux_wait(-1, master, 5_000_000_000) & CLINUX_READY != 0)
            #expect(read(master, &back, back.count) == 256)
            #expect([UInt8](back.prefix(256)) == all)
        }
    }

    @Test func serialSet_onAFile_saysItIsNoTerminal() throws {
        let null = open("/dev/null", O_RDWR)
        defer { close(null) }
        #expect(clinux_serial_set(null, 9600, 8, CChar(bitPattern: UInt8(ascii: "N")), 1) == -ENOTTY)
        #expect(clinux_serial_rs485(null, 1) == -ENOTTY)
    }

    @Test func peerCredentials_areOurOwnOnASocketPair() throws {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { pair.forEach { close($0) } }
        var (pid, uid, gid): (Int32, UInt32, UInt32) = (0, 0, 0)
        #expect(clinux_peer_credentials(pair[0], &pid, &uid, &gid) == 0)
        #expect(pid == getpid() && uid == getuid() && gid == getgid())
        var groups = [UInt32](repeating: 0, count: 256)
        let count = clinux_peer_groups(pair[0], &groups, 256)
        var own = [gid_t](repeating: 0, count: 256)
        #expect(count == getgroups(256, &own))
        #expect(Set(groups.prefix(Int(max(0, count)))) == Set(own.prefix(Int(max(0, count)))))
    }

    @Test func signalToEvent_makesTheEventReadable() {
        let event = clinux_event_make()
        defer { close(event) }
        #expect(clinux_wait(event, -1, 0) == 0)
        #expect(clinux_signal_to_event(SIGUSR2, event) == 0)
        kill(getpid(), SIGUSR2)
        #expect(clinux_wait(event, -1, 10_000_000_000) == CLINUX_WAKE)
        #expect(clinux_event_clear(event) == 0)
        #expect(clinux_wait(event, -1, 0) == 0)
        #expect(clinux_signal_to_event(SIGUSR2, -1) == 0)
    }

    @Test func wait_whenTheOtherEndCloses_saysHangup() throws {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        close(pair[1])
        defer { close(pair[0]) }
        #expect(clinux_wait(-1, pair[0], 5_000_000_000) & CLINUX_HANGUP != 0)
    }
}
