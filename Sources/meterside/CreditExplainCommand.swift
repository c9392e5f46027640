import ArgumentParser
import Credit
import Metering

/// `meterside credit explain UNIT`
struct CreditExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Why a unit's balance is what it is, from the journal, line by line.",
        discussion: """
            Every record that moved money is read again from the beginning and added up, without asking the account: \
            a day at a time, or with --each record by record. The sums are compared with the balance that each record \
            states and with the account's own; ends with 5 when they do not agree.
            """)

    @OptionGroup var unit: UnitArgument

    @Option(name: .long, parsing: .unconditional, help: "From this time on: \(TimeArgument.allowed).")
    var from: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Before this time; now when left out.")
    var to: TimeArgument?

    @Flag(name: .long, help: "Every record instead of every day.")
    var each = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect()
        let now = try daemon.now()
        var replay = CreditReplay(
            unit: unit.unit, from: from?.time(now: now), to: to?.time(now: now), keepsRecords: each)
        if let from = replay.explanation.from, let to = replay.explanation.to, from >= to {
            throw CommandFailure.usage("--from must be before --to", hint: "allowed are \(TimeArgument.allowed)")
        }
        var after: Int64? = 0
        while let seq = after {
            var parameters = unit.parameters
            parameters["after"] = .integer(seq)
            let page = try daemon.call("credit.explain", parameters)
            try replay.take(page)
            after = page["next"]?.integer
            if after != nil { Terminal.progress("\(replay.explanation.records) records read") }
        }
        Terminal.progress("")
        output.show(replay.json) { _ in replay.lines() }
        if !replay.agrees { throw CommandStatus.refused }
    }
}

/// The replay of an account, page by page.
struct CreditReplay {
    let unit: String
    let keepsRecords: Bool
    private(set) var explanation: CreditExplanation
    /// In the span, when they are kept.
    private(set) var records: [(record: ExplainedRecord, balance: Int64)] = []
    /// The account's own balance, and the record up to which it counts.
    private(set) var account: (balance: Int64, seq: Int64)?
    /// The newest record read.
    private(set) var newest: Int64 = 0

    init(unit: String, from: WallTime?, to: WallTime?, keepsRecords: Bool) {
        self.unit = unit
        self.keepsRecords = keepsRecords
        explanation = CreditExplanation(from: from, to: to)
    }

    /// Takes one answer of `credit.explain`.
    mutating func take(_ page: JSONValue) throws(CommandFailure) {
        for record in page.items("records") {
            guard let seq = record["seq"]?.integer, let data = record["data"]?.object,
                let kind = record["kind"]?.string.flatMap(JournalKind.init(rawValue:)),
                let at = record["at"]?.string.flatMap({ WallTime(text: $0) })
            else { throw Self.unreadable("a record has no seq, kind, at or data") }
            newest = seq
            let explained: ExplainedRecord?
            do throws(CreditError) {
                explained = try ExplainedRecord(seq: seq, kind: kind, data: data, at: at)
            } catch { throw Self.unreadable("record \(seq): \(error)") }
            guard let explained else { continue }
            // The daemon knows the local day; without it the day is that of UTC.
            let day = record["day"]?.integer ?? explained.at.seconds.flooredQuotient(by: 86_400)
            if explanation.take(explained, day: day), keepsRecords {
                records.append((explained, explanation.registers.balance))
            }
        }
        if let balance = page["balance_micro"]?.integer, let seq = page["as_of_seq"]?.integer {
            account = (balance, seq)
        }
    }

    private static func unreadable(_ why: String) -> CommandFailure {
        CommandFailure(code: "protocol", message: "the journal does not read: \(why)", hint: "see meterside doctor")
    }

    /// Whether every sum is what was stated, and the account says the same.
    var agrees: Bool {
        explanation.disagreements.isEmpty && (account.map { $0.balance == explanation.registers.balance } ?? true)
    }

    // MARK: For programs

    var json: JSONValue {
        var object: JSONObject = [
            "unit": .string(unit), "from": JSONValue(explanation.from?.text), "to": JSONValue(explanation.to?.text),
            "opening_micro": .integer(explanation.opening),
            "lines": .array(explanation.totals.map(Self.json)),
            "days": .array(explanation.days.map(Self.json)),
            "closing_micro": .integer(explanation.closing), "records": .integer(Int64(explanation.records)),
            "balance_micro": JSONValue(account?.balance), "replayed_micro": .integer(explanation.registers.balance),
            "as_of_seq": JSONValue(account?.seq), "agrees": .bool(agrees),
        ]
        if keepsRecords { object["each"] = .array(records.map(Self.json)) }
        object["disagreements"] = .array(
            explanation.disagreements.map {
                [
                    "seq": .integer($0.seq), "replayed_micro": .integer($0.summed),
                    "stated_micro": .integer($0.stated),
                ]
            })
        return .object(object)
    }

    private static func json(_ part: ExplainedRecord.Part) -> JSONValue {
        var object: JSONObject = ["what": .string(part.what)]
        if part.wattHours != 0 { object["quantity_wh"] = .integer(part.wattHours) }
        if part.rate != 0 { object[part.what == "vat" ? "vat_bp" : "rate_micro"] = .integer(part.rate) }
        object["amount_micro"] = .integer(part.amount)
        return .object(object)
    }

    private static func json(_ day: CreditExplanation.Day) -> JSONValue {
        [
            "day": .string(dayText(day.day)), "opening_micro": .integer(day.opening),
            "lines": .array(day.parts.map(json)), "records": .integer(Int64(day.records)),
            "closing_micro": .integer(day.closing),
        ]
    }

    private static func json(_ item: (record: ExplainedRecord, balance: Int64)) -> JSONValue {
        [
            "seq": .integer(item.record.seq), "at": .string(item.record.at.text),
            "kind": .string(item.record.kind.rawValue), "text": .string(item.record.text),
            "lines": .array(item.record.parts.map(json)), "balance_micro": .integer(item.balance),
        ]
    }

    static func dayText(_ day: Int64) -> String { String(WallTime(seconds: day * 86_400).textSeconds.prefix(10)) }

    // MARK: For people

    func lines(width: Int = Terminal.columns) -> [String] {
        var ledger = Ledger()
        if keepsRecords { addRecords(to: &ledger) } else { addDays(to: &ledger) }
        let from = explanation.from.map { TextLayout.minute($0.text) } ?? "the beginning"
        let to = explanation.to.map { TextLayout.minute($0.text) } ?? "now"
        return TextLayout.wrapped("\(TextLayout.clean(unit)) from \(from) to \(to)", indent: 2, width: width) + [""]
            + ledger.lines(width: width) + [""] + verdict(width)
    }

    private func addDays(to ledger: inout Ledger) {
        ledger.add("opening balance", explanation.opening)
        for day in explanation.days {
            ledger.blank()
            ledger.add(Self.dayText(day.day))
            for part in Self.shown(day.parts) { ledger.add("  " + Self.text(part), part.amount) }
            ledger.add("  balance", day.closing)
        }
        guard explanation.days.count > 1 else { return }
        ledger.blank()
        ledger.add("all \(explanation.days.count) days")
        for part in Self.shown(explanation.totals) { ledger.add("  " + Self.text(part), part.amount) }
        ledger.add("closing balance", explanation.closing)
    }

    private func addRecords(to ledger: inout Ledger) {
        ledger.add("opening balance", explanation.opening)
        for (record, balance) in records {
            ledger.blank()
            let at = TextLayout.minute(record.at.text)
            ledger.add("\(at) #\(record.seq)")
            ledger.add("  " + record.text)
            for part in Self.shown(record.parts) { ledger.add("    " + Self.text(part), part.amount) }
            if !record.parts.isEmpty { ledger.add("  balance", balance) }
        }
    }

    /// An account that begins with nothing says so by its opening balance.
    private static func shown(_ parts: [ExplainedRecord.Part]) -> [ExplainedRecord.Part] {
        parts.filter { $0.what != "opening" || $0.amount != 0 }
    }

    /// `peak 1.250 kWh × 0.412`
    static func text(_ part: ExplainedRecord.Part) -> String {
        switch part.what {
        case "vat": return "VAT " + percent(part.rate)
        case "standing": return "standing charge"
        case "opening": return "balance at the beginning"
        case "emergency_used": return "from emergency credit"
        case "emergency_repaid": return "to emergency credit"
        case "put_off": return "put off (owed)"
        case "accumulated": return "to what was put off"
        case "payment_debt": return "to payment debt"
        case "time_debt": return "time debt"
        default: break
        }
        guard part.wattHours != 0 else { return part.what }
        let rest = String(part.wattHours.magnitude % 1000)
        let zeros = String(repeating: "0", count: 3 - rest.count)
        let energy = "\(part.wattHours.magnitude / 1000).\(zeros)\(rest) kWh"
        return "\(part.what) \(energy) × \(TextLayout.money(micro: part.rate))"
    }

    private static func percent(_ basisPoints: Int64) -> String {
        let rest = basisPoints % 100
        return rest == 0 ? "\(basisPoints / 100) %" : "\(basisPoints / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }

    private func verdict(_ width: Int) -> [String] {
        var text: [String] = []
        for fault in explanation.disagreements {
            text.append(
                "Record \(fault.seq) states a balance of \(TextLayout.money(micro: fault.stated)), but the lines up to "
                    + "it give \(TextLayout.money(micro: fault.summed)).")
        }
        let replayed = TextLayout.money(micro: explanation.registers.balance)
        if let account, account.balance != explanation.registers.balance {
            text.append(
                "The account says \(TextLayout.money(micro: account.balance)), the journal \(replayed): they do NOT "
                    + "agree. Keep the journal (`meterside ledger export`) and report it.")
        } else if text.isEmpty {
            text.append("The account and the journal agree: \(replayed) as of record \(account?.seq ?? newest).")
        }
        return text.flatMap { TextLayout.wrapped($0, indent: 2, width: width) }
    }
}
