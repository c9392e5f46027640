import Drivers
import Metering

/// How one Modbus request is asked, on RTU or with the TCP header.
protocol ModbusFraming: AnyObject {
    func ask(_ read: ModbusRead, of job: ModbusJob) throws(WireFault) -> Result<[UInt16], BusFailure>
}

/// Modbus jobs on one wire. Used on the port's thread only.
final class ModbusLine {
    private let framing: any ModbusFraming

    init(framing: any ModbusFraming) { self.framing = framing }

    /// Does the reads in order. A unit that is silent from the start, or twice running, is not asked the rest: it must
    /// not hold up the others on the wire.
    func run(_ job: ModbusJob) throws(WireFault) -> BusOutcome {
        var results: [Result<[UInt16], BusFailure>] = []
        results.reserveCapacity(job.reads.count)
        var wasSilent = true
        for read in job.reads {
            let result = try askRepeatedly(read, of: job)
            results.append(result)
            let isSilent = result == .failure(.timeout)
            if isSilent, wasSilent { break }
            wasSilent = isSilent
        }
        results += repeatElement(.failure(.timeout), count: job.reads.count - results.count)
        return .modbus(results)
    }

    func askRepeatedly(_ read: ModbusRead, of job: ModbusJob) throws(WireFault) -> Result<[UInt16], BusFailure> {
        guard read.isAllowed else { return .failure(.badFrame) }
        var worst = BusFailure.timeout
        for _ in 0..<max(1, min(job.tries, 5)) {
            switch try framing.ask(read, of: job) {
            case .success(let words): return .success(words)
            // The device understood and refuses: asking again in the same breath changes nothing.
            case .failure(.exception(let code)): return .failure(.exception(code))
            case .failure(.timeout): break
            case .failure(let damage): worst = damage
            }
        }
        return .failure(worst)
    }
}
