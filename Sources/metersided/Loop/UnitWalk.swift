import Gateway
import Journal
import Metering

/// Folds the records of the units in the background, some hundred a turn: after a start from the first record on, to
/// prove the checkpoint that the start went by; later from the checkpoint on, to make a newer one.
struct UnitWalk {
    /// Records looked at in one turn of the loop: some milliseconds.
    private static let step: Int64 = 200
    /// So many records later the checkpoint is made anew.
    static let age: Int64 = 5000

    private let checkpoint: UnitCheckpoint
    private var fold: UnitFold?
    /// What the fold must come to by the record at which the checkpoint stands.
    private var claim: (seq: Int64, digest: String)?
    /// Where the newest checkpoint stands.
    private var savedSeq: Int64

    /// - Parameters:
    ///   - kept: the checkpoint that the start went by; nil for none.
    ///   - savedSeq: where the newest checkpoint stands; 0 for none.
    init(_ checkpoint: UnitCheckpoint, kept: UnitCheckpoint.Kept?, savedSeq: Int64) {
        self.checkpoint = checkpoint
        self.savedSeq = savedSeq
        guard let kept else { return }
        claim = (kept.fold.through, kept.digest)
        fold = kept.fold.begun
    }

    /// Whether there is something to do.
    func isDue(_ journal: JournalStore) -> Bool { fold != nil || journal.head - savedSeq >= Self.age }

    /// What a step found.
    enum Outcome {
        case fine
        /// The checkpoint says something else than the journal: what this process knows of the units is wrong.
        case contradicted
    }

    /// Goes on by some records.
    mutating func advance(_ journal: JournalStore, _ configuration: GatewayConfiguration) -> Outcome {
        var next = fold ?? start(journal, configuration)
        fold = nil
        var looks = Self.step
        if let claim, next.through < claim.seq { looks = min(looks, claim.seq - next.through) }
        guard let step = try? journal.step(of: JournalKind.ofUnits, since: next.through, looks: looks) else {
            // A damaged journal is another walk's to find.
            savedSeq = journal.head
            return .fine
        }
        for entry in step.entries { next.take(entry) }
        next.pass(to: step.through)
        if let claim, next.through == claim.seq {
            self.claim = nil
            guard UnitCheckpoint.digest(of: next) == claim.digest else {
                checkpoint.remove()
                return .contradicted
            }
        }
        guard next.through >= journal.head else {
            fold = next
            return .fine
        }
        if next.through - savedSeq >= Self.age {
            // Where there is no room for it, it is tried again as many records later.
            checkpoint.save(next, journal)
            savedSeq = next.through
        }
        return .fine
    }

    private func start(_ journal: JournalStore, _ configuration: GatewayConfiguration) -> UnitFold {
        if let kept = try? checkpoint.load(journal), kept.fold.isFor(configuration) { return kept.fold }
        return UnitFold(configuration)
    }
}
