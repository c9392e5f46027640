import Drivers
import Metering
import Simulator
import Testing

@Suite struct EdmiSessionTests {
    @Test func plain_attentionLoginSerialThenRead() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: false))
        var task = EdmiRegisterTask([EdmiFixture.atlasRegisters[0]])
        #expect(bench.run(&session, &task) == .done)
        #expect(bench.sent.first?.wire == [0x1B, 0x02, 0x03])
        #expect(
            bench.commands == [
                [], [UInt8]("LREADER,READER".utf8) + [0], [0x52, 0xF0, 0x02], [0x52, 0x1E, 0x00],
            ])
        #expect(bench.sent.allSatisfy { $0.expectation == .plain })
        #expect(session.phase == .ready)
        // The session stays open: the next poll is its reads alone.
        var again = EdmiRegisterTask([EdmiFixture.atlasRegisters[0]])
        #expect(bench.run(&session, &again) == .done)
        #expect(bench.sent.count == 5)
    }

    @Test func addressed_skipsAttentionAndNumbersCommands() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiRegisterTask(EdmiFixture.atlasRegisters)
        #expect(bench.run(&session, &task) == .done)
        let numbers = bench.sent.map { $0.expectation }
        #expect(
            numbers == (1...6).map { .addressed(meter: 217_072_470, master: 1, sequence: $0) })
        #expect(
            bench.commands.map { $0.first } == [0x4C, 0x52, 0x49, 0x52, 0x52, 0x52])
    }

    @Test func sequence_wrapsTo1() {
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var numbers: [UInt16] = []
        for _ in 0..<0x8001 {
            var task = EdmiClockTask()
            if case .send(let exchange) = session.next(&task, at: Uptime(seconds: 0)),
                case .addressed(_, _, let number) = exchange.expectation
            {
                numbers.append(number)
            }
        }
        #expect(numbers.first == 1 && numbers[0x7FFE] == 0x7FFF && numbers[0x7FFF] == 1 && numbers.count == 0x8001)
    }

    @Test func recordedPlainSession() {
        // Vector T1 of the reference.
        var session = EdmiSession(
            EdmiLink(
                dialect: .atlas, serial: MeterSerial("217072470"), address: nil, user: "EDMI",
                password: Secret([UInt8]("IMDEIMDE".utf8)), sendsExit: true))
        var task = EdmiRegisterTask([EdmiFixture.register("import_wh", 0x1E01, .floatEnergy)])
        let script = [
            ("1B 02 03", "02 06 06 A4 03"),
            ("02 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 69 03", "02 06 06 A4 03"),
            ("02 52 F0 10 42 EE 45 03", "02 52 F0 10 42 32 31 37 30 37 32 34 37 30 00 06 A3 03"),
            ("02 52 1E 01 ED 9B 03", "02 52 1E 01 4B 9B 1B 08 93 6E 03"),
        ]
        for (request, reply) in script {
            guard case .send(let exchange) = session.next(&task, at: Uptime(seconds: 1)) else {
                Issue.record("nothing to send where \(request) was to be")
                return
            }
            #expect(exchange.wire == bytes(hex: request))
            let body = (try? EdmiFrame.decode(bytes(hex: reply))) ?? []
            session.receive(.edmi(body), for: &task, at: Uptime(seconds: 1))
        }
        #expect(session.next(&task, at: Uptime(seconds: 1)) == .done)
        #expect(task.readings().map { $0.value } == [.success(DecimalValue(mantissa: 20_330_000))])
        #expect(session.logOff()?.wire == bytes(hex: "02 58 BD 9F 03"))
        #expect(session.phase == .offline)
    }

    @Test func logOff_onlyWhereWantedAndLoggedIn() {
        var quiet = EdmiSession(EdmiFixture.link(.atlas))
        #expect(quiet.logOff() == nil)
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var task = EdmiClockTask()
        #expect(bench.run(&quiet, &task) == .done)
        #expect(quiet.logOff() == nil && quiet.phase == .ready)
        var polite = EdmiSession(EdmiFixture.link(.atlas, sendsExit: true))
        #expect(polite.logOff() == nil)
        var other = EdmiClockTask()
        #expect(bench.run(&polite, &other) == .done)
        let exit = polite.logOff()
        #expect(exit.map { bench.carryOut($0) } != nil)
        #expect(bench.meters[0].user == nil)
    }

    @Test func serial_whenAnotherMeterAnswers() {
        var settings = EdmiFixture.meter(.atlas, "217072471")
        settings.address = 217_072_470
        var bench = EdmiBench(settings)
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiRegisterTask(EdmiFixture.atlasRegisters)
        let failure = EdmiFailure.wrongMeter(found: "217072471")
        #expect(bench.run(&session, &task) == .failed(failure))
        #expect(session.phase == .loggedIn)
        #expect(task.readings(orElse: failure.noData).allSatisfy { $0.value == .failure(MissingValue(.wrongMeter)) })
        // It is asked again each time, and the right meter is taken when it is back.
        bench.meters[0].settings.serial = "  217072470 "
        #expect(bench.run(&session, &task) == .done)
    }

    @Test func login_whenRefusedTwiceBacksOff15Minutes() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas, password: "WRONG"))
        var task = EdmiRegisterTask(EdmiFixture.atlasRegisters)
        let until = Uptime(microseconds: bench.uptime.microseconds + 200_000 + 900_000_000)
        #expect(bench.run(&session, &task) == .wait(until: until, .loginRefused))
        #expect(bench.sent.count == 2)
        bench.now = bench.now + 899_000
        #expect(bench.run(&session, &task) == .wait(until: until, .loginRefused))
        #expect(bench.sent.count == 2)
        bench.now = bench.now + 2_000
        bench.meters[0].settings.users.append(.init(name: "READER", password: "WRONG"))
        #expect(bench.run(&session, &task) == .done)
    }

    @Test func login_whenRefusedOnceIsTriedAgain() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        bench.meters[0].faults = [.refuse(4)]
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiClockTask()
        #expect(bench.run(&session, &task) == .done)
        #expect(bench.sent.count == 4)
    }

    @Test func login_whenTheMeterDropsItAtOnce() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        bench.before = { _, meters in
            meters[0].faults = [.forget]
        }
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiClockTask()
        #expect(bench.run(&session, &task) == .failed(.notLoggedIn))
        #expect(bench.sent.count == 4)
    }

    @Test func cancel9_logsInAgainOnceAndRepeats() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiRegisterTask(EdmiFixture.atlasRegisters)
        #expect(bench.run(&session, &task) == .done)
        // Twenty minutes of silence: the meter logs us off by itself.
        bench.now = bench.now + 1_200_000
        bench.sent = []
        var next = EdmiRegisterTask([EdmiFixture.atlasRegisters[1]])
        #expect(bench.run(&session, &next) == .done)
        #expect(bench.commands.map { $0.first } == [0x52, 0x4C, 0x52, 0x52])
        #expect(next.readings()[0].value == EdmiFixture.float("voltage_l1_v", at: bench.now).map { .success($0) })
    }

    @Test func bareCancel_countsAsRefusedLogin() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        bench.before = { number, meters in if number == 2 || number == 5 { meters[0].faults = [.refuse(nil)] } }
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiClockTask()
        // Log-in, serial, bare CAN, log-in, serial, bare CAN: the second is the task's failure, not yet a back-off.
        #expect(bench.run(&session, &task) == .failed(.notLoggedIn))
        #expect(bench.sent.count == 6)
    }

    @Test func silence_failsTheTaskAndOnlyThenTheSession() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var first = EdmiClockTask()
        #expect(bench.run(&session, &first) == .done)
        for round in 1...3 {
            bench.forced = [.failed(.timeout)]
            var task = EdmiClockTask()
            #expect(bench.run(&session, &task) == .failed(.noReply))
            #expect(session.phase == (round == 3 ? .offline : .ready))
        }
        var last = EdmiClockTask()
        #expect(bench.run(&session, &last) == .done)
        #expect(session.phase == .ready)
    }

    @Test func failures_nameTheirReason() {
        let outcomes: [(BusOutcome, EdmiFailure, NoData)] = [
            (.failed(.timeout), .noReply, .timeout), (.failed(.badChecksum), .damaged, .badChecksum),
            (.failed(.badFrame), .damaged, .badChecksum), (.failed(.portDown("gone")), .portDown("gone"), .portDown),
        ]
        for (outcome, failure, noData) in outcomes {
            var bench = EdmiBench(EdmiFixture.meter(.atlas))
            var session = EdmiSession(EdmiFixture.link(.atlas))
            bench.forced = [outcome]
            var task = EdmiClockTask()
            #expect(bench.run(&session, &task) == .failed(failure))
            #expect(failure.noData == noData)
            // Asked again, the task goes on where it stopped.
            #expect(bench.run(&session, &task) == .done)
        }
    }

    @Test func notReady_waitsAndThenGivesUp() {
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var first = EdmiClockTask()
        #expect(bench.run(&session, &first) == .done)
        var task = EdmiRegisterTask([EdmiFixture.atlasRegisters[0]])
        bench.meters[0].faults = [.refuse(7)]
        guard case .wait(let until, .refused(.notReady)) = bench.run(&session, &task) else {
            Issue.record("does not wait")
            return
        }
        #expect(until.microseconds - bench.uptime.microseconds == 1_000_000)
        // Another task of the same meter is not held up.
        var other = EdmiClockTask()
        #expect(bench.run(&session, &other) == .done)
        bench.now = bench.now + 1000
        #expect(bench.run(&session, &task) == .done)
        var stubborn = EdmiRegisterTask([EdmiFixture.atlasRegisters[0]])
        bench.meters[0].faults = [.refuse(7), .refuse(7), .refuse(7), .refuse(7), .refuse(7)]
        for _ in 0..<4 {
            #expect(bench.run(&session, &stubborn) != .done)
            bench.now = bench.now + 10_000
        }
        #expect(bench.run(&session, &stubborn) == .done)
        #expect(stubborn.readings()[0].value == .failure(MissingValue(.timeout)))
    }

    @Test func password_isNowhereToBeSeen() {
        let link = EdmiFixture.link(.atlas, password: "HUSHHUSH")
        let session = EdmiSession(link)
        #expect(!"\(link)".contains("HUSH") && !"\(session)".contains("HUSH"))
        let command = EdmiCommand.login(user: "READER", password: Secret([UInt8]("HUSHHUSH".utf8)))
        #expect(command.description == "log in as READER")
    }

    @Test func redaction_takesThePasswordOutOfFrames() throws {
        let plain = bytes(hex: "1B 02 03 02 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 69 03 02 06 06 A4 03")
        let redacted = EdmiRedaction.redact(plain)
        #expect(redacted.count == plain.count || redacted.count == plain.count + 1)
        var reader = EdmiFrameReader()
        #expect(
            reader.feed(redacted) == [
                .frame([]), .frame([UInt8]("LEDMI,********".utf8) + [0]), .frame([0x06]),
            ])
        let addressed = EdmiFrame.encode(
            EdmiEnvelope(
                destination: 1, source: 2, sequence: 3,
                inner: EdmiCommand.login(user: "A", password: Secret([UInt8]("SECRET".utf8))).bytes
            ).body)
        let body = try EdmiFrame.decode(EdmiRedaction.redact(addressed))
        #expect(EdmiEnvelope(body: body)?.inner == [UInt8]("LA,******".utf8) + [0])
        // A damaged log-in, and one that breaks off.
        for damage in [[UInt8](addressed.dropLast(1)), [UInt8](addressed.dropLast(3)) + [0x00, 0x03]] {
            let clean = EdmiRedaction.redact(damage)
            #expect(!String(decoding: clean, as: UTF8.self).contains("SECRET"))
        }
        let read = bytes(hex: "02 52 F0 10 42 EE 45 03")
        #expect(EdmiRedaction.redact(read) == read)
    }

    @Test func presence_withoutLoggingIn() {
        for addressed in [true, false] {
            let link = EdmiFixture.link(.atlas, addressed: addressed)
            var bench = EdmiBench(EdmiFixture.meter(.atlas))
            let exchange = EdmiPresence.probe(link)
            #expect(EdmiPresence.reading(bench.carryOut(exchange), of: exchange) == .present)
            #expect(bench.meters[0].user == nil)
        }
        let link = EdmiFixture.link(.atlas, address: 5)
        var bench = EdmiBench(EdmiFixture.meter(.atlas))
        let exchange = EdmiPresence.probe(link)
        #expect(EdmiPresence.reading(bench.carryOut(exchange), of: exchange) == .silent)
    }

    @Test func identify_tellsWhoAnswers() {
        for dialect in [MeterModel.Dialect.atlas, .genius] {
            var bench = EdmiBench(EdmiFixture.meter(dialect, "E1234"))
            var session = EdmiSession(EdmiFixture.link(dialect, addressed: false, serial: nil))
            var task = EdmiIdentifyTask()
            #expect(bench.run(&session, &task) == .done)
            #expect(task.serial == MeterSerial("E1234"))
            #expect(task.model == (dialect == .atlas ? "Mk10E" : "Mk6E"))
            #expect(task.version == "1.36")
        }
    }
}

/// Replies that come late, twice, from others, or damaged.
@Suite struct EdmiWireTests {
    @Test(arguments: [true, false])
    func faultsOnTheWire_neverGiveAWrongValue(addressed: Bool) {
        var generator = EdmiGenerator(addressed ? 11 : 12)
        let noise = bytes(hex: "FF 00 02 52 E0 00 43 66 80 00 AA AA 03 10 02 55")
        let kinds: [EdmiMeterFault] = [
            .none, .none, .drop, .late, .twice, .garbage(noise), .noise(noise), .badChecksum, .truncated, .repeated,
            .refuse(9), .refuse(6),
        ]
        for dialect in [MeterModel.Dialect.atlas, .genius] {
            var bench = EdmiBench(EdmiFixture.stillMeter(dialect))
            var session = EdmiSession(EdmiFixture.link(dialect, addressed: addressed))
            let registers = dialect == .atlas ? EdmiFixture.atlasRegisters : EdmiFixture.geniusRegisters
            var values = 0
            for _ in 0..<150 {
                var task = EdmiRegisterTask(registers)
                bench.meters[0].faults = (0..<12).map { _ in kinds[Int(generator.next() % UInt64(kinds.count))] }
                _ = bench.run(&session, &task)
                bench.now = bench.now + 60_000
                for (name, value) in task.readings() {
                    guard case .success(let value) = value else { continue }
                    values += 1
                    let isDouble = dialect == .genius && name.text.hasSuffix("_wh")
                    #expect(value == (isDouble ? EdmiFixture.double(name.text) : EdmiFixture.float(name.text)))
                }
            }
            #expect(values > 100)
        }
    }

    @Test func severalMetersOnOneWire() {
        let others = ["217072471", "217072472"]
        var bench = EdmiBench(
            EdmiFixture.meter(.atlas), EdmiFixture.meter(.genius, others[0]), EdmiFixture.meter(.atlas, others[1]))
        var sessions = [
            EdmiSession(EdmiFixture.link(.atlas)),
            EdmiSession(EdmiFixture.link(.genius, serial: others[0], address: 217_072_471)),
            EdmiSession(EdmiFixture.link(.atlas, serial: others[1], address: 217_072_472)),
        ]
        for _ in 0..<3 {
            for index in sessions.indices {
                // The meter before answers late, into this one's exchange.
                bench.meters[(index + 2) % 3].faults = []
                var task = EdmiIdentifyTask()
                #expect(bench.run(&sessions[index], &task) == .done)
                #expect(task.serial?.text == bench.meters[index].settings.serial)
            }
        }
        // Frames of others around the reply do not matter.
        let foreign = EdmiFrame.encode(bytes(hex: "45 00 00 00 01 0C F0 43 57 00 09 52 E0 00 43 66 80 00"))
        bench.meters[0].faults = [.noise(foreign)]
        var task = EdmiRegisterTask([EdmiFixture.atlasRegisters[1]])
        #expect(bench.run(&sessions[0], &task) == .done)
        #expect(task.readings()[0].value == EdmiFixture.float("voltage_l1_v", at: bench.now).map { .success($0) })
    }

    @Test func plain_aLateBatchIsNotTakenForTheNext() {
        // Two batches of equal length: only the serial check between them can tell a late reply.
        var bench = EdmiBench(EdmiFixture.meter(.genius))
        var session = EdmiSession(EdmiFixture.link(.genius, addressed: false))
        let left = [
            EdmiFixture.register("voltage_l1_v", 0xE000, .float), EdmiFixture.register("voltage_l2_v", 0xE001, .float),
        ]
        let right = [
            EdmiFixture.register("current_l1_a", 0xE010, .float), EdmiFixture.register("current_l2_a", 0xE011, .float),
        ]
        var first = EdmiRegisterTask(left)
        #expect(bench.run(&session, &first) == .done)
        var lost = EdmiRegisterTask(left)
        bench.meters[0].faults = [.late]
        if case .send(let exchange) = session.next(&lost, at: bench.uptime) {
            #expect(exchange.tries == 1)
            session.receive(bench.carryOut(exchange), for: &lost, at: bench.uptime)
        }
        var next = EdmiRegisterTask(right)
        #expect(bench.run(&session, &next) == .done)
        #expect(next.readings()[0].value == EdmiFixture.float("current_l1_a", at: bench.now).map { .success($0) })
        #expect(next.readings()[1].value == EdmiFixture.float("current_l2_a", at: bench.now).map { .success($0) })
    }
}
