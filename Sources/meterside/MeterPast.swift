import Intervals
import Metering

/// Which meters hung where a meter hangs now: a connection point keeps its NMI when its meter is exchanged, and the
/// intervals until then are the old meter's.
struct MeterPast {
    private struct Exchange {
        var old: String
        var new: String
        var at: WallTime
    }

    private var exchanges: [Exchange] = []

    /// - Parameter records: of the kind `meter.replaced`, as `events` gives them.
    init(_ records: [JSONValue]) {
        exchanges = records.compactMap { record in
            guard let old = record["data"]?["meter"]?.string, let new = record["data"]?["new_meter"]?.string,
                let at = record["at"]?.string.flatMap({ WallTime(text: $0) })
            else { return nil }
            return Exchange(old: old, new: new, at: at)
        }
    }

    init(_ daemon: Daemon) throws(CommandFailure) {
        self.init(
            try daemon.call("events", ["kind": .string(JournalKind.meterReplaced.rawValue), "limit": 1000])
                .items("events"))
    }

    /// The meters before `serial` that hung there after `start`, the newest first.
    func before(_ serial: String, after start: WallTime) -> [String] {
        var found: [String] = []
        var serial = serial
        // A meter that comes back after others ends the search: its own intervals have been told.
        while let exchange = exchanges.last(where: { $0.new == serial && $0.at > start }),
            !found.contains(exchange.old)
        {
            found.append(exchange.old)
            serial = exchange.old
        }
        return found
    }

    /// Items of `interval list` of a meter and of the one before it, as one: the interval of the exchange belongs to
    /// both, each with its part.
    static func joined(_ newer: [JSONValue], after older: [JSONValue]) -> [JSONValue] {
        guard !older.isEmpty else { return newer }
        func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
            left["end"] == right["end"] && left["channel"] == right["channel"]
        }
        let rest = older.filter { old in !newer.contains { isSame($0, old) } }
        return rest
            + newer.map { new in
                guard let old = older.first(where: { isSame($0, new) }) else { return new }
                // The new meter's first statement only says where its registers began.
                return amount(new) == nil && new["reason"]?.string == IntervalGap.replacedReason
                    ? old : sum(old, new)
            }
    }

    private static func amount(_ item: JSONValue) -> Int64? {
        item["value_wh"]?.integer ?? item["value"]?.string.flatMap { Int64($0) }
    }

    /// The sum is as good as its worse part, and unknown when a part is.
    private static func sum(_ old: JSONValue, _ new: JSONValue) -> JSONValue {
        guard let first = amount(old) else { return old }
        guard let second = amount(new) else { return new }
        let worse = new["quality"]?.string == QualityFlag.actual.rawValue ? old : new
        guard case .object(var item) = worse else { return new }
        let (sum, overflow) = first.addingReportingOverflow(second)
        guard !overflow else { return new }
        if item["value_wh"] != nil {
            item["value_wh"] = .integer(sum)
        } else {
            item["value"] = .string(String(sum))
        }
        return .object(item)
    }
}
