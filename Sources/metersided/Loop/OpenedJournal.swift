import Crypto
import Gateway
import Intervals
import Journal
import Metering

/// The journal of a configured box, and what it gives the agent back.
struct OpenedJournal {
    let journal: JournalStore
    let recovered: RecoveredState

    init(folder: String, configuration: DaemonConfiguration) throws(StartFault) {
        guard FilePath.makeFolder(folder) else {
            throw StartFault(message: "\(folder) cannot be made; look at the rights of the folder above it")
        }
        do throws(JournalError) {
            journal = try JournalStore(path: folder + "/journal.db", boxID: configuration.gateway.box.id)
            var recovered = RecoveredState(
                head: journal.head, newestAt: journal.newestAt, acknowledged: try journal.cursor(JournalCursor.cloud),
                intervals: try journal.newestIntervals(),
                keys: KeyRing.merge(folder: configuration.keys, journal: try journal.keysAdded()),
                revokedKeys: try journal.keysRevoked(),
                counters: try journal.counters().map { KeyCounter(kid: $0.kid, counter: $0.counter) },
                hash: journal.headHash, scheduled: try Self.waiting(in: journal))
            for meter in configuration.gateway.meters {
                recovered.gaps += try Self.gaps(of: meter.serial, in: journal)
            }
            self.recovered = recovered
        } catch {
            throw StartFault(message: "\(error)")
        }
    }

    /// What the last 35 days lack, which is as long as a survey of 5-minute data usually holds.
    private static func gaps(of meter: MeterSerial, in journal: JournalStore) throws(JournalError) -> [IntervalGap] {
        var ledger = GapLedger()
        var from = journal.newestAt + -35 * 86_400_000
        let end = WallTime(milliseconds: .max)
        while true {
            let page = try journal.intervals(meter: meter, from: from, to: end, limit: 2000)
            guard let last = page.last else { return ledger.gaps }
            for interval in page { ledger.take(interval) }
            from = last.end
        }
    }

    /// Commands that were scheduled and have not ended: they are carried out at their time, restart or not.
    private static func waiting(in journal: JournalStore) throws(JournalError) -> [JSONObject] {
        var waiting: [JSONObject] = []
        for entry in try journal.events(kinds: [.commandScheduled], limit: 1000) {
            guard let jti = entry.draft.data["jti"]?.string else { continue }
            let isDone = try journal.exists(key: "\(JournalKind.commandDone.rawValue)/\(jti)")
            let isRefused = try journal.exists(key: "\(JournalKind.commandRefused.rawValue)/\(jti)")
            if !isDone, !isRefused { waiting.append(entry.draft.data) }
        }
        return waiting
    }
}

/// Keys come from the folder and from the journal.
enum KeyRing {
    /// A kid of the journal wins: it was added by a signed command.
    static func merge(folder: [SigningKey], journal: [SigningKey]) -> [SigningKey] {
        journal + folder.filter { key in !journal.contains { $0.kid == key.kid } }
    }
}

/// The one cipher the agent needs, handed to it because it has none of its own.
enum Signatures {
    /// Whether the key's owner signed the message; false for anything that is no key.
    static func isValid(publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        (try? Ed25519.isValid(signature: signature, of: message, publicKey: publicKey)) ?? false
    }
}
