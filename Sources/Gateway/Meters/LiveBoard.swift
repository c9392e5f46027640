import Metering

/// The latest readings of one meter, overwritten and never queued.
struct LiveBoard: Hashable, Sendable {
    let serial: MeterSerial
    let rows: [MeterRow]
    private(set) var values: [Result<DecimalValue, MissingValue>]
    private(set) var moments: [Moment]
    /// The meter's clock less ours, seconds; nil before it was read.
    var clockOffset: Int64?
    /// When the newest set of readings was complete.
    var at: WallTime
    /// `{"serial":"…","model":"…","role":"…","at":"`
    private let opening: [UInt8]

    init(serial: MeterSerial, model: String, role: String, rows: [MeterRow], at moment: Moment) {
        self.serial = serial
        self.rows = rows
        at = moment.wall
        values = Array(repeating: .failure(MissingValue(.off)), count: rows.count)
        moments = Array(repeating: moment, count: rows.count)
        var writer = JSONWriter()
        writer.raw("{\"serial\":")
        writer.write(serial.text)
        writer.raw(",\"model\":")
        writer.write(model)
        writer.raw(",\"role\":")
        writer.write(role)
        writer.raw(",\"at\":\"")
        opening = writer.bytes
    }

    mutating func set(_ row: Int, _ value: Result<DecimalValue, MissingValue>, at moment: Moment) {
        values[row] = rows[row].adjusted(value)
        moments[row] = moment
    }

    /// Every reading is missing for the same reason.
    mutating func clear(why: NoData, at moment: Moment) {
        for row in values.indices { set(row, .failure(MissingValue(why)), at: moment) }
    }

    /// The shape of `meter read` (contract §8) as JSON bytes, with or without the registers that are not polled.
    func json(withDetails: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128 + rows.count * 128)
        bytes.append(contentsOf: opening)
        var stamp = at.text.utf8CString.dropLast().map { UInt8(bitPattern: $0) }
        bytes.append(contentsOf: stamp)
        bytes.append(contentsOf: Self.clock)
        if let clockOffset {
            bytes.appendDecimal(DecimalValue(mantissa: clockOffset))
        } else {
            bytes.append(contentsOf: Self.null)
        }
        bytes.append(contentsOf: Self.readings)
        var stamped = at
        var isFirst = true
        for index in rows.indices where withDetails || !rows[index].isDetail {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            if moments[index].wall != stamped {
                stamped = moments[index].wall
                stamp = stamped.text.utf8CString.dropLast().map { UInt8(bitPattern: $0) }
            }
            append(row: index, stamp: stamp, to: &bytes)
        }
        bytes.append(contentsOf: Self.closing)
        return bytes
    }

    private func append(row index: Int, stamp: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(contentsOf: rows[index].opening)
        switch values[index] {
        case .success(let value):
            bytes.append(UInt8(ascii: "\""))
            bytes.appendDecimal(value)
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: rows[index].good)
        case .failure(let missing):
            bytes.append(contentsOf: rows[index].missing)
            bytes.append(contentsOf: missing.reason.rawValue.utf8)
            bytes.append(contentsOf: Self.time)
        }
        bytes.append(contentsOf: stamp)
        bytes.append(contentsOf: Self.end)
    }

    private static let clock = Array("\",\"clock_offset_s\":".utf8)
    private static let null = Array("null".utf8)
    private static let readings = Array(",\"readings\":[".utf8)
    private static let time = Array("\",\"at\":\"".utf8)
    private static let end = Array("\"}".utf8)
    private static let closing = Array("]}".utf8)
}

extension [UInt8] {
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
