import Metering

/// What the edge knows of the place where records are kept.
public enum StorageState: Hashable, Sendable {
    case sound
    /// Little room is left, bytes.
    case low(free: Int64)
    /// Records wait in memory: nothing is acknowledged and no switch is moved.
    case full
    /// The chain of records does not hold; the text is for people.
    case corrupt(String)
}

/// Watches the storage for the agent: tells people once, and holds the supply while records cannot be made durable.
struct StorageWatch: Sendable {
    private(set) var state = StorageState.sound

    /// Whether the box must not move a switch.
    var holdsSupply: Bool {
        switch state {
        case .sound, .low: false
        case .full, .corrupt: true
        }
    }

    /// Takes a change; an alarm when it is for the worse. A damaged chain stays damaged until the process ends.
    mutating func take(_ news: StorageState, turn: inout Turn) {
        if case .corrupt = state { return }
        let old = state
        state = news
        switch news {
        case .sound: break
        case .low(let free):
            if old == .sound { turn.alarm(.storageLow, ["free_bytes": .integer(free)]) }
        case .full:
            if old != .full { turn.alarm(.storageLow, ["free_bytes": 0]) }
        case .corrupt(let why): turn.alarm(.journalCorrupt, ["message": .string(why)])
        }
    }
}
