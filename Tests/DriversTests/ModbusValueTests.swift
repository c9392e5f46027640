import Drivers
import Metering
import Testing

/// Registers to numbers and back.
struct ModbusValueTests {
    private func value(
        _ words: [UInt16], _ type: ModbusType, _ order: WordOrder = .abcd,
        scale: DecimalValue = DecimalValue(mantissa: 1),
        invalid: [UInt64] = []
    ) -> Result<DecimalValue, MissingValue> {
        let row = ModelRegister(
            name: RegisterName("x_w"), rawName: "x",
            source: .modbus(function: 3, address: 7, type: type, order: order), scale: scale, unit: "W", rollover: nil,
            invalid: invalid)
        let timing = ModelTiming(timeout: 1000, turnaround: 0, maxRegisters: 125, maxGap: 0)
        let plan = ModbusPlan([row], timing: timing)
        #expect(plan.reads == [ModbusRead(function: 3, address: 7, count: type.registerCount)])
        return plan.values([.success(words)])[0]
    }

    private func text(_ result: Result<DecimalValue, MissingValue>) -> String {
        switch result {
        case .success(let value): value.text
        case .failure(let missing): missing.reason.rawValue
        }
    }

    @Test(arguments: [
        (WordOrder.abcd, [UInt16(0x47F1), 0x2000]), (.cdab, [0x2000, 0x47F1]), (.badc, [0xF147, 0x0020]),
        (.dcba, [0x0020, 0xF147]),
    ])
    func float32_inEveryOrder_is123456(_ order: WordOrder, _ words: [UInt16]) {
        #expect(text(value(words, .float32, order)) == "123456")
        #expect(order.registers(bits: 0x47F1_2000, count: 2) == words)
    }

    @Test(arguments: [
        (WordOrder.abcd, [UInt16(0x0123), 0x4567, 0x89AB, 0xCDEF]), (.cdab, [0xCDEF, 0x89AB, 0x4567, 0x0123]),
        (.badc, [0x2301, 0x6745, 0xAB89, 0xEFCD]), (.dcba, [0xEFCD, 0xAB89, 0x6745, 0x2301]),
    ])
    func uint64_inEveryOrder_isTheSameNumber(_ order: WordOrder, _ words: [UInt16]) {
        #expect(text(value(words, .uint64, order)) == "81985529216486895")
        #expect(order.registers(bits: 0x0123_4567_89AB_CDEF, count: 4) == words)
    }

    @Test(arguments: [
        (ModbusType.int16, [UInt16(0x8000)], "-32768"), (.int16, [0xFFFF], "-1"), (.uint16, [0xFFFF], "65535"),
        (.int32, [0xFFFF, 0xFFFE], "-2"), (.uint32, [0xFFFF, 0xFFFE], "4294967294"),
        (.int64, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD], "-3"), (.uint64, [0, 0, 1, 0], "65536"),
        (.float32, [0x4366, 0x8000], "230.5"), (.float32, [0x8000, 0x0000], "0"),
        (.float64, [0x4167, 0x8C29, 0xDCCC, 0xCCCD], "12345678.9"), (.float64, [0xC037, 0, 0, 0], "-23"),
    ])
    func value_ofEveryType(_ type: ModbusType, _ words: [UInt16], _ expected: String) {
        #expect(text(value(words, type)) == expected)
    }

    @Test func scale_isExact() {
        let tenth = DecimalValue(mantissa: 1, exponent: -1)
        #expect(text(value([2305], .uint16, scale: tenth)) == "230.5")
        #expect(text(value([0xFFFF], .int16, scale: tenth)) == "-0.1")
        #expect(text(value([0x4640, 0xE6B7], .float32, scale: DecimalValue(mantissa: 1000))) == "12345679")
        // A double with 16 digits times 1000 keeps its digits.
        #expect(
            text(value([0x3FD5, 0x5555, 0x5555, 0x5555], .float64, scale: DecimalValue(mantissa: 1000)))
                == "333.3333333333333")
        #expect(text(value([3], .int16, scale: DecimalValue(mantissa: -5))) == "-15")
    }

    @Test(arguments: [
        [UInt16(0x7FC0), 0x0000], [0xFFC0, 0x0000], [0x7F80, 0x0000], [0xFF80, 0x0000], [0x7F80, 0x0001],
        [0xFFFF, 0xFFFF],
    ])
    func float32_thatIsNoNumber_isInvalid(_ words: [UInt16]) {
        #expect(text(value(words, .float32)) == "invalid")
    }

    @Test func sentinels_areInvalid_onlyWhereTheModelSaysSo() {
        #expect(text(value([0x8000], .int16)) == "-32768")
        #expect(text(value([0x8000], .int16, invalid: [0x8000])) == "invalid")
        #expect(text(value([0x7FFF, 0xFFFF], .int32)) == "2147483647")
        #expect(text(value([0xFFFF, 0x7FFF], .int32, .cdab, invalid: [0x7FFF_FFFF])) == "invalid")
        #expect(text(value([0xFFFF, 0xFFFF], .uint32, invalid: [0xFFFF_FFFF])) == "invalid")
        #expect(text(value([0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], .uint64, invalid: [.max])) == "invalid")
        #expect(text(value([0x7FFE], .int16, invalid: [0x7FFF, 0x8000])) == "32766")
    }

    @Test func numbersBeyond64Bits_areInvalid_neverWrapped() {
        #expect(text(value([0x8000, 0, 0, 0], .uint64)) == "invalid")
        #expect(text(value([0x7F7F, 0xFFFF], .float32)) == "invalid")
        #expect(text(value([0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF], .int64)) == "9223372036854775807")
        #expect(
            text(value([0x8000, 0, 0, 0], .int64, scale: DecimalValue(mantissa: 1, exponent: -3)))
                == "-9223372036854775.808")
    }

    @Test func float32_isTheShortestDecimalThatReadsBack() {
        var state: UInt64 = 31
        for index in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let random = UInt32(truncatingIfNeeded: state >> 32)
            let number: Float =
                switch index % 4 {
                case 0: Float(bitPattern: random)
                case 1: Float(Int32(bitPattern: random) >> 8) / 1000
                case 2: Float(bitPattern: 0x3F00_0000 &+ (random & 0x0BFF_FFFF))
                default: Float(random % 10_000_000) / 100
                }
            let expected = number.isFinite ? DecimalValue(text: number.description) : nil
            #expect(ModbusType.float32.value(bits: UInt64(number.bitPattern)) == expected, "\(number)")
        }
    }

    @Test func registers_areTheReverseOfDecoding() {
        var bits: UInt64 = 88
        for _ in 0..<500 {
            bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for order in WordOrder.allCases {
                let words = order.registers(bits: bits, count: 4)
                #expect(value(words, .int64, order) == .success(DecimalValue(mantissa: Int64(bitPattern: bits))))
                let short = order.registers(bits: bits, count: 2)
                let low = UInt32(truncatingIfNeeded: bits)
                #expect(value(short, .uint32, order) == .success(DecimalValue(mantissa: Int64(low))))
            }
        }
    }
}
