import Credit
import Drivers
import Metering

@testable import Gateway

/// A home behind a load switch: what it draws runs through a meter, and only while the contact is closed.
final class ScriptedHome: @unchecked Sendable {
    /// How the switch behaves.
    enum Behaviour {
        case follows
        /// The coil takes the order, the contact stays.
        case stuck
        /// No reply at all.
        case silent
        /// Its port loses the request: not even a failure comes.
        case lost
        /// It moves, but its feedback cannot be read.
        case blind
    }

    var watts: Double = 3600
    var export: Int64 = 500
    var isClosed = true
    /// Load that flows past the switch.
    var leaks = false
    var behaviour = Behaviour.follows
    /// Microseconds until the contact has moved.
    var travel: Int64 = 100_000
    /// Nil while the meter answers.
    var meterFailure: BusFailure?
    /// The failure is of one meter of several only.
    var failingUnit: UnitAddress?
    /// What the meter's probe reads, hundredths; another model has something else there.
    var frequency: UInt16 = 5000
    /// So many of the next looks see the contact where it is not.
    var glitches = 0
    /// The register begins again there.
    var rollover: Int64?
    /// Replaces the import register in the next answer only.
    var forged: Int64?
    var buttons: [Bool] = [false, false, false]
    /// Every movement of the contact.
    private(set) var edges: [(at: Int64, closed: Bool)] = []
    /// When the meter answered last.
    private(set) var answeredAt: Int64 = 0
    /// Every order that reached the switch.
    private(set) var orders: [(at: Int64, closes: Bool)] = []
    private var coil = true
    private var energy: Double = 1_000_000
    private var last: Int64 = 0
    private var moving: (at: Int64, closed: Bool)?

    /// Watt-hours on the register.
    func register(at elapsed: Int64) -> Int64 {
        pass(to: elapsed)
        return Int64(energy)
    }

    func setRegister(_ value: Double) { energy = value }

    /// The contact moves without an order.
    func moveByHand(closed: Bool, at elapsed: Int64) {
        pass(to: elapsed)
        guard isClosed != closed else { return }
        isClosed = closed
        edges.append((elapsed, closed))
    }

    private func pass(to elapsed: Int64) {
        if let moving, moving.at <= elapsed {
            self.moving = nil
            pass(to: moving.at)
            if isClosed != moving.closed {
                isClosed = moving.closed
                edges.append((moving.at, moving.closed))
            }
        }
        guard elapsed > last else { return }
        if isClosed || leaks { energy += watts * Double(elapsed - last) / 3_600_000_000 }
        last = elapsed
    }

    func answer(_ operation: BusOperation, at elapsed: Int64) -> (outcome: BusOutcome, delay: Int64)? {
        pass(to: elapsed)
        switch operation {
        case .edmi: return (.failed(.badFrame), 1000)
        case .modbus(let job): return meter(job, at: elapsed)
        case .contact(let job): return contact(job, at: elapsed)
        case .inputs: return (.inputs(buttons), 20_000)
        }
    }

    private func meter(_ job: ModbusJob, at elapsed: Int64) -> (outcome: BusOutcome, delay: Int64) {
        if let meterFailure, failingUnit == nil || failingUnit == job.unit {
            return (.modbus(job.reads.map { _ in .failure(meterFailure) }), job.timeout * Int64(job.tries))
        }
        answeredAt = elapsed
        var whole = forged ?? Int64(energy)
        if let rollover { whole %= rollover }
        forged = nil
        let power = UInt32(isClosed || leaks ? watts : 0)
        var memory: [UInt16] = Array(repeating: 0, count: 32)
        memory[0] = UInt16(truncatingIfNeeded: whole >> 16)
        memory[1] = UInt16(truncatingIfNeeded: whole)
        memory[2] = UInt16(truncatingIfNeeded: export >> 16)
        memory[3] = UInt16(truncatingIfNeeded: export)
        memory[4] = 2305
        memory[5] = frequency
        memory[6] = UInt16(truncatingIfNeeded: power >> 16)
        memory[7] = UInt16(truncatingIfNeeded: power)
        let results = job.reads.map { read -> Result<[UInt16], BusFailure> in
            .success(Array(memory[Int(read.address)..<Int(read.address) + Int(read.count)]))
        }
        return (.modbus(results), 30_000)
    }

    private func contact(_ job: ContactJob, at elapsed: Int64) -> (outcome: BusOutcome, delay: Int64)? {
        if behaviour == .lost { return nil }
        if behaviour == .silent { return (.failed(.timeout), 500_000) }
        if let order = job.order {
            orders.append((elapsed, order))
            coil = order
            if behaviour != .stuck { moving = (elapsed + travel, order) }
        }
        pass(to: elapsed + 20_000)
        var seen = isClosed
        if glitches > 0 {
            glitches -= 1
            seen.toggle()
        }
        return (.contact(ContactState(output: coil, feedback: behaviour == .blind ? nil : seen)), 20_000)
    }
}
