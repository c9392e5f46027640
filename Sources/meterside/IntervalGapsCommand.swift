import ArgumentParser
import Metering

/// `meterside interval gaps [--meter S]`
struct IntervalGapsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps", abstract: "Intervals that lack an actual value, and why.",
        discussion: "What a later try gets from the meter's own load survey disappears from this list.")

    @Option(name: .long, help: "Only this meter, by its serial number.")
    var meter: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters = JSONObject()
        parameters["meter"] = meter.map { .string($0) }
        let gaps = try socket.connect().call("interval.gaps", parameters).items("gaps")
        output.show(.array(gaps)) { Self.lines(gaps, colour: $0) }
    }

    /// A row for each gap; below it its channels and the reason in words.
    static func lines(_ gaps: [JSONValue], colour: Bool) -> [String] {
        guard !gaps.isEmpty else { return ["No interval lacks an actual value."] }
        let groups = grouped(gaps)
        var table = Table(.flexible("METER"), .left("FROM"), .left("TO"), .right("INTERVALS"), .left("NEXT TRY"))
        for group in groups {
            let gap = group.gap
            table.add(
                Table.Cell(gap.shown("meter")), Table.Cell(TextLayout.minute(gap["from"]?.string)),
                Table.Cell(TextLayout.minute(gap["to"]?.string)),
                Table.Cell(gap.shown("intervals"), tone: .doubtful),
                Table.Cell(TextLayout.minute(gap["next_try_at"]?.string)))
        }
        let rows = table.lines(colour: colour)
        var lines = Array(rows.prefix(1))
        for (row, group) in zip(rows.dropFirst(), groups) {
            let text = "  \(group.channels.joined(separator: ", ")): \(words(group.gap["why"]?.string ?? ""))"
            lines.append(row)
            lines += TextLayout.wrapped(TextLayout.clean(text), indent: 2)
        }
        let values = gaps.reduce(Int64(0)) { $0 + ($1["intervals"]?.integer ?? 0) }
        let sum = "\(TextLayout.count(groups.count, "gap")): \(TextLayout.count(Int(values), "value"))"
        return lines + ["", "\(sum) missing or estimated"]
    }

    /// Channels of a meter that miss the same intervals for the same reason belong together.
    private static func grouped(_ gaps: [JSONValue]) -> [(gap: JSONValue, channels: [String])] {
        var groups: [(gap: JSONValue, channels: [String])] = []
        var places: [[String]: Int] = [:]
        for gap in gaps {
            let name = ["meter", "from", "to", "intervals", "why", "next_try_at"].map { gap.shown($0) }
            if let place = places[name] {
                groups[place].channels.append(gap.shown("channel"))
            } else {
                places[name] = groups.count
                groups.append((gap, [gap.shown("channel")]))
            }
        }
        return groups
    }

    /// The reason in words; one that this program does not know, as it came.
    static func words(_ why: String) -> String {
        switch NoData(rawValue: why) {
        case .timeout: "the meter did not answer in time"
        case .badChecksum: "all that the meter answered was damaged on the wire"
        case .refused: "the meter refused to give the value: look at its log-in"
        case .notPresent: "the meter has no such register"
        case .invalid: "the meter gave its own mark for no value"
        case .portDown: "the port was closed, or its adapter gone"
        case .off: "the agent was not running"
        case .unconfirmed: "no second reading confirmed the first one"
        case .wrongMeter: "another meter answered at this address"
        case .clock: "the box's clock stepped, or was not trusted"
        case .registerReset: "the register was reset, or ran backwards"
        case nil: surveyWords(why)
        }
    }

    /// What a meter's own load survey says of an interval.
    private static func surveyWords(_ why: String) -> String {
        switch why {
        case "power_failed": "the meter had no power"
        case "not_recorded": "the meter's load survey has nothing for this time"
        case "incomplete": "the meter recorded only a part of the interval"
        case "calibration_lost": "the meter had lost its calibration"
        case "": "no reason was recorded"
        default: String(why.map { $0 == "_" ? " " : $0 })
        }
    }
}
