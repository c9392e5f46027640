import CCurl
import CLinux
import Glibc
import Synchronization

/// HTTPS to all upstream systems: one thread of our own with libcurl, many requests side by side.
///
/// It sends each request once and never again by itself: no redirects, no reused connections, no retries. What became
/// of it, and whether it may have arrived, is told exactly; what to do then is the runner's business.
public final class HttpsTransport: Sendable {
    /// Requests that may be under way.
    public static let mostOutstanding = 16

    private let shared = HttpsShared()
    private let deliver: @Sendable (UInt64, HttpsResult) -> Void

    /// - Parameter deliver: told what became of each request, on the transport's thread: it must only enqueue.
    public init(deliver: @escaping @Sendable (UInt64, HttpsResult) -> Void) { self.deliver = deliver }

    /// Starts the thread; once.
    public func start() throws(HttpsStartError) {
        guard Self.library == 0 else { throw .library(Self.library) }
        guard let multi = curl_multi_init() else { throw .library(-1) }
        guard shared.done >= 0 else { throw .event(-shared.done) }
        guard shared.state.withLock({ $0.begin(multi) }) else { return }
        let loop = HttpsLoop(multi: multi, shared: shared, deliver: deliver)
        let context = Unmanaged.passRetained(loop).toOpaque()
        // OpenSSL and the name look-up want more than a small stack; pages that are not touched cost nothing.
        let result = clinux_thread_start(
            512 * 1024,
            { context in
                guard let context else { return nil }
                Unmanaged<HttpsLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        guard result == 0 else {
            Unmanaged<HttpsLoop>.fromOpaque(context).release()
            shared.state.withLock { $0.end() }
            throw .thread(-result)
        }
    }

    /// Sends a request; `id` is the caller's own and comes back with the result. False, and nothing is sent, when the
    /// transport does not run or too much is under way.
    public func send(_ id: UInt64, to endpoint: HttpsEndpoint, _ request: HttpsRequest) -> Bool {
        shared.state.withLock { $0.take(HttpsOrder(id: id, endpoint: endpoint, request: request)) }
    }

    /// Takes a request back: its result is a failure of kind `cancelled`, which says whether it may have arrived.
    public func cancel(_ id: UInt64) { shared.state.withLock { $0.cancel(id) } }

    /// Takes everything back and ends the thread.
    /// - Returns: false when the thread did not end in time; it is left behind.
    @discardableResult
    public func stop(within milliseconds: Int64) -> Bool {
        guard shared.state.withLock({ $0.stop() }) else { return true }
        return clinux_wait(shared.done, -1, milliseconds * 1_000_000) & CLINUX_WAKE != 0
    }

    private static let library: Int32 = {
        // libcurl would write the keys of every connection to the file it names.
        unsetenv("SSLKEYLOGFILE")
        return Int32(bitPattern: ccurl_start().rawValue)
    }()
}

/// Why the transport could not start.
public enum HttpsStartError: Error, Hashable, Sendable, CustomStringConvertible {
    case library(Int32)
    case event(Int32)
    case thread(Int32)

    public var description: String {
        switch self {
        case .library(let code): "libcurl does not start (error \(code))"
        case .event(let errno): "no eventfd: \(String(cString: strerror(errno)))"
        case .thread(let errno): "no thread for HTTPS: \(String(cString: strerror(errno)))"
        }
    }
}

/// A request as it waits for the thread.
struct HttpsOrder: Sendable {
    var id: UInt64
    var endpoint: HttpsEndpoint
    var request: HttpsRequest
}

/// What callers and the thread share.
final class HttpsShared: Sendable {
    /// Readable when the thread has ended.
    let done = clinux_event_make()
    let state = Mutex(HttpsQueue())

    deinit { if done >= 0 { close(done) } }
}

/// Requests on their way to the thread.
struct HttpsQueue: @unchecked Sendable {
    /// Nil while the thread does not run. Used here only to wake it, which curl allows from any thread.
    private var multi: UnsafeMutableRawPointer?
    private var waiting: [HttpsOrder] = []
    private var cancelled: [UInt64] = []
    private var outstanding = 0
    private(set) var isStopping = false

    mutating func begin(_ multi: UnsafeMutableRawPointer) -> Bool {
        guard self.multi == nil, !isStopping else {
            curl_multi_cleanup(multi)
            return false
        }
        self.multi = multi
        return true
    }

    mutating func take(_ order: HttpsOrder) -> Bool {
        guard let multi, !isStopping, outstanding < HttpsTransport.mostOutstanding else { return false }
        outstanding += 1
        waiting.append(order)
        curl_multi_wakeup(multi)
        return true
    }

    mutating func cancel(_ id: UInt64) {
        guard let multi else { return }
        cancelled.append(id)
        curl_multi_wakeup(multi)
    }

    mutating func stop() -> Bool {
        guard let multi else { return false }
        isStopping = true
        curl_multi_wakeup(multi)
        return true
    }

    /// What is new for the thread.
    mutating func news() -> (orders: [HttpsOrder], cancelled: [UInt64], isStopping: Bool) {
        defer {
            waiting = []
            cancelled = []
        }
        return (waiting, cancelled, isStopping)
    }

    mutating func settled() { outstanding -= 1 }

    /// The thread is over: curl's handle goes, and nobody wakes it any more.
    mutating func end() {
        if let multi { curl_multi_cleanup(multi) }
        multi = nil
        isStopping = true
    }
}
