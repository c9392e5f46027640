import Credit
import Intervals
import Metering

/// What the desk must know of a configured meter to judge a replacement.
struct MeterStanding: Hashable, Sendable {
    var serial: MeterSerial
    /// The channels that are kept.
    var channels: [Channel]
    /// The newest interval; nil before the first.
    var newest: Interval?
    /// The newest register that is known of each channel and the greatest it can be by now; nil where none is known.
    var known: [Int64?]
    var greatest: [Int64?]
    /// Registers roll over: a lower final reading is possible.
    var rollsOver: [Bool]
    /// It was replaced already.
    var isRetired: Bool
    /// Intervals that should have been stated are not yet.
    var isBehind: Bool
}

/// `meter_replace`.
extension Desk {
    func check(_ replace: MeterReplace) throws(Refusal) {
        guard let meter = meters.first(where: { $0.serial == replace.serial }) else {
            throw .precondition("unknown_meter", "no meter of this serial is configured; see `meterside meter list`")
        }
        guard replace.serial != replace.newSerial else {
            throw .precondition("same_serial", "old and new meter have the same serial")
        }
        guard !meters.contains(where: { $0.serial == replace.newSerial }) else {
            throw .precondition(
                "new_meter_configured", "the new meter is configured already: replace first, configure it afterwards")
        }
        guard !meter.isRetired else {
            throw .precondition("already_replaced", "this meter was replaced already")
        }
        guard meter.newest != nil else {
            throw .precondition(
                "no_intervals", "this meter has no interval yet: just change its serial in the configuration")
        }
        guard !meter.isBehind else {
            throw .precondition(
                "intervals_behind", "the intervals up to now are not written yet; try again in a few minutes")
        }
        guard replace.final.map(\.channel) == meter.channels, replace.initial.map(\.channel) == meter.channels else {
            let names = meter.channels.map(\.rawValue).joined(separator: ", ")
            throw .precondition("channels", "final and initial must name exactly the kept channels: \(names)")
        }
        for (index, reading) in replace.final.enumerated() {
            guard let known = meter.known[index] else { continue }
            if reading.value < known, !meter.rollsOver[index] {
                throw .precondition(
                    "final_reading", "the final \(reading.channel.rawValue) is below \(known), which was read already")
            }
            if let greatest = meter.greatest[index], reading.value > greatest {
                throw .precondition(
                    "final_reading", "the final \(reading.channel.rawValue) is above what the connection can carry")
            }
        }
    }

    mutating func carryOut(_ replace: MeterReplace, _ order: Order, turn: inout Turn) -> Outcome {
        func object(_ readings: [MeterReplace.Reading]) -> JSONValue {
            var object = JSONObject()
            for reading in readings { object[reading.channel.rawValue] = .integer(reading.value) }
            return .object(object)
        }
        let result: JSONObject = [
            "meter": .string(replace.serial.text), "new_meter": .string(replace.newSerial.text),
            "final": object(replace.final), "initial": object(replace.initial),
        ]
        turn.append(.meterReplaced, key: .name(order.id), result)
        replacements.append(replace)
        return Outcome(
            message: "the old meter is closed; put the new serial and address into its [[meter]] and reload",
            result: .object(result))
    }
}
