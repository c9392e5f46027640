import Control
import Journal
import Metering

/// Answers from the journal.
extension MainLoop {
    /// Bytes of records in one answer; the next page is asked for by the client.
    private static let pageBytes = 512 << 10

    func events(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        let limit = Int(call.parameters.integer("limit") ?? 50)
        let kind = call.parameters.string("kind")
        let kinds = kind.map { word in JournalKind.allCases.filter { $0.belongs(to: word) } }
        if let kinds, kinds.isEmpty {
            server.fail(
                call.token, code: "usage", message: "there is no kind of record \"\(kind ?? "")\"",
                hint: "kinds are such as meter, meter.up, clock, command, alarm, interval")
            return
        }
        let since = call.parameters.time("since")
        let records = try journal.events(kinds: kinds, limit: limit)
            .filter { record in since.map { record.draft.at >= $0 } ?? true }
        guard call.parameters.flag("follow") else {
            server.answer(call.token, ["events": .array(records.map(\.json))])
            return
        }
        for record in records { server.progress(call.token, ["event": record.json]) }
        follows.add(call.token, kind: kind)
    }

    func intervals(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        guard let meter = MeterSerial(call.parameters.string("meter") ?? ""), let from = call.parameters.time("from"),
            let to = call.parameters.time("to")
        else {
            _ = unknownMeter(call)
            return
        }
        var channel: Channel?
        if let name = call.parameters.string("channel") {
            channel = Channel(rawValue: name)
            guard channel != nil else {
                let known = Channel.allCases.map(\.rawValue).joined(separator: ", ")
                server.fail(
                    call.token, code: "usage", message: "there is no channel \"\(name)\"", hint: "there are \(known)")
                return
            }
        }
        let isKnown = configuration?.gateway.meters.contains { $0.serial == meter } ?? false
        let found = try journal.intervals(meter: meter, from: from, to: to)
        guard isKnown || !found.isEmpty else {
            server.fail(
                call.token, code: "unknown_meter", message: "no meter \"\(meter)\" is configured or was ever read",
                hint: "see `meterside meter list`")
            return
        }
        server.answer(call.token, .array(found.flatMap { $0.listItems(channel: channel) }))
    }

    func exportRecords(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        let from = call.parameters.integer("from") ?? 1
        let through = min(call.parameters.integer("to") ?? journal.head, journal.head)
        let limit = Int(call.parameters.integer("limit") ?? 500)
        var records: [JSONValue] = []
        var bytes = 0
        for entry in try journal.entries(from: from, through: through, limit: limit) {
            let json = entry.json
            bytes += JSONWriter.compact(json).count
            guard records.isEmpty || bytes <= Self.pageBytes else { break }
            records.append(json)
        }
        let next = from + Int64(records.count)
        let isLast = next > through || records.isEmpty
        server.answer(call.token, ["records": .array(records), "next": isLast ? nil : .integer(next)])
    }

    /// `ledger verify` walks the whole chain in the background; the daemon goes on meanwhile.
    func startVerification(_ token: UInt64) {
        guard let journal else { return }
        verifications.append(JournalVerification(journal, token: token))
    }
}

/// Clients that follow the journal as it grows.
struct EventFollowers {
    private var followers: [(token: UInt64, kind: String?)] = []

    mutating func add(_ token: UInt64, kind: String?) { followers.append((token, kind)) }
    mutating func cancel(_ token: UInt64) { followers.removeAll { $0.token == token } }

    /// Tells everyone who asked for this kind; `meter` means every kind that begins with `meter.`.
    func tell(_ entry: JournalEntry, through server: ControlServer) {
        for follower in followers {
            guard follower.kind.map(entry.draft.kind.belongs(to:)) ?? (entry.draft.kind != .interval) else { continue }
            server.progress(follower.token, ["event": entry.json])
        }
    }
}

extension JournalKind {
    /// Whether `word` names this kind, or all kinds it is one of: `meter` means `meter.up` too.
    func belongs(to word: String) -> Bool { rawValue == word || rawValue.hasPrefix(word + ".") }
}
