import Drivers
import Metering

/// One turn of the agent: the moment it happens at and the effects it gathers. It numbers the journal records.
struct Turn {
    let moment: Moment
    /// Sequence of the newest record, those of this turn included.
    private(set) var head: Int64
    /// The time that things are decided by does not run behind this: the newest record's, unless that was found to lie
    /// in a future that will not come for long.
    private(set) var newestAt: WallTime
    /// Time of the newest record: record times never run backwards, whatever the wall clock does.
    private(set) var newestRecordAt: WallTime
    private(set) var effects: [Effect] = []
    /// Whether the broker is connected: live values are only made then.
    var isConnected: Bool
    /// Records are not dated later than this: the wall clock may have run away (`RecordClock`).
    private let latest: WallTime

    init(
        moment: Moment, head: Int64, newestAt: WallTime, newestRecordAt: WallTime? = nil, isConnected: Bool,
        latest: WallTime? = nil
    ) {
        self.newestRecordAt = newestRecordAt ?? newestAt
        self.moment = moment
        self.latest = latest ?? moment.wall
        self.head = head
        self.newestAt = newestAt
        self.isConnected = isConnected
    }

    /// What the business of a record is called in its key: `<kind>/<name>`, or `<kind>/<seq>` when it has none.
    enum KeyRule {
        case sequence
        case name(String)
        /// The whole key, for intervals.
        case whole(String)
    }

    /// The sequence number the next record will get.
    var nextSequence: Int64 { head + 1 }

    /// The time that this turn decides by; the next record carries it too, unless an older one lies after it.
    var recordTime: WallTime { max(latest, newestAt) }

    /// The newest record is dated in a future that will not come for long: what is decided goes by the clock again.
    /// Records keep that date until it is over: theirs never decreases (reliability.md, INV-7).
    mutating func forgetFuture() { newestAt = min(newestAt, latest) }

    /// Appends a record and returns its sequence. `supply.*` and `alarm` records are also copied to `alarm`.
    @discardableResult
    mutating func append(_ kind: JournalKind, key: KeyRule = .sequence, _ data: JSONObject) -> Int64 {
        let at = max(recordTime, newestRecordAt)
        newestAt = max(newestAt, recordTime)
        newestRecordAt = at
        head += 1
        let text =
            switch key {
            case .sequence: "\(kind.rawValue)/\(head)"
            case .name(let name): "\(kind.rawValue)/\(name)"
            case .whole(let whole): whole
            }
        effects.append(.append(JournalDraft(seq: head, at: at, kind: kind, key: text, data: data)))
        return head
    }

    /// Raises an alarm: a record whose `data.alarm` is the word, with more members that explain it.
    mutating func alarm(_ word: AlarmWord, _ details: JSONObject = JSONObject()) {
        var data: JSONObject = ["alarm": .string(word.rawValue)]
        for (name, value) in details.members { data[name] = value }
        append(.alarm, data)
    }

    /// Any other effect.
    mutating func emit(_ effect: Effect) { effects.append(effect) }

    /// A message to the broker; nothing happens while it is not connected.
    mutating func publish(_ topic: String, _ payload: [UInt8], retained: Bool = false) {
        guard isConnected else { return }
        effects.append(.publish(Publication(topic: topic, payload: payload, retained: retained)))
    }
}
