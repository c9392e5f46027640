import Drivers
import Metering
import Testing

/// Which reads a plan makes, and what becomes of their answers.
struct ModbusPlanTests {
    private func row(
        _ address: UInt16, _ type: ModbusType = .float32, function: UInt8 = 4, name: String = "x_w"
    ) -> ModelRegister {
        ModelRegister(
            name: RegisterName(name), rawName: "x",
            source: .modbus(function: function, address: address, type: type, order: .abcd),
            scale: DecimalValue(mantissa: 1), unit: "W", rollover: nil)
    }

    private func timing(_ registers: UInt16 = 125, gap: UInt16 = 0) -> ModelTiming {
        ModelTiming(timeout: 1000, turnaround: 0, maxRegisters: registers, maxGap: gap)
    }

    private func reads(_ rows: [ModelRegister], _ timing: ModelTiming) -> [String] {
        ModbusPlan(rows, timing: timing).reads.map { "\($0.function):\($0.address)+\($0.count)" }
    }

    @Test func neighbours_shareOneRead_inWhateverOrderTheyAreListed() {
        #expect(reads([row(4), row(0), row(2)], timing()) == ["4:0+6"])
    }

    @Test func holes_areReadOver_upToTheModelsGap() {
        let rows = [row(0), row(5)]
        #expect(reads(rows, timing()) == ["4:0+2", "4:5+2"])
        #expect(reads(rows, timing(gap: 2)) == ["4:0+2", "4:5+2"])
        #expect(reads(rows, timing(gap: 3)) == ["4:0+7"])
    }

    @Test func functions_areNeverMixed() {
        #expect(reads([row(0), row(2, function: 3)], timing(gap: 100)) == ["3:2+2", "4:0+2"])
    }

    @Test func aValueOfSeveralRegisters_isNeverSplit() {
        let rows = [row(0), row(2), row(4, .uint64), row(8)]
        #expect(reads(rows, timing(5)) == ["4:0+4", "4:4+4", "4:8+2"])
        #expect(reads(rows, timing(6)) == ["4:0+4", "4:4+6"])
        #expect(reads(rows, timing(8)) == ["4:0+8", "4:8+2"])
    }

    @Test func longBlocks_areCutAt125Registers() {
        let rows = (0..<100).map { row(UInt16($0 * 2)) }
        #expect(reads(rows, timing()) == ["4:0+124", "4:124+76"])
    }

    @Test func overlappingRows_shareTheirRegisters() {
        #expect(reads([row(0, .uint64), row(1, .int16), row(2)], timing()) == ["4:0+4"])
        #expect(reads([row(10), row(10)], timing()) == ["4:10+2"])
    }

    @Test func theLastRegister_isReached() {
        #expect(reads([row(0xFFFF, .int16), row(0xFFFE, .int16)], timing()) == ["4:65534+2"])
    }

    @Test func rowsOfEdmi_getNoRead() {
        var edmi = row(0)
        edmi.source = .edmi(address: 0xE000, type: .float)
        let plan = ModbusPlan([edmi], timing: timing())
        #expect(plan.reads.isEmpty)
        #expect(plan.jobs(unit: UnitAddress(1), timeout: 1, turnaround: 1, tries: 1).isEmpty)
        #expect(plan.values([]) == [.failure(MissingValue(.notPresent))])
    }

    @Test func jobs_haveAtMostEightReads() {
        let rows = (0..<20).map { row(UInt16($0 * 10)) }
        let plan = ModbusPlan(rows, timing: timing())
        let jobs = plan.jobs(unit: UnitAddress(9), timeout: 500_000, turnaround: 10_000, tries: 2)
        #expect(jobs.map(\.reads.count) == [8, 8, 4])
        #expect(jobs.flatMap(\.reads) == plan.reads)
        #expect(jobs.allSatisfy { $0.unit == UnitAddress(9) && $0.timeout == 500_000 && $0.tries == 2 })
    }

    @Test func decode_givesEveryRowOfTheJob_withTheReasonOfItsRead() {
        let rows = (0..<10).map { row(UInt16(90 - $0 * 10), .uint16) }
        let plan = ModbusPlan(rows, timing: timing())
        var seen: [Int: Result<DecimalValue, MissingValue>] = [:]
        var results: [Result<[UInt16], BusFailure>] = (0..<8).map { .success([UInt16($0)]) }
        results[1] = .failure(.timeout)
        results[2] = .failure(.exception(2))
        results[3] = .failure(.exception(6))
        results[4] = .success([1, 2])
        plan.decode(.modbus(results), job: 0) { seen[$0] = $1 }
        #expect(seen.count == 8)
        #expect(seen[9] == .success(DecimalValue(mantissa: 0)))
        #expect(seen[8] == .failure(MissingValue(.timeout)))
        #expect(seen[7] == .failure(MissingValue(.notPresent)))
        #expect(seen[6] == .failure(MissingValue(.refused)))
        #expect(seen[5] == .failure(MissingValue(.badChecksum)))
        #expect(seen[4] == .success(DecimalValue(mantissa: 5)))
        seen = [:]
        plan.decode(.failed(.portDown("gone")), job: 1) { seen[$0] = $1 }
        #expect(seen == [0: .failure(MissingValue(.portDown)), 1: .failure(MissingValue(.portDown))])
    }

    @Test func decode_ofForeignOutcomes_givesNoValue() {
        let plan = ModbusPlan([row(0)], timing: timing())
        var seen: [Result<DecimalValue, MissingValue>] = []
        plan.decode(.edmi([1, 2]), job: 0) { seen.append($1) }
        plan.decode(.modbus([]), job: 0) { seen.append($1) }
        plan.decode(.modbus([]), job: 1) { seen.append($1) }
        plan.decode(.modbus([]), job: -1) { seen.append($1) }
        #expect(seen == [.failure(MissingValue(.badChecksum)), .failure(MissingValue(.badChecksum))])
    }

    @Test func plans_coverEveryRowExactlyOnce_andObeyTheirBounds() {
        var state: UInt64 = 5
        func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<300 {
            let longest = UInt16(4 + below(122))
            let gap = UInt16(below(20))
            let rows = (0..<(1 + below(40))).map { _ in
                row(UInt16(below(400)), ModbusType.allCases[below(8)], function: UInt8(3 + below(2)))
            }
            let plan = ModbusPlan(rows, timing: timing(longest, gap: gap))
            for read in plan.reads { #expect(read.count >= 1 && read.count <= longest) }
            // Every register holds its own address, so each row must read its own addresses.
            let values = plan.values(
                plan.reads.map { read in .success((0..<read.count).map { read.address + $0 }) })
            for (row, value) in zip(rows, values) {
                guard case .modbus(_, let address, let type, let order) = row.source else { continue }
                var bits: UInt64 = 0
                for index in 0..<type.registerCount { bits = bits << 16 | UInt64(address + index) }
                #expect(order == .abcd)
                #expect(value == type.value(bits: bits).map { .success($0) } ?? .failure(MissingValue(.invalid)))
            }
            #expect(ModbusPlan(rows, timing: timing(longest, gap: gap)) == plan)
        }
    }
}
