import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct AgentWireTests {
    @Test func backOff_ofASilentMeter_doublesToFiveMinutesAndOthersGoOn() throws {
        let dead = ScriptedMeter()
        let live = ScriptedMeter()
        dead.failure = .timeout
        let meters = [try BenchMeters.meter("1", unit: 1), try BenchMeters.meter("2", unit: 2)]
        var bench = Bench(BenchMeters.configuration(meters)) { request, elapsed in
            guard case .modbus(let job) = request.operation else { return nil }
            return (job.unit.number == 1 ? dead : live).answer(request, elapsed)
        }
        bench.pass(seconds: 3600)
        let gaps = zip(dead.askedAt, dead.askedAt.dropFirst()).map { $1 - $0 }
        #expect(gaps.prefix(3).allSatisfy { $0 < 250 })
        #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0 <= $1 + 31 })
        #expect(gaps.suffix(5).allSatisfy { (270...330).contains($0) })
        #expect(dead.askedAt.count < 18)
        // The live one has every poll, at most the dead one's single try late.
        let polls = zip(live.askedAt, live.askedAt.dropFirst()).map { $1 - $0 }
        #expect(polls.allSatisfy { $0 < 31 })
        #expect(live.askedAt.count >= 120)
    }

    @Test func deadMeter_isKnockedOnceWithOneRead() throws {
        let meter = ScriptedMeter()
        var bench = Bench(BenchMeters.configuration([try BenchMeters.meter("1")]), wire: meter.answer)
        meter.failure = .timeout
        bench.pass(seconds: 300)
        for request in bench.requests {
            guard case .modbus(let job) = request.operation else { continue }
            #expect(job.tries == 1)
            #expect(job.reads.count == 1)
        }
        meter.failure = nil
        bench.pass(seconds: 300)
        guard case .modbus(let job)? = bench.requests.last?.operation else { return }
        #expect(job.tries == 2)
    }

    @Test func port_neverHasMoreThanTwoRequestsOutstanding() throws {
        let meters = try (1...20).map { try BenchMeters.meter("\($0)", unit: UInt32($0), poll: 1) }
        var bench = Bench(BenchMeters.configuration(meters)) { _, _ in nil }
        bench.pass(seconds: 10)
        #expect(bench.requests.count == 2)
        let first = bench.requests[0]
        bench.give(.reply(BusReply(id: first.id, port: first.port, outcome: .failed(.timeout), at: bench.moment)))
        #expect(bench.requests.count == 3)
        // A reply to nobody, and the same reply again, change nothing.
        bench.give(.reply(BusReply(id: first.id, port: first.port, outcome: .failed(.timeout), at: bench.moment)))
        bench.give(.reply(BusReply(id: 999_999, port: first.port, outcome: .modbus([]), at: bench.moment)))
        #expect(bench.requests.count == 3)
    }

    @Test func commands_goBeforePolls() throws {
        let meters = try (1...6).map { try BenchMeters.meter("\($0)", unit: UInt32($0)) }
        var bench = Bench(BenchMeters.configuration(meters)) { _, _ in nil }
        bench.pass(seconds: 1)
        // Six polls are due, two are out; the sixth meter is asked for by a person.
        bench.give(.request(.meterRead(try BenchMeters.serial("6")), token: 1))
        let first = bench.requests[0]
        bench.give(.reply(BusReply(id: first.id, port: first.port, outcome: .failed(.timeout), at: bench.moment)))
        guard case .modbus(let job)? = bench.requests.last?.operation else { return }
        #expect(job.unit == UnitAddress(6))
    }

    @Test func polls_ofManyMeters_spreadOverTheInterval() throws {
        let meter = ScriptedMeter()
        meter.delay = 100
        let meters = try (1...100).map { try BenchMeters.meter("\($0)", unit: UInt32($0 % 240), poll: 1) }
        var bench = Bench(BenchMeters.configuration(meters), wire: meter.answer)
        bench.pass(seconds: 12)
        let second = meter.askedAt.filter { $0 >= 5 && $0 < 6 }
        #expect(second.count == 100)
        for tenth in 0..<10 {
            let start = 5 + Double(tenth) / 10
            #expect((9...11).contains(second.filter { $0 >= start && $0 < start + 0.1 }.count))
        }
        #expect(meter.askedAt.count >= 1100)
    }

    @Test func unplug_statesTheReasonAndReplugRecoversAtOnce() throws {
        let meter = ScriptedMeter()
        var bench = Bench(BenchMeters.configuration([try BenchMeters.meter("1")]), wire: meter.answer)
        bench.pass(seconds: 700)
        bench.give(.portDown(PortID("b"), "the adapter is gone"))
        bench.pass(seconds: 1500)
        #expect(bench.records(.meterDown).map { $0["why"] } == ["port_down"])
        #expect(bench.lines().contains("10:20 - N port_down"))
        let asked = meter.askedAt.count
        bench.pass(seconds: 600)
        #expect(meter.askedAt.count == asked)
        bench.give(.portUp(PortID("b")))
        bench.pass(seconds: 1)
        #expect(meter.askedAt.count > asked)
        #expect(bench.records(.meterUp).count == 2)
        bench.pass(seconds: 900)
        #expect(bench.lines().last?.hasSuffix("300 A") == true)
    }

    @Test func portDownReplies_withoutAnEvent_countAsMissedPolls() throws {
        let meter = ScriptedMeter()
        meter.failure = .portDown("no such device")
        var bench = Bench(BenchMeters.configuration([try BenchMeters.meter("1")]), wire: meter.answer)
        bench.pass(seconds: 600)
        #expect(bench.records(.meterDown).map { $0["why"] } == ["port_down"])
    }

    // MARK: Bus time is a budget

    @Test func budget_thatFits_hasNoFault() throws {
        let configuration = BenchMeters.configuration([try BenchMeters.meter("1", poll: 1)])
        #expect(BusBudget.check(configuration) == [])
        // 6 registers: 25 characters of 10 bits at 9600 baud, and twice 3.5 characters: 33.3 ms a second.
        #expect(BusBudget.load(of: PortID("b"), in: configuration) == 33)
    }

    @Test func budget_thatCannotFit_isRefusedWithTheArithmetic() throws {
        let meters = try (1...32).map { try BenchMeters.meter("\($0)", unit: UInt32($0), poll: 1) }
        let faults = BusBudget.check(BenchMeters.configuration(meters))
        let fault = try #require(faults.first)
        #expect(fault.port == PortID("b"))
        #expect(
            fault.message.hasPrefix("port b at 9600 baud 8N1 cannot carry its polls, they need 107 % of its time: "))
        #expect(
            fault.message.contains("meter 1: 1 exchanges of 25 bytes = 26 ms + 7 ms silence = 33 ms every 1 s"))
        #expect(
            fault.message.hasSuffix(
                "use poll_seconds of at least 2 for all of them, a higher baud rate, or another port"))
    }

    @Test func budget_ofTcp_isNotCounted() throws {
        let meters = try (1...200).map { try BenchMeters.meter("\($0)", unit: 1, poll: 1) }
        var configuration = BenchMeters.configuration(meters)
        configuration.ports[0].line = nil
        #expect(BusBudget.check(configuration) == [])
        #expect(BusBudget.load(of: PortID("b"), in: configuration) == nil)
    }

    @Test func budget_ofEdmi_countsAnExchangeARegister() throws {
        var settings = try EdmiBenchMeter.settings()
        settings.pollSeconds = 1
        let cost = BusBudget.cost(of: settings.model.registers, settings, line: BenchMeters.line)
        #expect(cost.exchanges == 7)
        // Each way start, command, checksum, end and envelope are 16 bytes, the register 2; four doubles, three floats.
        #expect(cost.bytes == 7 * (32 + 4) + 4 * 8 + 3 * 4)
        #expect(cost.silence == 7 * 20_000)
        settings.pollSeconds = 1
        let fault = BusBudget.check(BenchMeters.configuration([settings]))
        #expect(fault == [])
        let slow = LineSettings(baud: 1200, format: .eightNone1)
        var configuration = BenchMeters.configuration([settings])
        configuration.ports[0].line = slow
        #expect(BusBudget.check(configuration).count == 1)
    }
}
