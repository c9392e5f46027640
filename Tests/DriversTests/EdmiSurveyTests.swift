import Drivers
import Metering
import Simulator
import Testing

@Suite struct EdmiSurveyTests {
    private static let start = CivilTime(year: 2026, month: 7, day: 1)
    private static let dialects = [MeterModel.Dialect.atlas, .genius]

    /// What the household's whole-unit register advanced in the half hour that ends at `stamp` of the meter's clock.
    private func advance(_ name: String, _ stamp: CivilTime) -> Int64? {
        let register = { (seconds: Int64) in
            EdmiFixture.household.value(of: RegisterName(name), at: WallTime(seconds: seconds - 36_000))?.flooredInteger
        }
        guard let from = register(stamp.seconds - 1800), let to = register(stamp.seconds) else { return nil }
        return to - from
    }

    private func read(
        _ bench: inout EdmiBench, _ session: inout EdmiSession, _ task: inout EdmiSurveyTask
    ) -> (EdmiStep, [EdmiSurveyRecord]) {
        let step = bench.run(&session, &task)
        return (step, task.takeRecords())
    }

    @Test(arguments: dialects, [true, false])
    func aDay_inBothDialects(dialect: MeterModel.Dialect, addressed: Bool) {
        var bench = EdmiBench(EdmiFixture.meter(dialect))
        var session = EdmiSession(EdmiFixture.link(dialect, addressed: addressed))
        let end = CivilTime(seconds: Self.start.seconds + 86_400)
        var task = EdmiSurveyTask(survey: 1, after: Self.start, through: end)
        let (step, records) = read(&bench, &session, &task)
        #expect(step == .done)
        #expect(records.count == 48)
        #expect(records.first?.stamp.seconds == Self.start.seconds + 1800 && records.last?.stamp == end)
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.number + 1 == $1.number })
        #expect(task.layout?.intervalSeconds == 1800)
        #expect(task.layout?.channels.map { $0.channel } == [.importWh, .exportWh, .importVarh, .exportVarh, nil])
        #expect(task.layout?.channels.map { $0.unit } == ["Wh", "Wh", "varh", "varh", "V"])
        for record in records {
            #expect(record.status == [])
            for (index, name) in ["import_wh", "export_wh", "import_varh", "export_varh"].enumerated() {
                #expect(
                    record.values[index] == advance(name, record.stamp).map { .success(DecimalValue(mantissa: $0)) })
            }
            guard case .success(let volts) = record.values[4], let whole = volts.flooredInteger else {
                Issue.record("no volts")
                return
            }
            #expect((228...232).contains(whole))
        }
        #expect(bench.sent.allSatisfy { $0.wire.count < 200 })
    }

    @Test(arguments: dialects)
    func layout_isNotAskedForTwice(dialect: MeterModel.Dialect) {
        var bench = EdmiBench(EdmiFixture.meter(dialect))
        var session = EdmiSession(EdmiFixture.link(dialect))
        let end = CivilTime(seconds: Self.start.seconds + 3600)
        var first = EdmiSurveyTask(survey: 1, after: Self.start, through: end)
        let (_, records) = read(&bench, &session, &first)
        let cold = bench.sent.count
        bench.sent = []
        var second = EdmiSurveyTask(survey: 1, after: Self.start, through: end, layout: first.layout)
        let (step, again) = read(&bench, &session, &second)
        #expect(step == .done && again == records && records.count == 2)
        #expect(bench.sent.count < cold - 3)
    }

    @Test(arguments: dialects)
    func outage_givesMissingValuesNotZeros(dialect: MeterModel.Dialect) {
        // Power is off from 01:10 to 02:40.
        let outage = (Self.start.seconds + 4200)...(Self.start.seconds + 9600)
        var bench = EdmiBench(EdmiFixture.meter(dialect, survey: EdmiMeterSurvey(outages: [outage])))
        var session = EdmiSession(EdmiFixture.link(dialect))
        var task = EdmiSurveyTask(
            survey: 1, after: Self.start, through: CivilTime(seconds: Self.start.seconds + 6 * 1800))
        let (step, records) = read(&bench, &session, &task)
        #expect(step == .done)
        #expect(records.map { $0.status.contains(.missing) } == [false, false, false, true, true, false])
        #expect(
            records.map { $0.status.contains(.powerFailed) && $0.status.contains(.incomplete) }.prefix(3) == [
                false, false, true,
            ])
        for record in records where record.status.contains(.missing) {
            #expect(record.values.allSatisfy { $0 == .failure(MissingValue(.invalid)) })
        }
    }

    @Test(arguments: dialects)
    func onlyWhatIsStored(dialect: MeterModel.Dialect) {
        var bench = EdmiBench(EdmiFixture.meter(dialect, survey: EdmiMeterSurvey(capacity: 100)))
        var session = EdmiSession(EdmiFixture.link(dialect))
        var all = EdmiSurveyTask(survey: 1, after: nil, through: nil)
        let (step, records) = read(&bench, &session, &all)
        #expect(step == .done && records.count == 100)
        #expect(all.nextRecord == records.last.map { $0.number + 1 })
        // Before the first, and in the future.
        var before = EdmiSurveyTask(survey: 1, after: nil, through: Self.start)
        var after = EdmiSurveyTask(survey: 1, after: CivilTime(year: 2030, month: 1, day: 1), through: nil)
        for _ in 0..<1 {
            #expect(read(&bench, &session, &before) == (.done, []))
            #expect(read(&bench, &session, &after) == (.done, []))
        }
    }

    @Test(arguments: dialects)
    func interrupted_byLivePollsAndALostLine(dialect: MeterModel.Dialect) {
        var bench = EdmiBench(EdmiFixture.meter(dialect))
        var session = EdmiSession(EdmiFixture.link(dialect, maxDataBytes: 128))
        let end = CivilTime(seconds: Self.start.seconds + 86_400)
        var survey = EdmiSurveyTask(survey: 1, after: Self.start, through: end)
        var records: [EdmiSurveyRecord] = []
        var failures = 0
        turns: for turn in 0..<2000 {
            if turn % 3 == 0 {
                var poll = EdmiRegisterTask(EdmiFixture.atlasRegisters.suffix(2))
                #expect(bench.run(&session, &poll) == .done)
            }
            if turn % 7 == 3 { bench.forced = [.failed(.timeout)] }
            switch session.next(&survey, at: bench.uptime) {
            case .send(let exchange):
                session.receive(bench.carryOut(exchange), for: &survey, at: bench.uptime)
                records += survey.takeRecords()
            case .failed(let failure):
                #expect(failure == .noReply)
                failures += 1
            case .done: break turns
            case .wait: Issue.record("waits for nothing")
            }
        }
        #expect(failures >= 3)
        #expect(records.count == 48 && Set(records.map { $0.number }).count == 48)
    }

    @Test(arguments: dialects)
    func resumed_fromAKnownRecord(dialect: MeterModel.Dialect) {
        var bench = EdmiBench(EdmiFixture.meter(dialect))
        var session = EdmiSession(EdmiFixture.link(dialect, maxDataBytes: 64))
        let end = CivilTime(seconds: Self.start.seconds + 86_400)
        var first = EdmiSurveyTask(survey: 1, after: Self.start, through: end)
        var records: [EdmiSurveyRecord] = []
        while records.isEmpty {
            guard case .send(let exchange) = session.next(&first, at: bench.uptime) else { break }
            session.receive(bench.carryOut(exchange), for: &first, at: bench.uptime)
            records = first.takeRecords()
        }
        #expect(!records.isEmpty && records.count < 48)
        var second = EdmiSurveyTask(
            survey: 1, after: nil, through: end, layout: first.layout, startRecord: first.nextRecord)
        let (step, rest) = read(&bench, &session, &second)
        #expect(step == .done)
        #expect((records + rest).count == 48)
        #expect(zip(records + rest, (records + rest).dropFirst()).allSatisfy { $0.number + 1 == $1.number })
    }

    @Test func rollingBuffer_isReadAgain() {
        // The buffer is full; while the oldest records are read, an hour passes.
        var bench = EdmiBench(EdmiFixture.meter(.atlas, survey: EdmiMeterSurvey(capacity: 60)))
        var session = EdmiSession(EdmiFixture.link(.atlas, maxDataBytes: 64))
        var task = EdmiSurveyTask(survey: 1, after: nil, through: nil)
        var records: [EdmiSurveyRecord] = []
        var jumped = false
        for _ in 0..<500 {
            guard case .send(let exchange) = session.next(&task, at: bench.uptime) else { break }
            if !jumped, bench.commands.last?.first == 0x46 {
                bench.now = bench.now + 600_000
                jumped = bench.now.seconds % 1800 < 600
            }
            session.receive(bench.carryOut(exchange), for: &task, at: bench.uptime)
            records += task.takeRecords()
        }
        #expect(session.next(&task, at: bench.uptime) == .done)
        #expect(records.count >= 58)
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.number + 1 == $1.number })
        for record in records {
            #expect(
                record.values[0] == advance("import_wh", record.stamp).map { .success(DecimalValue(mantissa: $0)) })
        }
    }

    @Test func repeatedReplyInOneFrame_isCut() {
        for dialect in Self.dialects {
            var bench = EdmiBench(EdmiFixture.meter(dialect))
            bench.before = { _, meters in meters[0].faults = [.repeated] }
            var session = EdmiSession(EdmiFixture.link(dialect))
            let end = CivilTime(seconds: Self.start.seconds + 7200)
            var task = EdmiSurveyTask(survey: 1, after: Self.start, through: end)
            let (step, records) = read(&bench, &session, &task)
            #expect(step == .done && records.count == 4)
        }
    }

    @Test func atlasBlockOfTheReference() {
        // Two channels, entries 1000 and 1001: 125 and 60000 with status 1, then the filler of an outage.
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.forced = [
            "52 D8 06 07 82", "52 D8 02 00 00 03 E8", "52 D8 04 00 00 03 EA", "52 D8 B0 01 01 1A 00 1E 00",
            // kWh total positive, one decimal; Wh total negative, none.
            "52 D8 40 14 13", "52 D8 41 00 23", "52 D8 08 3F 80 00 00", "52 D8 09 3F 80 00 00", "52 D8 0A 3F 80 00 00",
            "52 D8 0B 3F 80 00 00", "52 D8 0C 3F 80 00 00", "46 30 00 00 00 03 E8 00 02 7D 00 60 EA 01 00 00 00 00 00",
            "52 D8 02 00 00 03 E8",
        ].map { .edmi(bytes(hex: $0)) }
        var task = EdmiSurveyTask(survey: 1, after: nil, through: nil)
        let (step, records) = read(&bench, &session, &task)
        #expect(step == .done)
        #expect(records.map { $0.number } == [1000, 1001])
        #expect(
            records.map { $0.values } == [
                [.success(DecimalValue(mantissa: 12_500)), .success(DecimalValue(mantissa: 60_000))],
                [.failure(MissingValue(.invalid)), .failure(MissingValue(.invalid))],
            ])
        #expect(records[0].stamp.seconds == CivilTime(year: 2026, month: 1, day: 1, minute: 30).seconds + 1_800_000)
        #expect(records[1].status == .missing)
        #expect(bench.commands.contains(bytes(hex: "46 30 00 00 00 03 E8 00 02")))
    }

    @Test(arguments: [
        "46 30 00 00 00 03 E8 00 02 7D 00 60 EA 01", "46 30 00 00 00 03 E8 00 00",
        "46 30 00 00 00 03 E8 00 01 7D 00 60 EA 01 00",
    ])
    func atlas_whenABlockLies(block: String) {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.forced =
            [
                "52 D8 06 07 82", "52 D8 02 00 00 03 E8", "52 D8 04 00 00 03 EA", "52 D8 B0 01 01 1A 00 1E 00",
                "52 D8 40 14 13", "52 D8 41 00 23", "52 D8 08 3F 80 00 00", "52 D8 09 3F 80 00 00",
                "52 D8 0A 3F 80 00 00", "52 D8 0B 3F 80 00 00", "52 D8 0C 3F 80 00 00", block,
            ].map { .edmi(bytes(hex: $0)) }
        var task = EdmiSurveyTask(survey: 1, after: nil, through: nil)
        let (step, records) = read(&bench, &session, &task)
        guard case .failed(.malformed) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(records.isEmpty)
        #expect(bench.run(&session, &task) == step)
    }

    @Test(arguments: [
        // Channel count 0, interval 0, 63 channels; last before first; more entries than any meter holds; no time.
        ["52 D8 06 07 80"], ["52 D8 06 00 02"], ["52 D8 06 07 BF"],
        ["52 D8 06 07 82", "52 D8 02 00 00 03 EA", "52 D8 04 00 00 03 E8"],
        ["52 D8 06 07 82", "52 D8 02 00 00 00 00", "52 D8 04 7F FF FF FF"],
        ["52 D8 06 07 82", "52 D8 02 FF FF FF FF", "52 D8 04 00 00 00 00"],
        ["52 D8 06 07 82", "52 D8 02 00 00 00 00", "52 D8 04 00 00 00 05", "52 D8 B0 01 01 60 00 00 00"],
    ])
    func atlas_whenTheLayoutLies(replies: [String]) {
        let good = ["52 D8 06 07 82", "52 D8 02 00 00 00 00", "52 D8 04 00 00 00 05", "52 D8 B0 01 01 1A 00 00 00"]
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var warm = EdmiClockTask()
        #expect(bench.run(&session, &warm) == .done)
        bench.forced = (replies + good.dropFirst(replies.count)).map { .edmi(bytes(hex: $0)) }
        var task = EdmiSurveyTask(survey: 1, after: nil, through: nil)
        let (step, records) = read(&bench, &session, &task)
        guard case .failed(.malformed) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(records.isEmpty)
    }

    @Test func genius_whenCountersAndSearchDisagree() {
        // The meter's clock of record 0 is told wrongly by a minute: stamps would all be wrong.
        var bench = EdmiBench(EdmiFixture.meter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius))
        bench.before = { _, meters in
            // Whatever is asked by FS is found a minute off.
            if meters[0].received.last?.dropFirst(11).starts(with: [0x46, 0x49]) == true {
                meters[0].settings.survey.origin += 60
            }
        }
        var task = EdmiSurveyTask(survey: 1, after: Self.start, through: nil)
        let (step, records) = read(&bench, &session, &task)
        guard case .failed(.malformed) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(records.isEmpty)
    }

    @Test func genius_commandsOfTheReference() {
        var bench = EdmiBench(
            EdmiFixture.meter(.genius, survey: EdmiMeterSurvey(capacity: 20_000)))
        var session = EdmiSession(EdmiFixture.link(.genius, addressed: false, maxDataBytes: 64))
        let after = CivilTime(year: 2026, month: 1, day: 18)
        var task = EdmiSurveyTask(
            survey: 1, after: after, through: CivilTime(year: 2026, month: 1, day: 18, hour: 0, minute: 30))
        let (step, records) = read(&bench, &session, &task)
        #expect(step == .done && records.count == 1)
        #expect(bench.commands.contains(bytes(hex: "46 49 03 05 F0 08")))
        // Forwards from the first stored record to 18 January 2026 00:30.
        let search = bench.commands.first { $0.starts(with: [0x46, 0x53]) } ?? []
        #expect(search.starts(with: bytes(hex: "46 53 03 05 F0 08")))
        #expect(search.suffix(7) == bytes(hex: "12 01 1A 00 1E 00 01")[...])
        let read = bench.commands.first { $0.starts(with: [0x46, 0x52]) } ?? []
        #expect(read.suffix(6) == bytes(hex: "00 01 00 00 00 14")[...])
    }

    /// The channel registers are as wide on the wire as the reference says; X, I, C, C, A, I, C, F.
    @Test func genius_channelRegisters_haveTheirWidths() {
        var bench = EdmiBench(EdmiFixture.meter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiSurveyTask(survey: 1, after: Self.start, through: nil)
        #expect(bench.run(&session, &task) == .done)
        let widths: [UInt32: Int] = [
            0xE001: 4, 0xE101: 2, 0xE201: 1, 0xE301: 1, 0xE501: 2, 0xE601: 1, 0xE801: 4, 0xF011: 1, 0xF012: 1,
            0xF013: 4, 0xF014: 4, 0xF018: 2, 0xF020: 6, 0xF021: 4,
        ]
        for (register, width) in widths {
            let read: [UInt8] = [0x4D, 0x03, 0x05, UInt8(register >> 8), UInt8(register & 0xFF)]
            var envelope = bench.sent.last.flatMap { try? EdmiFrame.decode($0.wire) } ?? []
            envelope = Array(envelope.prefix(11)) + read
            let reply = bench.meters[0].answer(envelope, at: bench.now) ?? []
            #expect(reply.dropFirst(11).starts(with: read) && reply.count == 16 + width, "\(register) \(reply)")
        }
    }

    @Test func survey_thatDoesNotExist() {
        for dialect in Self.dialects {
            var bench = EdmiBench(EdmiFixture.meter(dialect))
            var session = EdmiSession(EdmiFixture.link(dialect))
            var absent = EdmiSurveyTask(survey: 2, after: nil, through: nil)
            #expect(bench.run(&session, &absent) == .failed(.refused(.registerNotFound)))
            var impossible = EdmiSurveyTask(survey: 11, after: nil, through: nil)
            guard case .failed(.malformed) = bench.run(&session, &impossible) else {
                Issue.record("survey 11")
                return
            }
        }
    }

    @Test func status_words() {
        #expect(EdmiSurveyStatus(rawValue: 0x1FF).texts.count == 9)
        #expect(EdmiSurveyStatus([.missing, .powerFailed]).texts == ["missing", "power_failed"])
        #expect(!EdmiSurveyStatus.badRecord.hasValues && EdmiSurveyStatus.flagged.hasValues)
    }

    @Test func events_ofAnAtlas() {
        let outage = (Self.start.seconds + 4200)...(Self.start.seconds + 9600)
        var bench = EdmiBench(EdmiFixture.meter(.atlas, survey: EdmiMeterSurvey(outages: [outage])))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiEventTask(log: .system)
        #expect(bench.run(&session, &task) == .done)
        #expect(task.events.map { $0.text } == ["power_on", "power_off", "power_on"])
        #expect(task.events[1].stamp?.seconds == outage.lowerBound)
        var newest = EdmiEventTask(log: .system, after: 1)
        #expect(bench.run(&session, &newest) == .done)
        #expect(newest.events.map { $0.number } == [2])
        var absent = EdmiEventTask(log: .tamper)
        #expect(bench.run(&session, &absent) == .failed(.refused(.registerNotFound)))
    }
}
