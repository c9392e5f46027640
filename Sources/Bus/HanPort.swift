import CLinux
import Drivers
import Glibc
import Metering

/// The serial device of a HAN adapter, with one thread that owns it. Adapters talk without being asked, so bytes are
/// read as they come and become fragments here: what they say in clear about keys never leaves the thread. There is no
/// tap for the same reason. No call here waits, except `shutDown`.
public final class HanPort: Sendable {
    /// Commands that wait to be written.
    private static let capacity = 32

    /// What the thread and everyone else share.
    final class Shared: Sendable {
        struct State: Sendable {
            var waiting: [[UInt8]] = []
            var isStopping = false
        }

        let state = Guarded(State())
        let wake = clinux_event_make()
        let finished = clinux_event_make()

        deinit {
            Descriptor.close(wake)
            Descriptor.close(finished)
        }
    }

    /// The device's path as configured.
    public let device: String
    private let shared = Shared()

    /// Starts the thread, which opens the device at 115200 8N1 and tells `up` or `down`. `deliver` is called on that
    /// thread and should only enqueue.
    public init(
        device: String, installCode: InstallCode?, clock: any BusClock,
        deliver: @escaping @Sendable ([HanEvent]) -> Void
    ) {
        self.device = device
        let body = HanPortThread(
            device: device, decoder: HanDecoder(installCode: installCode), clock: clock, shared: shared,
            deliver: deliver)
        guard shared.wake >= 0, shared.finished >= 0, body.start() else {
            deliver([.down("no thread for the HAN adapter: close other programs")])
            return
        }
    }

    deinit { stop() }

    /// Writes a command soon. False when the device takes none: too many wait.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Bool {
        let isTaken = shared.state.withLock { state in
            guard !state.isStopping, state.waiting.count < Self.capacity else { return false }
            state.waiting.append(bytes)
            return true
        }
        if isTaken { clinux_event_signal(shared.wake) }
        return isTaken
    }

    /// Closes the device and waits for the thread, at most so many microseconds; false if it has not ended.
    @discardableResult
    public func shutDown(within microseconds: Int64 = 3_000_000) -> Bool {
        stop()
        return clinux_wait(shared.finished, -1, microseconds * 1000) & CLINUX_WAKE != 0
    }

    private func stop() {
        shared.state.withLock { $0.isStopping = true }
        clinux_event_signal(shared.wake)
    }
}
