import Crypto
import Gateway
import Intervals
import Journal
import Metering

/// The journal of a configured box, and what it gives the agent back.
struct OpenedJournal {
    let journal: JournalStore
    let recovered: RecoveredState
    /// Proves and renews the checkpoint of the units while the daemon runs.
    let walk: UnitWalk

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
            recovered.unfinished = try Self.unfinished(in: journal)
            for meter in configuration.gateway.meters {
                let (gaps, days) = try Self.past(of: meter, configuration.gateway.box, in: journal)
                recovered.gaps += gaps
                if let days { recovered.likeDays.append(days) }
            }
            // Also without a unit in the configuration: one that comes back later goes on with its account.
            let checkpoint = UnitCheckpoint(folder: folder)
            let (fold, walk) = try Self.units(configuration.gateway, checkpoint, in: journal)
            recovered.units = fold
            self.walk = walk
            recovered.begun = try Self.begun(recovered.scheduled, in: journal)
            recovered.han = try journal.events(kinds: [.hanState], limit: 1).last?.draft.data
            self.recovered = recovered
        } catch {
            throw StartFault(message: "\(error)")
        }
    }

    /// What the last 35 days lack, as long as a survey of 5-minute data usually holds; and what was measured in
    /// them, for a meter that gets like-day substitutes.
    private static func past(
        of meter: MeterSettings, _ box: BoxSettings, in journal: JournalStore
    ) throws(JournalError) -> (gaps: [IntervalGap], days: LikeDays?) {
        let from = journal.newestAt + -35 * 86_400_000
        var ledger = GapLedger()
        try journal.lackingIntervals(meter: meter.serial, from: from) { ledger.take($0) }
        return (ledger.gaps, try likeDays(of: meter, box, from: from, in: journal))
    }

    /// Every measured value counts here; nil, and nothing is read, for a meter that gets no such substitutes.
    private static func likeDays(
        of meter: MeterSettings, _ box: BoxSettings, from: WallTime, in journal: JournalStore
    ) throws(JournalError) -> LikeDays? {
        guard var days = LikeDays(meter, minutes: box.intervalMinutes) else { return nil }
        var from = from
        while true {
            let page = try journal.intervals(
                meter: meter.serial, from: from, to: WallTime(milliseconds: .max), limit: 2000)
            guard let last = page.last else { return days }
            for interval in page { days.note(interval) }
            from = last.end
        }
    }

    /// What the accounts and the supply of the units have come to: from the checkpoint on, where there is one.
    private static func units(
        _ configuration: GatewayConfiguration, _ checkpoint: UnitCheckpoint, in journal: JournalStore
    ) throws(JournalError) -> (UnitFold, UnitWalk) {
        var kept = try? checkpoint.load(journal)
        if kept?.fold.isFor(configuration) == false { kept = nil }
        var fold = kept?.fold ?? UnitFold(configuration)
        let begin = fold.through
        while fold.through < journal.head {
            let step = try journal.step(of: JournalKind.ofUnits, since: fold.through, looks: 1000)
            for entry in step.entries { fold.take(entry) }
            fold.pass(to: step.through)
        }
        var savedSeq = begin
        // The next start is to be quick also when this one does not come to the background's own checkpoint.
        if fold.through - begin >= UnitWalk.age, checkpoint.save(fold, journal) { savedSeq = fold.through }
        return (fold, UnitWalk(checkpoint, kept: kept, savedSeq: savedSeq))
    }

    /// Which of the waiting commands left a record of their own, named by them.
    private static func begun(_ scheduled: [JSONObject], in journal: JournalStore) throws(JournalError) -> [String] {
        var begun: [String] = []
        for id in scheduled.compactMap({ $0["jti"]?.string }) {
            for kind in JournalKind.ofUnits where try journal.exists(key: "\(kind.rawValue)/\(id)") {
                begun.append(id)
                break
            }
        }
        return begun
    }

    /// Commands that were scheduled and have not ended: they are carried out at their time, restart or not.
    private static func waiting(in journal: JournalStore) throws(JournalError) -> [JSONObject] {
        var waiting: [JSONObject] = []
        for entry in try journal.events(kinds: [.commandScheduled], limit: 1000) {
            guard let jti = entry.draft.data["jti"]?.string else { continue }
            if try !hasEnded(jti, in: journal) { waiting.append(entry.draft.data) }
        }
        return waiting
    }

    /// Commands that were being carried out when the process ended. Only the newest can be: they take half an hour at
    /// most.
    private static func unfinished(in journal: JournalStore) throws(JournalError) -> [JSONObject] {
        var unfinished: [JSONObject] = []
        for entry in try journal.events(kinds: [.commandReceived], limit: 200) {
            guard let jti = entry.draft.data["jti"]?.string else { continue }
            let isScheduled = try journal.exists(key: "\(JournalKind.commandScheduled.rawValue)/\(jti)")
            if isScheduled { continue }
            if try !hasEnded(jti, in: journal) { unfinished.append(entry.draft.data) }
        }
        return unfinished
    }

    private static func hasEnded(_ jti: String, in journal: JournalStore) throws(JournalError) -> Bool {
        if try journal.exists(key: "\(JournalKind.commandDone.rawValue)/\(jti)") { return true }
        return try journal.exists(key: "\(JournalKind.commandRefused.rawValue)/\(jti)")
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
