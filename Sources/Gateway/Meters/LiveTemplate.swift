import Metering

/// The parts of a meter's live JSON that never change, in one piece of memory: what is left to write for a poll are
/// numbers and times.
struct LiveTemplate: Hashable, Sendable {
    private let bytes: [UInt8]
    private let head: Range<Int>
    private let places: [Place]

    /// Where the three parts of a row lie, one after the other.
    private struct Place: Hashable, Sendable {
        /// `{"channel":"import_wh","register":"0x0048","value":`
        var start: Int
        /// `,"unit":"Wh","quality":"A","at":"`
        var good: Int
        /// `null,"unit":"Wh","quality":"N","why":"`
        var missing: Int
        var end: Int
        var isDetail: Bool
    }

    init(serial: MeterSerial, model: String, role: String, rows: [MeterRow]) {
        var writer = JSONWriter()
        writer.raw("{\"serial\":")
        writer.write(serial.text)
        writer.raw(",\"model\":")
        writer.write(model)
        writer.raw(",\"role\":")
        writer.write(role)
        writer.raw(",\"at\":\"")
        head = 0..<writer.bytes.count
        places = rows.map { row in
            var place = Place(start: writer.bytes.count, good: 0, missing: 0, end: 0, isDetail: row.isDetail)
            writer.raw("{\"channel\":")
            writer.write(row.name.text)
            writer.raw(",\"register\":")
            writer.write(row.register)
            writer.raw(",\"value\":")
            place.good = writer.bytes.count
            writer.raw(",\"unit\":")
            writer.write(row.unit)
            writer.raw(",\"quality\":\"A\",\"at\":\"")
            place.missing = writer.bytes.count
            writer.raw("null,\"unit\":")
            writer.write(row.unit)
            writer.raw(",\"quality\":\"N\",\"why\":\"")
            place.end = writer.bytes.count
            return place
        }
        bytes = writer.bytes
    }

    /// The shape of `meter read` (contract §8) as JSON bytes, with or without the registers that are not polled.
    func json(
        at: WallTime, clockOffset: Int64?, values: [Result<DecimalValue, MissingValue>], moments: [Moment],
        withDetails: Bool
    ) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(bytes.count + 64 + places.count * 40)
        bytes.withUnsafeBufferPointer { template in
            json.append(contentsOf: template[head])
            json.append(contentsOf: at.text.utf8)
            json.append("\",\"clock_offset_s\":")
            if let clockOffset {
                json.appendDecimal(DecimalValue(mantissa: clockOffset))
            } else {
                json.append("null")
            }
            json.append(",\"readings\":[")
            var isFirst = true
            var stamped = at
            // Readings of one poll share their time: its text is copied from where it was written last.
            var stamp = template[head].count..<template[head].count + at.text.utf8.count
            for index in places.indices where withDetails || !places[index].isDetail {
                if !isFirst { json.append(UInt8(ascii: ",")) }
                isFirst = false
                put(index, values[index], template, into: &json)
                let start = json.count
                if moments[index].wall == stamped {
                    json.append(repeating: stamp)
                } else {
                    stamped = moments[index].wall
                    json.append(contentsOf: stamped.text.utf8)
                }
                stamp = start..<json.count
                json.append("\"}")
            }
            json.append("]}")
        }
        return json
    }

    private func put(
        _ index: Int, _ value: Result<DecimalValue, MissingValue>, _ template: UnsafeBufferPointer<UInt8>,
        into json: inout [UInt8]
    ) {
        let place = places[index]
        json.append(contentsOf: template[place.start..<place.good])
        switch value {
        case .success(let value):
            json.append(UInt8(ascii: "\""))
            json.appendDecimal(value)
            json.append(UInt8(ascii: "\""))
            json.append(contentsOf: template[place.good..<place.missing])
        case .failure(let missing):
            json.append(contentsOf: template[place.missing..<place.end])
            json.append(contentsOf: missing.reason.rawValue.utf8)
            json.append("\",\"at\":\"")
        }
    }
}

extension [UInt8] {
    /// Appends text that is known when the program is built.
    fileprivate mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a copy of a part of itself.
    fileprivate mutating func append(repeating part: Range<Int>) {
        for index in part { append(self[index]) }
    }

    /// `DecimalValue.text` without making a string of it.
    mutating func appendDecimal(_ value: DecimalValue) {
        if value.mantissa < 0 { append(UInt8(ascii: "-")) }
        let start = count
        var rest = value.mantissa.magnitude
        var places = 0
        repeat {
            if places == -value.exponent, places > 0 { append(UInt8(ascii: ".")) }
            append(48 + UInt8(rest % 10))
            rest /= 10
            places += 1
        } while rest > 0 || places <= -value.exponent
        self[start...].reverse()
        if value.mantissa != 0, value.exponent > 0 {
            for _ in 0..<value.exponent { append(48) }
        }
    }
}
