import Metering
import Testing

@testable import Credit

@Suite struct SwitchHistoryTests {
    private func at(_ seconds: Int64) -> Uptime { Uptime(seconds: seconds) }

    @Test func dwell_lastsAMinute() {
        var history = SwitchHistory()
        #expect(history.dwellUntil(at(0)) == nil)
        history.moved(at: at(100))
        #expect(history.dwellUntil(at(159)) == at(160))
        #expect(history.dwellUntil(at(160)) == nil)
    }

    @Test func limit_isSixInAnyHour() {
        var history = SwitchHistory()
        for move in 0..<5 { history.moved(at: at(Int64(move) * 600)) }
        #expect(history.limitUntil(at(2400)) == nil)
        history.moved(at: at(3000))
        #expect(history.limitUntil(at(3000)) == at(3600))
        #expect(history.limitUntil(at(3600)) == nil)
        history.moved(at: at(3600))
        #expect(history.limitUntil(at(3600)) == at(4200))
    }

    @Test func remoteDisconnects_areOneADay() {
        var history = SwitchHistory()
        history.moved(at: at(10))
        #expect(history.remoteLimitUntil(at(10)) == nil)
        history.moved(at: at(100), isRemoteDisconnect: true)
        #expect(history.remoteLimitUntil(at(86_499)) == at(86_500))
        #expect(history.remoteLimitUntil(at(86_500)) == nil)
    }
}
