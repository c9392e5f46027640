/// The kinds of journal records (contract §4).
public enum JournalKind: String, Sendable, CaseIterable {
    case boxCreated = "box.created"
    case boxStarted = "box.started"
    case boxStopped = "box.stopped"
    case clockStep = "clock.step"
    case clockTrust = "clock.trust"
    case configChanged = "config.changed"
    case meterUp = "meter.up"
    case meterDown = "meter.down"
    case meterEvent = "meter.event"
    case meterReplaced = "meter.replaced"
    case meterQuarantined = "meter.quarantined"
    case interval
    case creditCharged = "credit.charged"
    case creditToppedUp = "credit.topped_up"
    case creditAdjusted = "credit.adjusted"
    case creditReversed = "credit.reversed"
    case creditArrears = "credit.arrears"
    case creditEmergency = "credit.emergency"
    case creditLoan = "credit.loan"
    case creditLow = "credit.low"
    case unitSetting = "unit.setting"
    case unitMode = "unit.mode"
    case supplyDecided = "supply.decided"
    case supplyOrdered = "supply.ordered"
    case supplyConfirmed = "supply.confirmed"
    case supplyContradicted = "supply.contradicted"
    case commandReceived = "command.received"
    case commandScheduled = "command.scheduled"
    case commandDone = "command.done"
    case commandRefused = "command.refused"
    case keyAdded = "key.added"
    case keyRevoked = "key.revoked"
    case upstreamSent = "upstream.sent"
    case upstreamAnswered = "upstream.answered"
    case upstreamParked = "upstream.parked"
    case commissioning
    case hanState = "han.state"
    case alarm

    /// Whether a copy goes to the `alarm` topic the moment the record is durable (contract §3).
    public var isUrgent: Bool { self == .alarm || rawValue.hasPrefix("supply.") }
}

/// The words `data.alarm` of an `alarm` record may have (contract §4).
public enum AlarmWord: String, Sendable, CaseIterable {
    case rollbackSuspected = "rollback_suspected"
    case identityClash = "identity_clash"
    case journalCorrupt = "journal_corrupt"
    case storageLow = "storage_low"
    case clockUntrusted = "clock_untrusted"
    case meterSilent = "meter_silent"
    case meterMismatch = "meter_mismatch"
    case registerReset = "register_reset"
    case implausibleReading = "implausible_reading"
    case sumCheck = "sum_check"
    case switchContradicted = "switch_contradicted"
    case switchSelfOpened = "switch_self_opened"
    case loadOnOpenSwitch = "load_on_open_switch"
    case hanDrift = "han_drift"
    case upstreamRefused = "upstream_refused"
    case keyMisuse = "key_misuse"
}

/// A record before its hash is known: the agent numbers it, the journal makes it durable.
public struct JournalDraft: Hashable, Sendable {
    public var seq: Int64
    public var at: WallTime
    public var kind: JournalKind
    public var key: String
    /// Always an object.
    public var data: JSONObject

    public init(seq: Int64, at: WallTime, kind: JournalKind, key: String, data: JSONObject) {
        self.seq = seq
        self.at = at
        self.kind = kind
        self.key = key
        self.data = data
    }

    /// The bytes that are hashed: exactly `{at, data, key, kind, seq}`, names sorted, compact (contract §4).
    public var canonicalBytes: [UInt8] {
        JSONWriter.canonical(
            [
                "at": .string(at.text), "data": .object(data), "key": .string(key), "kind": .string(kind.rawValue),
                "seq": .integer(seq),
            ])
    }
}

/// A durable record of the journal, as it is published and exported.
public struct JournalEntry: Hashable, Sendable {
    public var draft: JournalDraft
    /// Lower-case hex of SHA-256, 64 characters.
    public var hash: String

    public init(draft: JournalDraft, hash: String) {
        self.draft = draft
        self.hash = hash
    }

    /// `{seq, at, kind, key, data, hash}`.
    public var json: JSONValue {
        [
            "seq": .integer(draft.seq), "at": .string(draft.at.text), "kind": .string(draft.kind.rawValue),
            "key": .string(draft.key), "data": .object(draft.data), "hash": .string(hash),
        ]
    }
}
