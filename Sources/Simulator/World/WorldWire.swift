import Drivers
import Gateway
import Metering

/// How often a wire does what to a reply, in cases per million.
public struct WireFaults: Hashable, Sendable {
    public var drop: Int
    public var late: Int
    public var badChecksum: Int
    public var garbage: Int
    public var foreign: Int

    public init(drop: Int = 0, late: Int = 0, badChecksum: Int = 0, garbage: Int = 0, foreign: Int = 0) {
        self.drop = drop
        self.late = late
        self.badChecksum = badChecksum
        self.garbage = garbage
        self.foreign = foreign
    }

    /// A poor line: one reply in fifty comes to harm.
    public static let poor = WireFaults(drop: 8000, late: 3000, badChecksum: 5000, garbage: 2000, foreign: 2000)
}

/// A port of the world: its thread, its line and what hangs on it. Requests are carried out one after the other, each
/// byte taking its time.
struct WorldWire: Sendable {
    /// From the end of a request to the start of the reply, microseconds: an ordinary meter.
    private static let meterDelay: Int64 = 12_000

    let settings: PortSettings
    var meters: [Int]
    var faults = WireFaults()
    /// The adapter is out before this; 0 while it is in.
    var pluggedAt: Int64 = 0
    private(set) var busyUntil: Int64 = 0

    init(settings: PortSettings, meters: [Int]) {
        self.settings = settings
        self.meters = meters
    }

    /// Carries out a request given at `now`; says what came of it and when.
    mutating func carryOut(
        _ request: BusRequest, at now: Int64, clock: WorldClock, meters: inout [WorldMeter],
        chance: inout SeededGenerator
    ) -> (outcome: BusOutcome, at: Int64) {
        var time = max(now, busyUntil)
        guard pluggedAt == 0 else { return (.failed(.portDown("the adapter is unplugged")), time + 1) }
        let outcome: BusOutcome
        switch request.operation {
        case .edmi(let exchange):
            outcome = edmi(exchange, at: &time, clock: clock, meters: &meters, chance: &chance)
        case .modbus(let job):
            var results: [Result<[UInt16], BusFailure>] = []
            for read in job.reads {
                if case .failure(.timeout)? = results.first {
                    results.append(.failure(.timeout))
                } else {
                    results.append(
                        modbus(read, job, at: &time, clock: clock, meters: &meters, chance: &chance))
                }
            }
            outcome = .modbus(results)
        case .contact, .inputs:
            // No load switch and no buttons hang on the wires of this world.
            time += 500_000
            outcome = .failed(.timeout)
        }
        busyUntil = time
        return (outcome, time)
    }

    private func duration(of bytes: Int) -> Int64 {
        Int64(bytes) * (settings.line?.nanosecondsPerCharacter ?? 1000) / 1000
    }

    /// What all meters on the wire say to a frame, after `time` was let pass; nil when a fault or silence ate it.
    private mutating func reply(
        to frame: [UInt8], turnaround: Int64, timeout: Int64, at time: inout Int64, clock: WorldClock,
        meters: inout [WorldMeter], chance: inout SeededGenerator
    ) -> [UInt8] {
        time += turnaround + duration(of: frame.count)
        let truth = clock.start + (time + Self.meterDelay) / 1000
        var bytes: [UInt8] = []
        for index in self.meters {
            bytes += meters[index].answer(frame, at: truth, elapsed: time + Self.meterDelay)
        }
        let harm = chance.below(1_000_000)
        var bound = Int64(faults.drop)
        let isLost = harm < bound
        bound += Int64(faults.late)
        let isLate = harm >= bound - Int64(faults.late) && harm < bound
        // A late reply comes into the flush before the next request: for this one it is lost.
        guard !bytes.isEmpty, !isLost, !isLate else {
            time += timeout
            return []
        }
        if harm < bound + Int64(faults.badChecksum) {
            bytes[bytes.count / 2] ^= UInt8(1 << chance.below(8))
        } else if harm < bound + Int64(faults.badChecksum + faults.garbage) {
            bytes = (0..<bytes.count).map { _ in UInt8(chance.below(256)) }
        } else if harm < bound + Int64(faults.badChecksum + faults.garbage + faults.foreign) {
            bytes = settings.wire == .edmi ? Self.foreignFrame + bytes : bytes.map { $0 ^ 0x11 }
        }
        time += Self.meterDelay + duration(of: bytes.count)
        return bytes
    }

    /// Another master's traffic: an addressed reply that is not ours.
    private static let foreignFrame = EdmiFrame.encode(
        EdmiEnvelope(destination: 77, source: 1234, sequence: 9, inner: [0x06]).body)

    private mutating func edmi(
        _ exchange: EdmiExchange, at time: inout Int64, clock: WorldClock, meters: inout [WorldMeter],
        chance: inout SeededGenerator
    ) -> BusOutcome {
        var isDamaged = false
        for _ in 0..<exchange.tries {
            let bytes = reply(
                to: exchange.wire, turnaround: exchange.turnaround, timeout: exchange.timeout, at: &time, clock: clock,
                meters: &meters, chance: &chance)
            var reader = EdmiFrameReader()
            for event in reader.feed(bytes) {
                switch event {
                case .frame(let body):
                    if case .mine = exchange.match(body) { return .edmi(body) }
                case .damaged: isDamaged = true
                }
            }
            if !bytes.isEmpty { time += exchange.timeout }
        }
        return .failed(isDamaged ? .badChecksum : .timeout)
    }

    private mutating func modbus(
        _ read: ModbusRead, _ job: ModbusJob, at time: inout Int64, clock: WorldClock, meters: inout [WorldMeter],
        chance: inout SeededGenerator
    ) -> Result<[UInt16], BusFailure> {
        let frame = ModbusRTU.request(read, unit: job.unit)
        var failure = BusFailure.timeout
        for _ in 0..<job.tries {
            let bytes = reply(
                to: frame, turnaround: job.turnaround + (settings.line?.frameSilence ?? 0), timeout: job.timeout,
                at: &time, clock: clock, meters: &meters, chance: &chance)
            guard !bytes.isEmpty else { continue }
            do throws(ModbusFault) {
                return .success(try ModbusRTU.registers(in: bytes, of: read, unit: job.unit))
            } catch {
                failure = error.busFailure
                if case .exception = failure { return .failure(failure) }
            }
        }
        return .failure(failure)
    }
}
