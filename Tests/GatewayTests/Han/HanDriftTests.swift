import Metering
import Testing

@testable import Gateway

/// What the comparison of the HAN with the revenue register takes for normal, and what not.
@Suite struct HanDriftTests {
    private static let minute: Int64 = 60_000_000

    private func moment(_ microseconds: Int64) -> Moment {
        Moment(
            wall: WallTime(milliseconds: 1_770_000_000_000 + microseconds / 1000),
            uptime: Uptime(microseconds: microseconds), kernelSynchronised: true)
    }

    /// Compares every five minutes for so many hours; the meter is read half a minute before. How often drift began.
    private func alarms(
        hours: Int64, watts: Int64, step: Int64 = 1, han: (_ wattHours: Int64, _ minute: Int64) -> Int64
    ) -> Int {
        var drift = HanDrift()
        var count = 0
        for minute in stride(from: 1, to: hours * 60, by: 5) {
            let now = minute * Self.minute
            let read = now - Self.minute / 2
            let revenue = HanRevenue(
                point: RegisterPoint(
                    value: 50_000 + watts * (read / 1_000_000) / 3600, moment: moment(read), trusted: true), step: 1)
            let value = han(watts * minute / 60, minute)
            if case .began = drift.take(han: value, step: step, revenue: revenue, at: moment(now)) { count += 1 }
        }
        return count
    }

    @Test func sameEnergy_atAnyLoad_isNoDrift() {
        for watts in [0, 50, 3000, 23_000, 90_000] as [Int64] {
            #expect(alarms(hours: 30, watts: watts) { energy, _ in 7_000_000 + energy } == 0)
        }
    }

    @Test func onePerCent_isTheBoundOfALargeLoad() {
        #expect(alarms(hours: 30, watts: 20_000) { energy, _ in energy * 1009 / 1000 } == 0)
        #expect(alarms(hours: 30, watts: 20_000) { energy, _ in energy * 1015 / 1000 } == 1)
        #expect(alarms(hours: 30, watts: 20_000) { energy, _ in energy * 985 / 1000 } == 1)
    }

    @Test func oneKilowattHour_isTheBoundOfASmallLoad() {
        // 200 W for a day are 4.8 kWh: a fifth too much is within 1 kWh, a third is not.
        #expect(alarms(hours: 30, watts: 200) { energy, _ in energy * 118 / 100 } == 0)
        #expect(alarms(hours: 30, watts: 200) { energy, _ in energy * 133 / 100 } == 1)
        // Another meter stands still.
        #expect(alarms(hours: 30, watts: 200) { _, _ in 4711 } == 1)
    }

    @Test func registerThatMovesSeldom_isNoDrift() {
        // 10 kW, brought up to date every half hour: up to 5 kWh behind.
        #expect(alarms(hours: 30, watts: 10_000) { _, minute in 10_000 * (minute / 30 * 30) / 60 } == 0)
        // In steps of 10 kWh of a meter for a large site.
        #expect(alarms(hours: 30, watts: 1000, step: 10_000) { energy, _ in energy / 10_000 * 10_000 } == 0)
    }

    @Test func loadThatStopsAfterTheReading_isNoDrift() {
        // A minute of 90 kW, 1.5 kWh, is carried on to the HAN's moment although the load has just stopped.
        var drift = HanDrift()
        var began = 0
        for minute in 1...600 as ClosedRange<Int64> {
            let read = minute * Self.minute
            let total = 1500 * min(minute, 10)
            let revenue = HanRevenue(
                point: RegisterPoint(value: total, moment: moment(read), trusted: true), step: 1)
            guard minute == 9 || minute == 10 || minute > 20 else { continue }
            if case .began = drift.take(han: total, step: 1, revenue: revenue, at: moment(read + Self.minute)) {
                began += 1
            }
        }
        #expect(began == 0)
        #expect(drift.result != nil)
    }

    @Test func oneWrongValue_isNoDrift() {
        #expect(alarms(hours: 30, watts: 500) { energy, minute in energy + (minute == 601 ? 90_000 : 0) } == 0)
        #expect(alarms(hours: 30, watts: 500) { energy, minute in minute == 601 ? 0 : energy } == 0)
    }

    @Test func registersThatAreReset_beginAnew() {
        #expect(alarms(hours: 30, watts: 500) { energy, minute in energy - (minute > 601 ? 4000 : 0) } == 0)
    }
}
