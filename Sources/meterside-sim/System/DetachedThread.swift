import CLinux

/// A thread of its own that nobody joins: who starts it counts it.
enum DetachedThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread with a stack of `stackBytes`.
    static func start(stackBytes: Int = 256 << 10, _ body: @escaping @Sendable () -> Void) throws(SimulatorFailure) {
        let context = Unmanaged.passRetained(Work(body)).toOpaque()
        let result = clinux_thread_start(
            stackBytes,
            { context in
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, context)
        guard result == 0 else {
            Unmanaged<Work>.fromOpaque(context).release()
            throw .system("cannot start a thread", -result)
        }
    }
}
