import Drivers
import Metering
import Synchronization

/// A Modbus unit with 16 coils whose contacts follow at once, and inputs that show them; `stuck` contacts do not move.
final class RelayBank: Sendable {
    private struct State {
        var coils = [Bool](repeating: false, count: 16)
        var inputs = [Bool](repeating: false, count: 16)
        var stuck: Set<UInt16> = []
    }

    private let unit: UnitAddress
    private let state = Mutex(State())

    init(unit: UInt8 = 7) { self.unit = UnitAddress(unit) }

    var coils: [Bool] { state.withLock { $0.coils } }

    func stick(_ input: UInt16) { state.withLock { _ = $0.stuck.insert(input) } }
    func set(coil: UInt16, _ on: Bool) { state.withLock { $0.coils[Int(coil)] = on } }
    func set(input: UInt16, _ on: Bool) { state.withLock { $0.inputs[Int(input)] = on } }

    /// The answer to a frame; none for another unit.
    func answer(rtu frame: [UInt8]) -> [UInt8] {
        guard let (unit, request) = try? ModbusRTU.request(in: frame), unit == self.unit else { return [] }
        return ModbusRTU.answer(answer(request), function: request.function, unit: unit)
    }

    func answer(tcp frame: [UInt8]) -> [UInt8] {
        guard let (unit, transaction, request) = try? ModbusTCP.request(in: frame), unit == self.unit else {
            return []
        }
        return ModbusTCP.answer(
            answer(request), function: request.function, unit: unit, transaction: transaction)
    }

    private func answer(_ request: ModbusRequest) -> ModbusAnswer {
        state.withLock { state in
            switch request {
            case .bits(let read):
                let bits = read.function == 1 ? state.coils : state.inputs
                let range = Int(read.address)..<Int(read.address) + Int(read.count)
                return range.upperBound <= bits.count ? .bits(Array(bits[range])) : .exception(2)
            case .order(let coil, let on):
                guard coil < 16 else { return .exception(2) }
                state.coils[Int(coil)] = on
                if !state.stuck.contains(coil) { state.inputs[Int(coil)] = on }
                return .ordered(coil: coil, on: on)
            case .read, .other: return .exception(1)
            case .malformed: return .exception(3)
            }
        }
    }
}

extension BusOperation {
    /// An order to coil 3 of unit 7, or only a look.
    static func contact(
        _ order: Bool?, feedback: UInt16? = nil, timeout: Int64 = 10_000_000, tries: Int = 1
    ) -> BusOperation {
        .contact(
            ContactJob(
                place: .coil(unit: UnitAddress(7), coil: 3, feedback: feedback), order: order, timeout: timeout,
                tries: tries))
    }

    static func inputs(_ inputs: [UInt16], timeout: Int64 = 10_000_000) -> BusOperation {
        .inputs(InputsJob(unit: UnitAddress(7), inputs: inputs, timeout: timeout))
    }
}

extension BusOutcome {
    static func shows(_ output: Bool?, _ feedback: Bool? = nil) -> BusOutcome {
        .contact(ContactState(output: output, feedback: feedback))
    }
}
