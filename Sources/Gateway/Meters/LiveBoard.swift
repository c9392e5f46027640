import Metering

/// The latest readings of one meter, overwritten and never queued.
struct LiveBoard: Hashable, Sendable {
    let rows: [MeterRow]
    private(set) var values: [Result<DecimalValue, MissingValue>]
    /// When each was read.
    private(set) var moments: [Moment]
    /// The meter's clock less ours, seconds; nil before it was read.
    var clockOffset: Int64?
    /// When the newest set of readings was complete.
    var at: WallTime
    private let template: LiveTemplate

    init(serial: MeterSerial, model: String, role: String, rows: [MeterRow], at moment: Moment) {
        self.rows = rows
        at = moment.wall
        values = Array(repeating: .failure(MissingValue(.off)), count: rows.count)
        moments = Array(repeating: moment, count: rows.count)
        template = LiveTemplate(serial: serial, model: model, role: role, rows: rows)
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
        template.json(
            at: at, clockOffset: clockOffset, values: values, moments: moments, withDetails: withDetails)
    }
}
