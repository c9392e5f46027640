import Drivers
import Metering

/// Modbus meters and relays on one wire.
public struct ModbusWire: WireResponder {
    private struct Meter {
        var serial: String
        var simulator: ModbusMeterSimulator
        var load: HouseholdLoad
    }

    private let port: String
    private let isTCP: Bool
    private var splitter: ModbusRequestSplitter
    private var meters: [Meter]
    private let relays: [BoardRelay]

    /// `isTCP`: Modbus TCP instead of RTU. Meters whose model is unknown do not answer.
    public init(_ port: BoardPort, isTCP: Bool, model: (BoardMeter) -> MeterModel?) {
        self.port = port.name
        self.isTCP = isTCP
        splitter = ModbusRequestSplitter(isTCP ? .tcp : .rtu)
        relays = port.relays
        meters = port.meters.compactMap { meter in
            guard let model = model(meter), let unit = UInt8(exactly: meter.address) else { return nil }
            return Meter(
                serial: meter.serial, simulator: ModbusMeterSimulator(model: model, unit: UnitAddress(unit)),
                load: meter.load)
        }
    }

    public mutating func receive(_ bytes: [UInt8], at time: WallTime, faults: inout BoardFaults) -> [UInt8] {
        var reply: [UInt8] = []
        for frame in splitter.take(bytes) { reply += answer(frame, at: time, faults: &faults) }
        return faults.deliver(reply, on: port)
    }

    public mutating func silence() { splitter.reset() }

    private mutating func answer(_ frame: [UInt8], at time: WallTime, faults: inout BoardFaults) -> [UInt8] {
        let unit = isTCP ? frame[6] : frame[0]
        if let relay = relays.first(where: { $0.unit == unit }) {
            guard let index = faults.relays.firstIndex(where: { $0.relay == relay }),
                !faults.isSilent(relay.name, at: time)
            else { return [] }
            return isTCP
                ? faults.relays[index].answer(tcp: frame, at: time) : faults.relays[index].answer(rtu: frame, at: time)
        }
        guard let index = meters.firstIndex(where: { $0.simulator.unit.number == unit }),
            !faults.isSilent(meters[index].serial, at: time)
        else { return [] }
        var load = meters[index].load
        load.interruptions = faults.interruptions(of: meters[index].serial)
        let value = { [load] (name: RegisterName) in load.value(of: name, at: time) }
        let reply =
            isTCP
            ? meters[index].simulator.answer(tcp: frame, value: value)
            : meters[index].simulator.answer(rtu: frame, value: value)
        return reply?.bytes ?? []
    }
}
