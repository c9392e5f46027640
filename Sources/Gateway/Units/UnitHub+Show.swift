import Credit
import Drivers
import Metering

/// What people see of the units (contract §8).
extension UnitHub {
    private func unit(_ id: String) -> ManagedUnit? { index(of: id).map { units[$0] } }

    func settingJSON(_ resource: String, unit: String, at time: WallTime) -> JSONValue? {
        self.unit(unit)?.payment.account.settingJSON(resource, at: time)
    }

    /// `credit show`; the caller adds `as_of_seq`.
    func creditJSON(unit: String, at time: WallTime) -> JSONValue? {
        self.unit(unit).map { .object($0.payment.account.json(at: time)) }
    }

    func supplyJSON(unit: String) -> JSONValue? { self.unit(unit)?.supplyJSON }
    /// Puts messages on a unit's display in place of those there were.
    mutating func show(_ messages: [DisplayMessage], unit: String, turn: inout Turn) {
        guard let index = index(of: unit) else { return }
        units[index].take(messages)
        units[index].show(turn: &turn)
    }

    func relayJSON(unit: String) -> JSONValue? { self.unit(unit)?.relayJSON }

    func additionsJSON(unit: String) -> JSONValue? {
        self.unit(unit).map { .array($0.payment.account.lastAdditions.map(\.json)) }
    }

    func creditReportJSON(unit: String, from: WallTime?, to: WallTime?, at time: WallTime) -> JSONValue? {
        guard let known = self.unit(unit), var report = known.report.json(from: from, to: to, now: time).object else {
            return nil
        }
        report["unit"] = .string(unit)
        return .object(report)
    }

    func snapshotJSON(unit: String, at time: WallTime) -> JSONValue? { self.unit(unit)?.showJSON(at: time) }

    /// The page that the unit's display shows.
    func pageJSON(unit: String, at time: WallTime) -> JSONValue? {
        self.unit(unit).map { $0.pageJSON(at: time) }
    }

    func meterReadingsJSON(unit: String) -> JSONValue? { self.unit(unit)?.readingsJSON }

    /// `unit list`, a row for each unit.
    func listJSON(at time: WallTime) -> JSONValue { .array(units.map { .object($0.listJSON) }) }

    /// The members of `status.units`.
    var statusJSON: JSONValue { .array(units.map { .object($0.rowJSON) }) }
}

extension ManagedUnit {
    /// A member of `status.units`, and of `unit list`.
    var rowJSON: JSONObject {
        [
            "id": .string(id), "mode": .string(payment.account.mode.rawValue),
            "balance_micro": .integer(payment.account.balance),
            "supply": .string(payment.supply.current.rawValue),
            "reason": JSONValue(payment.supply.decision?.reason.rawValue),
        ]
    }

    /// A member of `unit list`.
    var listJSON: JSONObject {
        var row = rowJSON
        row["available_micro"] = .integer(payment.account.available)
        row["low"] = .bool(payment.account.isLow)
        row["switch"] = JSONValue(settings.loadSwitch)
        row["meters"] = .array(settings.meters.map { .string($0.text) })
        return row
    }

    // MARK: The display

    /// Takes the messages in place of those there were. A text for a while comes to the front by itself.
    mutating func take(_ messages: [DisplayMessage]) {
        if let text = messages.first(where: \.comesForward), !self.messages.contains(text) { isTextInFront = true }
        self.messages = messages
        mustShow = true
    }

    private func messages(at time: WallTime) -> [DisplayMessage] {
        messages.filter { $0.isShown(at: time) && $0 != clearedMessage }
    }

    /// Whoever passes by finds the first page again so long after the button, microseconds.
    static let leafTime: Int64 = 60_000_000

    /// Leafs to the text that came to the front, and back to the first page when its time is over, or the customer has
    /// gone. What happens to the supply comes before any text.
    private mutating func leaf(_ turn: Turn) {
        if payment.supply.current != shownState {
            if shownState != nil { (isTextInFront, page) = (false, 0) }
            shownState = payment.supply.current
        }
        if let leafedUntil, turn.moment.uptime >= leafedUntil {
            self.leafedUntil = nil
            page = 0
        }
        guard isTextInFront else { return }
        let shown = messages(at: turn.recordTime)
        if let text = shown.firstIndex(where: \.comesForward) {
            page = pages(at: turn.recordTime).pages.count - shown.count + text
        } else {
            (isTextInFront, page) = (false, 0)
        }
    }

    func pages(at time: WallTime) -> UnitPages {
        let shown = messages(at: time)
        return UnitPages(
            of: payment, messages: shown.map(\.text), isWarned: warnedUntil.map { time < $0 } ?? false, at: time)
    }

    func pageJSON(at time: WallTime) -> JSONValue {
        let pages = pages(at: time)
        return [
            "unit": .string(id), "page": .integer(Int64(page).flooredRemainder(by: Int64(max(1, pages.pages.count)))),
            "pages": JSONValue(pages.pages.count), "lines": .array(pages.lines(page: page).map { .string($0) }),
            "all": .array(pages.terminalLines().map { .string($0) }),
        ]
    }

    /// Brings the display up to date, where something changed.
    mutating func show(turn: inout Turn) {
        guard mustShow || payment.supply.current != shownState else { return }
        mustShow = false
        leaf(turn)
        let lines = pages(at: turn.recordTime).lines(page: page)
        guard lines != shown else { return }
        shown = lines
        turn.emit(.display(unit: id, lines: lines))
    }

    /// `supply show`.
    var supplyJSON: JSONValue {
        let decision = payment.supply.decision
        let ordered = load.flatMap { $0.move?.closes ?? $0.expected }
        return [
            "unit": .string(id), "enabled": .bool(isEnabled), "tested": .bool(payment.supply.isTested),
            "decided": .string((decision?.state ?? payment.supply.current).rawValue),
            "reason": JSONValue(decision?.reason.rawValue), "words": JSONValue(decision?.reason.words),
            "held": .bool(decision?.isHeld ?? false),
            "ordered": ordered.map { .string(Self.word($0)) } ?? .null, "observed": observedJSON,
            "observed_at": JSONValue(load?.seenAt?.wall.text), "since": JSONValue(payment.supply.since?.text),
            "protected_until": JSONValue(payment.supply.protectedUntil?.text),
            "notice_until": JSONValue(payment.supply.noticeUntil?.text), "switch": JSONValue(settings.loadSwitch),
            "moving": .bool(load?.move != nil), "self_opened": .bool(isSelfOpened),
        ]
    }

    /// The contact as it was seen; `armed` is an open contact that the customer may close. Null while unknown.
    private var observedJSON: JSONValue {
        guard let load, load.isKnown, let closed = load.isClosed else { return .null }
        return .string(closed ? "connected" : payment.supply.current == .armed ? "armed" : "disconnected")
    }

    var relayJSON: JSONValue? {
        guard let load else { return nil }
        return [
            "relay": observedJSON, "observed_at": JSONValue(load.seenAt?.wall.text), "known": .bool(load.isKnown),
        ]
    }

    /// `unit show`.
    func showJSON(at time: WallTime) -> JSONValue {
        var object = listJSON
        object["enabled"] = .bool(isEnabled)
        object["tested"] = .bool(payment.supply.isTested)
        object["usage_place"] = JSONValue(settings.usagePlace)
        object["never_disconnect"] = .bool(settings.policy.neverDisconnect)
        object["fault"] = JSONValue(fault)
        var set = JSONObject()
        for name in UnitSetting.names + ["arrears", "operational_mode"] {
            set[name] = payment.account.settingJSON(name, at: time)
        }
        object["settings"] = .object(set)
        object["credit"] = .object(payment.account.json(at: time))
        object["supply_detail"] = supplyJSON
        object["readings"] = readingsJSON
        return .object(object)
    }

    /// Why nothing is cut although nobody holds it: a fault of the account.
    private var fault: String? {
        if let contradiction { return contradiction }
        switch chargeFault {
        case .refused(let refusal): return refusal.message
        case .contradiction(let why): return why
        case nil: return nil
        }
    }

    /// Registers of the unit's meters: what is confirmed, and up to where it is charged.
    var readingsJSON: JSONValue {
        var rows: [JSONValue] = []
        for (index, meter) in meters.enumerated() {
            for slot in meter.slots {
                rows.append([
                    "slot": JSONValue(index + 1), "meter": .string(meter.serial.text),
                    "channel": .string(slot.channel.rawValue), "register": JSONValue(slot.point?.value),
                    "read_at": JSONValue(slot.point?.moment.wall.text),
                    "charged_to": JSONValue(slot.position?.register),
                    "charged_at": JSONValue(slot.position?.at.text),
                ])
            }
        }
        return .array(rows)
    }
}
