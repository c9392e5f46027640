import Foundation
import Metering
import Testing

@testable import Journal

@Suite struct DiskTests {
    @Test func append_whenTheDatabaseMayNotGrow_appendsNothing_andGoesOnWhenItMay() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            let pages = try Schema.pragma("page_count", journal.database)
            try journal.database.script("PRAGMA max_page_count = \(pages + 2)")
            var error: JournalError?
            while error == nil {
                let (head, hash, rows) = (journal.head, journal.headHash, try journal.viewRows())
                do throws(JournalError) {
                    try journal.append((head + 1...head + 20).map { Sample.event($0) })
                } catch let thrown {
                    error = thrown
                    #expect(journal.head == head)
                    #expect(journal.headHash == hash)
                    #expect(try journal.viewRows() == rows)
                    #expect(try journal.export().count == Int(head))
                }
            }
            #expect(error == .full("database or disk is full"))
            try journal.database.script("PRAGMA max_page_count = 1000000")
            try journal.append([Sample.event(journal.head + 1)])
            #expect(try journal.verifyAll() == .done(records: journal.head, head: journal.head, hash: journal.headHash))
        }
    }

    /// A file size limit kills the process unless SIGXFSZ is ignored, so this runs in a process of its own.
    @Test func append_whenTheFileSizeLimitIsReached_saysFull_andGoesOnAfterwards() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            try withScratch { folder in
                let journal = try JournalStore(in: folder)
                try journal.append([Sample.created])
                setFileSizeLimit(200_000)
                var appended: Int64 = 1
                var error: JournalError?
                while error == nil {
                    do throws(JournalError) {
                        try journal.append([Sample.event(appended + 1)])
                        appended += 1
                    } catch let thrown {
                        error = thrown
                    }
                }
                setFileSizeLimit(nil)
                guard case .full = error else { fatalError("\(String(describing: error))") }
                precondition(appended > 3 && journal.head == appended)
                try journal.append([Sample.event(appended + 1)])
                journal.close()
                let again = try JournalStore(in: folder)
                let all = appended + 1
                let step = try again.verifyAll()
                precondition(step == .done(records: all, head: all, hash: again.headHash))
            }
        }
    }

    @Test func append_whenTheSyncFails_saysSo_andRefusesEverythingAfterwards() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            try journal.tidy()
            // Under the log's descriptor now lies a device that takes every write and can sync none.
            let log = try #require(try descriptor(of: folder + "/journal.db-wal"))
            let null = open("/dev/null", O_RDWR)
            #expect(dup2(null, log) == log)
            close(null)
            var failure: JournalError?
            do throws(JournalError) { try journal.append([Sample.event(2)]) } catch { failure = error }
            let first = try #require(failure)
            guard case .io = first else {
                Issue.record("\(first)")
                return
            }
            #expect(journal.head == 1)
            #expect(throws: first) { try journal.append([Sample.event(2)]) }
            #expect(throws: first) { try journal.append([], cursors: [JournalCursor(name: "cloud", seq: 1)]) }
            #expect(throws: first) { try journal.rebuildViews() }
            #expect(throws: first) { try journal.tidy() }
            journal.close()
            let again = try JournalStore(in: folder)
            #expect(again.checkAtStart == .done(records: 1, head: 1, hash: again.headHash))
        }
    }

    @Test func error_ofSqlitesCodes_tellsWhetherTheOutcomeIsKnown() {
        let error = { (code: Int32, errno: Int32) in
            SqliteFault.error(code, message: "m", errno: errno, path: "/j")
        }
        let write: Int32 = 10 | 3 << 8
        let sync: Int32 = 10 | 4 << 8
        #expect(error(13, 0) == .full("m"))
        #expect(error(write, EFBIG) == .full("m"))
        #expect(error(write, EDQUOT) == .full("m"))
        #expect(error(write, EIO) == .io("m, code 778, errno 5"))
        #expect(error(sync, ENOSPC) == .io("m, code 1034, errno 28"))
        #expect(error(11, 0) == .corrupt("m"))
        #expect(error(5, 0) == .locked(path: "/j"))
        #expect(error(14, 0) == .cannotOpen(path: "/j", why: "m"))
        #expect(error(19, 0) == .database(code: 19, message: "m"))
    }

    /// The descriptor this process has open on a file.
    private func descriptor(of path: String) throws -> Int32? {
        let wanted = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
            if target == wanted { return Int32(name) }
        }
        return nil
    }

    @Test func append_foldsTheLogIn_soThatItStaysBounded() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            let log = folder + "/journal.db-wal"
            var largest = 0
            for _ in 0..<1200 {
                let first = journal.head + 1
                try journal.append((first..<first + 3).map { Sample.event($0) })
                let size = try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
                largest = max(largest, size ?? 0)
            }
            // A thousand pages, and what one append adds.
            #expect(largest > 1_000_000)
            #expect(largest < 1020 * 4120)
            try journal.tidy()
            #expect(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int == 0)
            try journal.append([Sample.event(journal.head + 1)])
            #expect(try journal.verifyAll(limit: 1000) == .done(records: 3602, head: 3602, hash: journal.headHash))
        }
    }
}

/// The soft limit on the size of written files; nil for the hard one.
private func setFileSizeLimit(_ bytes: UInt?) {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    getrlimit(resource, &limit)
    limit.rlim_cur = bytes ?? limit.rlim_max
    setrlimit(resource, &limit)
}
