import Drivers
import Metering

/// A Modbus meter of any model: it answers reads with the registers that the model says hold its values.
///
/// It behaves as strict meters do: exception 1 for other functions, 2 for registers the model does not have, 3 for
/// more registers than the model allows. It is silent for other units and for damaged requests.
public struct ModbusMeterSimulator: Sendable {
    public let model: MeterModel
    public let unit: UnitAddress
    /// What the meter does wrong from now on.
    public var misbehaviour: ModbusMisbehaviour = .none

    private let map: ModbusRegisterMap
    private var previous: [UInt8]?

    public init(model: MeterModel, unit: UnitAddress) {
        self.model = model
        self.unit = unit
        map = ModbusRegisterMap(model)
    }

    /// The answer to an RTU request; nil for silence. `value` gives what the meter measures, in the unit of the name;
    /// nil where it has no value, which it says by its own mark.
    public mutating func answer(
        rtu frame: [UInt8], value: (RegisterName) -> DecimalValue?
    ) -> ModbusSimulatedReply? {
        guard let (asked, request) = try? ModbusRTU.request(in: frame), asked == unit else { return nil }
        let good = { (unit: UnitAddress, function: UInt8, answer: ModbusAnswer) in
            ModbusRTU.answer(answer, function: function, unit: unit)
        }
        var reply = misbehave(request, value, good)
        if misbehaviour == .badChecksum, let last = reply?.bytes.indices.last { reply?.bytes[last] ^= 0x55 }
        return reply
    }

    /// The answer to a Modbus TCP request, as `answer(rtu:value:)`; it has no checksum that could be bad.
    public mutating func answer(
        tcp frame: [UInt8], value: (RegisterName) -> DecimalValue?
    ) -> ModbusSimulatedReply? {
        guard let (asked, transaction, request) = try? ModbusTCP.request(in: frame), asked == unit else { return nil }
        let good = { (unit: UnitAddress, function: UInt8, answer: ModbusAnswer) in
            ModbusTCP.answer(answer, function: function, unit: unit, transaction: transaction)
        }
        return misbehave(request, value, good)
    }

    private mutating func misbehave(
        _ request: ModbusRequest, _ value: (RegisterName) -> DecimalValue?,
        _ frame: (UnitAddress, UInt8, ModbusAnswer) -> [UInt8]
    ) -> ModbusSimulatedReply? {
        let function = request.function
        let truth = answer(to: request, value)
        let good = frame(unit, function, truth)
        let old = previous
        previous = good
        switch misbehaviour {
        case .none, .badChecksum:
            return ModbusSimulatedReply(bytes: good)
        case .exception(let code):
            return ModbusSimulatedReply(bytes: frame(unit, function, .exception(code)))
        case .wrongUnit:
            return ModbusSimulatedReply(bytes: frame(UnitAddress(unit.number ^ 1), function, truth))
        case .wrongFunction:
            return ModbusSimulatedReply(bytes: frame(unit, function == 3 ? 4 : 3, truth))
        case .short:
            return ModbusSimulatedReply(bytes: Array(good.dropLast(3)))
        case .late(let microseconds):
            return ModbusSimulatedReply(bytes: good, delay: microseconds)
        case .drop:
            return nil
        case .stale:
            return old.map { ModbusSimulatedReply(bytes: $0) }
        }
    }

    private func answer(to request: ModbusRequest, _ value: (RegisterName) -> DecimalValue?) -> ModbusAnswer {
        switch request {
        case .other, .bits, .order: .exception(1)
        case .malformed: .exception(3)
        case .read(let read):
            if read.count > model.timing.maxRegisters {
                .exception(3)
            } else {
                map.words(of: read, value).map { .registers($0) } ?? .exception(2)
            }
        }
    }
}

/// What a simulated meter sends, and how long after the request.
public struct ModbusSimulatedReply: Hashable, Sendable {
    public var bytes: [UInt8]
    /// Microseconds.
    public var delay: Int64

    public init(bytes: [UInt8], delay: Int64 = 0) {
        self.bytes = bytes
        self.delay = delay
    }
}

/// Ways a Modbus meter, or the wire to it, goes wrong.
public enum ModbusMisbehaviour: Hashable, Sendable {
    case none
    /// Refuses everything with this code.
    case exception(UInt8)
    /// Answers under another unit address.
    case wrongUnit
    /// Answers function 3 with 4 and the other way round.
    case wrongFunction
    /// Leaves out the last three bytes.
    case short
    /// Answers rightly, but so many microseconds late.
    case late(Int64)
    /// RTU only.
    case badChecksum
    /// Is silent.
    case drop
    /// Sends the answer to the request before; silence to the first.
    case stale
}
