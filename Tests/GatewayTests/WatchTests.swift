import Metering
import Testing

@testable import Gateway

/// What the agent watches besides its meters: the storage, and its own identity.
struct WatchTests {
    private func turn(at seconds: Int64) throws -> Turn {
        let wall = try #require(WallTime(text: "2026-11-20T12:00:00Z")) + seconds * 1000
        return Turn(
            moment: Moment(wall: wall, uptime: Uptime(seconds: seconds), kernelSynchronised: true), head: 7,
            newestAt: wall, isConnected: true)
    }

    private func alarms(_ turn: Turn) -> [String] {
        turn.effects.compactMap { effect in
            guard case .append(let draft) = effect, draft.kind == .alarm else { return nil }
            return draft.data["alarm"]?.string
        }
    }

    @Test func storage_whenItGetsWorse_raisesOneAlarmEach_andHoldsSupplyOnceFull() throws {
        var watch = StorageWatch()
        var turn = try turn(at: 100)
        watch.take(.low(free: 1000), turn: &turn)
        #expect(!watch.holdsSupply)
        watch.take(.low(free: 900), turn: &turn)
        watch.take(.full, turn: &turn)
        #expect(watch.holdsSupply)
        watch.take(.sound, turn: &turn)
        #expect(!watch.holdsSupply)
        #expect(alarms(turn) == ["storage_low", "storage_low"])
    }

    @Test func storage_whenTheChainIsDamaged_holdsSupplyUntilTheProcessEnds() throws {
        var watch = StorageWatch()
        var turn = try turn(at: 100)
        watch.take(.corrupt("record 5: its hash differs"), turn: &turn)
        watch.take(.sound, turn: &turn)
        #expect(watch.holdsSupply)
        #expect(alarms(turn) == ["journal_corrupt"])
    }

    @Test func identity_whenTakenOverNowAndThen_isOurOwnOldConnection() throws {
        var watch = IdentityWatch()
        var raised: [String] = []
        for second in stride(from: Int64(100), to: 3000, by: 250) {
            var turn = try turn(at: second)
            watch.takenOver(turn: &turn)
            raised += alarms(turn)
            #expect(!watch.holdsSupply(at: Uptime(seconds: second)))
        }
        #expect(raised.isEmpty)
    }

    @Test func identity_whenTakenOverAgainAndAgain_raisesOneAlarm_andHoldsSupplyForAnHour() throws {
        var watch = IdentityWatch()
        var raised: [String] = []
        for second in Int64(100)..<110 {
            var turn = try turn(at: second)
            watch.takenOver(turn: &turn)
            raised += alarms(turn)
        }
        #expect(raised == ["identity_clash"])
        #expect(watch.holdsSupply(at: Uptime(seconds: 3700)))
        #expect(!watch.holdsSupply(at: Uptime(seconds: 3710)))
    }
}
