/// Intervals as journal records (`data` of kind `interval`) and as items of `interval list` (contract §4, §8).
extension Interval {
    /// The `data` of the record: every channel of the meter for one end.
    public var record: JSONObject {
        [
            "meter": .string(meter.text), "epoch": JSONValue(epoch), "end": .string(end.textSeconds),
            "minutes": JSONValue(minutes), "revision": JSONValue(revision),
            "channels": .array(values.map { .object($0.record) }),
        ]
    }

    /// Reads the `data` of a record; nil when a member is missing, of another type or not in its list of words.
    public init?(record: JSONObject) {
        guard let meter = record["meter"]?.string.flatMap({ MeterSerial($0) }),
            let epoch = record["epoch"]?.integer.flatMap({ Int(exactly: $0) }),
            let end = record["end"]?.string.flatMap({ WallTime(text: $0) }),
            let minutes = record["minutes"]?.integer.flatMap({ Int(exactly: $0) }),
            let revision = record["revision"]?.integer.flatMap({ Int(exactly: $0) }),
            let channels = record["channels"]?.array
        else { return nil }
        var values: [IntervalValue] = []
        for channel in channels {
            guard let object = channel.object, let value = IntervalValue(record: object) else { return nil }
            values.append(value)
        }
        self.init(meter: meter, epoch: epoch, end: end, minutes: minutes, revision: revision, values: values)
    }

    /// Items of `interval list`, one for each channel.
    /// - Parameter channel: only this one; nil for all.
    public func listItems(channel: Channel? = nil) -> [JSONValue] {
        values.filter { channel == nil || $0.channel == channel }.map { value in
            var item: JSONObject = [
                "meter": .string(meter.text), "channel": .string(value.channel.rawValue),
                "end": .string(end.textSeconds), "minutes": JSONValue(minutes),
            ]
            value.writeAmount(to: &item)
            item["quality"] = .string(value.quality.rawValue)
            item["method"] = .string(value.method)
            item["reason"] = .string(value.reason)
            item["source"] = .string(value.source.rawValue)
            item["revision"] = JSONValue(revision)
            return .object(item)
        }
    }
}

extension IntervalValue {
    /// One item of the record's `channels`.
    fileprivate var record: JSONObject {
        var object: JSONObject = ["channel": .string(channel.rawValue)]
        writeAmount(to: &object)
        object["quality"] = .string(quality.rawValue)
        object["method"] = .string(method)
        object["reason"] = .string(reason)
        object["source"] = .string(source.rawValue)
        object["register_end"] = JSONValue(registerAtEnd)
        return object
    }

    fileprivate init?(record: JSONObject) {
        guard let channel = record["channel"]?.string.flatMap(Channel.init(rawValue:)),
            let amount = Self.amount(of: channel, in: record),
            let quality = record["quality"]?.string.flatMap(QualityFlag.init(rawValue:)),
            let method = record["method"]?.string, let reason = record["reason"]?.string,
            let source = record["source"]?.string.flatMap(IntervalSource.init(rawValue:)),
            let register = Self.optionalInteger(record["register_end"])
        else { return nil }
        self.init(
            channel: channel, value: amount, quality: quality, method: method, reason: reason, source: source,
            registerAtEnd: register)
    }

    /// Energy is an integer `value_wh`, other quantities a decimal `value` with a `unit` (contract, conventions).
    fileprivate func writeAmount(to object: inout JSONObject) {
        if channel.unit == "Wh" {
            object["value_wh"] = JSONValue(value)
        } else {
            object["value"] = JSONValue(value.map { String($0) })
            object["unit"] = .string(channel.unit)
        }
    }

    /// Outer nil: does not read. Inner nil: no data.
    private static func amount(of channel: Channel, in record: JSONObject) -> Int64?? {
        if channel.unit == "Wh" { return optionalInteger(record["value_wh"]) }
        guard record["unit"]?.string == channel.unit, let value = record["value"] else { return nil }
        if value == .null { return .some(nil) }
        return value.string.flatMap { Int64($0) }.map { .some($0) }
    }

    private static func optionalInteger(_ value: JSONValue?) -> Int64?? {
        switch value {
        case .null?: .some(nil)
        case .integer(let number)?: .some(number)
        default: nil
        }
    }
}
