import Drivers
import Metering

/// Load switches and buttons on a Modbus wire.
extension ModbusLine {
    /// Gives the order, if there is one, and looks at the coil and at the contact.
    ///
    /// The order counts as given when the unit echoed it, or when the coil then reads as ordered. A unit that echoes
    /// and then does not answer for its coil gives no result: an adapter that hears itself makes an echo too.
    func run(_ job: ContactJob) throws(WireFault) -> BusOutcome {
        guard case .coil(let unit, let coil, let input) = job.place else { return .failed(.badFrame) }
        let terms = ModbusJob(
            unit: unit, reads: [], timeout: job.timeout, turnaround: job.turnaround, tries: job.tries)
        var unanswered: BusFailure?
        if let order = job.order {
            switch try askRepeatedly(.order(coil: coil, on: order), of: terms) {
            case .success: break
            case .failure(.exception(let code)): return .failed(.exception(code))
            case .failure(let failure): unanswered = failure
            }
        }
        let output = try bit(.coils(coil), of: terms)
        if let unanswered, output != .success(job.order) { return .failed(unanswered) }
        if case .failure(let failure) = output { return .failed(failure) }
        guard let input else { return .contact(ContactState(output: try? output.get(), feedback: nil)) }
        let feedback = try bit(.inputs(input), of: terms)
        return .contact(ContactState(output: try? output.get(), feedback: try? feedback.get()))
    }

    /// Reads each run of neighbouring inputs at once.
    func run(_ job: InputsJob) throws(WireFault) -> BusOutcome {
        let terms = ModbusJob(unit: job.unit, reads: [], timeout: job.timeout, turnaround: 0, tries: 1)
        var states: [UInt16: Bool] = [:]
        for run in Self.runs(of: job.inputs) {
            switch try askRepeatedly(.inputs(run.lowerBound, count: UInt16(run.count)), of: terms) {
            case .success(let bits): for (input, bit) in zip(run, bits) { states[input] = bit != 0 }
            case .failure(let failure): return .failed(failure)
            }
        }
        return .inputs(job.inputs.map { states[$0] ?? false })
    }

    /// The state of one bit; success without one when the unit answers that it has no such bit or function.
    private func bit(_ read: ModbusRead, of terms: ModbusJob) throws(WireFault) -> Result<Bool?, BusFailure> {
        switch try askRepeatedly(read, of: terms) {
        case .success(let bits): .success(bits.first.map { $0 != 0 })
        case .failure(.exception(1...2)): .success(nil)
        case .failure(let failure): .failure(failure)
        }
    }

    /// Neighbours among the numbers, each run at most as long as one read.
    static func runs(of inputs: [UInt16]) -> [ClosedRange<UInt16>] {
        var runs: [ClosedRange<UInt16>] = []
        for input in inputs.sorted() {
            if let last = runs.last, input <= last.upperBound { continue }
            if let last = runs.last, input == last.upperBound + 1, last.count < Int(ModbusRead.mostBits) {
                runs[runs.count - 1] = last.lowerBound...input
            } else {
                runs.append(input...input)
            }
        }
        return runs
    }
}

extension ContactJob {
    /// Whether this is an order that must not be begun any more.
    func isTooLate(at now: Uptime) -> Bool {
        guard order != nil, let deadline else { return false }
        return now > deadline
    }

    /// The answer to such an order.
    static let tooLate = BusOutcome.failed(.timeout)
}
