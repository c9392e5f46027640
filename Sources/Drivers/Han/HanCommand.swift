import Metering

/// A command to a HAN adapter.
public struct HanCommand: Hashable, Sendable {
    /// The commands this product uses or serves; their names are the adapter's.
    public enum Name: String, Hashable, Sendable, CaseIterable {
        case initialize, restart
        /// Unbinds: the meter must then be told too, or it refuses the next joining.
        case factoryReset = "factory_reset"
        case connectionStatus = "get_connection_status"
        case deviceInfo = "get_device_info"
        case networkInfo = "get_network_info"
        case meterList = "get_meter_list"
        case meterInfo = "get_meter_info"
        case setMeterInfo = "set_meter_info"
        case schedule = "get_schedule"
        case setSchedule = "set_schedule"
        case setScheduleDefault = "set_schedule_default"
        case time = "get_time"
        case message = "get_message"
        case confirmMessage = "confirm_message"
        case price = "get_current_price"
        case setPrice = "set_current_price"
        case demand = "get_instantaneous_demand"
        case summation = "get_current_summation_delivered"
        case currentPeriod = "get_current_period_usage"
        case lastPeriod = "get_last_period_usage"
        case closePeriod = "close_current_period"
        case fastPoll = "set_fast_poll"
        case profile = "get_profile_data"
    }

    public var name: Name
    public var meter: EUI64?
    /// True asks the meter over the radio, false takes what the adapter has; nil where the command knows neither.
    public var refresh: Bool?
    /// Further arguments in order, plain ASCII.
    public var arguments: [HanElement.Child]

    public init(
        _ name: Name, meter: EUI64? = nil, refresh: Bool? = nil, arguments: [HanElement.Child] = []
    ) {
        self.name = name
        self.meter = meter
        self.refresh = refresh
        self.arguments = arguments
    }

    /// What goes to the adapter.
    public var bytes: [UInt8] {
        var text = "<Command><Name>\(name.rawValue)</Name>"
        if let meter { text += "<MeterMacId>0x\(meter.text.uppercased())</MeterMacId>" }
        if let refresh { text += "<Refresh>\(refresh ? "Y" : "N")</Refresh>" }
        for argument in arguments {
            text += "<\(argument.name)>\(Self.escaped(argument.text))</\(argument.name)>"
        }
        return Array((text + "</Command>\r\n").utf8)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether the fragment is what this command asks for. Replies carry no number: the kind is all there is.
    public func isAnswered(by fragment: HanFragment) -> Bool {
        switch (name, fragment) {
        case (.connectionStatus, .connection), (.networkInfo, .connection), (.deviceInfo, .device),
            (.meterList, .meterList), (.meterInfo, .meterInfo), (.schedule, .schedule), (.time, .time),
            (.message, .message), (.price, .price), (.demand, .demand), (.summation, .summation),
            (.profile, .profile):
            true
        case (.currentPeriod, .period(let usage)): !usage.isLast
        case (.lastPeriod, .period(let usage)): usage.isLast
        default: false
        }
    }

    /// Whether the adapter answers it at all.
    public var isAnswered: Bool {
        switch name {
        case .initialize, .restart, .factoryReset, .setMeterInfo, .setSchedule, .setScheduleDefault, .confirmMessage,
            .setPrice, .closePeriod, .fastPoll:
            false
        default: true
        }
    }

    /// How long an answer may take, microseconds: what the radio must fetch takes longer.
    public var timeout: Int64 { refresh == true || name == .profile ? 10_000_000 : 3_000_000 }
}
