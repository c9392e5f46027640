import Bus
import Drivers
import Foundation
import Metering
import Synchronization

/// Both clocks of this machine.
struct TestClock: BusClock {
    func now() -> Moment {
        Moment(wall: WallTime(milliseconds: read(CLOCK_REALTIME) / 1000), uptime: uptime(), kernelSynchronised: false)
    }

    func uptime() -> Uptime { Uptime(microseconds: read(CLOCK_MONOTONIC)) }

    private func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// Everything a bus told, in order, and a way to wait for it.
final class EventLog: Sendable {
    /// Far longer than anything here takes, so that only a real failure meets it.
    static let patience: TimeInterval = 30

    private let events = Mutex<[BusEvent]>([])
    private let condition = NSCondition()

    func append(_ new: [BusEvent]) {
        condition.withLock {
            events.withLock { $0 += new }
            condition.broadcast()
        }
    }

    var all: [BusEvent] { events.withLock { $0 } }

    /// Waits until the events so far give something other than nil.
    func wait<Value>(_ find: ([BusEvent]) -> Value?) -> Value? {
        let end = Date(timeIntervalSinceNow: Self.patience)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let value = find(all) { return value }
            if !condition.wait(until: end) { return find(all) }
        }
    }

    func reply(_ id: UInt64) -> BusReply? {
        wait { events in
            events.lazy.compactMap { if case .reply(let reply) = $0, reply.id == id { reply } else { nil } }.first
        }
    }

    func outcome(_ id: UInt64) -> BusOutcome? { reply(id)?.outcome }

    /// Waits for so many `up`, and gives the note of the last.
    func ups(_ count: Int) -> [String?] {
        wait { events in
            let notes = events.compactMap { if case .up(_, let note) = $0 { Optional(note) } else { nil } }
            return notes.count >= count ? notes : nil
        } ?? []
    }

    func downs(_ count: Int) -> [String] {
        wait { events in
            let reasons = events.compactMap { if case .down(_, let reason) = $0 { reason } else { nil } }
            return reasons.count >= count ? reasons : nil
        } ?? []
    }

    func frames(_ count: Int) -> [CapturedFrame] {
        wait { events in
            let frames = events.compactMap { if case .frame(let frame) = $0 { frame } else { nil } }
            return frames.count >= count ? frames : nil
        } ?? []
    }
}

/// A bus with one port, and what it told.
final class Bench {
    let log = EventLog()
    let bus: BusPorts
    let port = PortID("a")
    private var nextID: UInt64 = 1

    init(_ wire: PortWire, _ protocol: WireProtocol) {
        let log = log
        bus = BusPorts(clock: TestClock()) { log.append($0) }
        bus.open(PortConfiguration(id: port, wire: wire, protocol: `protocol`))
    }

    convenience init(pty path: String, _ protocol: WireProtocol, line: LineSettings = .fast) {
        self.init(.serial(device: path, line: line, rs485: false), `protocol`)
    }

    convenience init(tcp port: UInt16, _ protocol: WireProtocol) {
        self.init(.tcp(host: "127.0.0.1", port: port), `protocol`)
    }

    deinit { _ = bus.shutDown() }

    func submit(_ operation: BusOperation, line: LineSettings? = nil) -> UInt64 {
        defer { nextID += 1 }
        bus.submit(BusRequest(id: nextID, port: port, operation: operation, line: line))
        return nextID
    }

    func run(_ operation: BusOperation, line: LineSettings? = nil) -> BusOutcome? {
        log.outcome(submit(operation, line: line))
    }
}

extension LineSettings {
    static let fast = LineSettings(baud: 115_200, format: .eightNone1)
}

/// Bytes from hexadecimal digits, blanks ignored.
func hex(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in text.compactMap(\.hexDigitValue) {
        if let first = high {
            bytes.append(first << 4 | UInt8(digit))
            high = nil
        } else {
            high = UInt8(digit)
        }
    }
    return bytes
}

extension BusOperation {
    /// A read of one unit with a time-out that no healthy peer here comes near.
    static func read(
        _ reads: [ModbusRead], unit: UInt8 = 1, timeout: Int64 = 10_000_000, turnaround: Int64 = 0, tries: Int = 1
    ) -> BusOperation {
        .modbus(
            ModbusJob(
                unit: UnitAddress(unit), reads: reads, timeout: timeout, turnaround: turnaround, tries: tries))
    }

    static func edmi(
        _ wire: String, _ expectation: EdmiExpectation = .plain, timeout: Int64 = 10_000_000,
        interCharacter: Int64 = 2_000_000, tries: Int = 1
    ) -> BusOperation {
        .edmi(
            EdmiExchange(
                wire: hex(wire), expectation: expectation, timeout: timeout, interCharacter: interCharacter,
                turnaround: 0, tries: tries))
    }
}

extension BusOutcome {
    static func values(_ words: [UInt16]) -> BusOutcome { .modbus([.success(words)]) }
    static func refused(_ failure: BusFailure) -> BusOutcome { .modbus([.failure(failure)]) }
}

/// Numbers that look random and are the same every time (SplitMix64).
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
