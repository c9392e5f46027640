import Drivers
import Metering
import Testing

/// Frames of Modbus RTU and TCP, both halves.
struct ModbusCodecTests {
    private let unit = UnitAddress(1)
    private let read = ModbusRead(function: 3, address: 0, count: 2)
    /// Two registers 47F1 2000, made with pymodbus 3.16.1.
    private let answer = bytes("01 03 04 47 F1 20 00 A6 B4")

    @Test func checksum_ofTheCheckString_is4B37() {
        #expect(ModbusRTU.checksum(Array("123456789".utf8)) == 0x4B37)
    }

    @Test func request_isByteForByteTheReference() {
        #expect(ModbusRTU.request(read, unit: unit) == bytes("01 03 00 00 00 02 C4 0B"))
        let edmi = ModbusRead(function: 3, address: 9001, count: 6)
        #expect(ModbusRTU.request(edmi, unit: UnitAddress(33)) == bytes("21 03 23 29 00 06 18 E4"))
    }

    @Test func registers_ofTheReferenceReply() throws {
        let edmi = ModbusRead(function: 3, address: 9001, count: 6)
        let reply = bytes("21 03 0C 43 66 80 00 43 67 40 00 43 65 00 00 08 8A")
        #expect(
            try ModbusRTU.registers(in: reply, of: edmi, unit: UnitAddress(33)) == [
                0x4366, 0x8000, 0x4367, 0x4000, 0x4365, 0x0000,
            ])
    }

    @Test func registers_whenTheDeviceRefuses_giveItsException() {
        #expect(throws: ModbusFault.exception(2)) {
            try ModbusRTU.registers(in: bytes("01 83 02 C0 F1"), of: read, unit: unit)
        }
        #expect(ModbusFault.exception(2).busFailure == .exception(2))
    }

    @Test func registers_refuseEverySingleBitFlip() throws {
        #expect(try ModbusRTU.registers(in: answer, of: read, unit: unit) == [0x47F1, 0x2000])
        for bit in 0..<answer.count * 8 {
            var damaged = answer
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ModbusFault.badChecksum) {
                try ModbusRTU.registers(in: damaged, of: read, unit: unit)
            }
        }
    }

    @Test func registers_refuseEveryTruncationAndEveryExtraByte() {
        for count in 0..<answer.count {
            #expect(throws: ModbusFault.self) {
                try ModbusRTU.registers(in: Array(answer.prefix(count)), of: read, unit: unit)
            }
        }
        #expect(throws: ModbusFault.self) { try ModbusRTU.registers(in: answer + [0], of: read, unit: unit) }
    }

    @Test func registers_refuseOtherUnitFunctionAndLength_evenWithGoodChecksum() {
        func fault(_ body: String) -> ModbusFault? {
            var frame = bytes(body)
            let crc = ModbusRTU.checksum(frame)
            frame += [UInt8(crc & 0xFF), UInt8(crc >> 8)]
            do {
                _ = try ModbusRTU.registers(in: frame, of: read, unit: unit)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault("01 03 04 47 F1 20 00") == nil)
        #expect(fault("02 03 04 47 F1 20 00") == .wrongUnit(2))
        #expect(fault("01 04 04 47 F1 20 00") == .wrongFunction(4))
        #expect(fault("01 84 02") == .wrongFunction(0x84))
        #expect(fault("01 03 02 47 F1") == .wrongLength)
        #expect(fault("01 03 04 47 F1 20") == .wrongLength)
        #expect(fault("01 03 06 47 F1 20 00") == .wrongLength)
        #expect(fault("01 03 04 47 F1 20 00 00 00") == .wrongLength)
        #expect(fault("01 83 02 00") == .wrongLength)
        #expect(fault("01 83 00") == .wrongLength)
        #expect(fault("01 83 02") == .exception(2))
    }

    @Test func answer_ofTheServer_isReadBackByTheClient() throws {
        var random = SeededBytes(seed: 2)
        for _ in 0..<200 {
            let count = UInt16(1 + random.below(125))
            let read = ModbusRead(
                function: random.below(2) == 0 ? 3 : 4, address: UInt16(random.below(65_000)), count: count)
            let unit = UnitAddress(UInt8(1 + random.below(247)))
            let words = (0..<count).map { _ in UInt16(random.below(65_536)) }
            let (from, request) = try ModbusRTU.request(in: ModbusRTU.request(read, unit: unit))
            #expect(from == unit)
            #expect(request == .read(read))
            let frame = ModbusRTU.answer(.registers(words), function: read.function, unit: unit)
            #expect(frame.count == ModbusRTU.answerLength(of: read))
            #expect(try ModbusRTU.registers(in: frame, of: read, unit: unit) == words)

            let transaction = UInt16(random.below(65_536))
            let question = ModbusTCP.request(read, unit: unit, transaction: transaction)
            let asked = try ModbusTCP.request(in: question)
            #expect(asked.unit == unit && asked.transaction == transaction && asked.request == .read(read))
            let reply = ModbusTCP.answer(
                .registers(words), function: read.function, unit: unit, transaction: transaction)
            #expect(ModbusTCP.frameLength(reply) == reply.count)
            #expect(
                try ModbusTCP.registers(in: reply, of: read, unit: unit, transaction: transaction) == words)
        }
    }

    @Test func requestsOfTheServer_survivesGarbage() {
        var random = SeededBytes(seed: 3)
        for _ in 0..<5000 {
            var frame = (0..<random.below(30)).map { _ in UInt8(random.below(256)) }
            _ = try? ModbusTCP.request(in: frame)
            _ = ModbusRTU.requestLength(frame)
            let crc = ModbusRTU.checksum(frame)
            frame += [UInt8(crc & 0xFF), UInt8(crc >> 8)]
            // Bytes with a right checksum reach the inner checks.
            _ = try? ModbusRTU.request(in: frame)
            _ = try? ModbusRTU.registers(in: frame, of: read, unit: unit)
        }
    }

    @Test func requestOfTheServer_keepsWhatItDoesNotServe() throws {
        let write = sealed("01 06 00 01 00 03")
        #expect(try ModbusRTU.request(in: write).request == .other(function: 6))
        #expect(try ModbusRTU.request(in: sealed("01 03 00 00 00 7E")).request == .malformed(function: 3))
        #expect(try ModbusRTU.request(in: sealed("01 03 00 00 00 00")).request == .malformed(function: 3))
        #expect(throws: ModbusFault.wrongLength) { try ModbusRTU.request(in: sealed("01 03 00 00 00")) }
        #expect(throws: ModbusFault.badChecksum) { try ModbusRTU.request(in: bytes("01 03 00 00 00 02 C4 0C")) }
    }

    @Test func requestLength_isKnownAsSoonAsItCanBe() {
        #expect(ModbusRTU.requestLength(bytes("01")) == nil)
        #expect(ModbusRTU.requestLength(bytes("01 03")) == 8)
        #expect(ModbusRTU.requestLength(bytes("01 10 00 00 00 02")) == nil)
        #expect(ModbusRTU.requestLength(bytes("01 10 00 00 00 02 04")) == 13)
        #expect(ModbusRTU.requestLength(bytes("01 2B")) == nil)
    }

    @Test func tcpFrames_areByteForByteTheReference() throws {
        let question = bytes("12 34 00 00 00 06 01 03 00 00 00 02")
        #expect(ModbusTCP.request(read, unit: unit, transaction: 0x1234) == question)
        let reply = bytes("12 34 00 00 00 07 01 03 04 47 F1 20 00")
        #expect(ModbusTCP.answer(.registers([0x47F1, 0x2000]), function: 3, unit: unit, transaction: 0x1234) == reply)
        #expect(
            ModbusTCP.answer(.exception(11), function: 3, unit: unit, transaction: 1)
                == bytes("00 01 00 00 00 03 01 83 0B"))
    }

    @Test(arguments: [
        ("12 35 00 00 00 07 01 03 04 47 F1 20 00", ModbusFault.wrongTransaction(0x1235)),
        ("12 34 00 01 00 07 01 03 04 47 F1 20 00", .wrongProtocol(1)),
        ("12 34 00 00 00 08 01 03 04 47 F1 20 00", .wrongLength),
        ("12 34 00 00 00 07 02 03 04 47 F1 20 00", .wrongUnit(2)),
        ("12 34 00 00 00 07 01 04 04 47 F1 20 00", .wrongFunction(4)),
        ("12 34 00 00 00 05 01 03 02 47 F1", .wrongLength),
        ("12 34 00 00 00 03 01 83 06", .exception(6)),
        ("12 34 00 00 00 02 01 83", .wrongLength),
        ("12 34 00 00 00 01 01", .wrongLength),
    ])
    func tcpRegisters_refuse(_ frame: String, _ fault: ModbusFault) {
        #expect(throws: fault) {
            try ModbusTCP.registers(in: bytes(frame), of: read, unit: unit, transaction: 0x1234)
        }
    }

    @Test func tcpRegisters_refuseEveryTruncation() {
        let reply = bytes("12 34 00 00 00 07 01 03 04 47 F1 20 00")
        for count in 0..<reply.count {
            #expect(throws: ModbusFault.wrongLength) {
                try ModbusTCP.registers(in: Array(reply.prefix(count)), of: read, unit: unit, transaction: 0x1234)
            }
        }
    }

    private func sealed(_ text: String) -> [UInt8] {
        let frame = bytes(text)
        let crc = ModbusRTU.checksum(frame)
        return frame + [UInt8(crc & 0xFF), UInt8(crc >> 8)]
    }
}

/// Bytes from hex pairs.
private func bytes(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }

/// A generator whose numbers are the same in every run.
private struct SeededBytes {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
}
