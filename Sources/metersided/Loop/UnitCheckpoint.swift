import Control
import Crypto
import Gateway
import Glibc
import Journal
import Metering

/// What the records of the units have come to by some record, in a file beside the journal: a start folds only what
/// came after it. The journal is the only truth. The file is a copy that may be missing, old, damaged or another
/// program's, and is then not used; it is never looked at for anything that the journal does not say too.
///
/// One line of text, `meterside-units <format> <version> <seq> <hash of that record> <SHA-256 of the rest>`, and bytes.
struct UnitCheckpoint {
    /// Raise it with every change of what `UnitFold` makes of a record, or of its fields.
    static let format = 1
    private static let word = "meterside-units"
    private static let largest = 64 << 20

    let path: String

    init(folder: String) { path = folder + "/units.fold" }

    /// A checkpoint that is whole and stands on the journal.
    struct Kept {
        var fold: UnitFold
        /// SHA-256 of its bytes.
        var digest: String
    }

    /// Why a checkpoint is not used.
    enum Unusable: String, Error {
        case absent, damaged
        case otherProgram = "of another version of the program"
        case otherJournal = "not of this journal"
    }

    /// The newest checkpoint.
    func load(_ journal: JournalStore) throws(Unusable) -> Kept {
        guard let bytes = OwnFile.read(path, atMost: Self.largest) else { throw .absent }
        guard let end = bytes.prefix(300).firstIndex(of: 0x0A) else { throw .damaged }
        let words = bytes[..<end].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 6, words[0] == Self.word, let seq = Int64(words[3]) else { throw .damaged }
        guard words[1] == "\(Self.format)", words[2] == ProductVersion.text else { throw .otherProgram }
        let body = Array(bytes[(end + 1)...])
        guard SHA256.hex(body) == words[5] else { throw .damaged }
        guard seq > 0, seq <= journal.head, let entry = try? journal.entry(seq: seq), entry.hash == words[4] else {
            throw .otherJournal
        }
        guard let fold = try? UnitFold(frozen: body), fold.through == seq else { throw .damaged }
        return Kept(fold: fold, digest: words[5])
    }

    /// Writes a checkpoint in the place of the one before, whole or not at all. A failure costs a later start time.
    @discardableResult
    func save(_ fold: UnitFold, _ journal: JournalStore) -> Bool {
        guard let hash = try? journal.entry(seq: fold.through)?.hash, let body = try? fold.frozen() else {
            return false
        }
        let line = "\(Self.word) \(Self.format) \(ProductVersion.text) \(fold.through) \(hash) \(SHA256.hex(body))\n"
        return OwnFile.replace(path, by: Array(line.utf8) + body)
    }

    func remove() { unlink(path) }

    /// Folds the whole journal once more and compares: `sound`, `false`, or why the file would not be used.
    func verify(_ journal: JournalStore) throws(JournalError) -> (word: String, isFalse: Bool) {
        let kept: Kept
        do throws(Unusable) { kept = try load(journal) } catch { return (error.rawValue, false) }
        var fold = kept.fold.begun
        while fold.through < kept.fold.through {
            let looks = min(1000, kept.fold.through - fold.through)
            let step = try journal.step(of: JournalKind.ofUnits, since: fold.through, looks: looks)
            for entry in step.entries { fold.take(entry) }
            fold.pass(to: step.through)
        }
        let isSound = Self.digest(of: fold) == kept.digest
        return (isSound ? "sound" : "false", !isSound)
    }

    /// The digest of a fold's bytes; nil when it has none.
    static func digest(of fold: UnitFold) -> String? { (try? fold.frozen()).map { SHA256.hex($0) } }
}

/// Files that are the daemon's own.
enum OwnFile {
    /// Nil when it cannot be read or is longer.
    static func read(_ path: String, atMost limit: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= 0, status.st_size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            guard count > 0 else { return nil }
            done += count
        }
        return bytes
    }

    /// Puts a file in the place of another, durable before it has the name; only its owner can read it.
    static func replace(_ path: String, by bytes: [UInt8]) -> Bool {
        let draft = path + ".new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        var isWhole = true
        var done = 0
        while isWhole, done < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
            isWhole = count > 0
            done += max(0, count)
        }
        isWhole = isWhole && fsync(descriptor) == 0
        isWhole = close(descriptor) == 0 && isWhole
        guard isWhole, rename(draft, path) == 0 else {
            unlink(draft)
            return false
        }
        return true
    }
}
