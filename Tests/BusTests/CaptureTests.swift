import Drivers
import Metering
import Testing

@testable import Bus

/// Log-in of reference/edmi.md §1: user EDMI, password IMDEIMDE.
private let login = "02 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 69 03"
private let password = Array("IMDE".utf8)

private func holds(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.count >= part.count
        && (0...(bytes.count - part.count)).contains { Array(bytes[$0...].prefix(part.count)) == part }
}

@Suite struct CaptureTests {
    @Test func tap_showsBothDirectionsWithoutThePassword() throws {
        // The adapter echoes the log-in, once damaged, before the meter answers.
        let damaged = login.replacing("D9 69 03", with: "D9 6A 03")
        let peer = try PtyPeer(cut: Peer.edmi) { request, _ in
            [.send(request), .hex(damaged), .hex("02 06 06 A4 03")]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        bench.bus.setTap(bench.port, on: true)
        #expect(bench.run(.edmi(login)) == .edmi([0x06]))
        let frames = bench.log.frames(4)
        #expect(frames.map(\.direction) == [.sent, .received, .received, .received])
        #expect(frames.first?.bytes == EdmiFrame.encode(Array("LEDMI,********\0".utf8)))
        #expect(frames.last?.bytes == hex("02 06 06 A4 03"))
        #expect(frames.allSatisfy { !holds($0.bytes, password) })
        // The wire itself still gets the password.
        #expect(peer.requests == [hex(login)])
    }

    @Test func tap_whenOff_showsNothing() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [.hex("02 06 06 A4 03")] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        bench.bus.setTap(bench.port, on: true)
        bench.bus.setTap(bench.port, on: false)
        #expect(bench.run(.edmi(login)) == .edmi([0x06]))
        #expect(bench.log.frames(0).isEmpty)
    }

    @Test func tap_onModbus_showsWholeFramesAsTheyWere() throws {
        let reply = hex("01 03 04 00 10 00 11 3B FA")
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [.send(reply)] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        bench.bus.setTap(bench.port, on: true)
        let read = ModbusRead(function: 3, address: 0x10, count: 2)
        #expect(bench.run(.read([read])) == .values([0x10, 0x11]))
        #expect(bench.log.frames(2).map(\.bytes) == [hex("01 03 00 10 00 02 C5 CE"), reply])
        let frames = bench.log.frames(2)
        #expect(frames.count == 2 && frames[0].at.uptime <= frames[1].at.uptime)
    }

    @Test func tap_whenTooMuchComes_dropsAndSaysSoOnce() {
        let mailbox = Mailbox()
        mailbox.setTap(true)
        let log = EventLog()
        let outbox = Outbox { log.append($0) }
        let configuration = PortConfiguration(
            id: PortID("a"), wire: .tcp(host: "127.0.0.1", port: 1), protocol: .modbusTCP)
        let tap = Tap(configuration: configuration, mailbox: mailbox, outbox: outbox, clock: StoppedClock())
        for _ in 0..<3000 { tap.received([1, 2, 3]) }
        outbox.flush()
        #expect(log.frames(0).count == 2000)
        #expect(log.all.filter { $0 == .tapOverflow(PortID("a")) }.count == 1)
    }
}

/// Always the same moment.
private struct StoppedClock: BusClock {
    func now() -> Moment {
        Moment(wall: WallTime(seconds: 0), uptime: Uptime(seconds: 1), kernelSynchronised: false)
    }
}

@Suite struct PasswordMaskTests {
    @Test func frame_ofAddressedLogin_keepsEnvelopeAndUser() {
        let wire = hex("02 45 0C F0 43 56 00 00 00 01 00 01 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 4E 03")
        let masked = PasswordMask.frame(wire)
        let expected = hex("45 0C F0 43 56 00 00 00 01 00 01") + Array("LEDMI,********\0".utf8)
        #expect((try? EdmiFrame.decode(masked)) == expected)
    }

    @Test func frame_thatIsNoLogin_staysAsItIs() {
        for wire in ["02 52 F0 10 42 EE 45 03", "1B 02 03", "02 18 09 75 93 03"] {
            #expect(PasswordMask.frame(hex(wire)) == hex(wire))
        }
    }

    @Test func frame_thatBreaksOffInThePassword_losesItsText() {
        let whole = hex(login)
        for length in 1..<whole.count {
            #expect(!holds(PasswordMask.frame([UInt8](whole.prefix(length))), password))
            #expect(!holds(PasswordMask.frame([UInt8](whole.dropFirst(length))), password))
        }
    }

    @Test func frame_behindARemainOfALogin_losesTheRemainsText() {
        let bytes = [UInt8](hex(login).dropLast(3)) + hex("02 06 06 A4 03")
        let masked = PasswordMask.frame(bytes)
        #expect(!holds(masked, password))
        #expect(masked.suffix(5) == hex("02 06 06 A4 03")[...])
    }
}
