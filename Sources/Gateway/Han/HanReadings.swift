import Drivers
import Metering

/// The newest of everything the HAN said.
struct HanReadings: Hashable, Sendable {
    /// A value and when it came, by the box's clock.
    struct Dated<Value: Hashable & Sendable>: Hashable, Sendable {
        var value: Value
        var at: WallTime
    }

    private(set) var connection: HanConnection?
    private(set) var device: HanDevice?
    private(set) var demand: Dated<HanDemand>?
    private(set) var summation: Dated<HanSummation>?
    private(set) var price: Dated<HanPrice>?
    private(set) var message: Dated<HanMessage>?
    private(set) var clock: Dated<HanClock>?
    private(set) var meters: [EUI64] = []
    private(set) var lastWarning: Dated<String>?

    /// The meter's radio, as its data names it.
    var meter: EUI64? { summation?.value.meter ?? demand?.value.meter ?? meters.first ?? connection?.coordinator }

    /// Keeps what the fragment says. True when it is a measured value of a meter: proof that the link carries data.
    mutating func take(_ fragment: HanFragment, at moment: Moment) -> Bool {
        let at = moment.wall
        switch fragment {
        case .connection(let value): connection = value
        case .device(let value): device = value
        case .meterList(let list): meters = Array(list.meters.prefix(8))
        case .time(let value): clock = Dated(value: value, at: at)
        case .price(let value): price = Dated(value: value, at: at)
        case .message(let value): message = Dated(value: value, at: at)
        case .demand(let value):
            demand = Dated(value: value, at: at)
            return value.meter != nil && (try? value.kilowatts.get()) != nil
        case .summation(let value):
            summation = Dated(value: value, at: at)
            return value.meter != nil && (try? value.delivered.get()) != nil
        case .warning(let text): lastWarning = Dated(value: String(text.prefix(200)), at: at)
        case .schedule, .meterInfo, .profile, .period, .other: break
        }
        return false
    }
}
