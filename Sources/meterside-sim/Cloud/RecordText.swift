import Metering

/// Journal records and results in a few words.
enum RecordText {
    /// What a record is about.
    static func short(_ entry: CloudStore.JournalEntryText) -> String {
        switch entry.kind {
        case "interval": IntervalText(entry)?.line ?? entry.key
        case "alarm": entry.data["alarm"]?.string ?? ""
        default: words(entry.data)
        }
    }

    /// `ping completed (applied)`.
    static func result(_ value: JSONValue) -> String {
        let repeated = value["repeat"]?.bool == true ? ", repeat" : ""
        let detail = value["detail"]?.string.map { ", \($0)" } ?? ""
        return "\(value["id"]?.string ?? "?")  \(value["command"]?.string ?? "?") \(value["state"]?.string ?? "?") "
            + "(\(value["code"]?.string ?? "?")\(detail)\(repeated))"
    }

    /// The first short members.
    private static func words(_ data: JSONValue) -> String {
        guard let members = data.object?.members else { return "" }
        return members.prefix(4).compactMap { name, value -> String? in
            switch value {
            case .string(let text): "\(name)=\(text.prefix(40))"
            case .integer(let number): "\(name)=\(number)"
            case .bool(let flag): "\(name)=\(flag)"
            case .null, .array, .object: nil
            }
        }.joined(separator: " ")
    }
}

/// An interval record as people read it.
struct IntervalText: Equatable {
    var meter: String
    var at: WallTime
    /// `HH:MM` in UTC.
    var end: String
    var importWh: Int64?
    var exportWh: Int64?
    /// The first letter that is not A, or A.
    var quality: String
    /// Every value was counted by the meter's own load survey.
    var isSurvey: Bool
    var revision: Int

    /// Nil when the record is no interval.
    init?(_ entry: CloudStore.JournalEntryText) {
        guard entry.kind == "interval", let record = entry.data.object, let interval = Interval(record: record) else {
            return nil
        }
        func value(_ channel: Channel) -> Int64? { interval.values.first { $0.channel == channel }?.value }
        meter = interval.meter.text
        at = interval.end
        isSurvey = interval.values.allSatisfy { $0.source == .survey }
        end = String(interval.end.textSeconds.dropFirst(11).prefix(5))
        importWh = value(.importWh)
        exportWh = value(.exportWh)
        let letters = interval.values.map(\.quality)
        quality = (letters.first { $0 != .actual } ?? letters.first ?? .null).rawValue
        revision = interval.revision
    }

    var line: String {
        "\(meter) to \(end)  in \(Self.text(importWh)) Wh  out \(Self.text(exportWh)) Wh  \(quality)"
            + (revision > 0 ? "  revision \(revision)\(isSurvey ? " from the load survey" : "")" : "")
    }

    /// One letter: A read by the box, S counted by the load survey, else the quality.
    var letter: String { quality == "A" && isSurvey ? "S" : quality }

    /// The value, or a dash where there is none.
    static func text(_ value: Int64?) -> String { value.map(String.init) ?? "-" }
}

/// Live values in a few words.
enum LiveText {
    /// Power, voltage and the import register.
    static func short(_ value: JSONValue) -> String {
        let parts = [
            reading("power_w", of: value).map { "\($0) W" }, reading("voltage_l1_v", of: value).map { "\($0) V" },
            reading("import_wh", of: value).map { "\($0) Wh in" },
            reading("export_wh", of: value).map { "\($0) Wh out" },
        ]
        return parts.compactMap { $0 }.joined(separator: "  ")
    }

    /// A register's value as text, from the shape of `meter read`.
    static func reading(_ name: String, of value: JSONValue) -> String? {
        let readings = value["readings"]?.array ?? []
        return readings.first { $0["register"]?.string == name || $0["channel"]?.string == name }?["value"]?.string
    }
}
