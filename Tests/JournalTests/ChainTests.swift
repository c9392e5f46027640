import Foundation
import Metering
import Testing

@testable import Journal

@Suite struct ChainTests {
    @Test func hash_ofTheGoldenChain_isWhatPythonMakesOfTheContract() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let entries = try journal.append(Array(try Sample.mixed().prefix(3)))
            #expect(
                entries.map(\.hash) == [
                    "be0adf77f18a5ec11879c2ab1551735bf1b15f0e8e0f83ca15423dab1a843b13",
                    "f397c1da69383c3eba37963ac84d3165a323083f28526420f42e949cdb85d2d2",
                    "a2358381a4c306373d3fb92e4e93e329e00330c84bd25098d5785a934ec1a9f9",
                ])
            #expect(
                try journal.export().map { String(decoding: $0, as: UTF8.self) }[0]
                    == #"{"at":"2026-03-02T07:30:01.123Z","data":{"box":"SJKGRHDV"},"#
                    + #""hash":"be0adf77f18a5ec11879c2ab1551735bf1b15f0e8e0f83ca15423dab1a843b13","#
                    + #""key":"box.created/1","kind":"box.created","seq":1}"#)
        }
    }

    @Test func lines_areTheRecordsOfTheContract() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            let entries = try journal.append(try Sample.mixed())
            for (line, entry) in zip(try journal.export(), entries) {
                #expect(line == JSONWriter.canonical(entry.json))
            }
        }
    }

    @Test func pythonCheck_acceptsAnExport_andFindsAnyChange() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let lines = try journal.export()
            let good = try python([support("check_journal.py")], input: Array(lines.joined(separator: [0x0A])))
            #expect(good.output == "17 records are sound, the newest has the hash \(journal.headHash)\n")
            #expect(good.code == 0)

            var changed = lines
            changed[4] = Array(String(decoding: lines[4], as: UTF8.self).replacing("500", with: "501").utf8)
            let bad = try python([support("check_journal.py")], input: Array(changed.joined(separator: [0x0A])))
            #expect(bad.output == "record 5 is not what was recorded\n")
            #expect(bad.code == 1)

            var shorter = lines
            shorter.remove(at: 9)
            let gap = try python([support("check_journal.py")], input: Array(shorter.joined(separator: [0x0A])))
            #expect(gap.output == "record 10 is not what was recorded\n")
        }
    }

    @Test func verifyStep_whileRecordsAreAppended_comesToTheNewHead() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created, Sample.event(2), Sample.event(3)])
            var walk = journal.wholeChain()
            #expect(try journal.verifyStep(&walk, limit: 2) == .progress(through: 2, of: 3))
            try journal.append([Sample.event(4)])
            #expect(try journal.verifyStep(&walk, limit: 1) == .progress(through: 3, of: 4))
            #expect(try journal.verifyStep(&walk, limit: 9) == .done(records: 4, head: 4, hash: journal.headHash))
            #expect(try journal.verifyStep(&walk, limit: 9) == .done(records: 4, head: 4, hash: journal.headHash))
        }
    }

    /// Somebody with the file and SQLite takes our triggers away and edits.
    @Test(arguments: [
        ("UPDATE records SET data = replace(data, '500', '900') WHERE seq = 5", Int64(5)),
        ("UPDATE records SET at = at + 1 WHERE seq = 9", 9),
        ("UPDATE records SET kind = 'alarm' WHERE seq = 2", 2),
        ("UPDATE records SET key = 'else' WHERE seq = 17", 17),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 4", 4),
        ("DELETE FROM records WHERE seq = 12", 12),
        ("DELETE FROM records WHERE seq > 15", 16),
        ("DELETE FROM records", 1),
    ])
    func verify_whenARecordWasEdited_namesIt(sql: String, seq: Int64) throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed(), cursors: [JournalCursor(name: "cloud", seq: 16)])
            journal.close()
            try edit(folder, sql)
            let reader = try JournalStore(readOnly: folder + "/journal.db")
            guard case .broken(seq, let why) = try reader.verifyAll() else {
                Issue.record("\(try reader.verifyAll())")
                return
            }
            #expect(!why.isEmpty)
        }
    }

    @Test func open_whenTheTailWasEdited_opensAndTells() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            journal.close()
            // The checkpoint stands at 17; what is older is found by the run in the background.
            try edit(folder, "UPDATE records SET at = at + 1 WHERE seq = 5")
            let second = try JournalStore(in: folder)
            #expect(second.checkAtStart == .done(records: 17, head: 17, hash: second.headHash))
            guard case .broken(5, _) = try second.verifyAll() else {
                Issue.record("the background run must find it")
                return
            }
            try second.append([Sample.event(18)])
            second.close()
            try edit(folder, "UPDATE records SET hash = zeroblob(32) WHERE seq = 17")
            let third = try JournalStore(in: folder)
            guard case .broken(17, _) = third.checkAtStart else {
                Issue.record("\(third.checkAtStart)")
                return
            }
        }
    }

    @Test func open_checksFromTheLastCheckpointOnly_andNoMoreThanTenThousand() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            for start in stride(from: Int64(2), to: 12_001, by: 1000) {
                try journal.append((start..<start + 1000).map { Sample.event($0) })
            }
            #expect(journal.head == 12_001)
            // A kill now: the checkpoint went along with the appends.
            let mark = try journal.database.first("SELECT seq FROM checkpoint") { $0.integer(0) }
            #expect(try #require(mark) > 11_000)
            journal.close()
            try edit(folder, "DELETE FROM checkpoint")
            let second = try JournalStore(in: folder)
            #expect(second.checkAtStart == .progress(through: 10_000, of: 12_001))
            #expect(try second.verifyAll(limit: 5000) == .done(records: 12_001, head: 12_001, hash: second.headHash))
        }
    }

    private func edit(_ folder: String, _ sql: String) throws {
        let code = """
            import sqlite3
            db = sqlite3.connect('\(folder)/journal.db')
            for trigger in ('records_follow', 'records_stay', 'records_last'): db.execute('DROP TRIGGER ' + trigger)
            db.execute(\"\"\"\(sql)\"\"\")
            db.commit()
            """
        let triggers = """

            db.execute("CREATE TRIGGER records_follow AFTER INSERT ON records BEGIN SELECT 1; END")
            db.execute("CREATE TRIGGER records_stay AFTER INSERT ON records BEGIN SELECT 1; END")
            db.execute("CREATE TRIGGER records_last AFTER INSERT ON records BEGIN SELECT 1; END")
            db.commit()
            """
        let result = try python(["-c", code + triggers])
        #expect(result.code == 0, "\(result.output)")
    }
}
