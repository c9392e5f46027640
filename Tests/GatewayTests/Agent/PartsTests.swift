import Drivers
import Metering
import Testing

@testable import Gateway

@Suite struct WakeQueueTests {
    @Test func popDue_givesSubjectsInOrderOfTimeThenNumber() {
        var queue = WakeQueue(count: 4)
        queue.set(2, at: Uptime(seconds: 5))
        queue.set(0, at: Uptime(seconds: 7))
        queue.set(3, at: Uptime(seconds: 5))
        queue.set(1, at: Uptime(seconds: 9))
        #expect(queue.earliest == Uptime(seconds: 5))
        #expect(queue.popDue(at: Uptime(seconds: 8)) == 2)
        #expect(queue.popDue(at: Uptime(seconds: 8)) == 3)
        #expect(queue.popDue(at: Uptime(seconds: 8)) == 0)
        #expect(queue.popDue(at: Uptime(seconds: 8)) == nil)
        #expect(queue.earliest == Uptime(seconds: 9))
    }

    @Test func set_again_replacesTheWish() {
        var queue = WakeQueue(count: 2)
        queue.set(0, at: Uptime(seconds: 1))
        queue.set(0, at: Uptime(seconds: 3))
        #expect(queue.earliest == Uptime(seconds: 3))
        queue.set(0, at: nil)
        #expect(queue.earliest == nil)
        for time in 0..<1000 { queue.set(1, at: Uptime(seconds: Int64(1000 - time))) }
        #expect(queue.earliest == Uptime(seconds: 1))
        #expect(queue.popDue(at: Uptime(seconds: 1)) == 1)
        #expect(queue.popDue(at: Uptime(seconds: 2000)) == nil)
    }
}

@Suite struct PortSchedulerTests {
    @Test func next_followsPriorityThenWaitingTime() {
        var port = PortScheduler(id: PortID("a"))
        port.enqueue(meter: 1, ticket: 1, priority: .poll, due: Uptime(seconds: 2))
        port.enqueue(meter: 2, ticket: 1, priority: .poll, due: Uptime(seconds: 1))
        port.enqueue(meter: 3, ticket: 1, priority: .background, due: Uptime(seconds: 0))
        port.enqueue(meter: 4, ticket: 1, priority: .command, due: Uptime(seconds: 9))
        port.enqueue(meter: 5, ticket: 1, priority: .boundary, due: Uptime(seconds: 9))
        port.enqueue(meter: 6, ticket: 1, priority: .housekeeping, due: Uptime(seconds: 0))
        var order: [Int] = []
        while let (meter, _) = port.next() { order.append(meter) }
        #expect(order == [4, 5, 2, 1, 6, 3])
    }

    @Test func next_whileScanning_letsOnlyPeopleAndBoundariesThrough() {
        var port = PortScheduler(id: PortID("a"))
        port.isScanning = true
        port.enqueue(meter: 1, ticket: 1, priority: .poll, due: Uptime(seconds: 2))
        #expect(port.next() == nil)
        port.enqueue(meter: 2, ticket: 1, priority: .boundary, due: Uptime(seconds: 2))
        #expect(port.next()?.meter == 2)
        port.isScanning = false
        #expect(port.next()?.meter == 1)
    }

    @Test func answered_isNobodysAfterThePortWentDown() {
        var port = PortScheduler(id: PortID("a"))
        port.sent(7, by: .meter(0), at: Uptime(seconds: 1))
        port.wentDown("gone")
        #expect(port.answered(7, at: Uptime(seconds: 2)) == nil)
        #expect(!port.hasRoom)
        port.cameUp()
        #expect(port.hasRoom)
    }
}

extension PortSchedulerTests {
    /// How many requests the port takes now, starting with number `first`; they are answered `pace` microseconds apart.
    private func fill(_ port: inout PortScheduler, from first: UInt64, at start: Int64, pace: Int64) -> Int {
        var count: UInt64 = 0
        while port.hasRoom, count < 100 {
            port.sent(first + count, by: .meter(0), at: Uptime(microseconds: start))
            count += 1
        }
        for index in 0..<count {
            _ = port.answered(first + index, at: Uptime(microseconds: start + pace * Int64(index + 1)))
        }
        return Int(count)
    }

    @Test func hasRoom_growsOnAWireThatAnswersAtOnce_andFallsBackWhenItIsSlow() {
        var port = PortScheduler(id: PortID("a"))
        #expect(fill(&port, from: 0, at: 0, pace: 100) == PortScheduler.outstandingLimit)
        for round in 1...10 { _ = fill(&port, from: UInt64(round) * 1000, at: Int64(round) * 100_000, pace: 100) }
        #expect(fill(&port, from: 50_000, at: 2_000_000, pace: 100) == PortScheduler.fastLimit)
        // One silence is enough.
        _ = fill(&port, from: 60_000, at: 3_000_000, pace: 2_000_000)
        #expect(fill(&port, from: 70_000, at: 90_000_000, pace: 100) == PortScheduler.outstandingLimit)
    }

    @Test func hasRoom_onASerialLine_staysAtTwo() {
        var port = PortScheduler(id: PortID("a"))
        for round in 0...10 {
            let taken = fill(&port, from: UInt64(round) * 1000, at: Int64(round) * 100_000, pace: 4000)
            #expect(taken == PortScheduler.outstandingLimit)
        }
    }
}

@Suite struct LiveTemplateTests {
    @Test func appendDecimal_isTheTextOfTheValue() {
        let values = [
            DecimalValue(mantissa: 0), DecimalValue(mantissa: 7), DecimalValue(mantissa: -7),
            DecimalValue(mantissa: 2305, exponent: -1), DecimalValue(mantissa: -3, exponent: -3),
            DecimalValue(mantissa: 5, exponent: -1), DecimalValue(mantissa: 1234, exponent: -4),
            DecimalValue(mantissa: 12, exponent: 6), DecimalValue(mantissa: 0, exponent: 3),
            DecimalValue(mantissa: Int64.max), DecimalValue(mantissa: Int64.min),
            DecimalValue(mantissa: Int64.max, exponent: -18), DecimalValue(mantissa: 1, exponent: -18),
        ]
        for value in values {
            var bytes: [UInt8] = []
            bytes.appendDecimal(value)
            #expect(String(decoding: bytes, as: UTF8.self) == value.text)
        }
    }
}

@Suite struct PollScheduleTests {
    @Test func next_staysOnTheMetersOwnGrid() {
        let schedule = PollSchedule(pollSeconds: 10, index: 3, count: 10, start: Uptime(seconds: 100))
        #expect(schedule.next(after: Uptime(seconds: 100), pause: 0) == Uptime(seconds: 103))
        #expect(schedule.next(after: Uptime(microseconds: 103_200_000), pause: 10_000_000) == Uptime(seconds: 113))
        // A poll that took three quarters of the interval loses no turn, one that took longer does.
        #expect(schedule.next(after: Uptime(seconds: 107), pause: 10_000_000) == Uptime(seconds: 113))
        #expect(schedule.next(after: Uptime(seconds: 110), pause: 10_000_000) == Uptime(seconds: 123))
        #expect(schedule.next(after: Uptime(seconds: 103), pause: 40_000_000) == Uptime(seconds: 143))
    }
}

@Suite struct ScanPlanTests {
    private func order(
        wire: PortProtocol?, lines: [LineSettings]?, units: [UInt8]? = nil, serials: [UInt32] = []
    ) -> ScanOrder {
        ScanOrder(
            port: PortID("a"), wire: wire, lines: lines, units: units, serials: serials, user: nil, password: nil,
            models: [])
    }

    @Test func next_goesFromLikelyToUnlikely() {
        var plan = ScanPlan(order(wire: nil, lines: nil, serials: [217_072_470]))
        let first = (0..<4).compactMap { _ in plan.next()?.text }
        #expect(first == ["9600 8N1 edmi", "9600 8N1 edmi 217072470", "9600 8N1 modbus 1", "9600 8N1 modbus 2"])
        #expect(plan.total == 10 * (2 + 247))
        var all = 4
        while plan.next() != nil { all += 1 }
        #expect(all == plan.total)
    }

    @Test func settle_keepsToTheLineThatAnswered() {
        var plan = ScanPlan(order(wire: .modbus, lines: nil))
        var line: LineSettings?
        for _ in 0..<20 { line = plan.next()?.line }
        plan.settle(on: line)
        #expect(line == ScanPlan.usualLines[1])
        var rest = 0
        while let candidate = plan.next() {
            #expect(candidate.line == line)
            rest += 1
        }
        #expect(rest == 247 - 6)
        #expect(plan.total == plan.tried)
    }

    @Test func tcp_hasNoLine() {
        var plan = ScanPlan(order(wire: .modbus, lines: [], units: [1, 250]))
        #expect(plan.next() == ScanCandidate(line: nil, probe: .modbus(1)))
        #expect(plan.next() == ScanCandidate(line: nil, probe: .modbus(250)))
        #expect(plan.next() == nil)
    }
}
