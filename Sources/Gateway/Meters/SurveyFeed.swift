import Drivers
import Intervals
import Metering

/// Turns records of a meter's load survey into amounts of the box's intervals: channels, direction, scale, time.
///
/// Surveys count in fractions of a watt-hour. Whole ones are made by rounding the running total down, not each
/// interval: the fraction goes on to the next interval, and the sum of any run is within 1 Wh of the survey's own.
struct SurveyFeed: Hashable, Sendable {
    /// Fractions are carried to a millionth of a watt-hour.
    private static let power = 6
    private static let one: Int64 = 1_000_000

    /// Columns of the survey for each kept channel; nil where it has none.
    private let columns: [Int?]
    /// What the connection can carry in an interval, for each kept channel, whole units.
    private let greatest: [Int64]
    private let scale: DecimalValue
    private let offsetMinutes: Int
    private let stampIsEnd: Bool
    /// Milliseconds: of the survey, and of the box.
    private let recordLength: Int64
    private let length: Int64
    private var end: WallTime?
    private var records: Int64 = 0
    private var sums: [Int64?]
    private var carried: [Int64]
    private var status: EdmiSurveyStatus = []
    private var nextRecordEnd: WallTime?

    /// Nil when the survey's intervals do not fill those of the box exactly.
    init?(_ layout: EdmiSurveyLayout, settings: MeterSettings, kept: [KeptRegister], intervalMinutes: Int) {
        length = Int64(intervalMinutes) * 60_000
        let (milliseconds, overflow) = layout.intervalSeconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, milliseconds > 0, length % milliseconds == 0 else { return nil }
        recordLength = milliseconds
        columns = kept.map { register in
            let channel = settings.swapImportExport ? register.channel.swapped : register.channel
            return layout.channels.firstIndex { $0.channel == channel && $0.unit == channel.unit }
        }
        let microseconds = length * 1000
        greatest = kept.map { $0.limit.greatestAdvance(microseconds: microseconds) }
        scale = settings.scale
        offsetMinutes = settings.utcOffsetMinutes
        stampIsEnd = settings.surveyStampIsEnd
        sums = kept.map { _ in nil }
        carried = kept.map { _ in 0 }
    }

    /// Whether the survey holds any of the kept channels.
    var hasChannels: Bool { columns.contains { $0 != nil } }

    /// Takes the next record; gives the interval that is complete with it.
    mutating func take(_ record: EdmiSurveyRecord) -> SurveyStatement? {
        let stamp = WallTime(seconds: record.stamp.seconds - Int64(offsetMinutes) * 60)
        let recordEnd = stampIsEnd ? stamp : stamp + recordLength
        let intervalEnd = WallTime(
            milliseconds: (recordEnd.milliseconds - 1).flooredQuotient(by: length) * length + length)
        if nextRecordEnd != recordEnd { carried = carried.map { _ in 0 } }
        nextRecordEnd = recordEnd + recordLength
        if end != intervalEnd {
            end = intervalEnd
            records = 0
            status = []
            sums = sums.map { _ in 0 }
        }
        records += 1
        status.formUnion(record.status)
        for (index, column) in columns.enumerated() {
            sums[index] = sums[index].flatMap { sum in column.flatMap { add(record, $0, to: sum) } }
        }
        guard recordEnd == intervalEnd, records == length / recordLength else { return nil }
        return SurveyStatement(end: intervalEnd, amounts: columns.indices.map { amount($0) })
    }

    private func add(_ record: EdmiSurveyRecord, _ column: Int, to sum: Int64) -> Int64? {
        guard record.values.indices.contains(column), case .success(let value) = record.values[column],
            let scaled = value.multiplied(by: scale)?.scaled(power: Self.power)?.flooredInteger, scaled >= 0
        else { return nil }
        let (total, overflow) = sum.addingReportingOverflow(scaled)
        return overflow ? nil : total
    }

    private mutating func amount(_ index: Int) -> SurveyAmount {
        guard columns[index] != nil else { return .notKept }
        guard let sum = sums[index] else { return .missing(reason: Self.absence(status)) }
        let (total, overflow) = sum.addingReportingOverflow(carried[index])
        guard !overflow, total / Self.one <= greatest[index] else {
            return .missing(reason: NoData.invalid.rawValue)
        }
        carried[index] = total % Self.one
        let (quality, reason) = Self.quality(status)
        return .counted(total / Self.one, quality: quality, reason: reason)
    }

    /// Why a record has no values. An absent record is what a meter without power leaves behind.
    private static func absence(_ status: EdmiSurveyStatus) -> String {
        if status.contains(.powerFailed) { return "power_failed" }
        if status.contains(.missing) { return "not_recorded" }
        return NoData.invalid.rawValue
    }

    /// Energy counted in an interval that a power failure cut is actual (NEM12 reason 79); an interval that is short
    /// for another reason, or was counted without calibration, is an estimate.
    private static func quality(_ status: EdmiSurveyStatus) -> (QualityFlag, String) {
        if status.contains(.calibrationLost) { return (.estimated, "calibration_lost") }
        if status.contains(.powerFailed) { return (.actual, "power_failed") }
        if status.contains(.incomplete) { return (.estimated, "incomplete") }
        return (.actual, "")
    }
}
