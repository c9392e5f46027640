import Metering

/// `meter_replace`: the meter at a place was exchanged for another one. It closes the old meter's account with its
/// final readings and opens the new one's at its initial readings, so that no energy is lost or counted twice.
public struct MeterReplace: Hashable, Sendable {
    public var serial: MeterSerial
    public var newSerial: MeterSerial
    /// Cumulative registers of the old and of the new meter, whole Wh or varh, in the order of `Channel`.
    public var final: [Reading]
    public var initial: [Reading]

    /// One channel's cumulative register.
    public struct Reading: Hashable, Sendable {
        public var channel: Channel
        public var value: Int64
    }

    public static let spec = CommandSpec(
        name: "meter_replace", summary: "Closes a meter with its final readings and opens the one that replaces it.",
        kind: .other, roles: [.owner, .ops, .installer],
        arguments: [
            ArgumentSpec("serial", .text(1...32), "the old meter's serial number"),
            ArgumentSpec("new_serial", .text(1...32), "the new meter's serial number"),
            ArgumentSpec("final", .channelValues, "the old meter's registers at the exchange, by channel, Wh or varh"),
            ArgumentSpec(
                "initial", .channelValues, "the new meter's registers at the exchange, by channel, Wh or varh"),
        ])

    /// Reads arguments that `spec.check` accepted; nil where a serial number is none.
    public init?(_ args: JSONObject) {
        guard let serial = args["serial"]?.string.flatMap({ MeterSerial($0) }),
            let newSerial = args["new_serial"]?.string.flatMap({ MeterSerial($0) }),
            let final = args["final"]?.object, let initial = args["initial"]?.object
        else { return nil }
        self.serial = serial
        self.newSerial = newSerial
        self.final = Self.readings(final)
        self.initial = Self.readings(initial)
    }

    private static func readings(_ values: JSONObject) -> [Reading] {
        Channel.allCases.compactMap { channel in
            values[channel.rawValue]?.integer.map { Reading(channel: channel, value: $0) }
        }
    }
}
