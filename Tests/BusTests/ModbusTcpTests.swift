import Bus
import Drivers
import Metering
import Testing

private func answer(_ request: [UInt8], unit: UInt8? = nil, addingToTransaction: UInt16 = 0) -> [UInt8] {
    guard let asked = try? ModbusTCP.request(in: request), case .read(let read) = asked.request else { return [] }
    let words = (0..<read.count).map { read.address &+ $0 }
    return ModbusTCP.answer(
        .registers(words), function: read.function, unit: unit.map { UnitAddress($0) } ?? asked.unit,
        transaction: asked.transaction &+ addingToTransaction)
}

private let read = ModbusRead(function: 3, address: 0x10, count: 2)
private let other = ModbusRead(function: 3, address: 0x40, count: 2)
private let words: [UInt16] = [0x10, 0x11]

@Suite struct ModbusTcpTests {
    @Test func run_whenServerAnswers_givesRegistersAndCountsTransactions() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, _ in [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        #expect(bench.run(.read([read, other])) == .modbus([.success(words), .success([0x40, 0x41])]))
        #expect(peer.requests == [hex("0001 0000 0006 01 03 0010 0002"), hex("0002 0000 0006 01 03 0040 0002")])
    }

    @Test func run_whenManyRequestsWait_answersAllInOrder() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, _ in [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        _ = bench.log.ups(1)
        let ids = (1...60).map { bench.submit(.read([read], unit: UInt8($0))) }
        #expect(ids.map { bench.log.outcome($0) } == ids.map { _ in .values(words) })
        let order = bench.log.all.compactMap { if case .reply(let reply) = $0 { reply.id } else { nil } }
        #expect(order == ids)
    }

    @Test func run_whenAUnitIsSlow_doesNotHoldBackTheRepliesBeforeIt() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, _ in request[6] == 9 ? [] : [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        _ = bench.log.ups(1)
        let quick = (1...3).map { bench.submit(.read([read], unit: UInt8($0))) }
        let slow = bench.submit(.read([read], unit: 9, timeout: 3_600_000_000))
        #expect(quick.map { bench.log.outcome($0) } == quick.map { _ in .values(words) })
        bench.bus.close(bench.port)
        #expect(bench.log.outcome(slow) == .failed(.portDown("the port was closed")))
    }

    @Test func run_whenAnswerComesLate_isKnownByItsNumberAndTheConnectionStays() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, index in
            index == 0 ? [.pause(200), .send(answer(request))] : [.send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        #expect(bench.run(.read([read], timeout: 80_000)) == .refused(.timeout))
        #expect(bench.run(.read([other])) == .values([0x40, 0x41]))
        #expect(peer.connections == 1)
    }

    @Test func run_whenExceptionComes_givesItsCode() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { _, _ in [.hex("0001 0000 0003 01 83 0B")] }
        defer { peer.stop() }
        #expect(Bench(tcp: peer.port, .modbusTCP).run(.read([read], tries: 3)) == .refused(.exception(0x0B)))
    }

    @Test(arguments: [
        "0001 0000 0007 02 03 04 0010 0011",  // another unit
        "0001 0000 0007 01 04 04 0010 0011",  // another function
        "0001 0000 0005 01 03 02 0010",  // one register instead of two
        "0001 0000 0009 01 03 04 0010 0011",  // the header says more than the frame holds
        "0001 0007 0007 01 03 04 0010 0011",  // another protocol
        "0001 0000 0007 01 03 04 0010",  // breaks off
    ])
    func run_whenReplyIsNotAllowed_isNoValueAndTheNextIsClean(bytes: String) throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, index in
            [index == 0 ? .hex(bytes) : .send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        let first = bench.run(.read([read], timeout: 200_000))
        #expect(first == .refused(.badFrame) || first == .refused(.badChecksum))
        #expect(bench.run(.read([other])) == .values([0x40, 0x41]))
    }

    @Test func run_whenServerHangsUpInTheMiddle_connectsAgainAndAnswers() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, index in
            index == 0 ? [.send([0x00, 0x01]), .hangUp] : [.send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        #expect(bench.run(.read([read])) == .values(words))
        #expect(peer.connections == 2)
    }

    @Test func run_whenServerNeverAnswers_makesANewConnectionAfterThreeSilences() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, index in index < 3 ? [] : [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        #expect(bench.run(.read([read], timeout: 30_000, tries: 3)) == .refused(.timeout))
        // The peer serves one connection at a time, so this one is answered only if the first was given up.
        #expect(bench.run(.read([read])) == .values(words))
        #expect(peer.connections == 2)
    }

    @Test func run_whenServerIsGoneAndBack_tellsDownOnceAndUpAgain() throws {
        let peer = try TcpPeer(cut: Peer.tcp) { request, _ in [.send(answer(request))] }
        let bench = Bench(tcp: peer.port, .modbusTCP)
        #expect(bench.run(.read([read])) == .values(words))
        peer.stop()
        for _ in 0..<3 {
            guard case .failed(.portDown(let reason)) = bench.run(.read([read])) else {
                Issue.record("a reply without a server")
                return
            }
            #expect(reason.contains("127.0.0.1:\(peer.port)"))
        }
        #expect(bench.log.downs(1).count == 1)
        let again = try TcpPeer(port: peer.port, cut: Peer.tcp) { request, _ in [.send(answer(request))] }
        defer { again.stop() }
        #expect(bench.log.ups(2).count == 2)
        #expect(bench.run(.read([read])) == .values(words))
    }
}
