import Drivers
import Metering

/// The server half of the EDMI command line: a meter of either dialect that answers plain and addressed frames. A
/// value; it knows only what it is told and never sends by itself.
public struct EdmiMeterSimulator: Sendable {
    public var settings: EdmiMeterSettings
    /// What happens to the next replies, one each; empty for good behaviour.
    public var faults: [EdmiMeterFault] = []
    /// Who is logged in.
    public private(set) var user: String?
    /// Frames that were for this meter, newest last; at most 256.
    public private(set) var received: [[UInt8]] = []
    private var reader = EdmiFrameReader()
    private var lastActivity = WallTime(milliseconds: 0)
    private var delayed: [UInt8] = []

    public init(_ settings: EdmiMeterSettings) { self.settings = settings }

    // MARK: Bytes

    /// Takes bytes from the wire and gives those the meter sends, at true time `now`. Frames of other meters are
    /// ignored.
    public mutating func receive(_ bytes: [UInt8], at now: WallTime) -> [UInt8] {
        var sent: [UInt8] = []
        for event in reader.feed(bytes) {
            guard case .frame(let body) = event else { continue }
            sent += answerFrame(body, at: now)
        }
        return sent
    }

    private mutating func answerFrame(_ body: [UInt8], at now: WallTime) -> [UInt8] {
        guard isMine(body) else { return [] }
        let fault = faults.isEmpty ? .none : faults.removeFirst()
        var reply: [UInt8]?
        switch fault {
        case .refuse(let code): reply = enveloped([0x18] + (code.map { [$0] } ?? []), as: body)
        case .forget:
            user = nil
            reply = answer(body, at: now)
        default: reply = answer(body, at: now)
        }
        guard let reply else { return [] }
        let before = delayed
        delayed = []
        return before + apply(fault, to: reply)
    }

    private mutating func apply(_ fault: EdmiMeterFault, to reply: [UInt8]) -> [UInt8] {
        let frame = EdmiFrame.encode(reply)
        switch fault {
        case .none, .refuse, .forget: return frame
        case .drop: return []
        case .late:
            delayed = frame
            return []
        case .twice: return frame + frame
        case .garbage(let bytes): return bytes
        case .noise(let bytes): return bytes + frame
        case .badChecksum:
            var bytes = frame
            bytes[bytes.count / 2] ^= 0x04
            return bytes
        case .truncated: return [UInt8](frame.prefix(frame.count / 2))
        case .repeated:
            let crc = EdmiFrame.checksum(of: [0x02] + reply)
            return EdmiFrame.encode(reply + [UInt8(crc >> 8), UInt8(crc & 0xFF), 0x02] + reply)
        }
    }

    // MARK: Bodies

    /// The body a frame body is answered with; nil when it is for another meter.
    public mutating func answer(_ body: [UInt8], at now: WallTime) -> [UInt8]? {
        guard isMine(body) else { return nil }
        received.append(body)
        if received.count > 256 { received.removeFirst() }
        if now - lastActivity > settings.inactivitySeconds * 1000 { user = nil }
        lastActivity = now
        guard !body.isEmpty else { return [0x06] }
        return enveloped(answerInner(EdmiEnvelope(body: body)?.inner ?? body, at: now), as: body)
    }

    private func isMine(_ body: [UInt8]) -> Bool {
        guard let envelope = EdmiEnvelope(body: body) else { return true }
        return envelope.destination == settings.address
    }

    private func enveloped(_ inner: [UInt8], as request: [UInt8]) -> [UInt8] {
        EdmiEnvelope(body: request)?.reply(inner).body ?? inner
    }

    private mutating func answerInner(_ inner: [UInt8], at now: WallTime) -> [UInt8] {
        switch inner.first {
        case 0x4C: return logIn(inner)
        case 0x58 where inner.count == 1:
            user = nil
            return [0x06]
        default: break
        }
        guard user != nil else { return Self.cancel(9) }
        let memory = EdmiMeterMemory(settings: settings, now: now)
        switch inner.first {
        case 0x52, 0x49: return memory.short(inner)
        case 0x4D where settings.dialect == .genius: return many(inner, memory) ?? memory.long(inner)
        case 0x4F where settings.dialect == .genius: return memory.long(inner)
        case 0x46: return EdmiMeterFile(memory: memory).answer(inner)
        case 0x57, 0x4E: return write(inner, at: now)
        default: return Self.cancel(2)
        }
    }

    /// Only the clock can be written, and only where the user may.
    private mutating func write(_ inner: [UInt8], at now: WallTime) -> [UInt8] {
        let register: [UInt8] = inner[0] == 0x57 ? [0x57, 0xF0, 0x3D] : [0x4E, 0x00, 0x00, 0xF0, 0x3D]
        guard settings.allowsClock, inner.starts(with: register) else { return Self.cancel(4) }
        guard let time = EdmiTime.time(inner.dropFirst(register.count)) else { return Self.cancel(8) }
        settings.clockErrorSeconds += time.seconds - settings.meterSeconds(now)
        return [0x06]
    }

    private mutating func logIn(_ inner: [UInt8]) -> [UInt8] {
        let known = settings.users.first { user in
            inner.elementsEqual([0x4C] + user.name.utf8 + [0x2C] + user.password.utf8 + [0])
        }
        guard let known, !settings.refusesLogin else { return [0x18] }
        user = known.name
        return [0x06]
    }

    /// `M` with FFF0 or FFF1; nil for a single register.
    private func many(_ inner: [UInt8], _ memory: EdmiMeterMemory) -> [UInt8]? {
        guard inner.count >= 9, inner[1] == 0, inner[2] == 0, inner[3] == 0xFF, inner[4] & 0xFE == 0xF0 else {
            return nil
        }
        let statusEach = inner[4] == 0xF1
        guard statusEach ? settings.hasStatusBatch : settings.hasBatch else { return Self.cancel(3) }
        guard (inner.count - 5) % 4 == 0 else { return Self.cancel(5) }
        var reply = [UInt8](inner[..<5])
        for start in stride(from: 5, to: inner.count, by: 4) {
            let address = inner[start..<(start + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard let register = memory.register(address) else {
                if !statusEach { return Self.cancel(3) }
                reply.append(3)
                continue
            }
            reply += (statusEach ? [0] : []) + register.bytes
        }
        return reply
    }

    static func cancel(_ code: UInt8) -> [UInt8] { [0x18, code] }
}
