import Drivers
import Metering
import Simulator
import Testing

@Suite struct BoardWireTests {
    private let now = WallTime(seconds: 1_800_000_000)
    private let plan = BoardPlan.standard(seed: 1)

    private func edmiWire() -> EdmiWire {
        EdmiWire(plan.ports[0]) { $0.model == "edmi-mk6" ? .genius : .atlas }
    }

    private func addressed(_ serial: UInt32, _ sequence: UInt16, _ inner: [UInt8]) -> [UInt8] {
        EdmiFrame.encode(EdmiEnvelope(destination: serial, source: 1, sequence: sequence, inner: inner).body)
    }

    private let login = Array("LREADER,READER".utf8) + [0]

    @Test func receive_forTwoMetersOnOneWire_isAnsweredByTheOneAddressed() throws {
        var wire = edmiWire()
        var faults = BoardFaults()
        for serial: UInt32 in [217_072_470, 251_308_613] {
            let body = try EdmiFrame.decode(
                wire.receive(addressed(serial, 7, login), at: now, faults: &faults))
            let envelope = try #require(EdmiEnvelope(body: body))
            #expect(envelope.source == serial && envelope.destination == 1 && envelope.sequence == 7)
            #expect(envelope.inner == [0x06])
        }
        #expect(wire.receive(addressed(99, 8, login), at: now, faults: &faults) == [])
    }

    @Test func receive_whileAMeterIsSilent_isAnsweredAfterwards() {
        var wire = edmiWire()
        var faults = BoardFaults()
        faults.apply(.silent(serial: "217072470", seconds: 60), at: now)
        let question = addressed(217_072_470, 1, login)
        #expect(wire.receive(question, at: now + 59_999, faults: &faults) == [])
        #expect(wire.receive(addressed(251_308_613, 1, login), at: now + 59_999, faults: &faults) != [])
        #expect(wire.receive(question, at: now + 60_000, faults: &faults) != [])
    }

    @Test func receive_whileLogInsAreRefused_saysCan() throws {
        var wire = edmiWire()
        var faults = BoardFaults()
        faults.apply(.refuse(serial: "217072470"), at: now)
        let refused = try EdmiFrame.decode(
            wire.receive(addressed(217_072_470, 1, login), at: now, faults: &faults))
        #expect(EdmiEnvelope(body: refused)?.inner.first == 0x18)
        faults.apply(.accept(serial: "217072470"), at: now)
        let taken = try EdmiFrame.decode(wire.receive(addressed(217_072_470, 2, login), at: now, faults: &faults))
        #expect(EdmiEnvelope(body: taken)?.inner == [0x06])
    }

    @Test func receive_onAGarbledPort_damagesSoManyReplies() {
        var wire = edmiWire()
        var faults = BoardFaults()
        faults.apply(.garble(port: "a", replies: 2), at: now)
        let damaged = (0..<4).map { number in
            let reply = wire.receive(addressed(217_072_470, UInt16(number), login), at: now, faults: &faults)
            return (try? EdmiFrame.decode(reply)) == nil
        }
        #expect(damaged == [true, true, false, false])
    }

    // MARK: Modbus

    /// A model with one float at input register 0.
    private let model = MeterModel(
        name: "one", title: "One register", dialect: .modbus, verified: false,
        registers: [
            ModelRegister(
                name: RegisterName("frequency_hz"), rawName: "f",
                source: .modbus(function: 4, address: 0, type: .float32, order: .abcd),
                scale: DecimalValue(mantissa: 1),
                unit: "Hz", rollover: nil)
        ],
        probe: ModelProbe(register: RegisterName("frequency_hz"), range: nil),
        timing: ModelTiming(timeout: 1000, turnaround: 0, maxRegisters: 80, maxGap: 0), proofs: [])

    private let read = ModbusRead(function: 4, address: 0, count: 2)

    @Test func receive_overRTU_takesRequestsInPieces() throws {
        var wire = ModbusWire(plan.ports[1], isTCP: false) { _ in model }
        var faults = BoardFaults()
        let request = ModbusRTU.request(read, unit: UnitAddress(1))
        #expect(wire.receive(Array(request.prefix(3)), at: now, faults: &faults) == [])
        let reply = wire.receive(Array(request.dropFirst(3)), at: now, faults: &faults)
        let registers = try ModbusRTU.registers(in: reply, of: read, unit: UnitAddress(1))
        let value = Float(bitPattern: UInt32(registers[0]) << 16 | UInt32(registers[1]))
        #expect((49.9...50.1).contains(value))
        #expect(wire.receive(ModbusRTU.request(read, unit: UnitAddress(2)), at: now, faults: &faults) == [])
    }

    @Test func receive_afterHalfARequestAndSilence_takesTheNext() {
        var wire = ModbusWire(plan.ports[1], isTCP: false) { _ in model }
        var faults = BoardFaults()
        let request = ModbusRTU.request(read, unit: UnitAddress(1))
        #expect(wire.receive(Array(request.prefix(5)), at: now, faults: &faults) == [])
        wire.silence()
        #expect(wire.receive(request, at: now, faults: &faults).count == 9)
    }

    @Test func receive_overTCP_echoesTheTransaction() throws {
        var wire = ModbusWire(plan.ports[1], isTCP: true) { _ in model }
        var faults = BoardFaults()
        let both = [7, 8].flatMap { ModbusTCP.request(read, unit: UnitAddress(1), transaction: $0) }
        let replies = wire.receive(both, at: now, faults: &faults)
        #expect(replies.count == 26)
        let second = Array(replies.suffix(13))
        #expect(try ModbusTCP.registers(in: second, of: read, unit: UnitAddress(1), transaction: 8).count == 2)
    }
}
