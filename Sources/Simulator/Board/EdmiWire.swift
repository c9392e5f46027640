import Drivers
import Metering

/// EDMI meters on one wire: each hears everything and answers what is meant for it.
public struct EdmiWire: WireResponder {
    private let port: String
    private var meters: [(serial: String, simulator: EdmiMeterSimulator, load: HouseholdLoad)]

    /// The dialect of each meter is its model's.
    public init(_ port: BoardPort, dialect: (BoardMeter) -> MeterModel.Dialect) {
        self.port = port.name
        meters = port.meters.map { meter in
            var settings = EdmiMeterSettings(
                dialect: dialect(meter), serial: meter.serial, address: meter.address,
                survey: EdmiMeterSurvey(intervalMinutes: 5), load: meter.load)
            settings.users = [EdmiMeterSettings.User(name: meter.user, password: meter.password)]
            return (meter.serial, EdmiMeterSimulator(settings), meter.load)
        }
    }

    public mutating func receive(_ bytes: [UInt8], at time: WallTime, faults: inout BoardFaults) -> [UInt8] {
        var reply: [UInt8] = []
        for index in meters.indices {
            let serial = meters[index].serial
            meters[index].simulator.settings.refusesLogin = faults.refusesLogin(serial)
            meters[index].simulator.settings.clockErrorSeconds = faults.clockError(of: serial)
            let interruptions = faults.interruptions(of: serial)
            if interruptions != meters[index].load.interruptions {
                meters[index].load.interruptions = interruptions
                let load = meters[index].load
                meters[index].simulator.settings.values = { load.value(of: $0, at: $1) }
            }
            let answer = meters[index].simulator.receive(bytes, at: time)
            if !faults.isSilent(serial, at: time) { reply += answer }
        }
        return faults.deliver(reply, on: port)
    }

    /// An EDMI frame has its own end; half a frame stays half until the next one begins.
    public mutating func silence() {}
}
