import Bus
import Drivers
import Foundation
import Metering
import Testing

/// Load switches and buttons on Modbus wires.
@Suite struct ContactTests {
    @Test func contact_whenOrdered_movesTheCoilAndReadsBothBack() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.contact(true, feedback: 3)) == .shows(true, true))
        #expect(bank.coils[3])
        // Function 5 with FF00, then 1 and 2 (Modbus Application Protocol §6.5, §6.1, §6.2).
        #expect(
            peer.requests.map { Array($0.dropLast(2)) } == [
                hex("07 05 0003 FF00"), hex("07 01 0003 0001"), hex("07 02 0003 0001"),
            ])
        #expect(bench.run(.contact(false, feedback: 3)) == .shows(false, false))
        #expect(!bank.coils[3])
    }

    @Test func contact_withoutOrder_movesNothing() throws {
        let bank = RelayBank()
        bank.set(coil: 3, true)
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(nil)) == .shows(true))
        #expect(peer.requests.map { $0[1] } == [1])
    }

    @Test func contact_overTcp_worksInBothFramings() throws {
        let bank = RelayBank()
        let header = try TcpPeer(cut: Peer.tcp) { request, _ in [.send(bank.answer(tcp: request))] }
        defer { header.stop() }
        #expect(Bench(tcp: header.port, .modbusTCP).run(.contact(true, feedback: 3)) == .shows(true, true))
        let plain = try TcpPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { plain.stop() }
        #expect(Bench(tcp: plain.port, .modbusRTU).run(.contact(false, feedback: 3)) == .shows(false, false))
    }

    @Test func contact_whenItDoesNotFollow_showsTheContradiction() throws {
        let bank = RelayBank()
        bank.stick(3)
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true, feedback: 3)) == .shows(true, false))
    }

    @Test(arguments: [true, false])
    func contact_whenTheEchoIsLost_believesTheCoil(carriedOut: Bool) throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            guard request[1] == 5 else { return [.send(bank.answer(rtu: request))] }
            if carriedOut { _ = bank.answer(rtu: request) }
            return []
        }
        defer { peer.stop() }
        let outcome = Bench(pty: peer.path, .modbusRTU).run(.contact(true, timeout: 300_000, tries: 2))
        #expect(outcome == (carriedOut ? .shows(true) : .failed(.timeout)))
        #expect(peer.requests.map { $0[1] } == [5, 5, 1])
    }

    @Test func contact_whenTheEchoNamesAnotherOrder_isNoSuccess() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            guard request[1] == 5 else { return [.send(bank.answer(rtu: request))] }
            return [.send(ModbusRTU.answer(.ordered(coil: 4, on: true), function: 5, unit: UnitAddress(7)))]
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true)) == .failed(.badFrame))
    }

    @Test func contact_whenTheUnitRefuses_tellsTheExceptionAndDoesNotRepeat() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            [.send(ModbusRTU.answer(.exception(4), function: request[1], unit: UnitAddress(7)))]
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true, tries: 3)) == .failed(.exception(4)))
        #expect(peer.requests.count == 1)
    }

    @Test func contact_whenTheUnitCannotReadCoils_hasNoOutput() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            guard request[1] == 1 else { return [.send(bank.answer(rtu: request))] }
            return [.send(ModbusRTU.answer(.exception(1), function: 1, unit: UnitAddress(7)))]
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true, feedback: 3)) == .shows(nil, true))
    }

    @Test func contact_whenTheFeedbackIsSilent_stillShowsTheCoil() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in
            request[1] == 2 ? [] : [.send(bank.answer(rtu: request))]
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true, feedback: 3, timeout: 300_000)) == .shows(true))
    }

    /// The echo of an order is the order itself, so an adapter that hears itself would acknowledge for a dead unit.
    @Test func contact_whenOnlyTheAdapterEchoes_isNoSuccess() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(request)] }
        defer { peer.stop() }
        let outcome = Bench(pty: peer.path, .modbusRTU).run(.contact(true, timeout: 200_000, tries: 2))
        guard case .failed = outcome else {
            Issue.record("an echo of our own was taken for the unit: \(String(describing: outcome))")
            return
        }
    }

    @Test func contact_whenTheAdapterEchoes_learnsIt() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(request + bank.answer(rtu: request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.contact(true, feedback: 3, tries: 3)) == .shows(true, true))
        #expect(bench.run(.contact(false, feedback: 3, tries: 3)) == .shows(false, false))
    }

    @Test func contact_whenTheFirstReplyIsDamaged_asksAgain() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, index in
            var reply = bank.answer(rtu: request)
            if index == 0 { reply[3] ^= 1 }
            return [.send(reply)]
        }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.contact(true, tries: 3)) == .shows(true))
    }

    @Test func contact_whenTheUnitIsDead_isATimeOutAndAsksNothingMore() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [] }
        defer { peer.stop() }
        #expect(
            Bench(pty: peer.path, .modbusRTU).run(.contact(nil, feedback: 3, timeout: 200_000)) == .failed(.timeout))
        #expect(peer.requests.count == 1)
    }

    @Test func contact_whenTheOrderIsTooOld_isNotSent() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        var job = ContactJob(place: .coil(unit: UnitAddress(7), coil: 3, feedback: nil), order: true)
        job.deadline = Uptime(microseconds: 1)
        guard case .failed = bench.run(.contact(job)) else {
            Issue.record("an order that nobody stands for any more was sent")
            return
        }
        #expect(peer.requests.isEmpty)
        // A look is never too late.
        job.order = nil
        #expect(bench.run(.contact(job)) == .shows(false))
    }

    @Test func contact_ofAGpioLineOnAModbusPort_isRefused() throws {
        let peer = try PtyPeer(cut: Peer.rtu) { _, _ in [] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.contact(ContactJob(place: .line, order: true))) == .failed(.badFrame))
        #expect(peer.requests.isEmpty)
    }

    @Test func inputs_areReadInRunsAndAnsweredInTheOrderAsked() throws {
        let bank = RelayBank()
        bank.set(input: 1, true)
        bank.set(input: 9, true)
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        let bench = Bench(pty: peer.path, .modbusRTU)
        #expect(bench.run(.inputs([9, 0, 1, 2])) == .inputs([true, false, true, false]))
        #expect(peer.requests.map { Array($0.dropLast(2)) } == [hex("07 02 0000 0003"), hex("07 02 0009 0001")])
    }

    @Test func inputs_whenOneIsNotThere_isRefused() throws {
        let bank = RelayBank()
        let peer = try PtyPeer(cut: Peer.rtu) { request, _ in [.send(bank.answer(rtu: request))] }
        defer { peer.stop() }
        #expect(Bench(pty: peer.path, .modbusRTU).run(.inputs([0, 40])) == .failed(.exception(2)))
    }
}
