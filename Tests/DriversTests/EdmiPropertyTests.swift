import Drivers
import Metering
import Testing

/// Pseudo-random numbers that are the same in every run (SplitMix64).
struct EdmiGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Bytes of which many are of the escaped set or near it.
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            let number = next()
            return number & 0x300 == 0 ? UInt8(number & 0xFF) : UInt8(number & 0x17)
        }
    }
}

@Suite struct EdmiPropertyTests {
    @Test func roundTrip_ofRandomBodies() throws {
        var generator = EdmiGenerator(1)
        var reader = EdmiFrameReader()
        for length in 0..<600 {
            let body = generator.bytes(length)
            let wire = EdmiFrame.encode(body)
            #expect(wire.first == 0x02 && wire.last == 0x03)
            #expect(wire.dropFirst().dropLast().allSatisfy { ![0x02, 0x03, 0x11, 0x13].contains($0) })
            #expect(try EdmiFrame.decode(wire) == body)
            // In pieces of every kind of length.
            let cut = wire.isEmpty ? 0 : Int(generator.next() % UInt64(wire.count))
            #expect(reader.feed([UInt8](wire[..<cut])) + reader.feed([UInt8](wire[cut...])) == [.frame(body)])
        }
    }

    @Test func garbage_neverIsAFrame() {
        var generator = EdmiGenerator(2)
        var reader = EdmiFrameReader()
        var frames = 0
        for _ in 0..<2000 {
            for event in reader.feed(generator.bytes(Int(generator.next() % 200))) {
                // Only an empty frame, which carries nothing, may come of chance.
                if case .frame(let body) = event, !body.isEmpty { frames += 1 }
            }
        }
        #expect(frames == 0)
    }

    @Test func bitFlip_isAlwaysRefused() {
        var generator = EdmiGenerator(3)
        var bodies = [bytes(hex: "52 E0 02 43 66 80 00"), bytes(hex: "18 03"), [0x06]]
        for length in [1, 2, 5, 11, 40, 90] { bodies.append(generator.bytes(length)) }
        for body in bodies {
            let wire = EdmiFrame.encode(body)
            for bit in 0..<(8 * wire.count) {
                var flipped = wire
                flipped[bit / 8] ^= 1 << (bit % 8)
                #expect((try? EdmiFrame.decode(flipped)) == nil, "bit \(bit) of \(wire)")
                var reader = EdmiFrameReader()
                let frames = reader.feed(flipped).filter {
                    if case .frame(let body) = $0 { return !body.isEmpty }
                    return false
                }
                #expect(frames.isEmpty, "bit \(bit) of \(wire)")
            }
        }
    }

    @Test func garbageReplies_neverBecomeValues() {
        // Well-framed but random replies, so that every parser behind the checksum meets nonsense.
        for dialect in [MeterModel.Dialect.atlas, .genius] {
            for seed in 0..<60 as Range<UInt64> {
                var generator = EdmiGenerator(1000 + seed)
                var session = EdmiSession(EdmiFixture.link(dialect, addressed: false))
                var registers = EdmiRegisterTask(EdmiFixture.geniusRegisters)
                var survey = EdmiSurveyTask(survey: 1, after: nil, through: nil)
                for turn in 0..<200 {
                    let length = Int(generator.next() % 60) + 1
                    let outcome = BusOutcome.edmi(generator.bytes(length))
                    if turn % 2 == 0 {
                        if case .send = session.next(&registers, at: Uptime(seconds: 1)) {
                            session.receive(outcome, for: &registers, at: Uptime(seconds: 1))
                        }
                    } else if case .send = session.next(&survey, at: Uptime(seconds: 1)) {
                        session.receive(outcome, for: &survey, at: Uptime(seconds: 1))
                    }
                }
                #expect(session.phase != .ready)
                #expect(registers.readings().allSatisfy { if case .failure = $0.value { true } else { false } })
                #expect(survey.takeRecords().isEmpty)
            }
        }
    }

    @Test(arguments: [MeterModel.Dialect.atlas, .genius])
    func nonsenseAfterARightEcho_isSurvived(dialect: MeterModel.Dialect) {
        for seed in 0..<40 as Range<UInt64> {
            var generator = EdmiGenerator(5000 + seed)
            var bench = EdmiBench(EdmiFixture.meter(dialect))
            var session = EdmiSession(EdmiFixture.link(dialect, addressed: false))
            var warm = EdmiClockTask()
            #expect(bench.run(&session, &warm) == .done)
            var registers = EdmiRegisterTask(EdmiFixture.geniusRegisters)
            var survey = EdmiSurveyTask(survey: 1, after: nil, through: nil)
            var ends = 0
            for turn in 0..<300 {
                let step =
                    turn % 2 == 0
                    ? session.next(&registers, at: bench.uptime) : session.next(&survey, at: bench.uptime)
                guard case .send(let exchange) = step else {
                    ends += 1
                    continue
                }
                let command = (try? EdmiFrame.decode(exchange.wire)) ?? []
                let echoLength = command.starts(with: [0x46]) ? 3 : command.starts(with: [0x4D]) ? 5 : 3
                let isOwn = command.starts(with: [0x52, 0xF0, 0x02]) || command.starts(with: [0x4C]) || command.isEmpty
                let nonsense = command.prefix(echoLength) + generator.bytes(Int(generator.next() % 90))
                let outcome = isOwn ? bench.carryOut(exchange) : .edmi([UInt8](nonsense))
                if turn % 2 == 0 {
                    session.receive(outcome, for: &registers, at: bench.uptime)
                } else {
                    session.receive(outcome, for: &survey, at: bench.uptime)
                }
            }
            // Both come to an end, and no record is made of nonsense.
            #expect(ends > 0)
            #expect(survey.takeRecords().isEmpty)
        }
    }
}
