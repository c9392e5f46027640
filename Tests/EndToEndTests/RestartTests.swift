import Foundation
import Metering
import Testing

/// Nothing is lost and nothing doubled when the broker forgets everything or the daemon is killed.
@Suite(.serialized) struct RestartTests {
    @Test func brokerKilledAndBackEmpty_losesNothing() throws {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let box = BoxUnderTest(sandbox)
        #expect(try box.startBoard())
        try box.writeBoardConfiguration(broker: broker.port)
        try box.startDaemon()
        #expect(try box.metersAreLive(3), "\(box.daemonLog)")
        #expect(sandbox.eventually(90) { Self.intervals(cloud).count >= 3 })

        broker.kill()
        let before = try Self.head(box)
        // The meters are read on while the broker is away.
        #expect(try sandbox.eventually(90) { try Self.head(box) >= before + 6 })
        #expect(try box.json("status")?["mqtt"]?.string == "disconnected")
        try broker.start()
        let end = try Self.head(box)
        #expect(sandbox.eventually(90) { cloud.journal().bySequence[end] != nil }, "\(box.daemonLog)")
        let held = cloud.journal()
        #expect((1...end).allSatisfy { held.bySequence[$0] != nil })
        #expect(held.repeatsAgree)
        #expect(try sandbox.eventually { try box.json("outbox", "show")?["pending"]?.integer ?? 1 < 4 })
    }

    @Test func daemonKilledAgainAndAgain_losesAndDoublesNothing() throws {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let box = BoxUnderTest(sandbox)
        #expect(try box.startBoard())
        try box.writeBoardConfiguration(broker: broker.port)
        for round in 0..<4 {
            try box.startDaemon()
            #expect(try box.metersAreLive(3), "\(box.daemonLog)")
            let before = Self.counts(cloud)
            #expect(
                sandbox.eventually(90) { zip(Self.counts(cloud), before).allSatisfy { $0 > $1 } },
                "round \(round): \(box.daemonLog)")
            box.killDaemon()
        }
        try box.startDaemon()
        #expect(try box.metersAreLive(3), "\(box.daemonLog)")
        let end = try Self.head(box)
        #expect(sandbox.eventually(90) { cloud.journal().bySequence[end] != nil })
        let held = cloud.journal()
        #expect(held.repeatsAgree, "a record was sent again with another content")
        #expect((1...end).allSatisfy { held.bySequence[$0] != nil })
        #expect(try box.json("ledger", "verify")?["ok"]?.bool == true)
        Self.expectEveryIntervalOnce(Array(held.bySequence.values))
    }

    /// One record for each meter, end and revision, and no hole between a meter's first and last end.
    private static func expectEveryIntervalOnce(_ records: [JSONValue]) {
        var ends: [String: [Int64]] = [:]
        var keys: Set<String> = []
        for record in records where record["kind"]?.string == "interval" {
            guard let key = record["key"]?.string, let meter = record["data"]?["meter"]?.string,
                let end = record["data"]?["end"]?.string.flatMap({ WallTime(text: $0) })
            else {
                Issue.record("an interval record without key, meter or end: \(record)")
                continue
            }
            #expect(keys.insert(key).inserted, "\(key) stands twice")
            if record["data"]?["revision"]?.integer == 0 { ends[meter, default: []].append(end.seconds) }
        }
        #expect(ends.count == 3)
        for (meter, found) in ends {
            let sorted = found.sorted()
            let expected = Array(stride(from: sorted[0], through: sorted[sorted.count - 1], by: 300))
            #expect(sorted == expected, "\(meter): an interval is missing or stands twice")
        }
    }

    private static func intervals(_ cloud: CloudPeer) -> [JSONValue] {
        cloud.records.filter { $0["kind"]?.string == "interval" }
    }

    /// Interval records the cloud holds of each meter.
    private static func counts(_ cloud: CloudPeer) -> [Int] {
        let meters = intervals(cloud).compactMap { $0["data"]?["meter"]?.string }
        return ["217072470", "251308613", "SDM-1"].map { serial in meters.filter { $0 == serial }.count }
    }

    private static func head(_ box: BoxUnderTest) throws -> Int64 {
        try box.json("status")?["journal"]?["head"]?.integer ?? 0
    }
}
