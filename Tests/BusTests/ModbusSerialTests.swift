import Bus
import CLinux
import Drivers
import Foundation
import Metering
import Testing

/// Answers of a small slave: every register holds its own address.
private func answer(_ request: [UInt8]) -> [UInt8] {
    guard let (unit, asked) = try? ModbusRTU.request(in: request), case .read(let read) = asked else { return [] }
    let words = (0..<read.count).map { read.address &+ $0 }
    return ModbusRTU.answer(.registers(words), function: read.function, unit: unit)
}

private let read = ModbusRead(function: 3, address: 0x10, count: 2)
private let other = ModbusRead(function: 3, address: 0x40, count: 2)
private let words: [UInt16] = [0x10, 0x11]

@Suite struct ModbusSerialTests {
    @Test func run_whenSlaveAnswers_givesRegistersOfEachRead() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let long = ModbusRead(function: 4, address: 0x100, count: 125)
        let outcome = bench.run(.read([read, long]))
        #expect(outcome == .modbus([.success(words), .success((0..<125).map { 0x100 + $0 })]))
        // The bytes of reference/modbus-rtu.md's form: unit, function, address, count, CRC low byte first.
        #expect(peer.requests.first == hex("01 03 00 10 00 02 C5 CE"))
    }

    @Test func run_whenReplyDribbles_putsItTogether() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            answer(request).flatMap { [Act.send([$0]), .pause(2)] }
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.read([read])) == .values(words))
    }

    @Test func run_whenReplyDribblesForTooLong_isBoundedByTheTimeout() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            answer(request).flatMap { [Act.send([$0]), .pause(60)] }
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], timeout: 150_000)) == .refused(.badChecksum))
    }

    @Test func run_whenUnitRefuses_givesTheExceptionAndDoesNotAskAgain() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [.hex("01 83 02 C0 F1")] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let outcome = bench.run(.read([read, other], tries: 3))
        #expect(outcome == .modbus([.failure(.exception(2)), .failure(.exception(2))]))
        #expect(peer.requests.count == 2)
    }

    @Test(arguments: [
        "01 03 04 00 10 00 11 00 00",  // wrong checksum
        "01 03 02 00 10 B9 88",  // one register instead of two
        "01 04 04 00 10 00 11 3A 4D",  // another function
        "01 03 FF 00",  // a byte count that no frame can have
        "01 83 00 41 30",  // exception 0
    ])
    func run_whenReplyIsNotAllowed_isNoValueAndTheNextTryIsClean(bytes: String) throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            [index == 0 ? .hex(bytes) : .send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let first = bench.run(.read([read], timeout: 200_000))
        #expect(first == .refused(.badFrame) || first == .refused(.badChecksum))
        #expect(bench.run(.read([read])) == .values(words))
    }

    @Test func run_whenFramesOfAnotherUnitComeFirst_skipsThem() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            let foreign = ModbusRTU.answer(.registers([7, 7]), function: 3, unit: UnitAddress(9))
            return [.send(foreign), .pause(5), .send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read])) == .values(words))
        #expect(peer.requests.count == 1)
    }

    @Test func run_whenLineIsNoisy_asksAgain() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            [.send((index == 0 ? hex("FF A0 55 01") : []) + answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], timeout: 1_000_000, tries: 3)) == .values(words))
    }

    @Test(arguments: [UInt16(0x10), 0x0310, 0x5B00, 0xFF10])
    func run_whenAdapterEchoes_learnsItAndDropsTheEcho(address: UInt16) throws {
        let read = ModbusRead(function: 3, address: address, count: 2)
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(request + answer(request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], timeout: 1_000_000)) == .values([address, address + 1]))
        let learned = peer.requests.count
        #expect(bench.run(.read([read], timeout: 1_000_000)) == .values([address, address + 1]))
        #expect(peer.requests.count == learned + 1)
    }

    @Test func run_whenTheEchoStops_goesOn() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            [.send((index < 2 ? request : []) + answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        for _ in 0..<3 { #expect(bench.run(.read([read], timeout: 1_000_000)) == .values(words)) }
    }

    @Test func run_whenReplyComesLate_isNotTakenForAnotherReadOfTheSameSize() throws {
        // The first question is answered long after its time-out, in the middle of the next one.
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            index == 0 ? [.pause(500), .send(answer(request))] : [.send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], timeout: 400_000)) == .refused(.timeout))
        #expect(bench.run(.read([other])) == .values([0x40, 0x41]))
    }

    @Test func run_whenLateReplyHasAnotherSize_waitsOnForItsOwn() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            index == 0 ? [.pause(500), .send(answer(request)), .pause(30)] : [.send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], timeout: 400_000)) == .refused(.timeout))
        let longer = ModbusRead(function: 3, address: 0x40, count: 3)
        #expect(bench.run(.read([longer])) == .values([0x40, 0x41, 0x42]))
    }

    @Test func run_whenOnlyGarbageComes_givesNoValueAndRecovers() throws {
        var noise = SplitMix(seed: 20_261_120)
        let pieces = (0..<40).map { _ in
            (0..<Int(noise.next() % 24)).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
        }
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            [.send(index < pieces.count ? pieces[index] : answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        for _ in pieces {
            let outcome = bench.run(.read([read], timeout: 15_000))
            #expect([.refused(.timeout), .refused(.badChecksum), .refused(.badFrame)].contains(outcome))
        }
        // Garbage that looked like an echo may have cost a frame more than it was.
        while peer.requests.count < pieces.count { _ = bench.run(.read([read], timeout: 15_000)) }
        #expect(bench.run(.read([read], tries: 3)) == .values(words))
    }

    @Test func run_whenUnitIsSilent_doesNotAskTheRestOfTheJob() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let outcome = bench.run(.read([read, other, read], timeout: 30_000, tries: 2))
        #expect(outcome == .modbus([.failure(.timeout), .failure(.timeout), .failure(.timeout)]))
        #expect(peer.requests.count == 2)
    }

    @Test func run_whenOneReadOfALiveUnitIsSilent_asksTheRest() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in request[3] == 0x40 ? [] : [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let third = ModbusRead(function: 3, address: 0x10, count: 1)
        let outcome = bench.run(.read([read, other, third], timeout: 500_000))
        #expect(outcome == .modbus([.success(words), .failure(.timeout), .success([0x10])]))
    }

    @Test func run_whenUnitAddressIsReserved_isRefused() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.read([read], unit: 250)) == .refused(.badFrame))
        #expect(bench.run(.read([ModbusRead(function: 3, address: 0, count: 126)])) == .refused(.badFrame))
        #expect(peer.requests.isEmpty)
    }

    @Test func run_overTcp_drainsOldBytesAndAnswersTheSame() throws {
        let peer = try TcpPeer(cut: Peer.rtu) { request, index in
            // Bytes nobody asked for, left over from someone else's question.
            index == 0 ? [.send(answer(request)), .hex("01 03 04 DE AD BE EF")] : [.pause(30), .send(answer(request))]
        }
        defer { peer.stop() }
        let bench = Bench(tcp: peer.port, .modbusRTU)
        #expect(bench.run(.read([read])) == .values(words))
        #expect(bench.run(.read([other])) == .values([0x40, 0x41]))
    }

    @Test func run_withLineOverride_setsTheLineForThatRequestOnly() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        let slow = LineSettings(baud: 2400, format: .eightEven1)
        #expect(bench.run(.read([read]), line: slow) == .values(words))
        #expect(bench.run(.read([read])) == .values(words))
    }

    @Test func run_keepsTheSilenceOfTheLineBetweenFrames() throws {
        let clock = TestClock()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(answer(request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU, line: LineSettings(baud: 300, format: .eightEven1))
        #expect(bench.run(.read([read])) == .values(words))
        let start = clock.uptime()
        #expect(bench.run(.read([read, read, read])) == .modbus([.success(words), .success(words), .success(words)]))
        // Three requests, each after at least 3.5 characters of 11 bits at 300 baud: 128.3 ms. Never less.
        #expect(clock.uptime() - start >= 3 * 128_333 - 1)
    }
}

@Suite struct PacedLineTests {
    /// How close to the wire's limit the bus comes is a matter for the benchmarks; that it never cuts the silence
    /// between frames short is one for every run.
    @Test(arguments: [9600, 19_200, 115_200])
    func run_onAPacedLine_neverCutsTheSilenceShort(baud: Int) throws {
        let line = LineSettings(baud: baud, format: .eightEven1)
        var name = [CChar](repeating: 0, count: 128)
        let master = clinux_pty_open(&name, name.count)
        try #require(master >= 0)
        defer { close(master) }
        let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let bench = Bench(pty: path, .modbusRTU, line: line)
        #expect(bench.log.ups(1).count == 1)
        let read = ModbusRead(function: 3, address: 0, count: 10)
        let jobs = (0..<4).map { _ in bench.submit(.read([read, read, read, read])) }
        let result = PacedSlave.serve(master, line: line, polls: 16)
        let good = BusOutcome.modbus(Array(repeating: .success(Array(0..<10)), count: 4))
        #expect(jobs.allSatisfy { bench.log.outcome($0) == good })
        #expect(result.early == 0)
        #expect(result.elapsed >= result.shortest)
    }
}
