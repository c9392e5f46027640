import Foundation
import Metering
import Testing

@testable import Journal

/// What a sudden end leaves behind must open to a prefix of the chain with every acknowledged record.
@Suite struct PowerCutTests {
    /// An append that returned, and the length the log had then.
    private struct Acknowledged {
        var head: Int64
        var hash: String
        var log: Int
    }

    /// A journal that was never closed: the database, its log, and what had been acknowledged at which length.
    private func history(_ folder: String) throws -> (database: Data, log: Data, acknowledged: [Acknowledged]) {
        let journal = try JournalStore(in: folder)
        var acknowledged: [Acknowledged] = []
        let path = URL(fileURLWithPath: folder + "/journal.db")
        let log = URL(fileURLWithPath: folder + "/journal.db-wal")
        try journal.append([Sample.created])
        try journal.tidy()
        let database = try Data(contentsOf: path)
        for draft in try Sample.mixed().dropFirst() {
            try journal.append([draft])
            let length = try Data(contentsOf: log).count
            acknowledged.append(Acknowledged(head: journal.head, hash: journal.headHash, log: length))
        }
        return (database, try Data(contentsOf: log), acknowledged)
    }

    private func open(_ folder: String, _ database: Data, log: Data) throws -> JournalStore {
        try database.write(to: URL(fileURLWithPath: folder + "/image.db"))
        try log.write(to: URL(fileURLWithPath: folder + "/image.db-wal"))
        return try JournalStore(path: folder + "/image.db", boxID: Sample.box)
    }

    /// The unsynced end of the log is missing, or holds something else from a sector on.
    @Test(arguments: [false, true])
    func open_whenTheLogEndsAnywhere_holdsEveryAcknowledgedRecord(garbled: Bool) throws {
        try withScratch { folder in
            let (database, log, acknowledged) = try history(folder)
            for cut in stride(from: 0, through: log.count, by: 512 * 5) {
                var image = Data(log.prefix(cut))
                if garbled { image.append(Data(repeating: 0xA5, count: min(4096, log.count - cut))) }
                let journal = try open(folder, database, log: image)
                let expected = acknowledged.last { $0.log <= cut }
                #expect(journal.head == expected?.head ?? 1, "cut at \(cut)")
                if let expected { #expect(journal.headHash == expected.hash) }
                #expect(
                    try journal.verifyAll() == .done(records: journal.head, head: journal.head, hash: journal.headHash))
                try journal.append([Sample.event(journal.head + 1)])
                journal.close()
            }
        }
    }

    /// The process is killed at a moment nobody chose; it told what was acknowledged through a file.
    @Test(arguments: [3, 11, 20, 37, 64])
    func open_afterAKill_holdsEveryAcknowledgedRecord(milliseconds: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .signal(SIGALRM)) {
            [folder = folder as String, milliseconds = milliseconds as Int] in
            let journal = try JournalStore(in: folder)
            try journal.append([Sample.created])
            let told = Glibc.open(folder + "/told", O_CREAT | O_WRONLY, 0o600)
            // SIGALRM ends the process where it stands, as SIGKILL does.
            var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: 0, tv_usec: milliseconds * 1000))
            setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
            while true {
                try journal.append((1...3).map { Sample.event(journal.head + $0) })
                var head = journal.head
                pwrite(told, &head, 8, 0)
            }
        }
        let told = (try? Data(contentsOf: URL(fileURLWithPath: folder + "/told"))) ?? Data()
        let acknowledged = told.count == 8 ? told.withUnsafeBytes { $0.load(as: Int64.self) } : 1
        let journal = try JournalStore(in: folder)
        #expect(journal.head >= acknowledged)
        #expect(journal.head <= acknowledged + 3)
        #expect(try journal.verifyAll() == .done(records: journal.head, head: journal.head, hash: journal.headHash))
        try journal.append([Sample.event(journal.head + 1)])
    }
}
