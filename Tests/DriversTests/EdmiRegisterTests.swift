import Drivers
import Metering
import Simulator
import Testing

@Suite struct EdmiRegisterTests {
    private func read(
        _ dialect: MeterModel.Dialect, _ registers: [ModelRegister],
        change: (inout EdmiBench) -> Void = { _ in }
    ) -> (values: [Result<DecimalValue, MissingValue>], bench: EdmiBench) {
        var bench = EdmiBench(EdmiFixture.stillMeter(dialect))
        var session = EdmiSession(EdmiFixture.link(dialect))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.sent = []
        change(&bench)
        var task = EdmiRegisterTask(registers)
        #expect(bench.run(&session, &task) == .done)
        return (task.readings().map { $0.value }, bench)
    }

    private func expected(_ value: DecimalValue?) -> Result<DecimalValue, MissingValue>? { value.map { .success($0) } }

    @Test func atlas_readsEachRegisterByItself() {
        let (values, bench) = read(.atlas, EdmiFixture.atlasRegisters)
        #expect(values[0] == expected(EdmiFixture.float("import_wh")))
        #expect(values[1] == expected(EdmiFixture.float("voltage_l1_v")))
        #expect(values[2] == expected(EdmiFixture.float("frequency_hz")))
        #expect(bench.commands.map { $0.first } == [0x49, 0x52, 0x52, 0x52])
    }

    @Test func genius_readsABatchAfterAskingForUnknownTypes() {
        let (values, bench) = read(.genius, EdmiFixture.geniusRegisters)
        #expect(values[0] == expected(EdmiFixture.double("import_wh")))
        #expect(values[3] == expected(EdmiFixture.float("frequency_hz")))
        #expect(
            bench.commands.map { $0.prefix(5) } == [
                bytes(hex: "4F 00 00 E0 60")[...], bytes(hex: "4D 00 00 FF F0")[...],
            ])
    }

    @Test func genius_batchesOf16() {
        let registers = (0..<40).map { EdmiFixture.register("r\($0)", [0xE000, 0xE001, 0xE002][$0 % 3], .float) }
        let (values, bench) = read(.genius, registers)
        #expect(values.allSatisfy { if case .success = $0 { true } else { false } })
        #expect(bench.commands.map { ($0.count - 5) / 4 } == [16, 16, 8])
    }

    @Test func genius_fallsBackToAStatusEachAndRemembersWhatIsAbsent() {
        let registers =
            EdmiFixture.geniusRegisters.dropLast() + [EdmiFixture.register("nothing", 0xE0F0, .float, unit: "V")]
        var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiRegisterTask([ModelRegister](registers))
        #expect(bench.run(&session, &task) == .done)
        #expect(task.readings().map { $0.value }.last == .failure(MissingValue(.notPresent)))
        #expect(task.readings()[1].value == expected(EdmiFixture.double("export_wh")))
        #expect(bench.commands.dropFirst(2).map { $0[4] } == [0xF0, 0xF1])
        bench.sent = []
        var again = EdmiRegisterTask([ModelRegister](registers))
        #expect(bench.run(&session, &again) == .done)
        #expect(bench.commands.map { $0[4] } == [0xF0])
        #expect(again.readings().map { $0.value }.last == .failure(MissingValue(.notPresent)))
    }

    @Test func genius_withoutBatchesReadsOneByOneAndRemembers() {
        var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
        bench.meters[0].settings.hasBatch = false
        bench.meters[0].settings.hasStatusBatch = false
        var session = EdmiSession(EdmiFixture.link(.genius))
        let registers = [ModelRegister](EdmiFixture.geniusRegisters.dropLast())
        for round in 0..<2 {
            bench.sent = []
            var task = EdmiRegisterTask(registers)
            #expect(bench.run(&session, &task) == .done)
            #expect(task.readings()[0].value == expected(EdmiFixture.double("import_wh")))
            #expect(bench.sent.count == (round == 0 ? 2 + 2 + 3 : 3))
        }
    }

    @Test func genius_registerThatSpoilsABatchIsReadByItselfFromThenOn() {
        // Typed as double in the model, a float in the meter.
        let registers =
            EdmiFixture.geniusRegisters.dropLast() + [EdmiFixture.register("odd", 0xE001, .double, unit: "V")]
        var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius))
        for round in 0..<2 {
            bench.sent = []
            var task = EdmiRegisterTask([ModelRegister](registers))
            #expect(bench.run(&session, &task) == .done)
            #expect(task.readings()[0].value == expected(EdmiFixture.double("import_wh")))
            #expect(task.readings()[3].value == expected(EdmiFixture.float("voltage_l2_v")))
            #expect(bench.sent.count == (round == 0 ? 2 + 2 + 4 : 2))
        }
    }

    @Test func typeQuery_isAskedOnce() {
        var bench = EdmiBench(EdmiFixture.stillMeter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        for round in 0..<2 {
            bench.sent = []
            var task = EdmiRegisterTask([EdmiFixture.register("frequency_hz", 0xE060, nil, unit: "Hz")])
            #expect(bench.run(&session, &task) == .done)
            #expect(bench.commands.filter { $0.first == 0x49 }.count == (round == 0 ? 1 : 0))
        }
    }

    @Test func otherDialectsCommand_whenTheMeterDoesNotKnowOurs() {
        // Configured as Genius, but an Atlas answers: M is refused with 2, R works.
        var bench = EdmiBench(EdmiFixture.stillMeter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiRegisterTask(EdmiFixture.atlasRegisters)
        #expect(bench.run(&session, &task) == .done)
        #expect(task.readings()[1].value == expected(EdmiFixture.float("voltage_l1_v")))
        #expect(task.readings()[2].value == expected(EdmiFixture.float("frequency_hz")))
    }

    @Test(
        arguments: [
            (3, .notPresent), (4, .refused), (6, .invalid), (1, .invalid), (8, .invalid), (77, .invalid),
        ] as [(UInt8, NoData)])
    func refusal_ofOneRegisterIsItsReason(code: UInt8, reason: NoData) {
        let (values, _) = read(.atlas, [ModelRegister](EdmiFixture.atlasRegisters.prefix(2))) { bench in
            bench.meters[0].faults = [.refuse(code)]
        }
        #expect(values[0] == .failure(MissingValue(reason)))
        if case .failure = values[1] { Issue.record("the register after it is lost too") }
    }

    @Test func plain_notFoundMustBeSaidTwice() {
        var bench = EdmiBench(EdmiFixture.stillMeter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.meters[0].faults = [.refuse(3)]
        var task = EdmiRegisterTask([EdmiFixture.atlasRegisters[0]])
        #expect(bench.run(&session, &task) == .done)
        #expect(task.readings()[0].value == expected(EdmiFixture.float("import_wh")))
    }

    @Test func scale_ofTheModel() {
        let kilo = EdmiFixture.register("import_wh", 0x1E00, .floatEnergy, scale: DecimalValue(mantissa: 1000))
        let (values, _) = read(.atlas, [kilo])
        #expect(values[0] == expected(EdmiFixture.float("import_wh")?.multiplied(by: DecimalValue(mantissa: 1000))))
    }

    @Test func scale_whenTheDigitsDoNotFit() {
        // 17 digits times a three-digit ratio: the last digits of a double mean nothing and are dropped.
        let odd = EdmiFixture.register("import_wh", 0x0069, .doubleEnergy, scale: DecimalValue(mantissa: 997))
        var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        // 12345678.901234567
        bench.forced = [
            .edmi(
                bytes(hex: "4D 00 00 00 69")
                    + withUnsafeBytes(of: 12_345_678.901234567.bitPattern.bigEndian) { [UInt8]($0) })
        ]
        var task = EdmiRegisterTask([odd])
        #expect(bench.run(&session, &task) == .done)
        guard case .success(let value) = task.readings()[0].value else {
            Issue.record("no value")
            return
        }
        #expect(value.text.hasPrefix("12308641864.5308"))
    }

    @Test func clock_inTheMetersOwnTime() {
        for dialect in [MeterModel.Dialect.atlas, .genius] {
            var bench = EdmiBench(EdmiFixture.stillMeter(dialect))
            bench.meters[0].settings.clockErrorSeconds = 7
            var session = EdmiSession(EdmiFixture.link(dialect))
            var task = EdmiClockTask()
            #expect(bench.run(&session, &task) == .done)
            #expect(task.time?.seconds == bench.now.seconds + 36_000 + 7)
            #expect(bench.commands.last == (dialect == .atlas ? bytes(hex: "52 F0 3D") : bytes(hex: "4D 00 00 F0 3D")))
        }
    }

    @Test func clock_whenRefused() {
        var bench = EdmiBench(EdmiFixture.stillMeter(.atlas))
        bench.before = { number, meters in if number >= 2 { meters[0].faults = [.refuse(4)] } }
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiClockTask()
        #expect(bench.run(&session, &task) == .failed(.refused(.accessDenied)))
        #expect(task.time == nil)
    }

    @Test func clockWrite_asBytes() {
        let time = CivilTime(year: 2026, month: 3, day: 2, hour: 16, minute: 17, second: 19)
        #expect(EdmiCommand.setClock(time)?.bytes == bytes(hex: "57 F0 3D 02 03 1A 10 11 13"))
        #expect(EdmiCommand.setClock(CivilTime(year: 2090, month: 3, day: 2)) == nil)
        #expect(EdmiCommand.setClock(CivilTime(year: 2026, month: 2, day: 29)) == nil)
    }

    @Test func commands_ofTheReference() {
        #expect(EdmiFrame.encode(EdmiCommand.readLong(0x69).bytes) == bytes(hex: "02 4D 00 00 00 69 46 DD 03"))
        #expect(
            EdmiFrame.encode(EdmiCommand.readMany([0xE000, 0x69], statusEach: false).bytes)
                == bytes(hex: "02 4D 00 00 FF F0 00 00 E0 00 00 00 00 69 E8 5C 03"))
        #expect(EdmiFrame.encode(EdmiCommand.describe(0xE000).bytes) == bytes(hex: "02 49 E0 00 7E E6 03"))
        #expect(EdmiCommand.describeLong(0xE000).bytes == bytes(hex: "4F 00 00 E0 00"))
        #expect(EdmiFrame.encode(EdmiCommand.read(0xD806).bytes) == bytes(hex: "02 52 D8 06 21 8E 03"))
        #expect(EdmiFrame.encode(EdmiCommand.exit.bytes) == bytes(hex: "02 58 BD 9F 03"))
        let registers: [UInt32] = [
            0xE000, 0xE001, 0xE002, 0xF701, 0xF703, 0xE010, 0xE011, 0xE012, 0xF700, 0xF702, 0xE026, 0xE060, 0x0169,
            0x0369,
        ]
        let envelope = EdmiEnvelope(
            destination: 251_308_613, source: 0x012B_1668, sequence: 0xFFFF,
            inner: EdmiCommand.readMany(registers, statusEach: true).bytes)
        #expect(
            EdmiFrame.encode(envelope.body)
                == bytes(
                    hex: """
                        02 45 0E FA AA 45 01 2B 16 68 FF FF 4D 00 00 FF F1 00 00 E0 00 00 00 E0 01 00 00 E0 10 42
                        00 00 F7 01 00 00 F7 10 43 00 00 E0 10 50 00 00 E0 10 51 00 00 E0 12 00 00 F7 00 00 00
                        F7 10 42 00 00 E0 26 00 00 E0 60 00 00 01 69 00 00 10 43 69 3C AE 03
                        """))
    }

    @Test func batch_valuesOfTheReference() throws {
        // {230.5 float, 12345678.9 double}, then {230.5, error 3}, by scripted replies.
        let registers = [
            EdmiFixture.register("voltage_l1_v", 0xE000, .float, unit: "V"),
            EdmiFixture.register("import_wh", 0x0069, .doubleEnergy),
        ]
        let scripts = [
            (["4D 00 00 FF F0 43 66 80 00 41 67 8C 29 DC CC CC CD"], ["230.5", "12345678.9"]),
            (["18 03", "4D 00 00 FF F1 00 43 66 80 00 03"], ["230.5", "not_present"]),
            // All doubles sent as floats; and nothing that fits, so one by one.
            (["4D 00 00 FF F0 43 66 80 00 43 66 80 00"], ["230.5", "230.5"]),
            (
                [
                    "4D 00 00 FF F0 43 66 80", "4D 00 00 FF F1 00 43", "4D 00 00 E0 00 43 66 80 00",
                    "4D 00 00 00 69 43 66 80 00",
                ], ["230.5", "230.5"]
            ),
        ]
        for (replies, texts) in scripts {
            var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
            var session = EdmiSession(EdmiFixture.link(.genius, addressed: false))
            var warm = EdmiClockTask()
            #expect(bench.run(&session, &warm) == .done)
            bench.forced = replies.map { .edmi(bytes(hex: $0)) }
            var task = EdmiRegisterTask(registers)
            #expect(bench.run(&session, &task) == .done)
            let shown = task.readings().map { reading in
                switch reading.value {
                case .success(let value): value.text
                case .failure(let missing): missing.reason.rawValue
                }
            }
            #expect(shown == texts)
        }
    }

    @Test func batch_thatFitsInTwoWaysIsNotBelieved() {
        // Two floats with status 0 each, or one double and status 5: the registers are asked one by one.
        var bench = EdmiBench(EdmiFixture.stillMeter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.forced = [
            .edmi(bytes(hex: "18 03")), .edmi(bytes(hex: "4D 00 00 FF F1 00 43 66 80 00 00 43 66 80 05")),
        ]
        var task = EdmiRegisterTask([ModelRegister](EdmiFixture.geniusRegisters.prefix(2)))
        #expect(bench.run(&session, &task) == .done)
        #expect(task.readings()[0].value == expected(EdmiFixture.double("import_wh")))
        #expect(task.readings()[1].value == expected(EdmiFixture.double("export_wh")))
    }

    @Test func echoOfAnotherRegister_isNotTaken() {
        var bench = EdmiBench(EdmiFixture.stillMeter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.forced = [.edmi(bytes(hex: "52 E0 01 43 66 80 00"))]
        var task = EdmiRegisterTask([EdmiFixture.atlasRegisters[1]])
        #expect(bench.run(&session, &task) == .done)
        #expect(task.readings()[0].value == expected(EdmiFixture.float("voltage_l1_v")))
        bench.forced = Array(repeating: .edmi(bytes(hex: "52 E0 01 43 66 80 00")), count: 3)
        var lost = EdmiRegisterTask([EdmiFixture.atlasRegisters[1]])
        #expect(bench.run(&session, &lost) == .failed(.damaged))
    }
}

@Suite struct EdmiValueTests {
    @Test(arguments: [
        (EdmiType.float, "43 66 80 00", "230.5"), (.float, "7F C0 00 00", "none"), (.float, "FF 80 00 00", "none"),
        (.float, "41 67 8C 29 DC CC CC CD", "12345678.9"), (.floatEnergy, "4B 9B 1B 08", "20330000"),
        (.double, "43 66 80 00", "230.5"), (.doubleEnergy, "41 67 8C 29 DC CC CC CD", "12345678.9"),
        (.double, "7F F8 00 00 00 00 00 00", "none"), (.powerFactor, "BF 00 00 00", "-0.5"), (.boolean, "05", "1"),
        (.boolean, "00", "0"), (.byte, "FF", "255"), (.hexShort, "FF FE", "65534"), (.short, "FF FE", "-2"),
        (.long, "FF FF FF FE", "-2"), (.hexLong, "FF FF FF FE", "4294967294"),
        (.registerNumber, "00 00 E0 00", "57344"),
        (.longLong, "FF FF FF FF FF FF FF FE", "-2"), (.string, "32 31 37 00", "text 217"),
        (.stringOrLong, "41 07 42 00", "text A?B"), (.efaString, "00", "text "), (.time, "0D 0E 0F", "second 47655"),
        (.time, "18 00 00", "none"), (.date, "12 01 1A", "2026-1-18 0:0:0"), (.date, "01 01 60", "none"),
        (.timeAndDate, "12 01 1A 00 1E 05", "2026-1-18 0:30:5"), (.timeAndDate, "01 01 60 00 00 00", "none"),
        (.timeAndDate, "FF FF FF FF FF FF", "none"), (.timeAndDate, "1F 02 1A 00 00 00", "none"),
        (.timeAndDate, "1F 0C 63 17 3B 3B", "1999-12-31 23:59:59"), (.special, "01 02", "bytes 2"),
    ])
    func value_ofEveryType(type: EdmiType, hex: String, expected: String) {
        #expect(EdmiValue(type, bytes(hex: hex)[...]).map { text($0) } == expected)
    }

    private func text(_ value: EdmiValue) -> String {
        switch value {
        case .number(let number): number.text
        case .text(let text): "text \(text)"
        case .time(let time):
            "\(time.year)-\(time.month)-\(time.day) \(time.hour):\(time.minute):\(time.second)"
        case .timeOfDay(let seconds): "second \(seconds)"
        case .bytes(let bytes): "bytes \(bytes.count)"
        case .none: "none"
        }
    }

    @Test func value_whenTheLengthIsWrong() {
        for type in EdmiType.allCases {
            switch type {
            case .special, .variableSpecial, .waveform: continue
            default: #expect(EdmiValue(type, [1, 2, 3, 4, 5][...]) == nil, "\(type)")
            }
            #expect(EdmiValue(type, []) == nil, "\(type)")
        }
        #expect(EdmiValue(.string, bytes(hex: "31 00 32 00")[...]) == nil)
        #expect(EdmiValue(.powerFactor, [UInt8](repeating: 0, count: 8)[...]) == nil)
    }

    @Test func units_ofTheReference() {
        let letters = "ABDGHIJLMNOPQRSTUVWXYZ"
        let texts = EdmiUnit.allCases.map { $0.text }
        #expect(EdmiUnit.allCases.map { Character(UnicodeScalar($0.rawValue)) } == Array(letters))
        #expect(
            texts == [
                "A", "L/h", "°", "m³/h", "Hz", "J/h", "J", "L", "min", "", "m³", "%", "", "var", "VA", "s", "", "V",
                "W",
                "Wh", "varh", "VAh",
            ])
    }

    @Test func refusals_bothWays() {
        for code in UInt8.min...UInt8.max { #expect(EdmiRefusal(code: code).code == code) }
        #expect(EdmiRefusal(code: nil) == .bare)
        #expect(EdmiReply(inner: [0x18, 9]) == .refusal(.notLoggedIn))
        #expect(EdmiReply(inner: [0x18]) == .refusal(.bare))
        #expect(EdmiReply(inner: [0x06]) == .acknowledge)
        #expect(EdmiReply(inner: [0x06, 0x00]) == nil)
        #expect(EdmiReply(inner: [0x18, 9, 0]) == nil)
        #expect(EdmiReply(inner: []) == nil)
    }
}
