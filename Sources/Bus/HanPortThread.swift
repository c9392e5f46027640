import CLinux
import Drivers
import Glibc
import Metering

/// What the thread of a HAN adapter does: opens the device, reads, writes, and opens it again after an unplug.
final class HanPortThread: @unchecked Sendable {
    // Unchecked: after `start` only its own thread uses it.
    private static let line = LineSettings(baud: 115_200, format: .eightNone1)
    private static let stackBytes = 256 * 1024
    /// Events a second; a sound adapter sends a handful.
    private static let eventsPerSecond = 100
    /// A command is some hundred bytes; a device that takes none in this time hangs, nanoseconds.
    private static let writeTimeout: Int64 = 1_000_000_000

    private let device: String
    private let decoder: HanDecoder
    private let clock: any BusClock
    private let shared: HanPort.Shared
    private let deliver: @Sendable ([HanEvent]) -> Void
    private var descriptor: Int32 = -1
    private var splitter = HanSplitter()
    private var backoff = Backoff()
    private var hasToldDown = false
    private var windowEnd: Int64 = 0
    private var events = 0

    init(
        device: String, decoder: HanDecoder, clock: any BusClock, shared: HanPort.Shared,
        deliver: @escaping @Sendable ([HanEvent]) -> Void
    ) {
        self.device = device
        self.decoder = decoder
        self.clock = clock
        self.shared = shared
        self.deliver = deliver
    }

    /// False when the system gives no thread.
    func start() -> Bool {
        let context = Unmanaged.passRetained(self)
        let result = clinux_thread_start(Self.stackBytes, Self.body, context.toOpaque())
        if result != 0 { context.release() }
        return result == 0
    }

    private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        if let context { Unmanaged<HanPortThread>.fromOpaque(context).takeRetainedValue().run() }
        return nil
    }

    private func run() {
        clinux_thread_name("han")
        while !isStopping {
            do throws(WireFault) {
                try open()
                try serve()
            } catch {
                close()
                guard case .lost(let reason) = error else { break }
                // A device that stays away is told once.
                if !hasToldDown { deliver([.down(reason)]) }
                hasToldDown = true
                rest(backoff.step() * 1000)
            }
        }
        close()
        clinux_event_signal(shared.finished)
    }

    private var isStopping: Bool { shared.state.withLock { $0.isStopping } }

    private func open() throws(WireFault) {
        descriptor = try SerialDevice.open(device, line: Self.line, rs485: false).descriptor
        splitter.reset()
        shared.state.withLock { $0.waiting = [] }
        hasToldDown = false
        deliver([.up])
    }

    private func close() {
        if descriptor >= 0 { SerialDevice.close(descriptor) }
        descriptor = -1
    }

    /// Sleeps until the time is over or somebody wants the thread to stop; commands meanwhile are for nobody.
    private func rest(_ nanoseconds: Int64) {
        let end = clock.uptime().microseconds + nanoseconds / 1000
        while !isStopping {
            let left = end - clock.uptime().microseconds
            guard left > 0 else { return }
            if clinux_wait(shared.wake, -1, left * 1000) & CLINUX_WAKE != 0 { clinux_event_clear(shared.wake) }
            shared.state.withLock { $0.waiting = [] }
        }
    }

    /// Reads and writes until the device goes away or the thread is to stop.
    private func serve() throws(WireFault) {
        while true {
            let mask = clinux_wait(shared.wake, descriptor, -1)
            guard mask >= 0 else { throw .lost(lostText(-mask)) }
            if mask & CLINUX_WAKE != 0 {
                clinux_event_clear(shared.wake)
                if isStopping { throw .stopping }
                try writeWaiting()
            }
            if mask & CLINUX_READY != 0 { try read() }
            if mask & (CLINUX_READY | CLINUX_HANGUP) == CLINUX_HANGUP { throw .lost(lostText(0)) }
        }
    }

    private func read() throws(WireFault) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else { throw .lost(lostText(count == 0 ? 0 : errno)) }
        backoff.reset()
        take(splitter.feed(buffer.prefix(count)))
    }

    private func take(_ pieces: [HanSplitter.Piece]) {
        let now = clock.uptime().microseconds
        if now >= windowEnd {
            windowEnd = now + 1_000_000
            events = 0
        }
        var told: [HanEvent] = []
        for piece in pieces {
            events += 1
            if events == Self.eventsPerSecond { told.append(.damage("flood")) }
            guard events < Self.eventsPerSecond else { continue }
            switch piece {
            case .element(let element): told.append(.fragment(decoder.decode(element)))
            case .damage(let word): told.append(.damage(word))
            }
        }
        if !told.isEmpty { deliver(told) }
    }

    private func writeWaiting() throws(WireFault) {
        let waiting = shared.state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for bytes in waiting { try write(bytes) }
    }

    private func write(_ bytes: [UInt8]) throws(WireFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN || errno == EINTR {
                guard clinux_wait_writable(-1, descriptor, Self.writeTimeout) & CLINUX_READY != 0 else {
                    throw .lost(lostText(ETIMEDOUT))
                }
            } else {
                throw .lost(lostText(errno))
            }
        }
    }

    private func lostText(_ error: Int32) -> String {
        "\(device) went away (\(error == 0 ? "hung up" : Descriptor.text(error))): plug the HAN adapter in again"
    }
}
