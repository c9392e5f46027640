import Foundation
import Metering
import Testing

@testable import Journal

@Suite struct MigrationTests {
    /// A file with these migrations done, as the program that had them left it.
    private func database(_ folder: String, _ migrations: [String]) throws -> Database {
        let path = folder + "/journal.db"
        try JournalFile.prepare(path)
        let database = try Database(path: path)
        try JournalFile.configure(database, path: path)
        try Schema.migrate(database, by: migrations)
        return database
    }

    private func schema(_ database: Database) throws -> [String] {
        try database.rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name") { $0.text(0) }
    }

    /// `Support/journal-v<n>.sql` is a file of version n with records, written once and never edited.
    @Test(arguments: 1...Schema.migrations.count)
    func open_ofEveryHistoricSchema_givesTodays(version: Int) throws {
        try withScratch { folder in
            let path = folder + "/journal.db"
            try Data().write(to: URL(fileURLWithPath: path))
            let old = try Database(path: path)
            try old.script(String(contentsOfFile: support("journal-v\(version).sql"), encoding: .utf8))
            #expect(try Schema.pragma("user_version", old) == Int64(version))
            old.close()
            let journal = try JournalStore(in: folder)
            #expect(journal.head == 17)
            #expect(journal.headHash == "163ba6f464387ec333493d7f709e089f2177f2819d112bf2492d0530ce213627")
            #expect(try journal.verifyAll() == .done(records: 17, head: 17, hash: journal.headHash))
            #expect(try journal.cursor(JournalCursor.cloud) == 12)
            try journal.append([Sample.event(18)])

            let new = try JournalStore(path: folder + "/new.db", boxID: Sample.box)
            #expect(try schema(journal.database) == schema(new.database))
        }
    }

    @Test func migrate_whenAStepFails_keepsTheStepBefore_andCanBeRepeated() throws {
        try withScratch { folder in
            let good = Schema.migrations + ["CREATE TABLE more (x)"]
            let bad = good + ["CREATE TABLE most (x); INSERT INTO nowhere VALUES (1)"]
            #expect(throws: JournalError.self) { try database(folder, bad) }
            let found = try database(folder, good)
            #expect(try Schema.pragma("user_version", found) == Int64(good.count))
            let tables = "SELECT count(*) FROM sqlite_schema WHERE name = "
            #expect(try found.first(tables + "'more'") { $0.integer(0) } == 1)
            #expect(try found.first(tables + "'most'") { $0.integer(0) } == 0)
        }
    }

    @Test func open_whenANewerProgramWroteTheFile_isRefusedAndKept() throws {
        try withScratch { folder in
            let newer = Int64(Schema.migrations.count + 1)
            try database(folder, Schema.migrations + ["CREATE TABLE more (x)"]).close()
            let path = folder + "/journal.db"
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let error = JournalError.newerSchema(found: newer, known: newer - 1)
            #expect(throws: error) { try JournalStore(in: folder) }
            #expect(throws: error) { try JournalStore(readOnly: path) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }
}
