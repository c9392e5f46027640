import Credit
import Metering

/// Values of resources that no account goes by: the desk keeps them, and whoever shows or does something by them asks
/// it. A resource whose `_set` is none of `UnitCommand` is kept here, so that it needs only its file and its line.
struct KeptValues: Codable, Sendable {
    /// By `resource/unit`. Looked up, never iterated.
    private var values: [String: JSONObject] = [:]
    /// Units of which something changed since this was last taken.
    private(set) var changed: [String] = []

    subscript(resource: String, unit: String) -> JSONObject? { values["\(resource)/\(unit)"] }

    mutating func keep(_ resource: String, _ unit: String, _ value: JSONObject) {
        values["\(resource)/\(unit)"] = value
        if !changed.contains(unit) { changed.append(unit) }
    }

    mutating func takeChanged() -> [String] {
        defer { changed = [] }
        return changed
    }
}

/// Settings that the desk keeps, as records without `unit`: they are none of the account's.
extension Desk {
    mutating func keep(_ name: String, _ value: JSONObject, _ order: Order, turn: inout Turn) -> Outcome {
        turn.append(
            .unitSetting, key: .name(order.id),
            ["box": .string(box), "setting": .string(name), "for": .string(order.unit), "value": .object(value)])
        kept.keep(name, order.unit, value)
        return Outcome(message: "set", result: .object(value))
    }

    /// `display_text_show`: kept with the instant at which it is taken away.
    mutating func showText(_ order: Order, turn: inout Turn) -> Outcome {
        let until = turn.recordTime + (order.args["duration_s"]?.integer ?? 0) * 1000
        return keep(
            "display_text",
            [
                "text": order.args["text"] ?? "", "until": .string(until.text),
                "clear_on_button": order.args["clear_on_button"] ?? false,
            ], order, turn: &turn)
    }

    /// Whether it is the desk that keeps a resource.
    static func keeps(_ resource: String) -> Bool {
        Catalogue.resources.contains { $0.name == resource && $0.verbs.contains(.set) }
            && !UnitCommand.names.contains("\(resource)_set")
    }

    /// Texts for a unit's display, newest kind first.
    func messages(of unit: String) -> [DisplayMessage] {
        var messages: [DisplayMessage] = []
        if let value = kept["display_text", unit], let text = value["text"]?.string {
            messages.append(
                DisplayMessage(
                    text: text, until: Self.time(value["until"]), isCleared: value["clear_on_button"] == true,
                    comesForward: true))
        }
        if let value = kept["home_message", unit], let text = value["text"]?.string, !text.isEmpty {
            messages.append(DisplayMessage(text: text, until: Self.time(value["expires_at"]), isCleared: false))
        }
        return messages
    }
}

/// A text for a unit's display.
struct DisplayMessage: Hashable, Sendable {
    var text: String
    /// Nil until it is taken away.
    var until: WallTime?
    /// Whether the page button takes it away.
    var isCleared: Bool
    /// Whether the display shows it at once, without being leafed to it.
    var comesForward = false

    func isShown(at time: WallTime) -> Bool { until.map { time < $0 } ?? true }
}
