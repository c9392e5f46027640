import Foundation
import Glibc
import Metering
import Testing

@testable import Journal

@Suite struct OpeningTests {
    @Test func open_whenThereIsNoFile_makesAnEmptyJournalOnlyForTheOwner() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            #expect(journal.head == 0)
            #expect(journal.headHash == String(repeating: "0", count: 64))
            #expect(journal.newestAt == WallTime(milliseconds: 0))
            #expect(journal.checkAtStart == .done(records: 0, head: 0, hash: journal.headHash))
            try journal.append([Sample.created])
            for name in ["journal.db", "journal.db-wal"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/journal.db-shm"))
        }
    }

    @Test func open_setsWalAndFullSync() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            #expect(try journal.database.first("PRAGMA journal_mode") { $0.text(0) } == "wal")
            #expect(try Schema.pragma("synchronous", journal.database) == 2)
            #expect(try journal.database.first("PRAGMA locking_mode") { $0.text(0) } == "exclusive")
        }
    }

    @Test func open_whenOthersMayReadTheFile_takesThatFromThem() throws {
        try withScratch { folder in
            try JournalStore(in: folder).close()
            let path = folder + "/journal.db"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let journal = try JournalStore(in: folder)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            journal.close()
        }
    }

    /// An SD card that has worn out: the kernel takes it back to read-only.
    @Test func open_onADiskThatBecameReadOnly_saysSo() throws {
        try withScratch { folder in
            // Only where this process may mount anything.
            guard mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0 else { return }
            defer { umount2(folder, Int32(MNT_DETACH)) }
            try JournalStore(in: folder).close()
            #expect(mount(nil, folder, nil, UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            let path = folder + "/journal.db"
            #expect(throws: JournalError.cannotOpen(path: path, why: "Read-only file system")) {
                try JournalStore(in: folder)
            }
        }
    }

    @Test func open_afterClose_goesOnWhereItWas() throws {
        try withScratch { folder in
            let first = try JournalStore(in: folder)
            try first.append(try Sample.mixed())
            let (head, hash, newest) = (first.head, first.headHash, first.newestAt)
            first.close()
            let second = try JournalStore(in: folder)
            #expect(second.head == head)
            #expect(second.headHash == hash)
            #expect(second.newestAt == newest)
            #expect(second.checkAtStart == .done(records: 17, head: 17, hash: hash))
            try second.append([Sample.event(18)])
            #expect(try second.verifyAll() == .done(records: 18, head: 18, hash: second.headHash))
        }
    }

    @Test func open_whenAnotherHoldsIt_isRefused() throws {
        try withScratch { folder in
            let path = folder + "/journal.db"
            let journal = try JournalStore(in: folder)
            #expect(throws: JournalError.locked(path: path)) { try JournalStore(in: folder) }
            #expect(throws: JournalError.locked(path: path)) { try JournalStore(readOnly: path) }
            // Another process, with SQLite of its own.
            let code = "import sqlite3; print(sqlite3.connect('\(path)').execute('select * from records').fetchall())"
            let other = try python(["-c", code])
            #expect(other.code == 1)
            #expect(other.output.contains("database is locked"))
            try journal.append([Sample.created])
            journal.close()
            #expect(try JournalStore(in: folder).head == 1)
        }
    }

    @Test func open_whenTheJournalIsAnotherBoxes_isRefused() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            journal.close()
            #expect(throws: JournalError.otherBox(found: Sample.box, expected: "box-2")) {
                try JournalStore(path: folder + "/journal.db", boxID: "box-2")
            }
            #expect(try JournalStore(in: folder).head == 1)
        }
    }

    @Test func open_whenTheFileIsNoJournal_isRefusedAndKept() throws {
        try withScratch { folder in
            let path = folder + "/journal.db"
            let text = Data(String(repeating: "this is a letter to my aunt. ", count: 100).utf8)
            try text.write(to: URL(fileURLWithPath: path))
            #expect(throws: JournalError.corrupt("file is not a database")) { try JournalStore(in: folder) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)

            let other = folder + "/other.db"
            _ = try python(["-c", "import sqlite3; sqlite3.connect('\(other)').execute('create table t (x)')"])
            #expect(throws: JournalError.corrupt("the file is a database, but no journal of Meterside")) {
                try JournalStore(path: other, boxID: Sample.box)
            }
        }
    }

    @Test func open_whenTheDirectoryIsMissing_saysSo() {
        let path = "/nonexistent/meterside/journal.db"
        #expect(throws: JournalError.cannotOpen(path: path, why: "No such file or directory")) {
            try JournalStore(path: path, boxID: Sample.box)
        }
        #expect(throws: JournalError.cannotOpen(path: path, why: "No such file or directory")) {
            try JournalStore(readOnly: path)
        }
    }

    @Test func readOnly_afterAKill_seesTheLogAndChangesNothing() throws {
        try withScratch { folder in
            let path = folder + "/journal.db"
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            // What a kill leaves behind: the log was never folded in.
            for ending in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + ending, toPath: folder + "/copy.db" + ending)
            }
            let files = ["", "-wal"].map { URL(fileURLWithPath: folder + "/copy.db" + $0) }
            let before = try files.map { try Data(contentsOf: $0) }
            let copy = try JournalStore(readOnly: folder + "/copy.db")
            #expect(copy.head == 17)
            #expect(try copy.verifyAll() == .done(records: 17, head: 17, hash: journal.headHash))
            #expect(try copy.integrityFaults().isEmpty)
            #expect(throws: JournalError.self) { try copy.append([Sample.event(18)]) }
            copy.close()
            #expect(try files.map { try Data(contentsOf: $0) } == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 4)
        }
    }

    @Test func readOnly_ofAnEmptyFile_isRefusedAndKept() throws {
        try withScratch { folder in
            let file = URL(fileURLWithPath: folder + "/journal.db")
            try Data().write(to: file)
            #expect(throws: JournalError.corrupt("the file is empty")) { try JournalStore(readOnly: file.path) }
            #expect(try Data(contentsOf: file).isEmpty)
            #expect(try JournalStore(in: folder).head == 0)
        }
    }

    @Test func descriptions_sayWhatToDo() {
        let errors: [(JournalError, String)] = [
            (.full("disk"), "make room"), (.io("fsync"), "restart"), (.corrupt("x"), "backup"),
            (.newerSchema(found: 9, known: 1), "newer Meterside"), (.locked(path: "/j"), "stop the other"),
            (.cannotOpen(path: "/j", why: "y"), "check"), (.otherBox(found: "a", expected: "b"), "--state"),
            (.duplicateKey("k"), "k"), (.sequence(expected: 2, found: 9), "2 is next"),
            (.malformed(seq: 3, why: "deep"), "deep"), (.database(code: 1, message: "m"), "bug"),
        ]
        for (error, words) in errors { #expect("\(error)".contains(words)) }
    }
}
