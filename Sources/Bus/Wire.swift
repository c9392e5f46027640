import CLinux
import Drivers
import Glibc
import Metering

/// One open device or connection and what is known of its silence. Used on the port's thread only.
final class Wire {
    /// Most a wire may babble before we give up waiting for its silence, microseconds.
    private static let longestBabble: Int64 = 1_000_000
    /// Silence after which a damaged frame is over: USB adapters deliver in lumps up to 16 ms apart. Microseconds.
    private static let quiet: Int64 = 20_000

    private static let flood = 64 * 1024

    let configuration: PortConfiguration
    let tap: Tap
    private let clock: any BusClock
    private let mailbox: Mailbox
    private let outbox: Outbox
    private(set) var descriptor: Int32 = -1
    /// What the line is set to now; nil for TCP.
    private(set) var line: LineSettings?
    /// When the last byte, ours or another's, was on the wire.
    private(set) var lastByteAt: Int64 = 0
    /// Counts openings and changes of line settings: what was learned of the other end before is then void.
    private(set) var generation = 0
    /// Whether anything was received since the wire was opened.
    private(set) var hasReceived = false

    init(configuration: PortConfiguration, clock: any BusClock, mailbox: Mailbox, outbox: Outbox, tap: Tap) {
        self.configuration = configuration
        self.clock = clock
        self.mailbox = mailbox
        self.outbox = outbox
        self.tap = tap
    }

    var isOpen: Bool { descriptor >= 0 }

    var isSerial: Bool {
        if case .serial = configuration.wire { true } else { false }
    }

    /// Uptime in microseconds.
    func now() -> Int64 { clock.uptime().microseconds }

    // MARK: Opening

    /// Opens the device by its name, or connects. `whileWaiting` runs when someone wakes the thread meanwhile. Gives a
    /// note for people where something could not be had as configured.
    func open(whileWaiting: () -> Void = {}) throws(WireFault) -> String? {
        close()
        outbox.flush()
        var note: String?
        switch configuration.wire {
        case .serial(let device, let settings, let rs485):
            let opened = try SerialDevice.open(device, line: settings, rs485: rs485)
            descriptor = opened.descriptor
            note = opened.note
            line = settings
        case .tcp(let host, let port):
            descriptor = try TcpConnection.open(host: host, port: port) { socket, nanoseconds throws(WireFault) in
                try self.waitWritable(socket, nanoseconds, whileWaiting)
            }
        case .gpio: throw .lost("GPIO lines carry no bytes")
        }
        // libmodbus waits with select(), which writes beyond its set for larger descriptors.
        guard descriptor < 1024 else {
            close()
            throw .lost("too many files and connections are open in this process; use fewer ports")
        }
        generation += 1
        lastByteAt = now()
        return note
    }

    func close() {
        guard isOpen else { return }
        if isSerial { SerialDevice.close(descriptor) } else { Descriptor.close(descriptor) }
        descriptor = -1
        hasReceived = false
    }

    /// Sets a serial line for the next exchange: the request's own settings, else the port's.
    func useLine(_ wanted: LineSettings?) throws(WireFault) {
        guard case .serial(let device, let usual, _) = configuration.wire else { return }
        let settings = wanted ?? usual
        guard settings != line else { return }
        try SerialDevice.apply(settings, to: descriptor, device: device)
        line = settings
        generation += 1
        lastByteAt = now()
    }

    // MARK: Waiting

    /// Whether something can be read, or the uptime `deadline` came first.
    func waitReadable(until deadline: Int64) throws(WireFault) -> Bool {
        // Replies held back must not wait for a slow unit.
        if !outbox.isEmpty {
            if try waitInput(until: min(deadline, now() + 2000)) { return true }
            outbox.flush()
        }
        return try waitInput(until: deadline)
    }

    private func waitInput(until deadline: Int64) throws(WireFault) -> Bool {
        while true {
            let remaining = deadline - now()
            guard remaining > 0 else { return false }
            let mask = clinux_wait(mailbox.wake, descriptor, remaining * 1000)
            if mask == CLINUX_READY { return true }
            if mask == 0 { continue }
            guard mask > 0 else { throw .lost(lostText(-mask)) }
            if mask & CLINUX_WAKE != 0 { try lookUp() }
            if mask & CLINUX_READY != 0 { return true }
            if mask & CLINUX_HANGUP != 0 { throw .lost(lostText(EIO)) }
        }
    }

    private func waitWritable(
        _ socket: Int32, _ nanoseconds: Int64, _ whileWaiting: () -> Void
    ) throws(WireFault) -> Bool {
        let deadline = now() + nanoseconds / 1000
        while true {
            let remaining = deadline - now()
            guard remaining > 0 else { return false }
            let mask = clinux_wait_writable(mailbox.wake, socket, remaining * 1000)
            guard mask >= 0 else { throw .lost(lostText(-mask)) }
            if mask & (CLINUX_READY | CLINUX_HANGUP) != 0 { return true }
            if mask & CLINUX_WAKE != 0 {
                try lookUp()
                whileWaiting()
            }
        }
    }

    private func lookUp() throws(WireFault) {
        mailbox.clearWake()
        if mailbox.isStopping { throw .stopping }
    }

    /// Waits until the wire was silent for so long, discarding what comes meanwhile, so that no old answer is taken for
    /// a new one. False when it does not fall silent.
    func holdSilence(_ microseconds: Int64) throws(WireFault) -> Bool {
        let limit = now() + microseconds + Self.longestBabble
        var isChecked = false
        while true {
            let present = now()
            let end = lastByteAt + microseconds
            if present >= end {
                // A wait that ended by its time-out has looked already.
                if isChecked { return true }
                if try discard() == 0 { return true }
            } else {
                isChecked = try !waitReadable(until: end)
                if !isChecked { _ = try discard() }
            }
            guard present < limit else { return false }
        }
    }

    /// After damage: discards until the line is quiet, at most `longestBabble`.
    func settle() throws(WireFault) {
        let limit = now() + Self.longestBabble
        let silence = max(Self.quiet, line?.frameSilence ?? 0)
        while now() < limit, try waitReadable(until: now() + silence) { _ = try discard() }
    }

    // MARK: Bytes

    /// Reads what is there into `buffer`; 0 when nothing is.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(WireFault) -> Int {
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 {
            touched()
            return count
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return 0 }
        throw .lost(lostText(count == 0 ? 0 : errno))
    }

    /// Reads and drops what is there, but no more than a flood's worth at once; says how many bytes it was.
    func discard() throws(WireFault) -> Int {
        var total = 0
        while total < Self.flood {
            let count = try withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) {
                buffer -> Result<Int, WireFault> in
                do throws(WireFault) {
                    let count = try read(into: buffer)
                    if count > 0 { tap.receivedNoise(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                    return .success(count)
                } catch {
                    return .failure(error)
                }
            }.get()
            total += count
            if count < 512 { break }
        }
        return total
    }

    /// Writes all bytes and says when the last of them will have left, by the line's speed.
    func write(_ bytes: [UInt8]) throws(WireFault) -> Int64 {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Self.put(descriptor, $0, from: sent, toSocket: !isSerial) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN || errno == EINTR {
                guard try waitWritable(descriptor, 2_000_000_000, {}) else { throw .lost(lostText(ETIMEDOUT)) }
            } else {
                throw .lost(lostText(errno))
            }
        }
        return sentNow(bytes.count)
    }

    private static func put(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, from start: Int, toSocket: Bool)
        -> Int
    {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        // No SIGPIPE from a connection that the other end has closed.
        return toSocket
            ? send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            : Glibc.write(descriptor, rest.baseAddress, rest.count)
    }

    /// Notes that bytes were just handed to the driver; gives the time the last one is on the wire.
    func sentNow(_ count: Int) -> Int64 {
        lastByteAt = now() + (line.map { Int64(count) * $0.nanosecondsPerCharacter / 1000 } ?? 0)
        return lastByteAt
    }

    /// Notes that bytes were just received.
    func touched() {
        lastByteAt = now()
        hasReceived = true
    }

    /// For people; 0 means that the other end has closed.
    func lostText(_ error: Int32) -> String {
        switch configuration.wire {
        case .serial(let device, _, _):
            "\(device) went away (\(error == 0 ? "hung up" : Descriptor.text(error))): plug the adapter in again"
        case .tcp(let host, let port):
            "\(host):\(port) ended the connection (\(error == 0 ? "closed" : Descriptor.text(error)))"
        case .gpio(let lines): "\(lines.chip) went away (\(Descriptor.text(error)))"
        }
    }
}
