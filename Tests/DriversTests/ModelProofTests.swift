import Drivers
import Metering
import Testing
import Toml

/// Proofs of EDMI models; those of Modbus are in ModelReaderTests.
struct ModelProofTests {
    private let model = MeterModel(
        name: "test", title: "Test", dialect: .genius, verified: false,
        registers: [
            ModelRegister(
                name: RegisterName("voltage_l1_v"), rawName: "V", source: .edmi(address: 0xE000, type: .float),
                scale: DecimalValue(mantissa: 1), unit: "V", rollover: nil),
            ModelRegister(
                name: RegisterName("import_wh"), rawName: "E", source: .edmi(address: 0x0069, type: .doubleEnergy),
                scale: DecimalValue(mantissa: 1000), unit: "Wh", rollover: nil),
            ModelRegister(
                name: RegisterName("power_w"), rawName: "P", source: .edmi(address: 0xE030, type: nil),
                scale: DecimalValue(mantissa: 1), unit: "W", rollover: nil),
        ],
        probe: ModelProbe(register: RegisterName("serial"), range: nil),
        timing: ModelTiming(timeout: 1000, turnaround: 0, maxRegisters: 16, maxGap: 0), proofs: [])

    private func fault(_ request: [UInt8], _ reply: [UInt8], _ readings: [(String, String)]) -> String? {
        ModelProof(
            origin: "test", request: EdmiFrame.encode(request), reply: EdmiFrame.encode(reply),
            readings: readings.map { ProofReading(name: RegisterName($0.0), value: $0.1) }
        ).fault(on: model)
    }

    private let volts: [UInt8] = [0x43, 0x66, 0x80, 0x00]
    private let energy: [UInt8] = [0x41, 0x67, 0x8C, 0x29, 0xDC, 0xCC, 0xCC, 0xCD]

    @Test func singleReads_byBothCommands() {
        #expect(fault([0x52, 0xE0, 0], [0x52, 0xE0, 0] + volts, [("voltage_l1_v", "230.5")]) == nil)
        #expect(
            fault([0x4D, 0, 0, 0, 0x69], [0x4D, 0, 0, 0, 0x69] + energy, [("import_wh", "12345678900")]) == nil)
        #expect(
            fault([0x52, 0xF0, 2], [0x52, 0xF0, 2] + Array("217072470".utf8) + [0], [("serial", "217072470")]) == nil)
    }

    @Test func severalAtOnce_withOneStatusOrOneEach() {
        let pair: [UInt8] = [0, 0, 0xE0, 0, 0, 0, 0, 0x69]
        #expect(
            fault(
                [0x4D, 0, 0, 0xFF, 0xF0] + pair, [0x4D, 0, 0, 0xFF, 0xF0] + volts + energy,
                [("voltage_l1_v", "230.5"), ("import_wh", "12345678900")]) == nil)
        #expect(
            fault(
                [0x4D, 0, 0, 0xFF, 0xF1] + pair, [0x4D, 0, 0, 0xFF, 0xF1, 3, 0] + energy,
                [("voltage_l1_v", "not_present"), ("import_wh", "12345678900")]) == nil)
        #expect(
            fault(
                [0x4D, 0, 0, 0xFF, 0xF1] + pair, [0x4D, 0, 0, 0xFF, 0xF1, 0] + volts,
                [("voltage_l1_v", "230.5")]) == "the reply ends before import_wh")
        #expect(
            fault(
                [0x4D, 0, 0, 0xFF, 0xF0] + pair, [0x4D, 0, 0, 0xFF, 0xF0] + volts + energy + [0], [])
                == "the reply has 1 bytes too many")
    }

    @Test func refusals_areTheReasonOfEveryRegister() {
        #expect(fault([0x52, 0xE0, 0], [0x18, 3], [("voltage_l1_v", "not_present")]) == nil)
        #expect(fault([0x52, 0xE0, 0], [0x18, 4], [("voltage_l1_v", "refused")]) == nil)
        #expect(fault([0x52, 0xE0, 0], [0x06], []) == "the reply is an ACK, which holds no reading")
    }

    @Test func addressedReplies_mustBelongToTheirCommand() {
        func envelope(_ to: UInt32, _ from: UInt32, _ sequence: UInt16, _ inner: [UInt8]) -> [UInt8] {
            EdmiEnvelope(destination: to, source: from, sequence: sequence, inner: inner).body
        }
        let request = envelope(7, 1, 5, [0x52, 0xE0, 0])
        let inner = [0x52, 0xE0, 0] + volts
        let readings = [("voltage_l1_v", "230.5")]
        #expect(fault(request, envelope(1, 7, 5, inner), readings) == nil)
        for reply in [envelope(1, 8, 5, inner), envelope(2, 7, 5, inner), envelope(1, 7, 6, inner), inner] {
            #expect(fault(request, reply, readings) == "the reply belongs to another command or another meter")
        }
    }

    @Test func bytesThatProveNothing_areRefused() {
        #expect(
            fault([0x52, 0xE0, 0x30], [0x52, 0xE0, 0x30] + volts, [("power_w", "230.5")])
                == "power_w has no type, so its bytes prove nothing; write type = \"…\" in its row")
        #expect(
            fault([0x52, 0xE0, 0x77], [0x52, 0xE0, 0x77] + volts, [])
                == "the request asks for register E077, which no [[register]] has")
        #expect(
            fault([0x57, 0xE0, 0], [0x06], []) == "the request is no register read (R, M, M FFF0 or M FFF1)")
        #expect(
            fault([0x52, 0xE0, 0], [0x52, 0xE0, 1] + volts, [])
                == "the reply does not repeat the command it answers")
        #expect(
            fault([0x52, 0xE0, 0], [0x52, 0xE0, 0, 0x43], [])
                == "the reply does not hold a value of type F for voltage_l1_v")
        let broken = ModelProof(origin: "x", request: [0x02, 0x52], reply: [0x02, 0x03], readings: [])
        #expect(broken.fault(on: model)?.hasPrefix("the request is no EDMI frame") == true)
    }

    @Test func aValueThatIsNoNumber_isInvalid() {
        #expect(fault([0x52, 0xE0, 0], [0x52, 0xE0, 0, 0x7F, 0xC0, 0, 0], [("voltage_l1_v", "invalid")]) == nil)
    }
}
