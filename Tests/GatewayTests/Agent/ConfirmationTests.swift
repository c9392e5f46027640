import Metering
import Testing

@testable import Gateway

@Suite struct ConfirmationTests {
    private func point(_ seconds: Int64, _ value: Int64, trusted: Bool = true) -> RegisterPoint {
        RegisterPoint(
            value: value,
            moment: Moment(
                wall: Bench.start + seconds * 1000, uptime: Uptime(seconds: seconds), kernelSynchronised: true),
            trusted: trusted)
    }

    private func confirmation(width: Int64? = nil, remembered: RegisterPoint? = nil) -> ReadingConfirmation {
        ReadingConfirmation(
            width: width, limit: ConnectionLimit(maxAmps: 100, phases: 3, quantum: 4), remembered: remembered)
    }

    @Test func take_theFirst_confirmsNothing() {
        var rule = confirmation()
        #expect(rule.take(point(0, 100)) == .accepted(confirmed: nil))
        #expect(rule.usable == nil)
    }

    @Test func take_theNext_confirmsTheOneBefore() {
        var rule = confirmation()
        _ = rule.take(point(0, 100))
        #expect(rule.take(point(30, 100)) == .accepted(confirmed: point(0, 100)))
        #expect(rule.usable == point(0, 100))
    }

    /// 100 A × 3 × 253 V × 1.25 = 94,875 W: 816 Wh in 31 s, and the quantum.
    @Test func take_atThePhysicalLimit_isAcceptedAndBeyondIsNot() {
        var rule = confirmation()
        _ = rule.take(point(0, 100))
        var other = rule
        #expect(rule.take(point(30, 100 + 820)) == .accepted(confirmed: point(0, 100)))
        #expect(other.take(point(30, 100 + 821)) == .suspect(.implausible, isFirst: true))
    }

    @Test func take_aSingleWrongOne_isForgottenWhenTheNextFollows() {
        var rule = confirmation()
        _ = rule.take(point(0, 100))
        _ = rule.take(point(30, 101))
        #expect(rule.take(point(60, 50)) == .suspect(.registerReset, isFirst: true))
        #expect(rule.take(point(90, 103)) == .accepted(confirmed: point(30, 101)))
        #expect(rule.take(point(120, 40)) == .suspect(.registerReset, isFirst: true))
    }

    @Test func take_aPlausibleWrongOne_isDroppedByTheNext() {
        var rule = confirmation()
        _ = rule.take(point(0, 100))
        _ = rule.take(point(30, 101))
        #expect(rule.take(point(60, 700)) == .accepted(confirmed: point(30, 101)))
        #expect(rule.take(point(90, 103)) == .dropped(point(60, 700)))
        #expect(rule.take(point(120, 104)) == .accepted(confirmed: point(90, 103)))
    }

    @Test func take_twoThatAgree_isFollowedFromThere() {
        var rule = confirmation()
        _ = rule.take(point(0, 500_000))
        _ = rule.take(point(30, 500_001))
        #expect(rule.take(point(60, 0)) == .suspect(.registerReset, isFirst: true))
        #expect(rule.take(point(90, 1)) == .reanchored(point(60, 0)))
        #expect(rule.take(point(120, 2)) == .accepted(confirmed: point(90, 1)))
    }

    @Test func take_suspectsThatDisagree_areReportedOnce() {
        var rule = confirmation()
        _ = rule.take(point(0, 500_000))
        #expect(rule.take(point(30, 10)) == .suspect(.registerReset, isFirst: true))
        #expect(rule.take(point(60, 900_000_000)) == .suspect(.implausible, isFirst: false))
        #expect(rule.take(point(90, 5)) == .suspect(.registerReset, isFirst: false))
    }

    @Test func take_aRollover_needsTheDeclaredWidth() {
        var rule = confirmation(width: 1_000_000)
        var without = confirmation()
        for index in 0..<2 {
            _ = rule.take(point(Int64(index) * 30, 999_998 + Int64(index)))
            _ = without.take(point(Int64(index) * 30, 999_998 + Int64(index)))
        }
        #expect(rule.take(point(60, 3)) == .accepted(confirmed: point(30, 999_999)))
        #expect(without.take(point(60, 3)) == .suspect(.registerReset, isFirst: true))
    }

    @Test func take_afterAnOutage_allowsWhatTheTimeAllows() {
        var rule = confirmation()
        _ = rule.take(point(0, 0))
        _ = rule.take(point(30, 1))
        // Two days at 94.9 kW are 4.55 MWh.
        #expect(rule.take(point(172_830, 4_500_000)) == .accepted(confirmed: point(30, 1)))
    }

    @Test func take_afterARestart_judgesByTheWallClockOnlyWhenItCan() {
        var rule = confirmation(remembered: point(-3600, 1000))
        #expect(rule.take(point(5, 50_000)) == .accepted(confirmed: nil))
        rule = confirmation(remembered: point(-3600, 1000))
        #expect(rule.take(point(5, 500_000)) == .suspect(.implausible, isFirst: true))
        rule = confirmation(remembered: point(-3600, 1000))
        #expect(rule.take(point(5, 500_000, trusted: false)) == .accepted(confirmed: nil))
        rule = confirmation(remembered: point(3600, 1000))
        #expect(rule.take(point(5, 500_000)) == .accepted(confirmed: nil))
        rule = confirmation(remembered: point(-3600, 1000))
        #expect(rule.take(point(5, 999)) == .suspect(.registerReset, isFirst: true))
    }

    @Test func limit_ofHugeSettings_doesNotOverflow() {
        let limit = ConnectionLimit(maxAmps: 100_000, phases: 3, quantum: 4)
        #expect(limit.greatestAdvance(microseconds: Int64.max) > 0)
    }
}
