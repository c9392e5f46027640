import Metering

extension JournalKind {
    /// What an account and its supply are made of; the record names its unit.
    public static let ofUnits: [JournalKind] = allCases.filter { kind in
        ["credit.", "unit.", "supply."].contains { kind.rawValue.hasPrefix($0) }
    }
}

/// Some records of a unit, and where to go on.
public struct UnitHistory: Hashable, Sendable {
    /// Ascending.
    public var records: [JournalEntry]
    /// The record to go on after; nil when these were the last.
    public var next: Int64?
}

extension JournalStore {
    /// The records of a payment unit after record `seq`, ascending. It looks at so many records at most, and stops
    /// when it has so many bytes of them, so that a long journal is read in short steps; a page may be empty.
    /// - Parameters:
    ///   - unit: nil for those of every unit.
    ///   - kinds: of `JournalKind.ofUnits`.
    public func history(
        of unit: String?, kinds: [JournalKind] = JournalKind.ofUnits, after seq: Int64, looks: Int = 1000,
        maxBytes: Int = 512 << 10
    ) throws(JournalError) -> UnitHistory {
        let entries = try page(of: kinds, since: seq, limit: looks)
        var history = UnitHistory(records: [], next: entries.count == looks ? entries.last?.draft.seq : nil)
        var bytes = 0
        for entry in entries where unit.map({ entry.draft.data["unit"]?.string == $0 }) ?? true {
            bytes += JSONWriter.compact(entry.json).count
            guard history.records.isEmpty || bytes <= maxBytes else {
                history.next = entry.draft.seq - 1
                break
            }
            history.records.append(entry)
        }
        return history
    }
}
