import Credit
import Intervals
import Metering
import Testing

@testable import Gateway

@Suite("Units: energy over an outage")
struct EnergyPlacementTests {
    private func time(_ text: String) throws -> WallTime { try #require(WallTime(text: "2026-03-02T\(text)Z")) }

    @Test func parts_addUpExactly_andEndAtBoundaries() throws {
        for energy: Int64 in [0, 1, 7, 1000, 999_999] {
            let parts = EnergyPlacement.parts(
                of: energy, from: try time("10:02:17"), to: try time("11:31:40"), length: 300_000)
            #expect(parts.reduce(0) { $0 + $1.wattHours } == energy)
            #expect(parts.allSatisfy { $0.wattHours >= 0 })
            #expect(parts.last?.end == (try time("11:31:40")))
            #expect(parts.dropLast().allSatisfy { $0.end.milliseconds % 300_000 == 0 })
            #expect(parts.count == 19)
        }
    }

    @Test func parts_ofALongOutage_areHours() throws {
        let from = try time("10:00:00")
        let parts = EnergyPlacement.parts(of: 1_000_000, from: from, to: from + 90 * 86_400_000, length: 300_000)
        #expect(parts.count <= 24 * 90)
        #expect(parts.reduce(0) { $0 + $1.wattHours } == 1_000_000)
    }

    @Test func parts_takeWhatTheSurveyTells_andSpreadTheRest() throws {
        let from = try time("10:00:00")
        let fills = [(from + 600_000, Int64(500)), (from + 900_000, Int64(0))]
        let parts = EnergyPlacement.parts(
            of: 1100, from: from, to: from + 1_200_000, length: 300_000,
            fills: fills.map { (end: $0.0, wattHours: $0.1) })
        #expect(parts.map(\.wattHours) == [300, 500, 0, 300])
        // More than the register went: the survey is not believed.
        let wrong = EnergyPlacement.parts(
            of: 400, from: from, to: from + 1_200_000, length: 300_000,
            fills: fills.map { (end: $0.0, wattHours: $0.1) })
        #expect(wrong.map(\.wattHours) == [100, 100, 100, 100])
    }

    /// A unit that is fed by hand, with a meter that has a load survey.
    private struct Fed {
        var unit: ManagedUnit
        var context: UnitContext
        var turn: Turn

        init(_ start: WallTime) throws {
            let configuration = try UnitBench.configuration()
            context = UnitContext(
                box: "BENCH", zone: .fixed(0), trusted: true, uncertainty: 2000, holdsSupply: false, length: 300_000)
            let moment = Moment(wall: start, uptime: Uptime(seconds: 1000), kernelSynchronised: true)
            turn = Turn(moment: moment, head: 0, newestAt: start + -1000, isConnected: false)
            unit = ManagedUnit(
                configuration.units[0], configuration.switches[0],
                memory: UnitMemory(id: "unit-1", zone: .fixed(0), limits: AccountLimits()), newestAt: start, context,
                at: moment)
            unit.begin(nil, [], turn: &turn, context)
        }

        mutating func observe(_ register: Int64, at wall: WallTime, _ news: [MeterNews] = []) throws {
            let uptime = turn.moment.uptime + (wall - turn.moment.wall) * 1000
            let moment = Moment(wall: wall, uptime: uptime, kernelSynchronised: true)
            turn = Turn(moment: moment, head: turn.head, newestAt: turn.newestAt, isConnected: false)
            let point = RegisterPoint(value: register, moment: moment, trusted: true)
            let status = MeterStatus(
                serial: try BenchMeters.serial("M1"), epoch: 1, pollSeconds: 30, hasSurvey: true,
                registers: [.init(channel: .importWh, width: nil, point: point, isInDoubt: false)], lastGood: moment,
                isWrong: false)
            unit.observe(status, news, turn: &turn, context)
            unit.refresh(turn: &turn, context)
        }

        func interval(_ end: WallTime, register: Int64?, value: Int64? = nil, revision: Int = 0) throws -> MeterNews {
            .interval(
                Interval(
                    meter: try BenchMeters.serial("M1"), epoch: 1, end: end, minutes: 5, revision: revision,
                    values: [
                        IntervalValue(
                            channel: .importWh, value: value, quality: .actual, method: "boundary", reason: "",
                            source: .register, registerAtEnd: register)
                    ]))
        }

        var charges: [String] {
            turn.effects.compactMap { effect in
                guard case .append(let draft) = effect, draft.kind == .creditCharged else { return nil }
                let until = draft.data["until"]?.string ?? ""
                return "\(until.dropFirst(11).prefix(5)) \(draft.data["energy_wh"]?.integer ?? 0)"
            }
        }
    }

    @Test func outage_waitsForTheSurvey_andIsChargedByIt() throws {
        let start = try time("10:00:00")
        var fed = try Fed(start)
        try fed.observe(1000, at: start + 10_000, [try fed.interval(start, register: 1000)])
        try fed.unit.tariff(fed.context, &fed.turn)
        try fed.observe(1010, at: start + 310_000, [try fed.interval(start + 300_000, register: 1010)])
        #expect(fed.charges == ["10:05 10"])
        // Ten minutes later the register is known again; what lies between is asked of the survey.
        try fed.observe(1100, at: start + 1_210_000, [try fed.interval(start + 1_200_000, register: 1100)])
        #expect(fed.charges == [])
        try fed.observe(
            1104, at: start + 1_240_000,
            [
                try fed.interval(start + 600_000, register: nil, value: 80, revision: 1),
                try fed.interval(start + 900_000, register: nil, value: 0, revision: 1),
                try fed.interval(start + 1_200_000, register: nil, value: 10, revision: 1),
            ])
        #expect(fed.charges == ["10:10 80", "10:20 10"])
        try fed.observe(1120, at: start + 1_510_000, [try fed.interval(start + 1_500_000, register: 1120)])
        #expect(fed.charges == ["10:25 20"])
    }

    @Test func outage_isSpreadByTime_whenTheSurveyTellsNothing() throws {
        let start = try time("10:00:00")
        var fed = try Fed(start)
        try fed.observe(1000, at: start + 10_000, [try fed.interval(start, register: 1000)])
        try fed.unit.tariff(fed.context, &fed.turn)
        try fed.observe(1090, at: start + 910_000, [try fed.interval(start + 900_000, register: 1090)])
        #expect(fed.charges == [])
        try fed.observe(1100, at: start + 1_210_000, [try fed.interval(start + 1_200_000, register: 1100)])
        #expect(fed.charges == [])
        try fed.observe(1110, at: start + 1_900_000)
        #expect(fed.charges == ["10:05 30", "10:10 30", "10:15 30", "10:20 10"])
    }
}

extension ManagedUnit {
    /// A tariff of 1.00 a kWh.
    fileprivate mutating func tariff(_ context: UnitContext, _ turn: inout Turn) throws {
        let value: JSONValue = ["tariff_id": 1, "bands": [["name": "all", "rate_micro": 1_000_000]]]
        let command = try #require(try UnitCommand.read("tariff_set", value))
        var events: [UnitEvent] = []
        _ = try payment.carryOut(command, at: turn.instant(context), into: &events)
        anchor(turn: &turn, context)
    }
}
