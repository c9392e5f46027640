import Metering

/// When the contactor moved: what dwell and limits go by. Uptime, because wall time can jump; after a restart the box
/// counts as having moved it, so that a box that restarts all the time does not chatter.
public struct SwitchHistory: Hashable, Sendable {
    /// The switch stays where it is for so long after a movement, microseconds.
    public static let dwell: Int64 = 60 * 1_000_000
    /// Movements an hour.
    public static let mostPerHour = 6
    static let hour: Int64 = 3600 * 1_000_000
    static let day: Int64 = 86_400 * 1_000_000

    /// Movements of the last hour, oldest first, at most six.
    private var moves: [Uptime] = []
    private var remoteDisconnect: Uptime?

    /// No movement.
    public init() {}

    /// What the journal remembers of the time before a restart.
    /// - Parameters:
    ///   - moves: oldest first.
    ///   - remoteDisconnect: the newest disconnection by order.
    public init(moves: [Uptime], remoteDisconnect: Uptime?) {
        self.moves = moves.suffix(Self.mostPerHour)
        self.remoteDisconnect = remoteDisconnect
    }

    /// Notes a movement.
    /// - Parameter isRemote: it was a disconnection by order.
    public mutating func moved(at time: Uptime, isRemoteDisconnect isRemote: Bool = false) {
        moves.append(time)
        if moves.count > Self.mostPerHour { moves.removeFirst() }
        if isRemote { remoteDisconnect = time }
    }

    /// Until when the dwell time lasts; nil when it is over.
    public func dwellUntil(_ time: Uptime) -> Uptime? {
        guard let last = moves.last, time - last < Self.dwell else { return nil }
        return last + Self.dwell
    }

    /// Until when the switch has moved too often in the last hour; nil when it has not.
    public func limitUntil(_ time: Uptime) -> Uptime? {
        guard moves.count == Self.mostPerHour, let first = moves.first, time - first < Self.hour else { return nil }
        return first + Self.hour
    }

    /// Until when no other disconnection by order is carried out: one a day.
    public func remoteLimitUntil(_ time: Uptime) -> Uptime? {
        guard let remoteDisconnect, time - remoteDisconnect < Self.day else { return nil }
        return remoteDisconnect + Self.day
    }
}
