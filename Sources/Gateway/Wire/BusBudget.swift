import Drivers
import Metering

/// Bus time is a budget: what polling costs on each serial port, computed from baud, frame sizes and turnaround. A plan
/// that cannot fit is refused with the arithmetic. TCP ports cost nothing here.
public enum BusBudget {
    /// A port whose polls do not fit.
    public struct Fault: Hashable, Sendable, CustomStringConvertible {
        public var port: PortID
        /// The meter that takes most of the wire: the one to change first.
        public var meter: MeterSerial
        /// The arithmetic, and what to change.
        public var message: String

        public var description: String { message }
    }

    /// What reading a set of registers once costs.
    struct Cost: Hashable, Sendable {
        var exchanges: Int64 = 0
        /// Requests and replies, bytes without escapes: the least they can be.
        var bytes: Int64 = 0
        /// On the wire, and silent: frame gaps and turnaround, microseconds.
        var wire: Int64 = 0
        var silence: Int64 = 0

        var total: Int64 { wire + silence }
    }

    /// The ports that cannot carry their polls, in the order of the configuration; empty when all fit.
    public static func check(_ configuration: GatewayConfiguration) -> [Fault] {
        configuration.ports.compactMap { port in
            guard let line = port.line else { return nil }
            let meters = configuration.meters.filter { $0.port == port.id }
            let supply = supplyShare(of: port.id, line: line, in: configuration)
            return fault(port: port.id, line: line, meters: meters, supply: supply, box: configuration.box)
        }
    }

    /// How much of a port's time its polls take, per mille; nil for TCP and unknown ports.
    public static func load(of port: PortID, in configuration: GatewayConfiguration) -> Int? {
        guard let line = configuration.ports.first(where: { $0.id == port })?.line else { return nil }
        let meters = configuration.meters.filter { $0.port == port }
        let polls = meters.map { share(of: $0, line: line, box: configuration.box) }.reduce(0, +)
        return Int((polls + supplyShare(of: port, line: line, in: configuration)) / 1000)
    }

    /// Millionths of the wire's time that a meter takes: its polls, and its boundary readings.
    private static func share(of meter: MeterSettings, line: LineSettings, box: BoxSettings) -> Int64 {
        let kept = meter.model.registers.filter { $0.channel != nil }
        let polls = cost(of: polled(meter), meter, line: line).total / Int64(max(1, meter.pollSeconds))
        let boundaries = cost(of: kept, meter, line: line).total / Int64(max(1, box.intervalMinutes) * 60)
        return polls + boundaries
    }

    private static func polled(_ meter: MeterSettings) -> [ModelRegister] {
        meter.model.registers.filter { !$0.isDetail }
    }

    private static func fault(
        port: PortID, line: LineSettings, meters: [MeterSettings], supply: Int64, box: BoxSettings
    ) -> Fault? {
        let shares = meters.map { share(of: $0, line: line, box: box) }
        let total = shares.reduce(supply, +)
        guard total > 1_000_000, let worst = shares.indices.max(by: { shares[$0] < shares[$1] }) else { return nil }
        let format = "\(line.baud) baud \(line.format.rawValue)"
        let items = meters.prefix(8).map { item($0, line: line) }
        var more = meters.count > 8 ? "; and \(meters.count - 8) more" : ""
        if supply > 0 { more += "; buttons and switches: \(supply / 1000) ms every second" }
        var longest = meters.map { cost(of: polled($0), $0, line: line).total }.reduce(0, +)
        // What buttons and switches take is not there for the meters.
        if supply < 900_000 { longest = longest * 1_000_000 / (1_000_000 - supply) }
        let message =
            "port \(port) at \(format) cannot carry its polls, they need \(percent(total)) % of its time: "
            + items.joined(separator: "; ") + more + "; use poll_seconds of at least "
            + "\((longest * 105 / 100 + 999_999) / 1_000_000) for all of them, a higher baud rate, or another port"
        return Fault(port: port, meter: meters[worst].serial, message: message)
    }

    private static func percent(_ millionths: Int64) -> Int64 { (millionths + 9999) / 10_000 }

    private static func item(_ meter: MeterSettings, line: LineSettings) -> String {
        let cost = cost(of: polled(meter), meter, line: line)
        return
            "meter \(meter.serial): \(cost.exchanges) exchanges of \(cost.bytes) bytes = \(cost.wire / 1000) ms "
            + "+ \(cost.silence / 1000) ms silence = \(cost.total / 1000) ms every \(meter.pollSeconds) s"
    }

    static func cost(of registers: [ModelRegister], _ meter: MeterSettings, line: LineSettings) -> Cost {
        var cost = Cost()
        if meter.model.dialect.isEdmi {
            addEdmi(registers, meter, line: line, to: &cost)
        } else {
            for read in ModbusPlan(registers, timing: meter.model.timing).reads {
                // 8 bytes out, 5 and the registers back, 3.5 characters of silence after each (modbus-rtu.md §3).
                cost.exchanges += 1
                cost.bytes += 13 + 2 * Int64(read.count)
                cost.silence += 2 * line.frameSilence + meter.turnaround * 1000
            }
        }
        cost.wire = cost.bytes * line.nanosecondsPerCharacter / 1000
        return cost
    }

    /// `R` reads one register, `M FFF0` several (reference/edmi.md §4); frame bytes without escapes.
    private static func addEdmi(
        _ registers: [ModelRegister], _ meter: MeterSettings, line: LineSettings, to cost: inout Cost
    ) {
        let envelope: Int64 = meter.addressed ? 11 : 0
        let batch = meter.model.dialect == .genius ? Int(max(1, meter.model.timing.maxRegisters)) : 1
        let address: Int64 = meter.model.dialect == .genius ? 4 : 2
        var index = 0
        while index < registers.count {
            let part = registers[index..<min(index + batch, registers.count)]
            let marker: Int64 = part.count > 1 ? 4 : 0
            // Start, command, checksum and end are 5 bytes each way.
            cost.exchanges += 1
            cost.bytes += 2 * (5 + envelope + marker) + address * Int64(part.count)
            if part.count == 1 { cost.bytes += address }
            for register in part { cost.bytes += valueBytes(register) }
            cost.silence += meter.turnaround * 1000
            index += batch
        }
    }

    private static func valueBytes(_ register: ModelRegister) -> Int64 {
        guard case .edmi(_, let type) = register.source else { return 0 }
        switch type {
        case .double, .doubleEnergy, .longLong: return 8
        case .boolean, .byte: return 1
        case .short, .hexShort: return 2
        case .timeAndDate: return 6
        default: return 4
        }
    }
}
