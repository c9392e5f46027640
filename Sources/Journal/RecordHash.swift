import Crypto
import Metering

/// A 32-byte link of the chain (contract §4).
struct RecordHash: Equatable {
    var bytes: [UInt8]

    /// What stands before record 1.
    static let zero = RecordHash(bytes: [UInt8](repeating: 0, count: 32))

    var text: String { Hex.text(bytes) }

    /// SHA-256(previous ‖ SHA-256(canonical bytes)).
    func next(_ canonicalBytes: [UInt8]) -> RecordHash {
        var stream = SHA256Stream()
        stream.update(bytes)
        stream.update(SHA256.digest(canonicalBytes))
        return RecordHash(bytes: stream.digest)
    }
}

extension JSONWriter {
    /// Writes a record compactly with its names in the canonical order: what the chain hashes, and with a hash what is
    /// published. Gives the place of its data, which is what is stored.
    @discardableResult
    mutating func writeRecord(
        seq: Int64, at: WallTime, kind: String, key: String, hash: RecordHash? = nil,
        data: (inout JSONWriter) -> Void
    ) -> Range<Int> {
        raw("{\"at\":")
        write(at.text)
        raw(",\"data\":")
        let start = bytes.count
        data(&self)
        let end = bytes.count
        if let hash {
            raw(",\"hash\":")
            write(hash.text)
        }
        raw(",\"key\":")
        write(key)
        raw(",\"kind\":")
        write(kind)
        raw(",\"seq\":")
        write(seq)
        raw("}")
        return start..<end
    }
}

/// A record's members as stored: `data` is its canonical JSON text, written once and used again for hash and export.
struct StoredRecord {
    var seq: Int64
    var at: WallTime
    var kind: String
    var key: String
    var data: [UInt8]

    /// The same bytes as `JournalDraft.canonicalBytes`, without reading `data`.
    var canonicalBytes: [UInt8] { json(hash: nil) }

    /// Compact JSON with names in the canonical order; with a hash it is the record as published.
    func json(hash: RecordHash?) -> [UInt8] {
        var writer = JSONWriter(capacity: data.count + 256)
        writer.writeRecord(seq: seq, at: at, kind: kind, key: key, hash: hash) { $0.raw(data) }
        return writer.bytes
    }

    /// `data` read back.
    func object() throws(JournalError) -> JSONObject {
        guard let object = try? JSONReader.read(data).object else {
            throw .corrupt("the data of record \(seq) is no JSON object")
        }
        return object
    }

    func entry(hash: RecordHash) throws(JournalError) -> JournalEntry {
        guard let kind = JournalKind(rawValue: kind) else {
            throw .corrupt("record \(seq) is of the unknown kind \(self.kind)")
        }
        let draft = JournalDraft(seq: seq, at: at, kind: kind, key: key, data: try object())
        return JournalEntry(draft: draft, hash: hash.text)
    }
}

extension JournalDraft {
    /// Why the draft cannot be a record that every reader of the contract understands; nil when it can.
    var fault: String? { Self.fault(.object(data), depth: 2) }

    /// The record itself is the first level of sixteen, and integers stay within ±(2^53 − 1).
    private static func fault(_ value: JSONValue, depth: Int) -> String? {
        switch value {
        case .integer(let number):
            return number.magnitude < 1 << 53 ? nil : "the integer \(number) is beyond 2^53 - 1"
        case .array(let items):
            guard depth <= 16 else { return tooDeep }
            for item in items {
                if let fault = fault(item, depth: depth + 1) { return fault }
            }
        case .object(let object):
            guard depth <= 16 else { return tooDeep }
            for member in object.members {
                if let fault = fault(member.value, depth: depth + 1) { return fault }
            }
        case .null, .bool, .string: break
        }
        return nil
    }

    private static var tooDeep: String { "its data is nested too deeply" }
}
