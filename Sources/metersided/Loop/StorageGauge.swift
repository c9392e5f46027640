import Bus
import Drivers
import Gateway
import Glibc
import Metering

/// Looks at the room on the disk of the journal, and says when the agent must know of a change.
struct StorageGauge {
    /// Below this much room people are told: some weeks of records, bytes.
    private static let lowMark: Int64 = 64 << 20
    /// Room is looked for this often, microseconds.
    private static let interval: Int64 = 60_000_000

    private let folder: String
    private var told = StorageState.sound
    private var lookAt = Uptime(microseconds: 0)
    private var free = Int64.max

    init(folder: String) { self.folder = folder }

    /// The new state; nil when it is as told before.
    mutating func news(isFull: Bool, fault: String?, at now: Uptime) -> StorageState? {
        if now >= lookAt {
            lookAt = now + Self.interval
            free = Self.room(in: folder)
        }
        let state: StorageState =
            if let fault {
                .corrupt(fault)
            } else if isFull {
                .full
            } else {
                free < Self.lowMark ? .low(free: free) : .sound
            }
        guard !state.isSame(as: told) else { return nil }
        told = state
        return state
    }

    /// What an unprivileged process may still write, bytes; unlimited when the system does not tell.
    private static func room(in folder: String) -> Int64 {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return .max }
        let (bytes, isOver) = Int64(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: status.f_frsize))
        return isOver ? .max : bytes
    }
}

extension StorageState {
    /// The same but for the number of bytes left.
    fileprivate func isSame(as other: StorageState) -> Bool {
        if case .low = self, case .low = other { return true }
        return self == other
    }
}

extension MainLoop {
    /// Answers an order to a switch whose record cannot be made durable: it must not be carried out.
    func refuse(_ request: BusRequest) {
        let reply = BusReply(
            id: request.id, port: request.port,
            outcome: .failed(.portDown("the disk is full, so no order to a switch can be recorded")), at: time.now())
        mailbox.post([.bus(.reply(reply))])
    }
}
