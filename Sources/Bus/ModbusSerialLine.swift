import Drivers
import Metering

/// Modbus RTU, on a serial line or as the same bytes over TCP.
final class ModbusSerialLine: ModbusFraming {
    private let wire: Wire
    private let context: ModbusContext
    private var late = LateReplies()
    /// The adapter hears itself: learned from the first reply that begins with our own bytes.
    private var hasEcho = false

    init(wire: Wire, context: ModbusContext) {
        self.wire = wire
        self.context = context
    }

    func ask(_ read: ModbusRead, of job: ModbusJob) throws(WireFault) -> Result<[UInt16], BusFailure> {
        let couldEcho = hasEcho
        let result = try askOnce(read, of: job)
        // Learning about the echo, or that it is gone, costs a frame; that is no fault of the meter.
        return hasEcho == couldEcho ? result : try askOnce(read, of: job)
    }

    private func askOnce(_ read: ModbusRead, of job: ModbusJob) throws(WireFault) -> Result<[UInt16], BusFailure> {
        late.follow(wire.generation)
        try awaitLate(read, job)
        let silence = (wire.line?.frameSilence ?? 0) + max(0, job.turnaround)
        guard try wire.holdSilence(silence) else { return .failure(.badFrame) }
        guard context.use(wire.descriptor, unit: job.unit) else { return .failure(.badFrame) }
        let request = ModbusRTU.request(read, unit: job.unit)
        if let error = context.send([UInt8](request.dropLast(2))) { throw .lost(wire.lostText(error)) }
        let sentAt = wire.sentNow(request.count)
        wire.tap.sent(request)
        if hasEcho, try !dropEcho(of: request, until: sentAt + job.timeout) { return .failure(.badFrame) }
        return try receive(read, job, request, sentAt: sentAt)
    }

    private func receive(
        _ read: ModbusRead, _ job: ModbusJob, _ request: [UInt8], sentAt: Int64
    ) throws(WireFault) -> Result<[UInt16], BusFailure> {
        let deadline = sentAt + job.timeout
        while try wire.waitReadable(until: deadline) {
            let received = context.receive(within: deadline - wire.now())
            wire.touched()
            switch received {
            case .frame(let frame):
                wire.tap.received(frame)
                if let result = try judge(frame, read, job, request) { return result }
            case .foreign(let frame):
                wire.tap.received(frame)
                guard isWhole(frame) else { return .failure(try damage(frame, .badChecksum, request)) }
                if let first = frame.first { late.came(from: UnitAddress(first)) }
            case .damaged(let bytes, let failure):
                wire.tap.received(bytes)
                late.expect(from: job.unit, to: read, until: sentAt + LateReplies.patience * job.timeout)
                return .failure(try damage(bytes, failure, request))
            case .lost(let error): throw .lost(wire.lostText(error))
            }
        }
        late.expect(from: job.unit, to: read, until: sentAt + LateReplies.patience * job.timeout)
        return .failure(.timeout)
    }

    /// The result a frame gives; nil when it is a late answer to an earlier question.
    private func judge(
        _ frame: [UInt8], _ read: ModbusRead, _ job: ModbusJob, _ request: [UInt8]
    ) throws(WireFault) -> Result<[UInt16], BusFailure>? {
        do throws(ModbusFault) {
            return .success(try ModbusRTU.registers(in: frame, of: read, unit: job.unit))
        } catch {
            if case .exception(let code) = error { return .failure(.exception(code)) }
            if late.mayCome(from: job.unit, at: wire.now()) {
                late.came(from: job.unit)
                return nil
            }
            return .failure(try damage(frame, error.busFailure, request))
        }
    }

    /// After a frame that is no reply: lets the line fall silent, and looks whether it was our own echo.
    private func damage(_ bytes: [UInt8], _ failure: BusFailure, _ request: [UInt8]) throws(WireFault) -> BusFailure {
        try wire.settle()
        let known = min(bytes.count, request.count)
        if known >= 3, bytes[..<known] == request[..<known] { hasEcho = true }
        return failure
    }

    private func isWhole(_ frame: [UInt8]) -> Bool {
        frame.count >= 4
            && ModbusRTU.checksum(frame.dropLast(2))
                == UInt16(frame[frame.count - 1]) << 8 | UInt16(frame[frame.count - 2])
    }

    /// Reads exactly the bytes we sent. False, and no echo is expected any more, when something else comes.
    private func dropEcho(of request: [UInt8], until deadline: Int64) throws(WireFault) -> Bool {
        var rest = request[...]
        var bytes = [UInt8](repeating: 0, count: request.count)
        while !rest.isEmpty, try wire.waitReadable(until: deadline) {
            let count = try read(&bytes, atMost: rest.count)
            guard bytes[..<count] == rest.prefix(count) else { break }
            rest = rest.dropFirst(count)
        }
        guard !rest.isEmpty else { return true }
        hasEcho = false
        try wire.settle()
        return false
    }

    private func read(_ bytes: inout [UInt8], atMost count: Int) throws(WireFault) -> Int {
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, WireFault> in
            do throws(WireFault) {
                return .success(try wire.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Waits until no late reply can be taken for the answer to this read. Each burst that comes is one of them.
    private func awaitLate(_ read: ModbusRead, _ job: ModbusJob) throws(WireFault) {
        while let until = late.blocked(job.unit, read, at: wire.now()) {
            guard try wire.waitReadable(until: until) else { continue }
            try wire.settle()
            late.came(from: job.unit)
        }
    }
}
