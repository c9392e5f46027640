import Metering
import Testing

@testable import Journal

@Suite struct AppendingTests {
    @Test func append_returnsTheRecordsWithTheirHashes_asStored() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let drafts = try Sample.mixed()
            let entries = try journal.append(drafts)
            #expect(entries.map(\.draft) == drafts)
            #expect(entries.last?.hash == journal.headHash)
            #expect(journal.newestAt == drafts.last?.at)
            // Members come back in canonical order, so the bytes are compared.
            let stored = try journal.entries(from: 1, limit: 100)
            #expect(stored.map(\.hash) == entries.map(\.hash))
            #expect(stored.map(\.draft.canonicalBytes) == drafts.map(\.canonicalBytes))
        }
    }

    @Test func append_inOneBatchOrInMany_makesTheSameChain() throws {
        try withScratch { folder in
            let whole = try JournalStore(path: folder + "/whole.db", boxID: Sample.box)
            try whole.append(try Sample.mixed())
            let single = try JournalStore(path: folder + "/single.db", boxID: Sample.box)
            for draft in try Sample.mixed() { try single.append([draft]) }
            #expect(try whole.export() == single.export())
            #expect(whole.headHash == single.headHash)
            #expect(try whole.viewRows() == single.viewRows())
        }
    }

    @Test func append_whenAKeyIsThereAlready_appendsNothingOfTheBatch() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created, try Sample.interval(2, slot: 1)])
            let (hash, rows) = (journal.headHash, try journal.viewRows())
            let again = try Sample.interval(4, slot: 1)
            #expect(throws: JournalError.duplicateKey(again.key)) {
                try journal.append(
                    [Sample.event(3), again], cursors: [JournalCursor(name: JournalCursor.cloud, seq: 2)])
            }
            #expect(journal.head == 2)
            #expect(journal.headHash == hash)
            #expect(try journal.viewRows() == rows)
            #expect(try journal.cursor(JournalCursor.cloud) == 0)
            try journal.append([Sample.event(3)])
            #expect(try journal.verifyAll() == .done(records: 3, head: 3, hash: journal.headHash))
        }
    }

    @Test func append_whenTheNumberDoesNotFollow_isRefused() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            #expect(throws: JournalError.sequence(expected: 1, found: 2)) { try journal.append([Sample.event(2)]) }
            try journal.append([Sample.created])
            #expect(throws: JournalError.sequence(expected: 2, found: 3)) { try journal.append([Sample.event(3)]) }
            #expect(throws: JournalError.sequence(expected: 3, found: 2)) {
                try journal.append([Sample.event(2), Sample.event(2)])
            }
            #expect(journal.head == 1)
        }
    }

    @Test func append_whenRecordOneDoesNotNameTheBox_isRefused() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let drafts = [
                Sample.event(1), Sample.draft(1, .boxCreated, ["box": "other"]), Sample.draft(1, .boxCreated, [:]),
            ]
            for draft in drafts {
                #expect(
                    throws: JournalError.malformed(
                        seq: 1, why: "the first record must be box.created and name this box")
                ) { try journal.append([draft]) }
            }
            #expect(journal.head == 0)
        }
    }

    @Test func append_whenDataCannotBeReadByEveryone_isRefused() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            let limit: Int64 = 1 << 53
            for number in [limit, -limit, .max, .min] {
                #expect(throws: JournalError.self) {
                    try journal.append([Sample.draft(2, .alarm, ["list": [.integer(number)]])])
                }
            }
            var deep: JSONValue = 0
            for _ in 0..<15 { deep = [deep] }
            #expect(throws: JournalError.malformed(seq: 2, why: "its data is nested too deeply")) {
                try journal.append([Sample.draft(2, .alarm, ["deep": deep])])
            }
            let most = deep.array?.first ?? .null
            let good = Sample.draft(2, .alarm, ["deep": most, "low": .integer(1 - limit), "high": .integer(limit - 1)])
            try journal.append([good])
            let line = try #require(try journal.lines(from: 2, limit: 1, maxBytes: 1).first)
            #expect(try JSONReader.read(line)["data"]?["high"] == .integer(limit - 1))
        }
    }

    @Test func cursors_moveWithTheRecordsOrAlone_butNeverBack() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let cloud = JournalCursor.cloud
            try journal.append([Sample.created, Sample.event(2)], cursors: [JournalCursor(name: cloud, seq: 2)])
            #expect(try journal.cursor(cloud) == 2)
            try journal.append([], cursors: [JournalCursor(name: cloud, seq: 1), JournalCursor(name: "redex", seq: 1)])
            #expect(try journal.cursor(cloud) == 2)
            #expect(try journal.cursor("redex") == 1)
            #expect(throws: JournalError.malformed(seq: 3, why: "the cursor cloud would stand behind record 2")) {
                try journal.append([], cursors: [JournalCursor(name: cloud, seq: 3)])
            }
            journal.close()
            #expect(try JournalStore(in: folder).cursor(cloud) == 2)
        }
    }

    @Test(arguments: [
        "UPDATE records SET data = '{}' WHERE seq = 1", "DELETE FROM records WHERE seq = 2", "DELETE FROM records",
        "INSERT INTO records SELECT 9, at, kind, 'new', data, hash FROM records WHERE seq = 2",
        "INSERT OR REPLACE INTO records SELECT 2, at, kind, 'new', data, hash FROM records WHERE seq = 1",
        "INSERT OR REPLACE INTO records SELECT 3, at, kind, key, data, hash FROM records WHERE seq = 2",
        "INSERT INTO records SELECT 3, at, kind, 'new', data, 'short' FROM records WHERE seq = 2",
    ])
    func database_whenAskedToChangeARecord_refuses(sql: String) throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created, Sample.event(2)])
            let before = try journal.export()
            #expect(throws: JournalError.self) { try journal.database.script(sql) }
            #expect(try journal.export() == before)
        }
    }

    @Test func append_afterClose_isRefused() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            journal.close()
            #expect(throws: JournalError.database(code: 21, message: "the journal is closed")) {
                try journal.append([Sample.created])
            }
        }
    }
}
