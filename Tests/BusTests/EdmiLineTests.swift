import Bus
import Drivers
import Testing

/// Vectors of reference/edmi.md §1 and §2.
private enum Vector {
    static let readF002 = "02 52 F0 10 42 EE 45 03"
    static let acknowledged = "02 06 06 A4 03"
    static let addressedRead = "02 45 0C F0 43 56 00 00 00 01 00 10 42 52 E0 00 E1 8C 03"
    static let addressedReply = "02 45 00 00 00 01 0C F0 43 56 00 10 42 52 E0 00 43 66 80 00 EC 74 03"
    static let addressedReplyBody = "45 00 00 00 01 0C F0 43 56 00 02 52 E0 00 43 66 80 00"
    static let earlierReply = "02 45 00 00 00 01 0C F0 43 56 00 01 06 23 CC 03"
    static let expectation = EdmiExpectation.addressed(meter: 217_072_470, master: 1, sequence: 2)
}

@Suite struct EdmiLineTests {
    @Test func run_whenMeterAnswers_givesUnescapedBody() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [.hex(Vector.addressedReply)] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.addressedRead, Vector.expectation)) == .edmi(hex(Vector.addressedReplyBody)))
        #expect(peer.requests == [hex(Vector.addressedRead)])
    }

    @Test func run_overTcp_givesTheSame() throws {
        let peer = try TcpPeer(cut: Peer.edmi) { _, _ in [.hex(Vector.addressedReply)] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .edmi)
        #expect(bench.run(.edmi(Vector.addressedRead, Vector.expectation)) == .edmi(hex(Vector.addressedReplyBody)))
    }

    @Test func run_whenReplyDribblesByteByByte_putsItTogether() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in
            hex(Vector.addressedReply).flatMap { [Act.send([$0]), .pause(2)] }
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.addressedRead, Vector.expectation)) == .edmi(hex(Vector.addressedReplyBody)))
    }

    @Test func run_whenStaleAndForeignFramesComeFirst_skipsThem() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in
            [.hex(Vector.earlierReply), .hex(Vector.acknowledged), .hex("FF 00 7E"), .hex(Vector.addressedReply)]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.addressedRead, Vector.expectation)) == .edmi(hex(Vector.addressedReplyBody)))
    }

    @Test func run_whenAdapterEchoes_dropsTheEcho() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { request, _ in [.send(request), .hex(Vector.acknowledged)] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.readF002)) == .edmi([0x06]))
        #expect(peer.requests.count == 1)
    }

    @Test func run_whenFrameIsDamaged_sendsAgain() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, index in
            [.hex(index == 0 ? "02 06 06 A5 03" : Vector.acknowledged)]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.readF002, interCharacter: 20_000, tries: 3)) == .edmi([0x06]))
        #expect(peer.requests.count == 2)
    }

    @Test func run_whenEveryFrameIsDamaged_saysBadChecksum() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [.hex("02 06 06 A5 03")] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.readF002, interCharacter: 20_000, tries: 2)) == .failed(.badChecksum))
        #expect(peer.requests.count == 2)
    }

    @Test func run_whenReplyBreaksOff_saysBadFrameWithoutWaitingForTheTimeout() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [.hex("02 06 06")] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        let outcome = bench.run(.edmi(Vector.readF002, timeout: 3_600_000_000, interCharacter: 20_000))
        #expect(outcome == .failed(.badFrame))
    }

    @Test func run_whenMeterIsSilent_triesAsOftenAsAskedAndSaysTimeout() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, _ in [] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.readF002, timeout: 30_000, tries: 3)) == .failed(.timeout))
        #expect(peer.requests.count == 3)
    }

    @Test func run_whenAnswerComesLate_isNotTakenForTheNextQuestion() throws {
        let peer = try PtyPeer(cut: Peer.edmi) { _, index in
            index == 0 ? [.pause(700), .hex("02 18 09 75 93 03")] : [.hex(Vector.acknowledged)]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        #expect(bench.run(.edmi(Vector.readF002, timeout: 600_000)) == .failed(.timeout))
        #expect(bench.run(.edmi("02 58 BD 9F 03")) == .edmi([0x06]))
    }

    @Test func run_whenOnlyGarbageComes_givesNoValueAndRecovers() throws {
        var noise = SplitMix(seed: 20_261_121)
        let pieces = (0..<40).map { _ in
            (0..<Int(noise.next() % 24)).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
        }
        let peer = try PtyPeer(cut: Peer.edmi) { _, index in
            [index < pieces.count ? .send(pieces[index]) : .hex(Vector.addressedReply)]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .edmi)
        for _ in pieces {
            let outcome = bench.run(
                .edmi(Vector.addressedRead, Vector.expectation, timeout: 15_000, interCharacter: 5000))
            #expect([.failed(.timeout), .failed(.badChecksum), .failed(.badFrame)].contains(outcome))
        }
        let outcome = bench.run(.edmi(Vector.addressedRead, Vector.expectation, interCharacter: 20_000, tries: 5))
        #expect(outcome == .edmi(hex(Vector.addressedReplyBody)))
    }

    @Test func run_whenTcpPeerHangsUpBetween_connectsAgain() throws {
        let peer = try TcpPeer(cut: Peer.edmi) { _, _ in [.hex(Vector.acknowledged), .hangUp] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .edmi)
        for _ in 0..<3 { #expect(bench.run(.edmi(Vector.readF002)) == .edmi([0x06])) }
        #expect(bench.log.downs(0).isEmpty)
    }
}
