import Drivers
import Metering
import Simulator
import Testing

/// The simulated Modbus meter against our own client half.
struct ModbusSimulatorTests {
    private let unit = UnitAddress(7)
    private let read = ModbusRead(function: 4, address: 0, count: 6)

    private func meter() throws -> ModbusMeterSimulator {
        ModbusMeterSimulator(model: try ModelFilesTests.model("eastron-sdm630"), unit: unit)
    }

    private func volts(_ name: RegisterName) -> DecimalValue? {
        name.text == "voltage_l2_v" ? nil : DecimalValue(mantissa: 2305, exponent: -1)
    }

    /// What a client makes of the meter's answer.
    private func outcome(_ meter: inout ModbusMeterSimulator) -> Result<[UInt16], ModbusFault>? {
        guard let reply = meter.answer(rtu: ModbusRTU.request(read, unit: unit), value: volts) else { return nil }
        do {
            return .success(try ModbusRTU.registers(in: reply.bytes, of: read, unit: unit))
        } catch {
            return .failure(error)
        }
    }

    @Test func answer_holdsTheValues_andNaNWhereThereIsNone() throws {
        var meter = try meter()
        #expect(outcome(&meter) == .success([0x4366, 0x8000, 0x7FC0, 0x0000, 0x4366, 0x8000]))
    }

    @Test(arguments: ModelFilesTests.names)
    func everyModbusModel_givesBackWhatItWasGiven(_ name: String) throws {
        let model = try ModelFilesTests.model(name)
        guard model.dialect == .modbus else { return }
        // Multiples of every step, small enough for 16 bits.
        let values = model.registers.enumerated().map { index, row in
            row.channel == nil
                ? DecimalValue(mantissa: Int64(index + 1), exponent: 0) : DecimalValue(mantissa: Int64(1000 * index))
        }
        for (framing, seed) in [(ModbusRequestSplitter.Framing.rtu, UInt16(1)), (.tcp, 2)] {
            var meter = ModbusMeterSimulator(model: model, unit: unit)
            let plan = ModbusPlan(model.registers, timing: model.timing)
            func value(_ name: RegisterName) -> DecimalValue? {
                model.registers.firstIndex { $0.name == name }.map { values[$0] }
            }
            let results = plan.reads.map { read -> Result<[UInt16], BusFailure> in
                do throws(ModbusFault) {
                    switch framing {
                    case .rtu:
                        let reply = meter.answer(rtu: ModbusRTU.request(read, unit: unit), value: value)
                        return .success(try ModbusRTU.registers(in: reply?.bytes ?? [], of: read, unit: unit))
                    case .tcp:
                        let question = ModbusTCP.request(read, unit: unit, transaction: seed)
                        let reply = meter.answer(tcp: question, value: value)
                        return .success(
                            try ModbusTCP.registers(in: reply?.bytes ?? [], of: read, unit: unit, transaction: seed))
                    }
                } catch {
                    return .failure(error.busFailure)
                }
            }
            #expect(plan.values(results).map { try? $0.get().text } == values.map(\.text))
        }
    }

    @Test func values_withoutAMarkForNone_useTheModelsOwn() throws {
        let model = try ModelFilesTests.model("abb-b23")
        var meter = ModbusMeterSimulator(model: model, unit: unit)
        let plan = ModbusPlan(model.registers, timing: model.timing)
        for read in plan.reads {
            let reply = meter.answer(rtu: ModbusRTU.request(read, unit: unit)) { _ in nil }
            let words = try ModbusRTU.registers(in: reply?.bytes ?? [], of: read, unit: unit)
            #expect(words.allSatisfy { $0 == 0xFFFF || $0 == 0x7FFF })
        }
    }

    @Test func requests_thatAMeterRefuses() throws {
        var meter = try meter()
        func code(_ frame: [UInt8]) -> UInt8? {
            let reply = meter.answer(rtu: frame, value: volts)?.bytes
            return reply.flatMap { $0.count == 5 ? $0[2] : nil }
        }
        #expect(code(ModbusRTU.request(ModbusRead(function: 3, address: 0, count: 2), unit: unit)) == 2)
        #expect(code(ModbusRTU.request(ModbusRead(function: 4, address: 0x60, count: 2), unit: unit)) == 2)
        #expect(code(ModbusRTU.request(ModbusRead(function: 4, address: 78, count: 4), unit: unit)) == 2)
        #expect(code(ModbusRTU.request(ModbusRead(function: 4, address: 0, count: 81), unit: unit)) == 3)
        #expect(code(ModbusRTU.request(ModbusRead(function: 6, address: 0, count: 1), unit: unit)) == 1)
        #expect(meter.answer(rtu: ModbusRTU.request(read, unit: UnitAddress(8)), value: volts) == nil)
        var damaged = ModbusRTU.request(read, unit: unit)
        damaged[3] ^= 1
        #expect(meter.answer(rtu: damaged, value: volts) == nil)
    }

    @Test func misbehaviours_areAllNoticedByTheClient() throws {
        var meter = try meter()
        let cases: [(ModbusMisbehaviour, ModbusFault)] = [
            (.exception(6), .exception(6)), (.wrongUnit, .wrongUnit(6)), (.wrongFunction, .wrongFunction(3)),
            (.short, .badChecksum), (.badChecksum, .badChecksum),
        ]
        for (misbehaviour, fault) in cases {
            meter.misbehaviour = misbehaviour
            #expect(outcome(&meter) == .failure(fault), "\(misbehaviour)")
        }
        meter.misbehaviour = .drop
        #expect(outcome(&meter) == nil)
        meter.misbehaviour = .late(3_000_000)
        #expect(meter.answer(rtu: ModbusRTU.request(read, unit: unit), value: volts)?.delay == 3_000_000)
    }

    @Test func stale_isTheAnswerBefore() throws {
        var meter = try meter()
        meter.misbehaviour = .stale
        #expect(outcome(&meter) == nil)
        let other = ModbusRead(function: 4, address: 6, count: 2)
        let stale = meter.answer(rtu: ModbusRTU.request(other, unit: unit), value: volts)
        let reply = try #require(stale)
        #expect(throws: ModbusFault.wrongLength) { try ModbusRTU.registers(in: reply.bytes, of: other, unit: unit) }
        #expect(try ModbusRTU.registers(in: reply.bytes, of: read, unit: unit).count == 6)
    }

    @Test func splitter_findsRequests_inAnyPieces_andAfterNoise() {
        let request = ModbusRTU.request(read, unit: unit)
        let question = ModbusTCP.request(read, unit: unit, transaction: 9)
        for (framing, frame) in [(ModbusRequestSplitter.Framing.rtu, request), (.tcp, question)] {
            for piece in 1...frame.count * 2 {
                var splitter = ModbusRequestSplitter(framing)
                let stream = frame + frame + frame
                var found: [[UInt8]] = []
                for start in stride(from: 0, to: stream.count, by: piece) {
                    found += splitter.take(Array(stream[start..<min(start + piece, stream.count)]))
                }
                #expect(found == [frame, frame, frame])
            }
        }
        var splitter = ModbusRequestSplitter(.rtu)
        #expect(splitter.take([0xFF, 0xFF, 0x00] + request) == [request])
        #expect(splitter.take([0x10]).isEmpty)
        splitter.reset()
        #expect(splitter.take(request) == [request])
    }
}
