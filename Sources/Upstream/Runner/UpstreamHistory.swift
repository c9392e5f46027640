import Metering

/// What the journal says of upstream work: what was sent, what became of it, what is parked. A fold over the records
/// `upstream.*`, bounded.
public struct UpstreamHistory: Hashable, Sendable {
    /// What became of a job.
    public enum State: String, Hashable, Sendable {
        /// Sent, and nothing more is known.
        case sent
        case done
        /// Refused, or not possible now.
        case failed
        case unknown
        case parked
    }

    /// One job.
    public struct Item: Hashable, Sendable {
        public var system: String
        public var operation: String
        public var id: String
        public var work: JSONObject
        public var state: State
        /// Of its newest record.
        public var seq: Int64
        public var at: WallTime
        public var code: String
        public var detail: String
        public var attempts: Int64
        public var result: JSONObject

        /// Whether it was just this work. The journal sorts members, so their order says nothing.
        func isOf(_ summary: JSONObject) -> Bool { Self.isSame(work, summary) }

        /// Whether this was the answer.
        func answered(_ result: JSONObject) -> Bool { Self.isSame(self.result, result) }

        private static func isSame(_ left: JSONObject, _ right: JSONObject) -> Bool {
            JSONWriter.canonical(.object(left)) == JSONWriter.canonical(.object(right))
        }

        /// As `outbox show` lists it (contract §8).
        public var parkedJSON: JSONValue {
            [
                "seq": .integer(seq), "system": .string(system), "operation": .string(operation), "id": .string(id),
                "code": .string(code), "detail": .string(detail), "attempts": .integer(attempts),
                "at": .string(at.text),
            ]
        }
    }

    /// Jobs that are remembered; the oldest that are settled go first.
    static let capacity = 2000

    public private(set) var items: [Item] = []

    public init() {}

    /// What waits for a person.
    public var parked: [Item] { items.filter { $0.state == .parked } }

    /// The newest job of an operation that was sent.
    public func last(_ system: String, _ operation: String) -> Item? {
        items.last { $0.system == system && $0.operation == operation }
    }

    /// The newest job of an operation that was done.
    public func lastDone(_ system: String, _ operation: String) -> Item? {
        items.last { $0.system == system && $0.operation == operation && $0.state == .done }
    }

    /// The job of this name.
    public func item(_ system: String, id: String) -> Item? { items.last { $0.system == system && $0.id == id } }

    /// Whether the last thing done of this operation was just this.
    func isDone(_ system: String, _ work: UpstreamWork, summary: JSONObject) -> Item? {
        lastDone(system, work.operation).flatMap { $0.isOf(summary) ? $0 : nil }
    }

    /// The last job of this operation and work, when nobody knows whether it arrived.
    func unknown(_ system: String, _ operation: String, summary: JSONObject) -> Item? {
        items.last { $0.system == system && $0.operation == operation && $0.isOf(summary) }
            .flatMap { $0.state == .sent || $0.state == .unknown ? $0 : nil }
    }

    /// Drops the oldest item that nobody needs: not what waits for somebody, nor the last that was done of an
    /// operation, such as the registration of the site.
    private mutating func forget() {
        let index = items.indices.first { index in
            let item = items[index]
            guard item.state != .parked, item.state != .sent else { return false }
            guard item.state == .done else { return true }
            return items[(index + 1)...].contains {
                $0.state == .done && $0.operation == item.operation && $0.system == item.system
            }
        }
        items.remove(at: index ?? 0)
    }

    /// Takes a record of the journal; records of other kinds are no concern of it.
    public mutating func take(_ entry: JournalEntry) {
        let draft = entry.draft
        guard let system = draft.data["system"]?.string, let operation = draft.data["operation"]?.string,
            let id = draft.data["id"]?.string
        else { return }
        let index = items.lastIndex { $0.system == system && $0.id == id && $0.operation == operation }
        var item =
            index.map { items.remove(at: $0) }
            ?? Item(
                system: system, operation: operation, id: id, work: [:], state: .sent, seq: draft.seq, at: draft.at,
                code: "", detail: "", attempts: 0, result: [:])
        switch draft.kind {
        case .upstreamSent: item.state = .sent
        case .upstreamAnswered:
            switch draft.data["outcome"]?.string {
            case "done": item.state = .done
            case "unknown", "garbled": item.state = .unknown
            default: item.state = .failed
            }
        case .upstreamParked: item.state = .parked
        default:
            if let index { items.insert(item, at: index) }
            return
        }
        item.seq = draft.seq
        item.at = draft.at
        item.work = draft.data["work"]?.object ?? item.work
        item.code = draft.data["code"]?.string ?? ""
        item.detail = draft.data["detail"]?.string ?? ""
        item.attempts = draft.data["attempts"]?.integer ?? draft.data["attempt"]?.integer ?? item.attempts
        item.result = draft.data["result"]?.object ?? [:]
        items.append(item)
        if items.count > Self.capacity { forget() }
    }
}
