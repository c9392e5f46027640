import Metering
import Testing

@testable import Gateway

struct ClockTrustTests {
    /// A clock, time that passes, and the records it makes.
    private struct Script {
        var clock: ClockTrust
        var wall: WallTime
        var uptime = Uptime(seconds: 100)
        var isSynchronised: Bool
        var newestAt: WallTime
        var head: Int64 = 0
        var records: [JournalDraft] = []

        static let noon = WallTime(text: "2026-11-20T12:00:00Z") ?? WallTime(seconds: 0)
        static let build = WallTime(text: "2026-11-01T00:00:00Z") ?? WallTime(seconds: 0)

        init(
            wall: WallTime = noon, isSynchronised: Bool = true, isVouchedFor: Bool = false,
            newestAt: WallTime = noon + -60_000
        ) {
            self.wall = wall
            self.isSynchronised = isSynchronised
            self.newestAt = newestAt
            clock = ClockTrust(
                configuration: BoxSettings(
                    id: "B", version: "1", intervalMinutes: 5, clockFromHost: isVouchedFor, builtAt: Self.build,
                    hasMqtt: false, unconfigured: false), newestAt: newestAt)
        }

        /// A turn after so much time on both clocks; `step` milliseconds are added to the wall clock alone.
        mutating func turn(
            after milliseconds: Int64 = 0, step: Int64 = 0,
            _ body: (inout ClockTrust, inout Turn) -> Void = { _, _ in }
        ) {
            uptime = uptime + milliseconds * 1000
            wall = wall + (milliseconds + step)
            var turn = Turn(
                moment: Moment(wall: wall, uptime: uptime, kernelSynchronised: isSynchronised), head: head,
                newestAt: newestAt, isConnected: false)
            clock.observe(turn: &turn)
            body(&clock, &turn)
            head = turn.head
            newestAt = turn.newestAt
            for case .append(let draft) in turn.effects { records.append(draft) }
        }

        var kinds: [JournalKind] { records.map(\.kind) }
        var reasons: [String] {
            records.filter { $0.kind == .clockTrust }.compactMap { $0.data["reason"]?.string }
        }
        var alarms: Int { records.count { $0.kind == .alarm } }
    }

    @Test func clock_whenKernelSynchronised_isTrustedWithin2s() {
        var script = Script()
        #expect(!script.clock.isTrusted, "before the first look nothing is known")
        script.turn()
        #expect(script.clock.isTrusted)
        #expect(script.clock.uncertainty == 2000)
        #expect(script.records.map(\.data) == [["trusted": true, "reason": "kernel", "uncertainty_ms": 2000]])
    }

    @Test func clock_whenNobodyVouches_isNotTrusted_andAlarmsAfterTheStart() {
        var script = Script(isSynchronised: false)
        script.turn()
        #expect(!script.clock.isTrusted)
        #expect(script.clock.uncertainty == 120_000)
        #expect(script.reasons == ["no_witness"])
        #expect(script.clock.nextWake == script.uptime + 10_000_000)
        script.turn(after: 9999)
        #expect(script.alarms == 0)
        script.turn(after: 1)
        #expect(script.alarms == 1)
        #expect(script.records.last?.data["alarm"] == "clock_untrusted")
        for _ in 0..<100 { script.turn(after: 60_000) }
        #expect(script.records.count == 2, "one record and one alarm, however long it lasts")
    }

    @Test func clock_whenHostVouches_isTrusted() {
        var script = Script(isSynchronised: false, isVouchedFor: true)
        script.turn()
        #expect(script.clock.isTrusted)
        #expect(script.clock.uncertainty == 120_000)
    }

    @Test(arguments: [true, false])
    func clock_whenBeforeTheBuild_isNotTrusted(isVouchedFor: Bool) {
        var script = Script(
            wall: WallTime(seconds: 86_400), isSynchronised: !isVouchedFor, isVouchedFor: isVouchedFor,
            newestAt: WallTime(seconds: 0))
        script.turn()
        #expect(script.reasons == ["before_build"])
    }

    @Test func clock_whenBeforeTheNewestRecord_isNotTrustedUntilItPasses() {
        var script = Script(newestAt: Script.noon + 30_000)
        script.turn()
        #expect(script.reasons == ["before_newest_record"])
        script.turn(after: 31_000)
        #expect(script.clock.isTrusted)
    }

    // MARK: Witnesses

    @Test func recordOfTheFuture_isOutvotedByTwoWitnesses_notByOne() {
        var script = Script(newestAt: Script.noon + 365 * 86_400_000)
        script.turn()
        #expect(!script.clock.isTrusted, "the network alone")
        script.turn(after: 1000) { $0.meterClock(agreesWithin: 500, turn: &$1) }
        #expect(!script.clock.isTrusted, "not in the middle of a turn")
        script.turn(after: 1000)
        #expect(script.clock.isTrusted)
        #expect(script.newestAt == script.wall)

        var lonely = Script(isSynchronised: false, newestAt: Script.noon + 365 * 86_400_000)
        lonely.turn { $0.meterClock(agreesWithin: 500, turn: &$1) }
        #expect(!lonely.clock.isTrusted, "a meter alone")
        let wall = lonely.wall
        lonely.turn { clock, turn in #expect(!clock.attest(wall: wall, turn: &turn)) }

        var signed = Script(newestAt: Script.noon + 365 * 86_400_000)
        signed.turn { clock, turn in #expect(clock.attest(wall: wall, turn: &turn)) }
        signed.turn(after: 1000)
        #expect(signed.clock.isTrusted)
    }

    @Test func meter_whenItAgrees_vouchesForTwoHours() {
        var script = Script(isSynchronised: false)
        script.turn { clock, turn in clock.meterClock(agreesWithin: 120_001, turn: &turn) }
        #expect(!script.clock.isTrusted)
        script.turn { clock, turn in clock.meterClock(agreesWithin: -120_000, turn: &turn) }
        #expect(script.clock.isTrusted)
        #expect(script.reasons == ["no_witness", "meter"])
        for _ in 0..<13 { script.turn(after: 600_000) }
        #expect(script.clock.isTrusted, "one hourly question may go unanswered")
        script.turn(after: 1000)
        let wake = script.clock.nextWake
        #expect(wake == script.uptime + 300_000_000, "and then there is a grace")
        script.turn(after: 300_000)
        #expect(!script.clock.isTrusted)
        #expect(script.alarms == 1)
    }

    @Test func attestation_lastsAWeek_andOnlyWhenTheClockAgrees() {
        var script = Script(isSynchronised: false)
        script.turn { clock, turn in
            let wall = turn.moment.wall
            #expect(!clock.attest(wall: wall + 120_001, turn: &turn))
            #expect(!clock.attest(wall: wall + -120_001, turn: &turn))
            #expect(!clock.attest(wall: Script.build + -1, turn: &turn))
            #expect(!clock.isTrusted)
            #expect(clock.attest(wall: wall + 120_000, turn: &turn))
            #expect(clock.isTrusted)
        }
        for _ in 0..<(7 * 24) { script.turn(after: 3_600_000) }
        #expect(script.clock.isTrusted)
        script.turn(after: 1000)
        script.turn(after: 301_000)
        #expect(!script.clock.isTrusted)
    }

    @Test func kernel_whenItsFlagFlickers_makesNoRecords() {
        var script = Script()
        script.turn()
        for round in 0..<1000 {
            script.isSynchronised = round % 3 == 0
            script.turn(after: 60_000)
        }
        #expect(script.records.count == 1)
    }

    // MARK: Steps

    @Test func step_isRecordedWithWhatWasExpected() {
        var script = Script()
        script.turn()
        script.turn(after: 10_000, step: 5000)
        #expect(script.records.last?.kind == .clockStep)
        #expect(
            script.records.last?.data == [
                "before": "2026-11-20T12:00:10.000Z", "after": "2026-11-20T12:00:15.000Z", "step_ms": 5000,
            ])
        #expect(script.clock.isTrusted)
        script.turn(after: 10_000, step: -900)
        #expect(script.records.count == 2, "a second is no step")
    }

    @Test func slewing_isNoStep() {
        var script = Script()
        script.turn()
        script.turn(after: 3_600_000, step: 1799)
        #expect(script.kinds == [.clockTrust])
    }

    @Test(arguments: [60_001, -60_001, 3_600_000, -86_400_000, 31_536_000_000])
    func step_whenOverAMinute_endsTrustAndForgetsWitnesses(step: Int64) {
        var script = Script(isSynchronised: false)
        script.turn { clock, turn in
            clock.meterClock(agreesWithin: 0, turn: &turn)
            _ = clock.attest(wall: turn.moment.wall, turn: &turn)
        }
        #expect(script.clock.isTrusted)
        script.turn(after: 1000, step: step)
        #expect(!script.clock.isTrusted)
        #expect(script.kinds.contains(.clockStep))
        #expect(script.alarms == 1)
        script.turn(after: 5000)
        #expect(!script.clock.isTrusted, "nobody has vouched for the new time")
    }

    @Test func step_whenOverAMinute_andKernelVouches_isTrustedAMomentLater() {
        var script = Script()
        script.turn()
        script.turn(after: 1000, step: 90_000)
        #expect(!script.clock.isTrusted)
        #expect(script.clock.nextWake == script.uptime + 1_000_000)
        script.turn(after: 1000)
        #expect(script.clock.isTrusted)
        #expect(script.reasons == ["kernel", "step", "kernel"])
    }

    @Test func step_whenUpToAMinute_keepsTrust() {
        var script = Script()
        script.turn()
        script.turn(after: 1000, step: 60_000)
        #expect(script.clock.isTrusted)
    }

    @Test func clock_whenItJumpsWithoutEnd_makesFewRecords() {
        var script = Script(isSynchronised: true, isVouchedFor: true)
        for round in 0..<3600 { script.turn(after: 1000, step: round % 2 == 0 ? 100_000 : -100_000) }
        #expect(script.records.count { $0.kind == .clockStep } <= 60)
        #expect(script.records.count { $0.kind == .clockTrust } <= 60)
        #expect(script.alarms <= 6)
    }
}
