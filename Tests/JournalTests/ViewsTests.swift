import Crypto
import Metering
import Testing

@testable import Journal

@Suite struct ViewsTests {
    @Test func rebuild_givesWhatWasKeptAlongTheWay() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            for draft in try Sample.mixed() { try journal.append([draft]) }
            let kept = try journal.viewRows()
            #expect(kept.count == 4 + 3 + 3 + 3 + 2)
            try journal.rebuildViews()
            #expect(try journal.viewRows() == kept)
        }
    }

    @Test func rebuild_ofManyRandomRecords_givesWhatWasKeptAlongTheWay() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            var state: UInt64 = 7
            func random(_ bound: Int64) -> Int64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int64(state >> 33) % bound
            }
            var revisions: [String: Int] = [:]
            var drafts = [Sample.created]
            for seq in Int64(2)...600 {
                switch random(4) {
                case 0:
                    drafts.append(Sample.command(seq, .commandDone, jti: "j\(random(90))", counter: random(50)))
                case 1:
                    let kind: JournalKind = random(3) == 0 ? .keyRevoked : .keyAdded
                    drafts.append(Sample.draft(seq, kind, ["kid": .string("k\(random(9))"), "role": "read"]))
                default:
                    let (meter, epoch, slot) = ("m\(random(3))", Int(random(2)) + 1, random(40))
                    let name = "\(meter) \(epoch) \(slot)"
                    let revision = (revisions[name] ?? -1) + 1
                    revisions[name] = revision
                    drafts.append(
                        try Sample.interval(seq, meter: meter, epoch: epoch, slot: slot, revision: revision))
                }
            }
            for start in stride(from: 0, to: drafts.count, by: 37) {
                try journal.append(Array(drafts[start..<min(start + 37, drafts.count)]))
            }
            let kept = try journal.viewRows()
            try journal.rebuildViews()
            #expect(try journal.viewRows() == kept)
            #expect(try journal.verifyAll(limit: 50) == .done(records: 600, head: 600, hash: journal.headHash))
        }
    }

    @Test func open_whenTheViewsHaveAnOlderShape_makesThemAgain() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let kept = try journal.viewRows()
            try journal.database.script("DROP TABLE view_key; UPDATE views SET version = 0; DELETE FROM view_interval")
            journal.close()
            #expect(try JournalStore(in: folder).viewRows() == kept)
        }
    }

    @Test(arguments: [
        "DELETE FROM view_interval WHERE seq = 6", "UPDATE view_interval SET meter = 'C' WHERE seq = 5",
        "UPDATE view_interval SET revision = 0 WHERE seq = 6", "UPDATE view_newest SET end = 5",
        "UPDATE view_answer SET jti = 'jog' WHERE jti = 'job'", "UPDATE view_answer SET seq = 90",
        "UPDATE view_counter SET counter = 1", "UPDATE view_key SET revoked = NULL", "UPDATE view_key SET added = 1",
    ])
    func verify_whenAViewIsDamaged_tells_andRebuildMendsIt(sql: String) throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let kept = try journal.viewRows()
            try journal.database.script(sql)
            guard case .viewsDiffer = try journal.verifyAll() else {
                Issue.record("the damage went unseen")
                return
            }
            try journal.rebuildViews()
            #expect(try journal.viewRows() == kept)
            #expect(try journal.verifyAll() == .done(records: 17, head: 17, hash: journal.headHash))
        }
    }

    @Test func answer_isTheFirstOneWithTheId() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let answer = try #require(try journal.answer(jti: "job"))
            #expect(answer.payloadHash == "hash of job")
            #expect(answer.result["state"] == "scheduled")
            #expect(answer.result["seq"] == 7)
            #expect(try journal.answer(jti: "other")?.result["seq"] == 10)
            #expect(try journal.answer(jti: "never") == nil)
        }
    }

    @Test func answer_whenTheRecordLacksItsResult_stillConsumesTheId() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created, Sample.draft(2, .commandDone, ["jti": "bare"])])
            #expect(try journal.answer(jti: "bare") == StoredAnswer(payloadHash: "", result: [:]))
        }
    }

    @Test func counters_areTheHighestOfEachKey() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            #expect(try journal.counters().map { "\($0.kid) \($0.counter)" } == ["ops-1 2", "owner-1 9"])
        }
    }

    @Test func keys_areThoseAddedAndNotRevoked() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let key = try Base64.bytes("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
            #expect(
                try journal.keysAdded() == [SigningKey(kid: "ops-1", role: .ops, publicKey: key, units: ["unit-1"])])
            #expect(try journal.keysRevoked() == ["bad-1", "never-seen"])
            // Added again after the revocation: it stays revoked.
            try journal.append([
                Sample.draft(18, .keyAdded, ["kid": "bad-1", "role": "owner", "key": .string(Base64.text(key))])
            ])
            #expect(try journal.keysAdded().map(\.kid) == ["ops-1"])
            #expect(try journal.keysRevoked() == ["bad-1", "never-seen"])
        }
    }

    @Test func keys_whenTheRecordDoesNotReadAsAKey_addNone() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let key = JSONValue.string(Base64.text([UInt8](repeating: 9, count: 32)))
            let bad: [JSONObject] = [
                ["kid": "a", "role": "king", "key": key], ["kid": "b", "role": "ops", "key": "AAAA"],
                ["kid": "c", "role": "ops"], ["kid": "d", "role": "ops", "key": key, "units": "all"],
                ["kid": "e", "role": "ops", "key": key, "not_after": "soon"],
            ]
            let good: JSONObject = [
                "kid": "f", "role": "read", "key": key, "units": .null, "not_before": 1_772_436_600,
                "not_after": "2027-01-01T00:00:00Z",
            ]
            let drafts = (bad + [good]).enumerated().map { Sample.draft(Int64($0.offset) + 2, .keyAdded, $0.element) }
            try journal.append([Sample.created] + drafts)
            let keys = try journal.keysAdded()
            #expect(keys.map(\.kid) == ["f"])
            #expect(keys.first?.units == nil)
            #expect(keys.first?.notBefore == WallTime(seconds: 1_772_436_600))
            #expect(keys.first?.notAfter == WallTime(text: "2027-01-01T00:00:00Z"))
        }
    }

    @Test func newestIntervals_areOneForEachMeterAndEpoch() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let newest = try journal.newestIntervals().map {
                "\($0.meter) \($0.epoch) \($0.end.seconds) \($0.revision)"
            }
            let base: Int64 = 1_772_436_600
            #expect(newest == ["217072470 1 \(base + 600) 1", "217072470 2 \(base + 600) 0", "B-1 1 \(base + 300) 0"])
        }
    }
}
