import Foundation
import Metering
import Testing

@testable import Journal

/// A flipped bit must either be found or change nothing that anyone can read.
@Suite struct CorruptionTests {
    @Test func flippedByte_inTheDatabase_isFoundOrHarmless() throws {
        try withScratch { folder in
            let path = folder + "/journal.db"
            let journal = try JournalStore(path: path, boxID: Sample.box)
            try journal.append(try Sample.mixed())
            for start in stride(from: Int64(18), to: 98, by: 10) {
                try journal.append((start..<start + 10).map { Sample.event($0) })
            }
            let (lines, rows) = (try journal.export(), try journal.viewRows())
            journal.close()
            let image = try Data(contentsOf: URL(fileURLWithPath: path))
            var found = 0
            for offset in stride(from: 0, to: image.count, by: 61) {
                var bad = image
                bad[offset] ^= 1 << UInt8(offset % 8)
                try bad.write(to: URL(fileURLWithPath: path))
                if try isFound(path, lines: lines, rows: rows, offset: offset) { found += 1 }
                try? FileManager.default.removeItem(atPath: path + "-wal")
            }
            #expect(found > 150)
        }
    }

    /// False when everything reads as before.
    private func isFound(_ path: String, lines: [[UInt8]], rows: [String], offset: Int) throws -> Bool {
        do {
            let journal = try JournalStore(path: path, boxID: Sample.box)
            defer { journal.close() }
            let step = try journal.verifyAll(limit: 1000)
            guard step == .done(records: 97, head: 97, hash: journal.headHash) else { return true }
            let readsAsBefore = try journal.export() == lines && journal.viewRows() == rows
            guard readsAsBefore else {
                // What no record vouches for is left to SQLite's own check of the whole file.
                #expect(try !journal.integrityFaults().isEmpty, "byte \(offset) changed something unseen")
                return true
            }
            return false
        } catch is JournalError {
            return true
        }
    }

    @Test func flippedByte_inAnExport_isFoundByTheCheckOfTheReadme() throws {
        try withScratch { folder in
            let journal = try JournalStore(in: folder)
            try journal.append(try Sample.mixed())
            let text = Array(try journal.export().joined(separator: [0x0A]))
            let code = """
                import io, runpy, sys
                good = sys.stdin.buffer.read()
                for offset in range(0, len(good), 7):
                    bad = bytearray(good)
                    bad[offset] ^= 1 << (offset % 3)
                    sys.stdin = io.TextIOWrapper(io.BytesIO(bytes(bad)))
                    try:
                        runpy.run_path(sys.argv[1])
                    except (SystemExit, ValueError, KeyError, TypeError, AttributeError):
                        continue
                    sys.exit(f"byte {offset} went unseen")
                """
            let result = try python(["-c", code, support("check_journal.py")], input: text)
            #expect(result.code == 0, "\(result.output)")
        }
    }
}
