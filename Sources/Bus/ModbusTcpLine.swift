import Drivers
import Metering

/// Modbus TCP. Every question has a number that its answer repeats, so a late answer is known as such. We frame and
/// number requests ourselves because libmodbus sends raw ones as number 0; it receives the answers.
final class ModbusTcpLine: ModbusFraming {
    /// A connection that answers nothing so many times running is made anew: gateways lose theirs without a word.
    private static let mostSilences = 3

    private let wire: Wire
    private let context: ModbusContext
    private var transaction: UInt16 = 0
    private var silences = 0

    init(wire: Wire, context: ModbusContext) {
        self.wire = wire
        self.context = context
    }

    func ask(_ read: ModbusRead, of job: ModbusJob) throws(WireFault) -> Result<[UInt16], BusFailure> {
        if !wire.isOpen { _ = try wire.open() }
        if job.turnaround > 0, try !wire.holdSilence(job.turnaround) { return .failure(.badFrame) }
        transaction &+= 1
        let request = ModbusTCP.request(read, unit: job.unit, transaction: transaction)
        guard context.use(wire.descriptor, unit: job.unit) else { return .failure(.badFrame) }
        let deadline = try wire.write(request) + job.timeout
        wire.tap.sent(request)
        while try wire.waitReadable(until: deadline) {
            let received = context.receive(within: deadline - wire.now())
            wire.touched()
            switch received {
            case .frame(let frame), .foreign(let frame):
                silences = 0
                wire.tap.received(frame)
                if let result = judge(frame, read, job) { return result }
            case .damaged(let bytes, let failure):
                // Part of a frame is read and the rest may still come: the stream has lost its frames.
                wire.tap.received(bytes)
                wire.close()
                return .failure(failure)
            case .lost(let error): throw .lost(wire.lostText(error))
            }
        }
        silences += 1
        if silences >= Self.mostSilences {
            silences = 0
            wire.close()
        }
        return .failure(.timeout)
    }

    /// The result a frame gives; nil when it is a late answer to an earlier question.
    private func judge(_ frame: [UInt8], _ read: ModbusRead, _ job: ModbusJob) -> Result<[UInt16], BusFailure>? {
        do throws(ModbusFault) {
            return .success(
                try ModbusTCP.registers(in: frame, of: read, unit: job.unit, transaction: transaction))
        } catch {
            switch error {
            case .exception(let code): return .failure(.exception(code))
            case .wrongTransaction: return nil
            case .wrongUnit, .wrongFunction: return .failure(.badFrame)
            case .badChecksum, .wrongLength, .wrongProtocol:
                wire.close()
                return .failure(error.busFailure)
            }
        }
    }
}
