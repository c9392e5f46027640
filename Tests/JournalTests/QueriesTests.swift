import Metering
import Testing

@testable import Journal

@Suite struct QueriesTests {
    private func mixed(_ folder: String) throws -> JournalStore {
        let journal = try JournalStore(in: folder)
        try journal.append(try Sample.mixed())
        return journal
    }

    @Test func entries_giveAContiguousRange() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            #expect(try journal.entries(from: 3, through: 6, limit: 100).map(\.draft.seq) == [3, 4, 5, 6])
            #expect(try journal.entries(from: 3, limit: 2).map(\.draft.seq) == [3, 4])
            #expect(try journal.entries(from: 18, limit: 2).isEmpty)
            #expect(try journal.entries(from: -5, through: 1, limit: 9).map(\.draft.seq) == [1])
        }
    }

    @Test func lines_stopBeforeTheByteLimit_butGiveAtLeastOne() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            let all = try journal.export()
            let three = all[..<3].reduce(0) { $0 + $1.count + 1 }
            #expect(try journal.lines(from: 1, limit: 100, maxBytes: three) == Array(all[..<3]))
            #expect(try journal.lines(from: 1, limit: 100, maxBytes: three - 1) == Array(all[..<2]))
            #expect(try journal.lines(from: 2, limit: 100, maxBytes: 0) == [all[1]])
            #expect(try journal.lines(from: 2, through: 3, limit: 1, maxBytes: .max) == [all[1]])
            #expect(try journal.lines(from: 18, limit: 1, maxBytes: .max).isEmpty)
        }
    }

    @Test func entry_isFoundByNumberAndByKey() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            let entry = try #require(try journal.entry(seq: 13))
            #expect(entry.draft.kind == .keyRevoked)
            #expect(try journal.entry(key: "key.revoked/13") == entry)
            #expect(try journal.entry(key: "key.revoked/99") == nil)
            #expect(try journal.entry(seq: 99) == nil)
            #expect(try journal.exists(key: "key.revoked/13"))
            #expect(try !journal.exists(key: "key.revoked/1"))
        }
    }

    @Test func events_areTheNewestOfTheirKindsInOrder() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            let all = try journal.events(limit: 100)
            #expect(all.map(\.draft.seq) == [1, 2, 7, 8, 9, 10, 11, 12, 13, 14, 17])
            #expect(try journal.events(limit: 2).map(\.draft.seq) == [14, 17])
            #expect(try journal.events(since: 12, limit: 100).map(\.draft.seq) == [13, 14, 17])
            let kinds: [JournalKind] = [.commandDone, .keyAdded, .commandDone]
            #expect(try journal.events(kinds: kinds, limit: 3).map(\.draft.seq) == [11, 12, 17])
            #expect(try journal.events(kinds: [.interval], since: 4, limit: 2).map(\.draft.seq) == [15, 16])
            #expect(try journal.events(kinds: [], limit: 9).isEmpty)
        }
    }

    @Test func count_isByKind() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            #expect(try journal.count(of: .interval) == 6)
            #expect(try journal.count(of: .commandDone) == 2)
            #expect(try journal.count(of: .alarm) == 0)
        }
    }

    @Test func intervals_areTheNewestRevisionsWithTheirEndAfterFromUpToTo() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            let meter = try #require(MeterSerial("217072470"))
            let base = WallTime(seconds: 1_772_436_600)
            let all = try journal.intervals(meter: meter, from: base, to: base + 600_000)
            #expect(
                all.map { "\($0.epoch) \($0.end - base) \($0.revision)" } == ["1 300000 2", "1 600000 1", "2 600000 0"])
            #expect(all[1].values.first?.value == 480)
            let first = try journal.intervals(meter: meter, from: base, to: base + 599_999)
            #expect(first.map(\.end) == [base + 300_000])
            let second = try journal.intervals(meter: meter, from: base + 300_000, to: base + 600_000)
            #expect(second.map(\.end) == [base + 600_000, base + 600_000])
            let varh = try journal.intervals(meter: meter, from: base, to: base + 300_000, channel: .importVarh)
            #expect(varh.first?.values.map(\.channel) == [.importVarh])
            #expect(try journal.intervals(meter: meter, from: base + 600_000, to: base).isEmpty)
        }
    }

    @Test func intervals_whenLimited_neverCutAnEndInTwo() throws {
        try withScratch { folder in
            let journal = try mixed(folder)
            let meter = try #require(MeterSerial("217072470"))
            let base = WallTime(seconds: 1_772_436_600)
            let far = base + 86_400_000
            #expect(try journal.intervals(meter: meter, from: base, to: far, limit: 1).count == 1)
            #expect(try journal.intervals(meter: meter, from: base, to: far, limit: 2).count == 3)
        }
    }

    /// One interval in four lacks something, some were said anew, and some words look like flags.
    @Test func lackingIntervals_areThoseAmiss_theOneBeforeEach_andTheLast() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let meter = try #require(MeterSerial("217072470"))
            var drafts = [Sample.created]
            let qualities: [QualityFlag] = [
                .actual, .actual, .null, .actual, .estimated, .actual, .actual, .substituted,
            ]
            for slot in Int64(1)...120 {
                let quality = qualities[Int(slot * 5 % 8)]
                let seq = Int64(drafts.count + 1)
                drafts.append(try Sample.flagged(seq, slot: slot, [.actual, quality]))
                guard slot % 7 == 0 else { continue }
                drafts.append(try Sample.flagged(seq + 1, slot: slot, revision: 1, [quality, .actual]))
            }
            try journal.append(drafts)
            let all = try journal.intervals(
                meter: meter, from: WallTime(milliseconds: 0), to: WallTime(milliseconds: .max))
            let isAmiss = all.map { $0.values.contains { $0.quality != .actual } }
            let wanted = all.indices.filter { isAmiss[$0] || $0 + 1 == all.count || isAmiss[$0 + 1] }
            #expect(wanted.count < all.count && all.count == 120)
            var lacking: [Interval] = []
            try journal.lackingIntervals(meter: meter, from: WallTime(milliseconds: 0)) { lacking.append($0) }
            #expect(lacking == wanted.map { all[$0] })
            lacking = []
            try journal.lackingIntervals(meter: meter, from: all[all.count - 2].end) { lacking.append($0) }
            #expect(lacking == [all[all.count - 1]])
        }
    }
}
