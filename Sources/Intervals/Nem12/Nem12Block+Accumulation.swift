import Metering

/// The records of NEM13.
extension Nem12Block {
    mutating func takeAccumulation(_ text: Nem12Line) {
        place = .accumulation
        guard var record = fields(text, 23, "250") else { return }
        let nmi = nmi(&record)
        let configuration = record.text(3, "NMIConfiguration", 1...240)
        let register = record.text(4, "RegisterID", 1...10)
        let suffix = record.text(5, "NMISuffix", 2...2)
        if !suffix.utf8.allSatisfy({ (49...57).contains($0) }) {
            record.fail(5, .suffix, "NMISuffix \(text.shown(record.range(5))); allowed: two digits 1-9, such as 11")
        } else if !suffix.isEmpty, !Self.joined(configuration, holds: suffix) {
            record.fail(3, .configuration, "NMIConfiguration does not hold the record's suffix \(suffix)")
        }
        let dataStream = record.text(6, "MDMDataStreamIdentifier", 0...2)
        let serial = record.text(7, "MeterSerialNumber", 1...12)
        let direction = record.text(8, "DirectionIndicator", 1...1)
        if !direction.isEmpty, direction != "I", direction != "E" {
            record.fail(8, .direction, "DirectionIndicator \(text.shown(record.range(8))); allowed: I, E")
        }
        let previous = index(&record, 9, "Previous")
        if let previous, previous.mark.quality == .estimated {
            record.fail(11, .previousEstimate, "PreviousQualityMethod: a previous read is not an estimate")
        }
        let current = index(&record, 14, "Current")
        if let previous, let current, current.at < previous.at {
            record.fail(15, .readOrder, "CurrentRegisterReadDateTime is before PreviousRegisterReadDateTime")
        }
        // The market's own example files give what was fed in through a single register as a negative quantity.
        let quantity = record.value(19, "Quantity", allowsSign: direction == "I")
        let unit = unit(&record, 20)
        let nextRead = record.day(21, "NextScheduledReadDate", mandatory: false)
        let updated = record.time(22, "UpdateDateTime", digits: 14, mandatory: .updateTime)
        let loaded = record.time(23, "MSATSLoadDateTime", digits: 14, mandatory: nil)
        guard judge(record), let nmi, let previous, let current, let quantity, let unit, let updated else { return }
        newReading = Nem13Reading(
            line: line, nmi: nmi, configuration: configuration, register: register, suffix: suffix,
            dataStream: dataStream, serial: serial, isFeedIn: direction == "I", previous: previous, current: current,
            quantity: quantity, unit: unit, nextRead: nextRead, updated: updated, loaded: loaded)
        hasNews = true
    }

    /// Read, time, quality, reason and words from field `field` on.
    private func index(_ record: inout Nem12Record, _ field: Int, _ name: String) -> Nem13Index? {
        let read = record.index(field, "\(name)RegisterRead", mandatory: true)
        let at = record.time(field + 1, "\(name)RegisterReadDateTime", digits: 14, mandatory: .missing)
        let mark = record.mark(field + 2, name: "\(name)QualityMethod", allowsVaries: false)
        guard let at, let mark else { return nil }
        return Nem13Index(read: read, at: at, mark: mark)
    }

    private static func joined(_ configuration: String, holds suffix: String) -> Bool {
        let bytes = Array(configuration.utf8)
        let wanted = Array(suffix.utf8)
        return stride(from: 0, to: bytes.count, by: 2).contains { bytes[$0...].prefix(2).elementsEqual(wanted) }
    }

    mutating func takeAccumulationOrder(_ text: Nem12Line) {
        place = .accumulationOrder
        guard var record = fields(text, 5, "550") else { return }
        _ = record.transaction(2, "PreviousTransCode")
        _ = record.text(3, "PreviousRetServiceOrder", 0...15)
        _ = record.transaction(4, "CurrentTransCode")
        _ = record.text(5, "CurrentRetServiceOrder", 0...15)
        _ = judge(record)
    }
}
