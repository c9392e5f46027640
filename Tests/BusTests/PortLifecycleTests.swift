import Bus
import CLinux
import Drivers
import Foundation
import Metering
import Testing

private let question = "02 52 F0 10 42 EE 45 03"
private let acknowledged = Act.hex("02 06 06 A4 03")

@Suite struct PortLifecycleTests {
    @Test func open_whenDeviceIsMissing_tellsDownOnceAndAnswersAtOnce() {
        let bench = Bench(pty: "/dev/serial/by-id/nothing-here", .edmi)
        let reasons = bench.log.downs(1)
        #expect(reasons.first?.contains("/dev/serial/by-id/nothing-here is not there") == true)
        for _ in 0..<3 { #expect(bench.run(.edmi(question)) == .failed(.portDown(reasons.first ?? ""))) }
        #expect(bench.log.downs(1).count == 1)
    }

    @Test func open_whenPathIsNoSerialPort_saysSo() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let bench = Bench(pty: file, .edmi)
        #expect(bench.log.downs(1).first?.contains("is not a serial port") == true)
    }

    @Test func open_whenAnotherProgramHoldsTheDevice_saysSo() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { peer.stop() }
        let first = Bench(pty: peer.path, .edmi)
        #expect(first.log.ups(1).count == 1)
        let second = Bench(pty: peer.path, .edmi)
        #expect(second.log.downs(1).first?.contains("is used by another program") == true)
    }

    @Test func open_withKernelRs485OnAPort_thatHasNone_comesUpWithANote() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { peer.stop() }
        let bench = Bench(.serial(device: peer.path, line: .fast, rs485: true), .edmi)
        let note = bench.log.ups(1).first ?? nil
        #expect(note?.contains("no RS-485 mode") == true)
        #expect(bench.run(.edmi(question)) == .edmi([0x06]))
    }

    @Test func open_whenConnectionIsRefused_saysWhatToCheck() {
        // Port 1 on the loopback: nothing listens there.
        let bench = Bench(tcp: 1, .edmi)
        #expect(bench.log.downs(1).first?.contains("127.0.0.1:1 refuses connections") == true)
    }

    @Test func unplug_whenIdle_tellsDownAndComesBackByTheSameName() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        let path = peer.path
        defer { try? FileManager.default.removeItem(at: URL(filePath: path).deletingLastPathComponent()) }
        let bench = Bench(pty: path, .edmi)
        #expect(bench.run(.edmi(question)) == .edmi([0x06]))
        peer.stop()
        #expect(bench.log.downs(1).first?.contains("plug the adapter in") == true)
        guard case .failed(.portDown) = bench.run(.edmi(question)) else {
            Issue.record("a reply from an unplugged port")
            return
        }
        let folder = URL(filePath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let again = try PtyPeer(at: path, cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { again.stop() }
        #expect(bench.log.ups(2).count == 2)
        #expect(bench.run(.edmi(question)) == .edmi([0x06]))
        #expect(bench.log.downs(1).count == 1)
    }

    @Test func unplug_inTheMiddleOfAReply_failsTheRequestWithTheReason() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [.hex("02 06"), .hangUp] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        guard case .failed(.portDown(let reason)) = bench.run(.edmi(question)) else {
            Issue.record("a reply from an unplugged port")
            return
        }
        #expect(bench.log.downs(1) == [reason])
    }

    @Test func close_whileARequestWaits_endsItSoon() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        let first = bench.submit(.edmi(question, timeout: 3_600_000_000))
        let second = bench.submit(.edmi(question, timeout: 3_600_000_000))
        bench.bus.close(bench.port)
        #expect(bench.log.outcome(first) == .failed(.portDown("the port was closed")))
        #expect(bench.log.outcome(second) == .failed(.portDown("the port was closed")))
        #expect(bench.bus.shutDown())
    }

    @Test func open_withAnotherConfiguration_takesTheDeviceOverFromTheOldThread() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.log.ups(1).count == 1)
        let slow = LineSettings(baud: 9600, format: .eightNone1)
        bench.bus.open(
            PortConfiguration(
                id: bench.port, wire: .serial(device: peer.path, line: slow, rs485: false), protocol: .edmi))
        #expect(bench.log.ups(2).count == 2)
        #expect(bench.run(.edmi(question)) == .edmi([0x06]))
        #expect(bench.log.downs(0).isEmpty)
    }

    @Test func open_withTheSameConfiguration_changesNothing() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { peer.stop() }
        let wire = PortWire.serial(device: peer.path, line: .fast, rs485: false)
        let bench = Bench(wire, .edmi)
        #expect(bench.log.ups(1).count == 1)
        bench.bus.open(PortConfiguration(id: bench.port, wire: wire, protocol: .edmi))
        #expect(bench.run(.edmi(question)) == .edmi([0x06]))
        #expect(bench.log.ups(1).count == 1)
    }

    @Test func submit_toAnUnknownPort_isAnsweredAtOnce() {
        let log = EventLog()
        let bus = BusPorts(clock: TestClock()) { log.append($0) }
        bus.submit(BusRequest(id: 7, port: PortID("z"), operation: .edmi(question)))
        #expect(log.outcome(7) == .failed(.portDown("there is no port z")))
    }

    @Test func submit_whenTheQueueIsFull_isAnsweredAtOnceAndTheRestStays() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, index in [.pause(index == 0 ? 300 : 0), acknowledged] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.log.ups(1).count == 1)
        let ids = (0..<80).map { _ in bench.submit(.edmi(question)) }
        let outcomes = ids.map { bench.log.outcome($0) }
        #expect(outcomes.prefix(64).allSatisfy { $0 == .edmi([0x06]) })
        #expect(outcomes.suffix(16).allSatisfy { $0 == .failed(.portDown("port a is busy: 64 requests wait")) })
    }

    @Test func startAndStop_underLoad_answersEverythingAndLeaksNoDescriptor() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [acknowledged] }
        defer { peer.stop() }
        let log = EventLog()
        let bus = BusPorts(clock: TestClock()) { log.append($0) }
        let configuration = PortConfiguration(
            id: PortID("a"), wire: .serial(device: peer.path, line: .fast, rs485: false), protocol: .edmi)
        var id: UInt64 = 0
        for _ in 0..<50 {
            bus.open(configuration)
            for _ in 0..<5 {
                id += 1
                bus.submit(BusRequest(id: id, port: configuration.id, operation: .edmi(question)))
            }
            bus.close(configuration.id)
        }
        #expect(bus.shutDown(within: 20_000_000))
        let answered = log.all.compactMap { if case .reply(let reply) = $0 { reply.id } else { nil } }
        #expect(answered.sorted() == Array(1...id))
        #expect(log.downs(0).isEmpty)
        // Only this test's own peer still has the device open: the bus has let go of it.
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: peer.path)
        let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        let holders = names.filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == target
        }
        #expect(holders.count == 1)
    }
}
