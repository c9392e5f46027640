import Control
import Journal
import Metering

/// A walk along the whole chain in the background, a few hundred records a turn: after start, and for `ledger verify`.
struct JournalVerification {
    /// Records checked in one turn of the loop: about a millisecond.
    private static let step = 200

    private let journal: JournalStore
    private var walk: ChainWalk
    private let token: UInt64?
    private var told: Int64 = 0

    /// `token`: the call to answer at the end.
    init(_ journal: JournalStore, token: UInt64? = nil) {
        self.journal = journal
        self.token = token
        walk = journal.wholeChain()
    }

    /// What a step found.
    enum Outcome {
        case goesOn
        case sound
        case damaged(String)
    }

    /// Whether the call that asked for it is this one.
    func isFor(_ token: UInt64) -> Bool { self.token == token }

    /// Checks the next records, tells of progress, and answers at the end.
    mutating func advance(_ server: ControlServer) -> Outcome {
        do throws(JournalError) {
            let step = try journal.verifyStep(&walk, limit: Self.step)
            if case .progress(let through, let total) = step {
                if let token, through - told >= 10_000 {
                    told = through
                    server.progress(token, ["checked": .integer(through), "total": .integer(total)])
                }
                return .goesOn
            }
            if case .viewsDiffer = step { try journal.rebuildViews() }
            let report = VerifyReport(step, journal)
            if let token { server.answer(token, report.json) }
            return report.isSound ? .sound : .damaged(report.why)
        } catch {
            if let token {
                server.fail(token, code: "internal", message: "\(error)", hint: "see `meterside doctor`")
            }
            return .damaged("\(error)")
        }
    }
}

/// The answer of `ledger verify` and of `metersided --verify`.
struct VerifyReport {
    var isSound: Bool
    var why: String
    var json: JSONValue

    init(_ step: ChainStep, _ journal: JournalStore) {
        var object: JSONObject = [
            "ok": true, "records": .integer(journal.head), "head": .integer(journal.head),
            "hash": .string(journal.headHash),
        ]
        switch step {
        case .done, .progress:
            isSound = true
            why = ""
        case .broken(let seq, let reason), .viewsDiffer(let seq, let reason):
            isSound = false
            why = "record \(seq): \(reason)"
            object["ok"] = false
            object["broken_at"] = .integer(seq)
            object["why"] = .string(reason)
        }
        json = .object(object)
    }

    /// Walks the whole chain and asks SQLite about its pages.
    static func whole(_ journal: JournalStore) throws(JournalError) -> VerifyReport {
        var walk = journal.wholeChain()
        var step = try journal.verifyStep(&walk, limit: 10_000)
        while case .progress = step { step = try journal.verifyStep(&walk, limit: 10_000) }
        if case .done = step, let fault = try journal.integrityFaults().first {
            step = .broken(seq: 0, why: "SQLite: \(fault)")
        }
        return VerifyReport(step, journal)
    }
}
