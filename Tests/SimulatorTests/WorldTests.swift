import Metering
import Simulator
import Testing

@Suite struct WorldTests {
    @Test func run_forAQuietDay_keepsEveryIntervalOfEveryMeter() {
        var world = World(seed: 1)
        world.run(seconds: 86_400)
        #expect(world.journal.faults == [])
        let intervals = world.journal.records.filter { $0.kind == .interval }
        #expect(intervals.count == 4 * 287)
        for record in world.journal.records.prefix(20) { print(String(decoding: record.canonicalBytes, as: UTF8.self)) }
        for kind in JournalKind.allCases {
            let n = world.journal.records.filter { $0.kind == kind }.count
            if n > 0 { print(kind.rawValue, n) }
        }
    }
}
