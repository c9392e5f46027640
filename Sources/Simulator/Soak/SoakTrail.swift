import Credit
import Metering

/// What happened, in words, for whoever looks for the reason of a violation.
extension SoakUnit {
    private static let longestTrail = 60

    mutating func tell(_ record: TraceRecord) {
        var text = "    \(record.kind)"
        if record.at != wall.milliseconds { text += " of \(WallTime(milliseconds: record.at).text)" }
        for (name, number) in [
            ("balance", record.change.balance), ("emergency", record.change.emergency),
            ("loans", record.change.loans), ("accumulated", record.change.accumulated),
            ("payment debt", record.change.paymentDebt), ("time debt", record.change.timeDebt),
            ("Wh", record.wattHours), ("day", record.day), ("amount", record.amount),
        ] where number != 0 { text += ", \(name) \(number)" }
        if !record.word.isEmpty { text += ", \(record.word)" }
        if record.kind == .setting || record.kind == .arrears {
            text += " " + String(decoding: JSONWriter.canonical(record.value), as: UTF8.self)
        }
        if record.kind == .decided {
            let decision = record.decision
            text += ": \(SupplyState.allCases[decision.state].rawValue), \(decision.reason)"
            text += decision.isHeld ? ", held" : ""
            if let notice = decision.noticeUntil { text += ", notice until \(WallTime(milliseconds: notice).text)" }
        }
        append(text)
    }

    mutating func tell(_ act: TraceAct, _ outcome: TraceOutcome) {
        var text = "\(wall.text) step \(step): \(act.words): \(outcome)"
        if troubles.skew != 0 { text += ", clock wrong by \(troubles.skew) ms" }
        if troubles.isAny { text += ", doubts \(troubles.doubts.rawValue)" }
        text += ", \(unit.supply.current.rawValue), balance \(unit.account.balance)"
        append(text)
    }

    mutating func append(_ text: String) {
        trail?.append(text)
        if let count = trail?.count, count > Self.longestTrail { trail?.removeFirst() }
    }
}
