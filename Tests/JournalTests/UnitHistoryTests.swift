import Metering
import Testing

@testable import Journal

@Suite struct UnitHistoryTests {
    /// 1 box.created, then for each of 40 rounds: an event, a charge of unit-1, a decision of unit-2, a charge of unit-2.
    private static func drafts() -> [JournalDraft] {
        var drafts = [Sample.created]
        for round in Int64(0)..<40 {
            let seq = round * 4 + 2
            drafts += [
                Sample.event(seq), Sample.draft(seq + 1, .creditCharged, ["unit": "unit-1", "n": .integer(round)]),
                Sample.draft(seq + 2, .supplyDecided, ["unit": "unit-2"]),
                Sample.draft(seq + 3, .creditCharged, ["unit": "unit-2", "n": .integer(round)]),
            ]
        }
        return drafts
    }

    private static func all(
        _ journal: JournalStore, of unit: String?, kinds: [JournalKind] = JournalKind.ofUnits, looks: Int, bytes: Int
    ) throws -> (seqs: [Int64], pages: Int) {
        var seqs: [Int64] = []
        var pages = 0
        var after: Int64? = 0
        while let from = after {
            let page = try journal.history(of: unit, kinds: kinds, after: from, looks: looks, maxBytes: bytes)
            seqs += page.records.map(\.draft.seq)
            pages += 1
            after = page.next
        }
        return (seqs, pages)
    }

    @Test func history_whateverThePages_areTheSame() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(Self.drafts())
            let one = (Int64(0)..<40).map { $0 * 4 + 3 }
            let two = (Int64(0)..<40).flatMap { [$0 * 4 + 4, $0 * 4 + 5] }
            for (looks, bytes) in [(1000, 1 << 20), (7, 1 << 20), (1000, 500), (1, 1)] {
                #expect(try Self.all(journal, of: "unit-1", looks: looks, bytes: bytes).seqs == one)
                #expect(try Self.all(journal, of: "unit-2", looks: looks, bytes: bytes).seqs == two)
                #expect(try Self.all(journal, of: nil, looks: looks, bytes: bytes).seqs == (one + two).sorted())
            }
            let charges = try Self.all(journal, of: "unit-2", kinds: [.creditCharged], looks: 9, bytes: 1 << 20)
            #expect(charges.seqs == (Int64(0)..<40).map { $0 * 4 + 5 })
        }
    }

    @Test func history_ofAnUnknownUnitOrNoKind_areNone() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(Self.drafts())
            #expect(try Self.all(journal, of: "unit-9", looks: 10, bytes: 1 << 20).seqs.isEmpty)
            #expect(try Self.all(journal, of: nil, kinds: [], looks: 10, bytes: 1 << 20).seqs.isEmpty)
            #expect(try journal.history(of: nil, after: 10_000).next == nil)
        }
    }

    @Test func kindsOfUnits_areThoseThatNameOne() {
        #expect(JournalKind.ofUnits.contains(.unitSetting) && JournalKind.ofUnits.contains(.supplyContradicted))
        #expect(!JournalKind.ofUnits.contains(.interval) && !JournalKind.ofUnits.contains(.commandDone))
    }
}
