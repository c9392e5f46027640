import Gateway
import Intervals
import Journal
import Metering
import Upstream

/// Ropo One: tells how each request about a usage place ended, once, after its record.
extension UpstreamService {
    /// Takes up what ended and was not told when the process ended.
    func resumeEvents() {
        guard settings.ropo != nil else { return }
        do throws(JournalError) {
            let cursor = try journal.cursor(RopoSystem.name)
            guard cursor > 0 else {
                // Configured for the first time: what ended before is no concern of the billing company.
                events.begin(after: max(journal.head, 1))
                return saveEventCursor()
            }
            events.begin(after: cursor)
            try takeEvents(after: cursor)
        } catch {
            log.error("events of usage places cannot be taken up: \(error)")
        }
    }

    /// A command ended: when it was about a usage place, Ropo One is told.
    func commandEnded(_ entry: JournalEntry) {
        guard let ropo = settings.ropo, entry.draft.seq > events.cursor, let work = event(entry, ropo) else { return }
        let id = work.args["id"]?.string ?? ""
        let known = runner.history.item(RopoSystem.name, id: id)?.state
        guard known != .done, known != .parked, !runner.isRunning(RopoSystem.name, id: id) else { return }
        let seq = entry.draft.seq
        events.open(seq)
        saveEventCursor()
        submit(
            UpstreamJob(id: id, system: RopoSystem.name, work: work, mode: .background),
            .inner { [weak self] settlement in
                switch settlement {
                case .done, .parked:
                    self?.events.close(seq)
                    self?.saveEventCursor()
                // Never sent: there was no room, or the section went away. It is taken up again from the cursor.
                case .failed, .notYet: self?.events.isBehind = true
                }
            })
    }

    /// Takes up again what found no room.
    func catchUpEvents() {
        guard events.isBehind, settings.ropo != nil, runner.hasRoom else { return }
        events.isBehind = false
        do throws(JournalError) { try takeEvents(after: events.cursor) } catch {
            log.error("events of usage places cannot be taken up: \(error)")
        }
    }

    private func takeEvents(after cursor: Int64) throws(JournalError) {
        let kinds: [JournalKind] = [.commandDone, .commandRefused]
        for entry in try journal.events(kinds: kinds, since: cursor, limit: 4000) { commandEnded(entry) }
    }

    private func saveEventCursor() {
        // A cursor that is not saved only means that records are looked at once more.
        _ = try? journal.append([], cursors: [JournalCursor(name: RopoSystem.name, seq: events.cursor)])
    }

    private func event(_ entry: JournalEntry, _ ropo: UpstreamSettings.Ropo) -> UpstreamWork? {
        let data = entry.draft.data
        guard let jti = data["jti"]?.string,
            let command = data["command"]?.string ?? data["result"]?["command"]?.string,
            command == "usage_place_disconnect" || command == "usage_place_reconnect"
        else { return nil }
        let isDone = entry.draft.kind == .commandDone
        // No status is known for a reconnection that failed.
        guard isDone || command == "usage_place_disconnect" else { return nil }
        let received = try? journal.entry(key: "\(JournalKind.commandReceived.rawValue)/\(jti)")
        let scheduled = try? journal.entry(key: "\(JournalKind.commandScheduled.rawValue)/\(jti)")
        let asked =
            received?.draft.data["args"]?.object ?? scheduled?.draft.data["claims"]?["args"]?.object
            ?? data["args"]?.object ?? [:]
        let unit = data["unit"]?.string ?? data["result"]?["unit"]?.string
        let configured = gateway.units.first { $0.id == unit }?.usagePlace
        guard let place = asked["usageplacecode"]?.string ?? configured else { return nil }
        var args: JSONObject = [
            "id": .string(asked["request_id"]?.string ?? jti), "usageplacecode": .string(place),
        ]
        for name in ["customernumber", "contract_no", "invoices"] { args[name] = asked[name] }
        args["time"] = .string(Self.localTime(entry.draft.at, ropo.zone))
        if !isDone {
            args["status"] = .string(ropo.notDisconnected)
            args["description"] = .string(Self.words(data["result"]?.object ?? [:]))
        } else if command == "usage_place_disconnect" {
            args["status"] = "disconnected"
            args["description"] = "Usage place disconnected"
        } else {
            args["status"] = "connected"
            // With a button at the meter the box has done its part, but nothing flows before the customer does theirs.
            let isArmed = data["result"]?["result"]?["supply"]?.string == "armed"
            args["description"] =
                isArmed
                ? "Usage place released: the customer switches it on at the meter" : "Usage place connected"
        }
        return UpstreamWork("event", args)
    }

    /// `2024-01-04 10:41:40`
    static func localTime(_ time: WallTime, _ zone: ZoneRules) -> String {
        let text = WallTime(seconds: zone.local(time.seconds)).textSeconds
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))"
    }

    /// Why a supply was not cut, for the billing company's people.
    static func words(_ result: JSONObject) -> String {
        let message = result["message"]?.string ?? ""
        let reason: String? =
            switch (result["code"]?.string, result["detail"]?.string) {
            case (_, "friendly_period"?): "a friendly period is active"
            case (_, "special_day"?): "a special day is active"
            case (_, "force_on"?), (_, "supply_forced_on"?): "the supply is forced on"
            case (_, "never_disconnect"?): "this supply may never be disconnected"
            case (_, "not_enabled"?): "disconnection is not enabled for this unit"
            case (_, "usage_place"?), (_, "unknown_unit"?), ("target"?, _): "the usage place is not known here"
            case ("expired"?, _): "the request had expired"
            case ("switch_contradicted"?, _): "the load switch did not follow the order"
            case ("no_reply"?, _): "the unit is offline"
            case (_, "clock_untrusted"?): "the box's clock is not trusted at the moment"
            default: nil
            }
        guard let reason else { return "Not disconnected: \(message.isEmpty ? "the box refused" : message)" }
        return "Not disconnected: \(reason)"
    }
}

/// Which records were told: a cursor that stays before the oldest that was not.
struct UsagePlaceEvents {
    private var openSeqs: [Int64] = []
    /// Some found no room.
    var isBehind = false
    private var newest: Int64 = 0

    /// Everything up to here was told.
    var cursor: Int64 { openSeqs.min().map { $0 - 1 } ?? newest }

    mutating func begin(after seq: Int64) { newest = seq }

    mutating func open(_ seq: Int64) {
        if !openSeqs.contains(seq) { openSeqs.append(seq) }
        newest = max(newest, seq)
    }

    mutating func close(_ seq: Int64) { openSeqs.removeAll { $0 == seq } }
}
